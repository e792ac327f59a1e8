"""How old a refund's key is by the gateway's own clock, which decides when it is forgotten.

``resend_until`` is by ours. Should the two run apart (a machine that slept, a clock set by hand),
a key that we take for fresh may be gone there, and sending it again would give the money back
twice. So the age is measured there as well: the Date of the list that does not show the refund,
against the Date of the last answer before the refund was first sent.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.gateway_request import RESEND_FOR, GatewayRequest
from payments_app.domain.refund import Refund, RefundStatus


def has_forgotten(session: Session, refund: Refund, server_time: float | None) -> bool:
    """Whether the key of an unanswered refund may be forgotten there at ``server_time``."""
    if server_time is None or refund.first_sent_at is None or not _may_be_sent_again(refund):
        return False
    ahead_s = _ahead_s(session, refund)
    if ahead_s is None:
        return False
    first_sent = refund.first_sent_at.timestamp() + ahead_s
    return server_time - first_sent >= RESEND_FOR.total_seconds()


def _may_be_sent_again(refund: Refund) -> bool:
    return refund.status is RefundStatus.PROCESSING and refund.gateway_refund_id is None


def _ahead_s(session: Session, refund: Refund) -> float | None:
    """By how much their clock was ahead of ours when the refund was first sent; None: unknown."""
    told = GatewayRequest.detail["server_time"].as_float()
    found = session.execute(
        select(GatewayRequest.answered_at, told)
        .where(
            GatewayRequest.payment_id == refund.payment_id,
            GatewayRequest.answered_at <= refund.first_sent_at,
            told.is_not(None),
        )
        .order_by(GatewayRequest.answered_at.desc())
        .limit(1)
    ).first()
    return None if found is None else float(found[1] - found[0].timestamp())
