"""How the lab's processors write to the books: the same effects as everywhere, their own moves.

``look`` takes no lock and ``mark_processing`` no guard, because the processors of the lab have
none: two workers that look at the same moment both see ``pending``. What a capture causes
(ledger, invoice, receipt) is ``settlement.complete``, as it is for the idempotent processor.
"""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.lab.processors.one_step import Charged, ChargeRequest, Failed
from payments_app.services import locking, payments, settlement


def look(session: Session, payment_id: str) -> tuple[PaymentStatus, ChargeRequest]:
    """The payment's status as it stands, and what would be asked of the gateway."""
    payment = payments.get(session, payment_id)
    wanted = ChargeRequest(
        payment_id=payment.id,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        payment_method=payment.payment_method,
    )
    return payment.status, wanted


def mark_processing(session: Session, payment_id: str) -> None:
    """Last writer wins: no version, no condition on what the status was."""
    session.execute(
        update(Payment)
        .where(Payment.id == payment_id)
        .values(status=PaymentStatus.PROCESSING, version=Payment.version + 1)
    )


def mark_completed(session: Session, payment_id: str, charge: Charged, now: datetime) -> None:
    """Complete it with all effects. A payment that is completed stays as it is."""
    payment = locking.lock_payment(session, payment_id)
    if payment.status is PaymentStatus.COMPLETED:
        return
    if payment.gateway_intent_id is None:
        payment.gateway_intent_id = charge.charge_id
    payment.latest_charge = charge.charge_id
    settlement.complete(session, payment, captured_minor=charge.amount_minor, now=now)


def mark_failed(session: Session, payment_id: str, failure: Failed, now: datetime) -> None:
    """Call it failed, whatever the error was. A payment that has ended stays as it is."""
    payment = locking.lock_payment(session, payment_id)
    if payment.is_final:
        return
    payment.move("fail")
    payment.failure_code, payment.failure_message = failure.code, failure.message
    payment.finished_at = now
    payment.next_action_at = None
    session.flush()
