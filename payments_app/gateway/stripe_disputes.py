"""Reading Stripe's disputes. Half a list is no answer: money that we hold as ours may be gone."""

from payments_app.gateway.port import DisputeSeen, DisputesListed, DisputeStatus, Observation
from payments_app.gateway.stripe_reading import minor, text
from payments_app.gateway.stripe_reply import Reply

# Stripe's states; the ones that begin with "warning" are inquiries, for which no money has moved.
_STATUSES = {
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "warning_needs_response": DisputeStatus.WARNING,
    "warning_under_review": DisputeStatus.WARNING,
    "warning_closed": DisputeStatus.WARNING,
}


def read_disputes(reply: Reply, intent_id: str) -> Observation:
    body = reply.body or {}
    items = body.get("data")
    if body.get("object") != "list" or not isinstance(items, list) or body.get("has_more"):
        return reply.not_understood()
    disputes = [_dispute(item) for item in items]
    known = tuple(dispute for dispute in disputes if dispute is not None)
    if len(known) < len(disputes):
        return reply.not_understood()
    return DisputesListed(intent_id, known)


def _dispute(body: object) -> DisputeSeen | None:
    if not isinstance(body, dict) or body.get("object") != "dispute":
        return None
    try:
        return DisputeSeen(
            dispute_id=text(body["id"]),
            status=_STATUSES[body["status"]],
            amount_minor=minor(body["amount"]),
            currency=text(body["currency"]).upper(),
            reason=text(body["reason"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
