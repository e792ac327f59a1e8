"""One statement for all that a transaction has changed: the same rows, guards and refusals."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from payments_app import clock
from payments_app.domain.attempt import PaymentAttempt
from payments_app.domain.gateway_request import GatewayRequest
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.gateway.port import Op
from payments_app.services import locking
from payments_app.services.writing import write
from tests.support.business import NOW, a_payment


@pytest.fixture
def payment_id(sessions) -> str:
    with sessions.begin() as session:
        return a_payment(session).id


def asked(payment: Payment) -> tuple[PaymentAttempt, GatewayRequest]:
    """An attempt, and a request that refers to it: neither is written yet."""
    attempt = PaymentAttempt(
        id=clock.new_id("att", NOW), payment_id=payment.id, n=1, payment_method="pm_card_visa"
    )
    request = GatewayRequest(
        id=clock.new_id("req", NOW),
        payment_id=payment.id,
        attempt_id=attempt.id,
        op=Op.CONFIRM_INTENT,
        params={"b": 1, "a": [None, "ü"]},
        fingerprint="of it",
        resend_until=NOW + timedelta(hours=23),
    )
    return attempt, request


TABLES = {
    "payments": "id",
    "payment_attempts": "payment_id",
    "gateway_requests": "payment_id",
    "transition_log": "aggregate_id",
}
# What two payments differ in, whoever writes them.
OWN = {
    *("id", "aggregate_id", "payment_id", "invoice_id", "customer_id", "attempt_id", "txid"),
    *("at", "created_at", "deadline_at", "next_action_at"),
}


def everything(session: Session, payment_id: str) -> list[dict[str, object]]:
    """The rows of the payment and its log, as they lie in the database."""
    found = []
    for table, key in TABLES.items():
        rows = session.execute(
            text(f"SELECT to_jsonb(t) FROM {table} t WHERE {key} = :id ORDER BY t.id"),
            {"id": payment_id},
        )
        found += [{k: v for k, v in row.items() if k not in OWN} for (row,) in rows]
    return found


def changed(sessions, payment_id: str, *, at_once: bool) -> list[dict[str, object]]:
    with sessions.begin() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.move("begin")
        payment.waits = 3
        for row in asked(payment):
            session.add(row)
            if not at_once:
                session.flush()
        if at_once:
            write(session)
    with sessions() as session:
        return everything(session, payment_id)


def test_it_leaves_the_rows_that_a_flush_would_leave(sessions, payment_id):
    with sessions.begin() as session:
        another = a_payment(session).id

    written = changed(sessions, payment_id, at_once=True)

    assert written == changed(sessions, another, at_once=False)
    assert len(written) >= 4


def test_all_of_it_is_one_statement_and_nothing_is_left_for_the_commit(sessions, payment_id):
    sent: list[str] = []
    with sessions.begin() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.move("begin")
        session.add_all(asked(payment))
        event.listen(
            session.connection(), "before_cursor_execute", lambda *seen: sent.append(seen[2])
        )

        write(session)

        assert not list(session)
    assert len(sent) == 1


def test_nothing_changed_is_nothing_sent(sessions, payment_id):
    sent: list[str] = []
    with sessions.begin() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.waits = payment.waits
        event.listen(
            session.connection(), "before_cursor_execute", lambda *seen: sent.append(seen[2])
        )

        write(session)

    assert sent == []


def test_a_row_that_another_transaction_has_changed_is_not_written_over(sessions, payment_id):
    with sessions() as session:
        stale = session.get_one(Payment, payment_id)
        with sessions.begin() as other:
            locking.lock_payment(other, payment_id).waits = 7
        stale.waits = 1

        with pytest.raises(StaleDataError, match=payment_id):
            write(session)

    with sessions() as session:
        assert session.get_one(Payment, payment_id).waits == 7


def test_a_row_that_was_written_can_be_changed_and_written_again(sessions, payment_id):
    with sessions.begin() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.waits = 1
        write(session)
        session.add(payment)
        payment.waits = 2
        write(session)

    with sessions() as session:
        found = session.get_one(Payment, payment_id)
        assert (found.waits, found.version) == (2, payment.version)


def test_the_databases_own_guards_refuse_as_ever(sessions, payment_id):
    with sessions.begin() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.move("fail")
        payment.finished_at = NOW
    with sessions() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.status, payment.finished_at = PaymentStatus.PROCESSING, None  # Past every method.

        with pytest.raises(IntegrityError, match="illegal move"):
            write(session)


def test_of_several_rows_all_are_written_or_none(sessions, payment_id):
    with sessions() as session:
        payment = locking.lock_payment(session, payment_id)
        payment.waits = 5
        attempt, request = asked(payment)
        request.attempt_id = "att_of_nobody"
        session.add_all([attempt, request])

        with pytest.raises(IntegrityError, match="attempt_id"):
            write(session)

    with sessions() as session:
        assert session.get_one(Payment, payment_id).waits == 0
        assert session.scalars(select(PaymentAttempt)).all() == []


def test_ids_made_here_are_of_the_form_that_the_database_makes(sessions):
    here = clock.new_id("att", NOW)

    with sessions() as session:
        there = session.scalar(text("SELECT new_id('att')"))
    version, variant = here[4 + 12], here[4 + 16]
    assert (version, variant in "89ab", len(here)) == ("7", True, len(there))
    assert int(here[4:16], 16) == int(NOW.timestamp() * 1000)
    assert here != clock.new_id("att", NOW)
