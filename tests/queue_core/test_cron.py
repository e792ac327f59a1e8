"""Periodic jobs: once per time, however many leaders; missed times as the entry says."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from queue_core import Cron, InvalidJob, Queue, control
from queue_core.crontab import due_times
from queue_core.errors import QueueError
from queue_core.runtime.cron import CronTicker, fire
from queue_core.testing import ManualClock
from tests.queue_core.support import Note, Runner, execute, jobs, runner

EVERY_MINUTE = Cron("sweep", "* * * * *", Note("sweep"), options={"queue": "other", "priority": 3})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_due_time_becomes_a_job_with_its_options(queue: Queue) -> None:
    ticker = CronTicker([EVERY_MINUTE])
    with runner(queue) as leader:
        ticker.tick(leader.store)
        ManualClock(queue).advance(61)
        ticker.tick(leader.store)

    row = jobs(queue)[-1]
    assert (row["kind"], row["queue"], row["priority"], row["args"]) == (
        "note",
        "other",
        3,
        {"text": "sweep"},
    )
    assert row["meta"]["cron"] == "sweep"


def test_two_leaders_fire_one_minute_once(queue: Queue) -> None:
    leaders = [Runner(queue) for _ in range(4)]
    CronTicker([EVERY_MINUTE]).tick(leaders[0].store)
    row = leaders[0].store.list_cron_entries(names=None)[0]

    with ThreadPoolExecutor(4) as pool:
        fired = list(pool.map(lambda one: fire(one.store, row, at("2026-05-01T10:00:00")), leaders))
    for one in leaders:
        one.close()

    assert len([job_id for job_id in fired if job_id is not None]) == 1
    assert len(jobs(queue)) == 1


def test_without_the_primary_key_the_minute_fires_twice(queue: Queue) -> None:
    """Negative control."""
    with runner(queue) as leader:
        CronTicker([EVERY_MINUTE]).tick(leader.store)
        row = leader.store.list_cron_entries(names=None)[0]
        execute(queue, "ALTER TABLE queue.cron_runs DROP CONSTRAINT cron_runs_pkey")
        try:
            for _ in range(2):
                fire(leader.store, row, at("2026-05-01T10:00:00"))
        finally:
            execute(queue, "DELETE FROM queue.cron_runs")
            execute(queue, "ALTER TABLE queue.cron_runs ADD PRIMARY KEY (name, minute)")

    assert len(jobs(queue)) == 2


@pytest.mark.parametrize(("catch_up", "fired"), [("none", 1), ("last", 1), ("all", 5)])
def test_missed_times_are_caught_up_as_the_entry_says(catch_up: str, fired: int) -> None:
    times = due_times(
        "* * * * *",
        "UTC",
        catch_up,
        since=at("2026-05-01T10:00:30"),
        until=at("2026-05-01T10:05:10"),
    )

    assert len(times) == fired
    assert times[-1] == at("2026-05-01T10:05:00")


def test_nothing_is_caught_up_when_the_entry_says_none() -> None:
    assert (
        due_times(
            "0 * * * *", "UTC", "none", since=at("2026-05-01T09:30"), until=at("2026-05-01T10:05")
        )
        == []
    )


def test_time_zones_and_the_autumn_hour_fire_once() -> None:
    times = due_times(
        "30 2 * * *",
        "Europe/Berlin",
        "all",
        since=at("2026-10-24T12:00"),
        until=at("2026-10-25T12:00"),
    )

    assert len(times) == 1


def test_a_time_that_the_spring_skips_fires_once_that_day() -> None:
    times = due_times(
        "30 2 * * *",
        "Europe/Berlin",
        "all",
        since=at("2026-03-28T12:00"),
        until=at("2026-03-30T12:00"),
    )

    assert len(times) == 2
    assert times[0] == at("2026-03-29T01:00")  # 03:00 in summer time, when 02:30 would have been.


def test_an_hourly_job_fires_every_real_hour_of_the_long_day() -> None:
    times = due_times(
        "0 * * * *",
        "Europe/Berlin",
        "all",
        since=at("2026-10-24T21:59"),
        until=at("2026-10-25T22:59"),
    )

    assert len(times) == 25


def test_a_year_without_a_leader_is_bounded() -> None:
    times = due_times(
        "* * * * *", "UTC", "all", since=at("2026-01-01T00:00"), until=at("2026-02-01T00:00")
    )

    assert len(times) == 1000


def test_a_paused_entry_does_not_fire_and_is_not_caught_up(queue: Queue) -> None:
    ticker = CronTicker([EVERY_MINUTE])
    with runner(queue) as leader:
        ticker.tick(leader.store)
        with queue.engine.begin() as connection:
            control.pause_cron(connection, "sweep")
        before = len(jobs(queue))
        ManualClock(queue).advance(300)
        ticker.tick(leader.store)
        with queue.engine.begin() as connection:
            control.pause_cron(connection, "sweep", paused=False)
        ticker.tick(leader.store)

    assert len(jobs(queue)) == before


def test_an_entry_that_cannot_be_stored_does_not_stop_the_others(queue: Queue) -> None:
    """And it is not written down as fired."""
    wrong = Cron("a-wrong", "* * * * *", Note("x"), options={"queue": "nope"})
    ticker = CronTicker([wrong, EVERY_MINUTE])
    with runner(queue) as leader:
        ticker.tick(leader.store)
        ManualClock(queue).advance(61)
        ticker.tick(leader.store)

        assert {row["name"] for row in leader.store.list_cron_runs(name=None, limit=9)} == {"sweep"}

    assert {row["meta"]["cron"] for row in jobs(queue)} == {"sweep"}


@pytest.mark.parametrize(
    "broken",
    [
        "expression = 'nonsense'",
        "timezone = 'Mars/Olympus'",
        """options = options || '{"unique": {"colour": 1}}'""",
    ],
)
def test_an_entry_that_was_broken_in_its_table_does_not_stop_the_others(
    queue: Queue, broken: str
) -> None:
    ticker = CronTicker([Cron("a-broken", "* * * * *", Note("x")), EVERY_MINUTE])
    with runner(queue) as leader:
        ticker.tick(leader.store)
        execute(queue, f"UPDATE queue.cron_entries SET {broken} WHERE name = 'a-broken'")
        ManualClock(queue).advance(61)
        ticker.tick(leader.store)
        with queue.engine.connect() as connection:
            assert len(control.list_cron(connection)) == 2

    assert {row["meta"]["cron"] for row in jobs(queue)} == {"sweep"}


@pytest.mark.parametrize(
    ("expression", "timezone", "complaint"),
    [
        ("* * *", "UTC", r"3 fields instead of 5 \(minute, hour, day of month, .* like '\*/5"),
        ("@sometimes", "UTC", "1 fields instead of 5 .* or @yearly, .*, @reboot"),
        ("61 * * * *", "UTC", "its minute is '61', right is 0 to 59"),
        ("* */0 * * *", "UTC", r"its hour is '\*/0', right is 0 to 23"),
        ("* * 1 JANUARY *", "UTC", "its month is 'JANUARY', right is 1 to 12 or JAN to DEC"),
        ("* * * * 9", "UTC", "its day of week is '9', right is 0 to 7"),
        ("0 0 31 2 *", "UTC", "names no time that ever comes"),
        ("", "UTC", "0 fields instead of 5"),
        ("@daily", "Mars/Olympus", "time zone 'Mars/Olympus' is unknown; use one like"),
    ],
)
def test_a_malformed_entry_is_refused_when_it_is_declared(
    expression: str, timezone: str, complaint: str
) -> None:
    with pytest.raises(InvalidJob, match=complaint):
        Cron("x", expression, Note(), timezone=timezone)


@pytest.mark.parametrize("name", ["", "a\x00", "x" * 201, 5])
def test_a_name_that_no_table_could_hold_is_refused(name: Any) -> None:
    """It would fail the leader's every look at the timetable."""
    with pytest.raises(InvalidJob, match="needs a name of 1 to 200 characters"):
        Cron(name, "@daily", Note())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"colour": "red"}, "unknown option 'colour'"), ({"scheduled_at": 1}, "use schedule_in")],
)
def test_wrong_options_are_refused_when_the_entry_is_declared(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InvalidJob, match=complaint):
        Cron("x", "@daily", Note(), options=options)


def test_a_name_is_declared_once(queue: Queue) -> None:
    with pytest.raises(QueueError, match="'sweep' is declared twice"):
        Queue(queue.database_url, cron=[EVERY_MINUTE, EVERY_MINUTE])
