"""Gapless numbers under forced interleavings, and the control that shows a sequence has gaps."""

import threading

import pytest
from sqlalchemy import text

from payments_app.services import numbering
from payments_app.services.numbering import Series
from tests.support.locks import wait_for_a_lock


def test_numbers_carry_their_series_and_six_digits(session):
    assert numbering.take(session, Series.INVOICE) == "INV-000001"
    assert numbering.take(session, Series.INVOICE) == "INV-000002"
    assert numbering.take(session, Series.CREDIT_NOTE) == "CN-000001"


def test_the_millionth_number_is_longer_and_not_cut(session):
    session.execute(text("UPDATE number_series SET next_value = 1000000 WHERE name = 'invoice'"))

    assert numbering.take(session, Series.INVOICE) == "INV-1000000"


def test_a_rollback_gives_its_number_back(sessions):
    with sessions() as session:
        numbering.take(session, Series.INVOICE)
        session.rollback()
    with sessions.begin() as session:
        assert numbering.take(session, Series.INVOICE) == "INV-000001"


@pytest.mark.parametrize("first_commits", [True, False])
def test_the_second_taker_waits_and_then_continues_without_a_gap(sessions, first_commits):
    second: list[str] = []

    def take_second() -> None:
        with sessions.begin() as session:
            second.append(numbering.take(session, Series.INVOICE))

    thread = threading.Thread(target=take_second)
    with sessions() as first:
        first.begin()
        numbering.take(first, Series.INVOICE)
        thread.start()
        wait_for_a_lock(sessions)
        assert second == []
        (first.commit if first_commits else first.rollback)()
    thread.join(10)

    assert second == ["INV-000002" if first_commits else "INV-000001"]


def test_every_third_rolling_back_among_many_leaves_no_hole(sessions):
    kept: list[str] = []

    def work(worker: int) -> None:
        for turn in range(6):
            with sessions() as session:
                number = numbering.take(session, Series.INVOICE)
                if (worker + turn) % 3 == 0:
                    session.rollback()
                    continue
                session.commit()
            kept.append(number)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(kept) == [f"INV-{n:06d}" for n in range(1, len(kept) + 1)]
    assert len(kept) == 16


def test_two_series_do_not_wait_for_each_other(sessions):
    with sessions.begin() as first:
        numbering.take(first, Series.INVOICE)
        with sessions.begin() as second:
            second.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert numbering.take(second, Series.CREDIT_NOTE) == "CN-000001"


def test_control_a_sequence_leaves_a_hole_where_ours_leaves_none(sessions):
    with sessions.begin() as session:
        session.execute(text("CREATE SEQUENCE naive_numbers"))
    naive = text("SELECT nextval('naive_numbers')")
    with sessions() as session:
        session.execute(naive)
        session.rollback()
    with sessions.begin() as session:
        assert session.scalar(naive) == 2
