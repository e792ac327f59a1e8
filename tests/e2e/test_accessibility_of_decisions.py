"""axe on the pages where a person decides: reviews, breaks, the audit, credit and disputes."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.db import make_engine
from payments_app.domain.reconciliation import BreakKind
from payments_app.gateway.port import (
    DisputeSeen,
    DisputesListed,
    DisputeStatus,
    IntentStatus,
    Rejected,
)
from payments_app.services import check_runs, disputes, payments, reconciliation
from payments_app.services.reconciliation import Difference
from tests.e2e.conftest import NewPage
from tests.e2e.people import add_users
from tests.e2e.test_accessibility import Mode, check, in_modes
from tests.services.test_credit import another_invoice
from tests.services.test_refund_protocol import start
from tests.support.conversation import Conversation

FINDINGS = [
    {"id": "I1", "title": "at most one capture per payment at the gateway", "ok": True,
     "checked": 1_204, "failed": 0, "examples": []},
    {"id": "I4", "title": "the ledger posts once, recomputes, and equals the gateway", "ok": False,
     "checked": 1_204, "failed": 1,
     "examples": ["pay_01a20ac3af827c67b6cec602a8bbea28: clearing account 0, gateway 12000"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def decided(pages_only: tuple[str, str]) -> tuple[str, list[str]]:
    """The address, and the pages of a business in which much has gone wrong once."""
    engine = make_engine(pages_only[1])
    sessions = sessionmaker(engine, expire_on_commit=False)
    add_users(sessions)
    paths = _went_wrong(sessions)
    engine.dispose()
    return pages_only[0], paths


@in_modes
def test_the_pages_of_decisions_have_no_violations(decided, new_page: NewPage, modes: list[Mode]):
    base_url, paths = decided
    page = new_page(base_url, as_owner=True)

    assert [wrong for path in paths for wrong in check(page, path, modes)] == []


def _went_wrong(sessions: sessionmaker[Session]) -> list[str]:
    with sessions() as session:
        now = clock.now(session)
    parked, paid, late = (Conversation.about_a_new_payment(sessions, now=now) for _ in range(3))
    for talk in (parked, paid, late):
        talk.now = now
        talk.confirm_sent()
    parked.hear(parked.intent(IntentStatus.SUCCEEDED, charge="ch_half", captured_minor=6_000))
    paid.hear(paid.succeeded("ch_paid"))
    refund = start(paid, 4_000)
    refund.turn(Rejected(401, "authentication_error", "Invalid API key."))
    other = _overpaid(sessions, late)
    _disputed(sessions, late)
    found = _checked(sessions)
    return [
        *("/", "/review", f"/payments/{parked.payment_id}", f"/payments/{paid.payment_id}"),
        f"/payments/{parked.payment_id}/review",
        f"/refunds/{refund.refund_id}/review",
        f"/invoices/{other}",
        f"/customers/{late.payment.customer_id}",
        f"/payments/{late.payment_id}",
        *("/operations/reconciliation", f"/operations/reconciliation/{found}"),
        *("/operations/audit", "/operations/queues", "/operations/deliveries", "/invoices"),
    ]


def _overpaid(sessions: sessionmaker[Session], late: Conversation) -> str:
    """Given up, paid again, and captured after all; returns another open invoice."""
    late.hear(late.declined("stolen_card"))
    late.turn(late.canceled())
    with sessions.begin() as session:
        again = payments.request_payment(
            session, late.payment.invoice_id, payment_method="pm_card_visa", now=late.now
        )
        other = another_invoice(session, late.payment.customer_id, late.now, 7_000)
    paid = Conversation(sessions, again.id)
    paid.now = late.now
    paid.confirm_sent()
    paid.hear(paid.succeeded("ch_again"))
    late.hear(late.succeeded("ch_late"), about=late.asked[1])
    return other.id


def _disputed(sessions: sessionmaker[Session], talk: Conversation) -> None:
    seen = DisputeSeen("dp_1", DisputeStatus.OPEN, 12_000, "USD", "product_not_received")
    listed = DisputesListed(talk.payment.gateway_intent_id or "", (seen,))
    with sessions.begin() as session:
        disputes.observe(session, talk.payment_id, listed, now=talk.now)


def _checked(sessions: sessionmaker[Session]) -> str:
    told = {"id": "ch_9", "intent": "pi_9", "amount_minor": 700, "currency": "USD"}
    difference = Difference(BreakKind.CAPTURE_OF_NOBODY, "ch_9", None, {}, told)
    with sessions.begin() as session:
        now = clock.now(session)
        (found,) = reconciliation.record(session, [difference], set(), now=now)
        check_runs.keep_audit(
            session, FINDINGS, trouble=None, actor="worker:auditor", started_at=now, now=now
        )
        check_runs.keep_reconciliation(
            session,
            actor="worker:reconciler",
            started_at=now,
            now=now,
            figures={"lines": 3, "compared": 2, "found": 1, "left_open": 1},
        )
        return found.id
