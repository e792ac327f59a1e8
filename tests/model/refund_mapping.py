"""Between the refund model and the code: a state of the model as a row with its times, and back."""

from datetime import datetime, timedelta

from payments_app.domain.gateway_request import GatewayRequest, RequestStatus
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.refund import Refund, RefundStatus
from payments_app.domain.refund_steps import (
    CreateRefund,
    GetRefund,
    ListRefunds,
    Park,
    RefundStep,
)
from payments_app.gateway.port import (
    Busy,
    Observation,
    Op,
    RefundSeen,
    RefundsListed,
    Rejected,
    Unknown,
)
from payments_app.gateway.port import RefundStatus as Seen
from tests.model.mapping import AMOUNT_MINOR, CURRENCY, PAYMENT_ID
from tests.model.refund_rows import REFUND_FINAL, Answer, Request
from tests.model.refund_rows import Refund as Row

REFUND_ID = "rfd_of_the_model"
REFUNDED_MINOR = AMOUNT_MINOR // 2
INTENT = "pi_1"
OPS = {"create": Op.CREATE_REFUND, "get": Op.GET_REFUND, "list": Op.LIST_REFUNDS}
# The last send lies two hours back: it is quiet, and a list of that time is no longer fresh.
SENT_AGO = timedelta(hours=2)


def payment_of(row: Row, now: datetime, invoice: Invoice) -> Payment:
    """The captured payment whose half is refunded."""
    refunded = REFUNDED_MINOR if row.status == "completed" else 0
    return Payment(
        id=PAYMENT_ID,
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        amount_minor=AMOUNT_MINOR,
        currency=CURRENCY,
        payment_method="pm_card_visa",
        gateway_intent_id=INTENT,
        status=PaymentStatus.COMPLETED,
        deadline_at=now,
        finished_at=now,
        captured_minor=AMOUNT_MINOR,
        refunded_minor=refunded,
        refund_reserved_minor=0 if row.status in REFUND_FINAL else REFUNDED_MINOR,
    )


def refund_of(row: Row, now: datetime) -> Refund:
    last = now - SENT_AGO if row.sends else None
    ended = row.status in REFUND_FINAL
    return Refund(
        id=REFUND_ID,
        payment_id=PAYMENT_ID,
        amount_minor=REFUNDED_MINOR,
        currency=CURRENCY,
        reason="of the model",
        with_credit_note=False,
        status=RefundStatus(row.status),
        gateway_refund_id="re_1" if row.known else None,
        first_sent_at=last - timedelta(minutes=5) if last and row.sends > 1 else last,
        last_sent_at=last,
        resend_until=now + timedelta(minutes=-1 if row.old else 1) if last or row.old else None,
        listed_at=_listed_at(row, now),
        failure_code="refused" if row.refused else None,
        next_action_at=None if ended else now,
        finished_at=now if ended else None,
        waits=0,
    )


def row_of(refund: Refund, now: datetime) -> Row:
    """The model's view; it counts sends only as none, one or several."""
    status = str(refund.status)
    if refund.is_final:
        return Row(status)
    first, last = refund.first_sent_at, refund.last_sent_at
    return Row(
        status=status,
        sends=0 if last is None else 1 if first == last else 2,
        listed=refund.listed_at is not None and (last is None or refund.listed_at >= last),
        refused=refund.failure_code is not None,
        old=refund.resend_until is not None and now >= refund.resend_until,
        known=refund.gateway_refund_id is not None,
    )


def counted(row: Row) -> Row:
    """Sends as none, one or several, which is all that the code can tell."""
    return row._replace(sends=min(row.sends, 2), turn=0)


def request_row_of(row: Row, request: Request, now: datetime) -> GatewayRequest:
    before_the_last_send = request.turn != row.turn
    asked_ago = SENT_AGO + timedelta(minutes=1) if before_the_last_send else timedelta(minutes=1)
    return GatewayRequest(
        payment_id=PAYMENT_ID,
        refund_id=REFUND_ID,
        op=OPS[request.op],
        key=f"rfd:{REFUND_ID}:create" if request.op == "create" else None,
        target=None if request.op == "create" else INTENT,
        params={},
        fingerprint="",
        status=RequestStatus.SENT,
        sent_at=now - asked_ago,
    )


def observation_of(answer: Answer) -> Observation:
    match answer:
        case ("seen", status):
            return _seen(status)
        case ("listed", status):
            return RefundsListed(INTENT, (_seen(status),) if status else ())
        case ("limited",):
            return Busy(1.0, "rate limited")
        case ("in_use",):
            return Busy(2.0, "in progress", executing=True)
        case ("refused",):
            return Rejected(400, "charge_already_refunded", "It has been refunded.")
        case ("rejected",):
            return Rejected(401, "authentication_error", "Invalid API key.")
    return Unknown("read timed out")


def step_named(step: RefundStep) -> str:
    match step:
        case CreateRefund():
            return "create"
        case GetRefund():
            return "get"
        case ListRefunds():
            return "list"
        case Park():
            return "park"
    return "wait"


def _seen(status: str) -> RefundSeen:
    return RefundSeen(
        refund_id="re_1",
        status=Seen(status),
        amount_minor=REFUNDED_MINOR,
        currency=CURRENCY,
        intent_id=INTENT,
        refund=REFUND_ID,
    )


def _listed_at(row: Row, now: datetime) -> datetime | None:
    if row.listed:
        return now - SENT_AGO + timedelta(seconds=1)
    # Listed between the sends, or never.
    return now - SENT_AGO - timedelta(minutes=1) if row.sends > 1 and not row.refused else None
