"""Our books beside the gateway's report: what is found, what is repaired, what waits for a person.

The first half compares values; the second plays a real simulator and takes our rows out of step.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.errors import Invalid, NotFound
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.reconciliation import BreakKind, BreakStatus, ReconciliationBreak
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.settlement_report import (
    Line,
    Report,
    ReportUnavailable,
    SimulatorReports,
)
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.services import payments, reconciliation
from payments_app.services.reconciliation.holdings import PaymentHeld, RefundHeld
from tests.support.business import NOW
from tests.support.forgetting import forget_the_capture
from tests.support.settled_world import SettledWorld, settle
from tests.support.simulator import Simulator
from workers.reconciler import Summary, reconcile


def held(**changed) -> PaymentHeld:
    values: dict[str, Any] = {
        "id": "pay_1",
        "status": PaymentStatus.COMPLETED,
        "version": 3,
        "intent": "pi_1",
        "currency": "USD",
        "captured_minor": 12_000,
        "asked_at": NOW,
        "refunds": (),
        "clearing_minor": 12_000,
    }
    return PaymentHeld(**(values | changed))


def line(**changed) -> Line:
    values: dict[str, Any] = {
        "id": "ch_1",
        "intent": "pi_1",
        "payment": "pay_1",
        "refund": None,
        "amount_minor": 12_000,
        "net_minor": 12_000,
        "currency": "USD",
    }
    return Line(**(values | changed))


def refund(**changed) -> RefundHeld:
    values: dict[str, Any] = {
        "id": "rfd_1",
        "status": RefundStatus.COMPLETED,
        "version": 2,
        "gateway_refund_id": "re_1",
        "amount_minor": 2_000,
    }
    return RefundHeld(**(values | changed))


BACK = line(id="re_1", refund="rfd_1", amount_minor=2_000, net_minor=-2_000)
UNPAID = {"captured_minor": 0, "clearing_minor": 0}


@pytest.mark.parametrize(
    ("ours", "charges", "refunds", "kinds"),
    [
        (held(), [line()], [], []),
        (held(), [line(payment=None)], [], []),
        (held(), [], [], [BreakKind.COMPLETED_NOT_CAPTURED]),
        (held(), [line(intent="pi_9")], [], [BreakKind.COMPLETED_NOT_CAPTURED]),
        (held(intent="ch_1"), [line(intent=None)], [], []),
        (held(), [line(), line(id="ch_2")], [], [BreakKind.CAPTURED_TWICE]),
        (held(), [line(amount_minor=11_999)], [], [BreakKind.CAPTURED_AMOUNT_DIFFERS]),
        (held(), [line(currency="EUR")], [], [BreakKind.CAPTURED_AMOUNT_DIFFERS]),
        (held(clearing_minor=24_000), [line()], [], [BreakKind.LEDGER_DIFFERS]),
        (
            held(status=PaymentStatus.FAILED, **UNPAID),
            [line()],
            [],
            [BreakKind.CAPTURED_NOT_COMPLETED],
        ),
        (held(status=PaymentStatus.CANCELLED, **UNPAID), [], [], []),
        (held(refunds=(refund(),), clearing_minor=10_000), [line()], [BACK], []),
        (
            held(refunds=(refund(),), clearing_minor=10_000),
            [line()],
            [],
            [BreakKind.REFUND_NOT_MADE],
        ),
        (
            held(refunds=(refund(status=RefundStatus.FAILED),)),
            [line()],
            [BACK],
            [BreakKind.REFUNDED_NOT_COMPLETED],
        ),
        (
            held(refunds=(refund(amount_minor=3_000),), clearing_minor=9_000),
            [line()],
            [BACK],
            [BreakKind.REFUND_AMOUNT_DIFFERS],
        ),
        (held(), [line()], [BACK], [BreakKind.REFUND_OF_NOBODY]),
        (
            held(),
            [line(), line(id="ch_9", intent="pi_9", payment=None)],
            [],
            [BreakKind.CAPTURE_OF_NOBODY],
        ),
    ],
)
def test_every_disagreement_has_a_name(ours, charges, refunds, kinds):
    found, compared = reconciliation.compare(
        [ours], {ours.id: ours}, Report(tuple(charges), tuple(refunds))
    )

    assert [difference.kind for difference in found] == kinds
    assert ours.id in compared


def test_a_line_of_a_payment_on_its_way_is_compared_with_nothing():
    moving = held(status=PaymentStatus.PROCESSING, **UNPAID)

    found, _ = reconciliation.compare([], {moving.id: moving}, Report((line(),), ()))

    assert found == []


def test_what_moved_or_is_on_its_way_is_left_for_the_next_day():
    moved, working, forgotten, still = (
        held(id="pay_moved"),
        held(id="pay_working", status=PaymentStatus.PROCESSING, **UNPAID),
        held(id="pay_old", status=PaymentStatus.PROCESSING, asked_at=NOW - timedelta(hours=1)),
        held(id="pay_still"),
    )
    before = {each.id: each for each in (moved, working, forgotten, still)}
    after = before | {"pay_moved": held(id="pay_moved", version=4)}

    quiet = reconciliation.stood_still(before, after, now=NOW)

    assert [each.id for each in quiet] == ["pay_old", "pay_still"]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def gateway(simulator: Simulator) -> StripeGateway:
    simulator.reset()
    return StripeGateway(simulator.url, simulator.api_key, read_timeout_s=1)


@pytest.fixture
def world(sessions: sessionmaker[Session], gateway: StripeGateway) -> SettledWorld:
    return settle(sessions, gateway)


@pytest.fixture
def run(sessions, gateway, simulator, world):
    def once() -> Summary:
        reports = SimulatorReports(simulator.url)
        return reconcile(sessions.begin, gateway, reports, actor="test")

    return once


def breaks(sessions) -> dict[str, ReconciliationBreak]:
    with sessions() as session:
        rows = session.query(ReconciliationBreak).all()
    return {str(each.kind): each for each in rows}


def test_books_that_agree_leave_no_break(sessions, run):
    summary = run()

    assert (summary.found, summary.left) == (0, 0)
    assert summary.lines == 3
    assert breaks(sessions) == {}


def test_a_captured_payment_held_as_failed_is_completed_with_an_alarm(sessions, run, world, capfd):
    forget_the_capture(sessions, world.paid)

    summary = run()

    assert (summary.found, summary.repaired, summary.left) == (1, 1, 0)
    with sessions() as session:
        assert payments.get(session, world.paid).status is PaymentStatus.COMPLETED
        posted = session.scalar(
            text("SELECT count(*) FROM ledger_postings WHERE source_id = :id"), {"id": world.paid}
        )
    assert posted == 1
    found = breaks(sessions)["captured_not_completed"]
    assert found.status is BreakStatus.RESOLVED
    assert found.ours["status"] == "failed"
    assert "captured_after_end" in "".join(capfd.readouterr())


def test_a_repair_without_an_answer_waits_for_the_next_run(sessions, run, world, simulator):
    forget_the_capture(sessions, world.paid)
    simulator.faults([{"match": {"op": "get_intent"}, "do": "drop", "times": 1}])

    silent = run()
    answered = run()

    assert (silent.repaired, silent.left) == (0, 1)
    assert (answered.repaired, answered.left) == (1, 0)
    assert breaks(sessions)["captured_not_completed"].times_seen == 2


def test_money_that_we_cannot_explain_waits_for_a_person(sessions, run, world, simulator):
    """Somebody refunds and charges in the gateway's dashboard."""
    with sessions() as session:
        intent = payments.get(session, world.paid).gateway_intent_id
    simulator.post("/v1/refunds", {"payment_intent": intent, "amount": "500"}, key="by-hand-1")
    charge = {"amount": "700", "currency": "usd", "payment_method": "pm_card_visa"}
    simulator.post("/v1/charges", charge, key="by-hand-2")

    summary = run()

    assert (summary.repaired, summary.left) == (0, 2)
    assert set(breaks(sessions)) == {"refund_of_nobody", "capture_of_nobody"}


def test_a_decision_stands_until_the_picture_changes(sessions, run, world, simulator):
    charge = {"amount": "700", "currency": "usd", "payment_method": "pm_card_visa"}
    simulator.post("/v1/charges", charge, key="by-hand")
    run()
    with sessions.begin() as session:
        (found,) = reconciliation.open_breaks(session)
        reconciliation.resolve_by_hand(session, found.id, note="a tip", now=clock.now(session))

    again = run()

    assert (again.found, again.left) == (1, 0)
    assert breaks(sessions)["capture_of_nobody"].resolution == "a tip"


def test_what_agrees_again_closes_by_itself(sessions, run, world):
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("UPDATE payments SET captured_minor = captured_minor + 1 WHERE id = :id"),
            {"id": world.paid},
        )
    first = run()
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("UPDATE payments SET captured_minor = captured_minor - 1 WHERE id = :id"),
            {"id": world.paid},
        )

    second = run()

    assert (first.left, second.left) == (1, 0)
    assert breaks(sessions)["captured_amount_differs"].resolution == "Agrees now."


def test_a_decision_needs_words_and_a_break(sessions, run):
    with sessions.begin() as session, pytest.raises(Invalid):
        reconciliation.resolve_by_hand(session, "brk_1", note=" ", now=NOW)
    with sessions.begin() as session, pytest.raises(NotFound):
        reconciliation.resolve_by_hand(session, "brk_1", note="why", now=NOW)


def test_a_gateway_that_cannot_be_reached_is_said_not_taken_for_an_empty_report(sessions, gateway):
    reports = SimulatorReports("http://127.0.0.1:9")

    with pytest.raises(ReportUnavailable, match="cannot be reached"):
        reconcile(sessions.begin, gateway, reports, actor="test")
    assert breaks(sessions) == {}
