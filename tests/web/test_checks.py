"""Reconciliation and audit on pages: what differs, what was decided, and an alarm that is seen."""

import pytest
from sqlalchemy import text

from payments_app import clock
from payments_app.domain.access import Role
from payments_app.domain.reconciliation import BreakKind
from payments_app.services import check_runs, reconciliation
from payments_app.services.reconciliation import Difference
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf

HOLDS = {"id": "I2", "title": "two", "ok": True, "checked": 3, "failed": 0, "examples": []}
FAILS = {"id": "I1", "title": "one", "ok": False, "checked": 3, "failed": 1,
         "examples": ["pay_1: captured 2 times"]}  # fmt: skip


def keep(sessions, *findings, trouble=None):
    with sessions.begin() as session:
        now = clock.now(session)
        check_runs.keep_audit(
            session, findings, trouble=trouble, actor="test", started_at=now, now=now
        )


@pytest.fixture
def break_id(sessions) -> str:
    """The gateway took seven dollars of nobody."""
    told = Difference(BreakKind.CAPTURE_OF_NOBODY, "ch_9", None, {}, {"amount_minor": 700})
    with sessions.begin() as session:
        (found,) = reconciliation.record(session, [told], set(), now=clock.now(session))
        return found.id


def test_a_failed_audit_is_seen_wherever_one_looks_until_it_holds_again(
    owner: Browser, sessions, capfd
):
    keep(sessions, FAILS, HOLDS)

    for path in ("/", "/operations/queues"):
        assert "The audit fails: I1" in words(owner.get(path))
    page = words(owner.get("/operations/audit"))
    assert "pay_1: captured 2 times" in page
    assert "audit_failed" in "".join(capfd.readouterr())

    keep(sessions, HOLDS)
    assert "The audit fails" not in words(owner.get("/"))


def test_an_audit_that_could_not_look_is_no_clean_audit(owner: Browser, sessions):
    keep(sessions, HOLDS | {"ok": None}, trouble="the journal cannot be reached")

    assert "could not look at everything" in words(owner.get("/"))
    assert "Not checked" in words(owner.get("/operations/audit"))


def test_a_break_shows_both_sides_and_is_resolved_with_a_reason(
    browser_of: BrowserOf, sessions, break_id: str
):
    operator = browser_of(Role.OPERATOR)
    path = f"/operations/reconciliation/{break_id}"
    assert "Our books and the gateway’s differ" in words(operator.get("/"))
    assert "They took money of no payment of ours" in words(
        operator.get("/operations/reconciliation")
    )
    assert '"amount_minor": 700' in words(operator.get(path))

    assert operator.submit(path, {"note": " "}).status_code == 422
    answer = operator.submit(path, {"note": "paid for the coffee"})

    assert answer.status_code == 303
    page = words(operator.get(path))
    assert "because: paid for the coffee" in page
    assert "user:usr_" in page
    assert "No open breaks" in words(operator.get("/operations/reconciliation"))
    assert "paid for the coffee" in words(operator.get("/operations/reconciliation?tab=resolved"))


def test_both_checks_can_be_asked_for_by_who_may(browser_of: BrowserOf, sessions):
    operator = browser_of(Role.OPERATOR)

    operator.submit("/operations/reconciliation")
    operator.submit("/operations/audit")

    with sessions() as session:
        kinds = session.execute(text("SELECT kind FROM queue.jobs ORDER BY kind")).scalars().all()
    assert kinds == ["reconcile", "run_audit"]


def test_a_break_that_is_not_there_is_not_found(owner: Browser):
    assert owner.get("/operations/reconciliation/brk_1").status_code == 404
