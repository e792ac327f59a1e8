"""Using a customer's credit on an open invoice: allocations, ledger and invoice in one commit.

Locks, in the usual order: the customer first, alone, so that two uses cannot spend the same money;
then the invoice, then the payments that hold the credit. A refund of such a payment waits for the
payment's lock, and finds that what was used here is no longer there to be given back.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.credit import CreditApplication
from payments_app.domain.errors import DomainError, InvalidAmount, PaymentInProgress
from payments_app.domain.ledger import Account, Allocation, PostingKind
from payments_app.domain.money import Money, charge_step
from payments_app.domain.payment import LIVE, Payment
from payments_app.queries import credit as queries
from payments_app.services import customers, ledger, settlement
from payments_app.services.ledger import Transfer
from payments_app.services.locking import lock_invoice
from payments_app.services.payments import checked_due


class NoCredit(DomainError):
    """The customer has no credit in this invoice's currency."""

    code = "no_credit"


def apply(
    session: Session, invoice_id: str, *, amount_minor: int | None = None, now: datetime
) -> CreditApplication:
    """Use credit on an invoice: by default as much as there is and as is due.

    Raises NotFound, InvoiceNotOpen, NothingDue, InvalidAmount, NoCredit, PaymentInProgress (a live
    payment may capture what this would settle).
    """
    customer_id = customers.of_invoice(session, invoice_id)
    customers.lock_alone(session, customer_id)
    invoice = lock_invoice(session, invoice_id)
    due_minor = checked_due(invoice)
    live = session.scalar(
        select(Payment.id).where(Payment.invoice_id == invoice.id, Payment.status.in_(LIVE))
    )
    if live is not None:
        raise PaymentInProgress(live)
    holders = [each for each in queries.held(session, customer_id)
               if each.currency == invoice.currency]  # fmt: skip
    payments = _lock(session, [each.payment_id for each in holders])
    # Read again behind the locks: a refund may have reserved some of it meanwhile.
    left = {each.payment_id: each.amount_minor for each in queries.held(session, customer_id)
            if each.payment_id in payments}  # fmt: skip
    wanted = amount_to_use(invoice.currency, amount_minor, due_minor, sum(left.values()))
    made = CreditApplication(
        customer_id=customer_id,
        invoice_id=invoice.id,
        currency=invoice.currency,
        amount_minor=wanted,
    )
    session.add(made)
    session.flush()
    _allocate(session, made, payments, left)
    invoice.allocated_minor += wanted
    settlement.settle(invoice, now)
    ledger.post(
        session,
        source_type="credit_application",
        source_id=made.id,
        kind=PostingKind.CREDIT_APPLIED,
        currency=invoice.currency,
        transfers=(Transfer(Account.CUSTOMER_CREDIT, Account.RECEIVABLE, wanted),),
        memo=invoice.number or "",
    )
    session.flush()
    return made


def _lock(session: Session, ids: list[str]) -> dict[str, Payment]:
    found = session.scalars(
        select(Payment)
        .where(Payment.id.in_(ids))
        .order_by(Payment.id)
        .with_for_update(of=Payment)
        .execution_options(populate_existing=True)
    )
    return {payment.id: payment for payment in found}


def amount_to_use(currency: str, wanted: int | None, due_minor: int, left_minor: int) -> int:
    """Of the credit that is left: never an amount after which the rest cannot be charged.

    Raises NoCredit, InvalidAmount.
    """
    if not left_minor:
        raise NoCredit(f"This customer has no credit in {currency}.")
    most = _rounded_down(min(due_minor, left_minor), due_minor, currency)
    shown = Money(most, currency)
    if most <= 0:
        raise NoCredit(
            f"This customer's credit is {Money(left_minor, currency)}: too little to use,"
            " because what is left to pay could not be charged then."
        )
    if wanted is None:
        return most
    if not 0 < wanted <= most:
        raise InvalidAmount("amount_minor", f"Use at least one minor unit and at most {shown}.")
    right = _rounded_down(wanted, due_minor, currency)
    if right != wanted:
        step = charge_step(currency)
        right = right if right > 0 else right + step
        raise InvalidAmount(
            "amount_minor",
            f"Then {Money(due_minor - wanted, currency)} would be left to pay, and cards are"
            f" charged in steps of {Money(step, currency)}. Right would be"
            f" {Money(right, currency)}.",
        )
    return wanted


def _rounded_down(minor: int, due_minor: int, currency: str) -> int:
    """The most of it that leaves something chargeable of what is due, or nothing."""
    return minor - (minor - due_minor) % charge_step(currency)


def _allocate(
    session: Session, made: CreditApplication, payments: dict[str, Payment], left: dict[str, int]
) -> None:
    """From the oldest payment on; each allocation names the payment that the money came with."""
    rest = made.amount_minor
    for payment_id, minor in left.items():
        part = min(rest, minor)
        if part == 0:
            break
        payments[payment_id].credit_used_minor += part
        session.add(
            Allocation(
                payment_id=payment_id,
                invoice_id=made.invoice_id,
                source_id=made.id,
                amount_minor=part,
            )
        )
        rest -= part
    assert rest == 0, f"{made.id} found less credit than it counted"
