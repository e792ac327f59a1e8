"""``flask payments``: what waits for a person, decided from the command line."""

from datetime import datetime

import pytest

from payments_app.domain.payment import PaymentStatus
from payments_app.gateway.port import Rejected
from tests.services.test_refund_protocol import start
from tests.support.conversation import Conversation

REFUSED = Rejected(401, "authentication_error", "Invalid API key.")


@pytest.fixture
def parked(sessions) -> Conversation:
    talk = Conversation.about_a_new_payment(sessions)
    talk.confirm_sent()
    talk.hear(REFUSED)
    return talk


def test_what_waits_is_listed_shown_and_decided(flask_cli, parked):
    (waiting,) = flask_cli("payments", "review", "--json").json
    assert (waiting["id"], waiting["reason"]) == (
        parked.payment_id,
        "gateway_rejected:authentication_error",
    )
    shown = flask_cli("payments", "show", parked.payment_id, "--json").json
    open_now = {each["decision"] for each in shown["choices"] if each["refused"] is None}
    assert open_now == {"ask", "resume", "stop"}

    ran = flask_cli("payments", "decide", parked.payment_id, "stop", "--reason", "withdrawn")

    assert ran.exit_code == 0
    assert parked.payment.status is PaymentStatus.PROCESSING
    assert flask_cli("payments", "review").output == "Nothing waits.\n"


def test_money_does_not_move_without_a_yes(flask_cli, parked):
    ran = flask_cli("payments", "decide", parked.payment_id, "resume", "--reason", "mended")

    assert ran.exit_code == 2
    assert "--yes" in ran.errors
    assert parked.payment.status is PaymentStatus.NEEDS_REVIEW


def test_a_refusal_is_said(flask_cli, parked):
    args = ("decide", parked.payment_id, "record", "--reason", "x", "--reference", "ch", "--yes")

    ran = flask_cli("payments", *args)

    assert ran.exit_code == 1
    assert "not that it captured" in ran.errors


def test_many_are_decided_at_once_and_each_by_itself(flask_cli, sessions, parked):
    """A key that was wrong for an hour parks everything: nobody decides five hundred times."""
    other = Conversation.about_a_new_payment(sessions)
    other.confirm_sent()
    other.hear(REFUSED)
    ids = (parked.payment_id, "pay_none", other.payment_id)

    ran = flask_cli("payments", "decide", *ids, "resume", "--reason", "mended", "--yes")

    assert ran.exit_code == 1
    assert "1 of 3 refused" in ran.errors
    assert {parked.payment.status, other.payment.status} == {PaymentStatus.PROCESSING}
    both = ("decide", *ids, "record", "--reason", "x", "--reference", "ch_1", "--yes")
    assert flask_cli("payments", *both).exit_code == 2


def test_a_dry_run_says_what_would_be_decided_about_each_and_changes_nothing(flask_cli, parked):
    ids = (parked.payment_id, "pay_none")
    before = parked.payment.version

    ran = flask_cli("payments", "decide", *ids, "resume", "--reason", "mended", "--dry-run")

    reason = "gateway_rejected:authentication_error"
    assert f"{ids[0]}: would resume ($120.00, needs_review: {reason})." in ran.output
    assert (ran.exit_code, "1 of 2 refused" in ran.errors) == (1, True)
    assert (parked.payment.status, parked.payment.version) == (PaymentStatus.NEEDS_REVIEW, before)
    wrong = flask_cli("payments", "decide", ids[0], "give_up", "--reason", "x", "--dry-run")
    assert (wrong.exit_code, "is no decision for this" in wrong.errors) == (1, True)


def test_what_is_shown_to_people_has_a_line_for_each_fact(flask_cli, sessions, parked):
    paid = Conversation.about_a_new_payment(sessions)
    paid.confirm_sent()
    paid.hear(paid.succeeded())
    refund = start(paid, 1_000)
    refund.turn(REFUSED)

    shown = [
        flask_cli("payments", "show", id).output for id in (parked.payment_id, refund.refund_id)
    ]

    at = next(line for line in shown[0].splitlines() if line.startswith("gateway at"))
    assert datetime.fromisoformat(at.split()[-1]).tzinfo is not None
    assert "gateway outcome" in shown[0]
    assert not any(sign in text for text in shown for sign in ("{", "[", "datetime"))


def test_a_refund_is_decided_by_its_id(flask_cli, sessions):
    paid = Conversation.about_a_new_payment(sessions)
    paid.confirm_sent()
    paid.hear(paid.succeeded())
    talk = start(paid, 1_000)
    talk.turn(REFUSED)

    assert flask_cli("payments", "show", talk.refund_id).exit_code == 0
    ran = flask_cli("payments", "decide", talk.refund_id, "ask", "--reason", "look")

    assert f"{talk.refund_id} is needs_review now." in ran.output
