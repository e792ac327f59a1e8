"""Users, customers and invoices of the plan, in one transaction: all of them, or none."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

import queue_core
from payments_app.config import DEMO_EMAIL, DEMO_PASSWORD
from payments_app.domain.access import Role, User
from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice
from payments_app.jobs import FinalizeInvoice
from payments_app.services import access, actor, customers, invoices
from payments_app.services.invoices import LineDraft
from seeding.history import back_date
from seeding.plan import TERMS_DAYS, CustomerPlan, Fate, InvoicePlan, Plan

USERS = (
    (DEMO_EMAIL, "Olivia Owner", Role.OWNER),
    ("operator@example.com", "Oscar Operator", Role.OPERATOR),
    ("viewer@example.com", "Vera Viewer", Role.VIEWER),
)
OFFICE_OPENS = time(9, tzinfo=UTC)
Step = Callable[[], None]


def make_users(session: Session) -> int:
    """Returns how many were missing."""
    known = set(session.scalars(select(User.email)))
    missing = [user for user in USERS if user[0] not in known]
    for email, name, role in missing:
        access.create_user(session, email=email, name=name, password=DEMO_PASSWORD, role=role)
    return len(missing)


def make_customers(session: Session, plan: Plan, step: Step) -> dict[CustomerPlan, str]:
    """Ids of all customers of the plan; the missing ones are made."""
    known = {row.email: row.id for row in session.scalars(select(Customer))}
    ids: dict[CustomerPlan, str] = {}
    for each in plan.customers:
        if each.email not in known:
            made = customers.create(session, name=each.name, email=each.email, address=each.address)
            session.flush()
            known[each.email] = made.id
        ids[each] = known[each.email]
        step()
    return ids


def make_invoices(
    session: Session, plan: Plan, ids: dict[CustomerPlan, str], *, now: datetime, step: Step
) -> int:
    """Make the missing invoices in the order of their dates; returns how many."""
    known = set(session.scalars(select(Invoice.memo)))
    begun: dict[str, datetime] = {}
    actor.act_as(session, "seed")
    for planned in plan.invoices:
        if planned.reference not in known:
            begun |= _make_invoice(session, planned, ids[planned.customer], now)
        step()
    # The workers find the numbers there, render the PDFs and mail them.
    sent = session.scalars(select(Invoice.id).where(Invoice.id.in_(begun), Invoice.number != ""))
    queue_core.insert_all(session, [FinalizeInvoice(invoice_id=id) for id in sent])
    back_date(session, begun)
    return len(begun)


def moment_of(planned: InvoicePlan, now: datetime, *, after_days: int = 0) -> datetime:
    """A time of day of the planned date, the same in every run, and never in the future."""
    number = int(planned.reference.rsplit("-", 1)[1])
    opened = datetime.combine(planned.issued_on + timedelta(days=after_days), OFFICE_OPENS)
    # Minutes apart as the day goes on; the payments of a day come after its invoices.
    moment = opened + timedelta(minutes=number * 37 % 420, hours=1 if after_days else 0)
    return min(moment, now - timedelta(minutes=2))


def _make_invoice(
    session: Session, planned: InvoicePlan, customer_id: str, now: datetime
) -> dict[str, datetime]:
    at = moment_of(planned, now)
    draft = invoices.create_draft(
        session,
        customer_id=customer_id,
        currency=planned.customer.currency,
        lines=[
            LineDraft(line.description, line.quantity, line.unit_amount_minor, line.tax_rate)
            for line in planned.lines
        ],
        due_date=planned.issued_on + timedelta(days=TERMS_DAYS),
        memo=planned.reference,
        now=at,
    )
    if planned.fate is not Fate.DRAFT:
        draft.finalize_requested_at = at
        session.flush()
        invoices.finalize(session, draft.id, now=at)
    later = min(at + timedelta(days=9), now)
    if planned.fate is Fate.VOID:
        invoices.void(session, draft.id, reason="Sent to the wrong customer", now=later)
    elif planned.fate is Fate.UNCOLLECTIBLE:
        invoices.give_up(session, draft.id, reason="The customer closed down", now=later)
    session.flush()
    session.expunge_all()  # A flush looks at every row of the session: keep them few.
    return {draft.id: at}
