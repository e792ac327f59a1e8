"""Others are told at once: the change, its event and the job that tells it are one commit."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.invoice import Invoice
from payments_app.jobs import DispatchWebhooks
from payments_app.services import invoices, outbound
from tests.support import performing
from tests.support.business import NOW, a_customer, a_payment, an_open_invoice


@pytest.fixture
def listened(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        outbound.add_endpoint(session, "https://a.example/hook")


def test_a_change_and_the_job_that_tells_it_are_one_commit(listened, sessions, app_engine):
    with sessions.begin() as session:
        a_payment(session)

    assert performing.unfinished(app_engine, DispatchWebhooks) == 1


def test_what_only_the_commit_writes_is_told_as_well(listened, sessions, app_engine):
    with sessions.begin() as session:
        invoice = an_open_invoice(session)
    performing.claim(app_engine, DispatchWebhooks)

    with sessions.begin() as session:
        session.get_one(Invoice, invoice.id).move("give_up")

    assert performing.unfinished(app_engine, DispatchWebhooks) == 2


def test_what_was_rolled_back_is_told_by_nobody(listened, sessions, app_engine):
    with sessions() as session:
        a_payment(session)
        session.rollback()

    with sessions.begin() as session:
        a_customer(session)

    assert performing.unfinished(app_engine, DispatchWebhooks) == 0


def test_a_change_of_which_nobody_is_told_makes_no_job(listened, sessions, app_engine):
    with sessions.begin() as session:
        a_customer(session)

    assert performing.unfinished(app_engine, DispatchWebhooks) == 0


def test_a_savepoint_asks_nothing_by_itself(listened, sessions, app_engine):
    with sessions.begin() as session:
        with session.begin_nested():
            a_payment(session)
        with session.begin_nested():
            a_payment(session)

    assert performing.unfinished(app_engine, DispatchWebhooks) == 1


def test_a_session_that_did_nothing_tells_for_nobody_else(listened, sessions, app_engine):
    """Its last connection belongs to another by now, and what is said there is that one's news."""
    with sessions() as first, sessions() as second:
        first.execute(text("SELECT 1"))
        first.rollback()
        a_payment(second)

        first.commit()

        assert performing.unfinished(app_engine, DispatchWebhooks) == 0
        second.commit()
    assert performing.unfinished(app_engine, DispatchWebhooks) == 1


def test_where_nobody_listens_the_commit_asks_the_database_nothing(sessions, app_engine):
    with sessions() as session:
        a_payment(session)
        session.flush()
        with statements(app_engine) as asked:
            session.commit()

    assert asked == []
    assert performing.unfinished(app_engine, DispatchWebhooks) == 0


def test_two_changes_do_not_wait_for_each_other_to_be_told(listened, sessions, app_engine):
    """At the row of a unique job all commits of the business would queue up."""
    with sessions.begin() as session:
        one, other = an_open_invoice(session), an_open_invoice(session)

    def while_the_first_is_about_to_commit(_session: Session) -> None:
        with sessions.begin() as second:
            second.execute(text("SET LOCAL lock_timeout = '1s'"))
            invoices.give_up(second, other.id, reason="a test", now=NOW)

    with sessions() as first:
        invoices.give_up(first, one.id, reason="a test", now=NOW)
        event.listen(first, "before_commit", while_the_first_is_about_to_commit)
        first.commit()

    assert performing.unfinished(app_engine, DispatchWebhooks) == 3


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The statements that this engine is sent meanwhile."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_session_on_somebody_elses_database_is_left_alone():
    engine = create_engine("sqlite://")

    with Session(engine) as session:
        assert session.scalar(text("SELECT 1")) == 1
        session.commit()

    engine.dispose()
