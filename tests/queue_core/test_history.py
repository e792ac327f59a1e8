"""The history's partitions: made ahead, dropped by state, and in nobody's way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from queue_core import InvalidJob, Queue, lease, schema, telemetry
from queue_core.runtime import history
from queue_core.runtime.history import Retention
from queue_core.store import SQL_FOLDER
from tests.queue_core.support import Note, Runner, execute, insert, is_waiting, job, runner, token
from tests.support.waiting import wait_until

STATES = ("completed", "cancelled", "discarded")


@pytest.fixture
def heard() -> Iterator[list[telemetry.Event]]:
    events: list[telemetry.Event] = []
    detach = telemetry.attach(
        lambda event: events.append(event) if event.name.startswith("history") else None
    )
    yield events
    detach()


@pytest.fixture(autouse=True)
def same_partitions(queue: Queue) -> Iterator[None]:
    """The database is shared by all tests of a process: leave the days as they were."""
    before = partitions(queue)
    yield
    for name in sorted(set(partitions(queue)) - set(before)):
        execute(queue, f"DROP TABLE IF EXISTS queue.{name}")


def partitions(queue: Queue) -> list[str]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'queue'::regnamespace"
            r" AND relname ~ '^job_(history|attempts)_\d{8}' AND relkind IN ('r', 'p')"
        )
        return sorted(row[0] for row in rows)


def day(age_days: int, parent: str = "job_history") -> str:
    return f"{parent}_{datetime.now(UTC) - timedelta(days=age_days):%Y%m%d}"


def make_day(one: Runner, age_days: int) -> None:
    for parent in history.PARENTS:
        one.store.make_partition(parent=parent, days_ahead=-age_days)


def write_end(queue: Queue, state: str, age_days: int) -> None:
    """A job that finished so many days ago."""
    execute(
        queue,
        "INSERT INTO queue.job_history (id, state, queue, kind, priority, attempt, max_attempts,"
        " lease, snoozed, rescues, inserted_at, scheduled_at, finished_at, tags, args, meta)"
        " SELECT nextval('queue.jobs_id_seq'), %(state)s, 'default', 'note', 0, 1, 1, 1, 0, 0,"
        " at, at, at, '{}', '{}', '{}' FROM (SELECT now() - %(age)s * interval '1 day' AS at) t",
        state=state,
        age=age_days,
    )


def kept(queue: Queue) -> list[tuple[str, int]]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT state, (now()::date - finished_at::date) FROM queue.job_history ORDER BY 2, 1"
        )
        return [(state, age) for state, age in rows]


@contextmanager
def report(queue: Queue) -> Iterator[None]:
    """Reads the whole history and takes its time: its locks stay until it ends."""
    with queue.engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM queue.job_history")
        connection.exec_driver_sql("SELECT count(*) FROM queue.job_attempts")
        yield
        connection.rollback()


def test_retention_drops_each_state_at_its_own_age(
    queue: Queue, heard: list[telemetry.Event]
) -> None:
    retention = Retention(completed=5, cancelled=10, discarded=30)
    with runner(queue) as one:
        for age_days in (4, 8, 20, 40):
            make_day(one, age_days)
            for state in STATES:
                write_end(queue, state, age_days)

        history.drop_old(one.store, retention)

    assert kept(queue) == [
        *(("cancelled", 4), ("completed", 4), ("discarded", 4)),
        *(("cancelled", 8), ("discarded", 8), ("discarded", 20)),
    ]
    assert sorted(one.metadata["name"] for one in heard if one.name == "history.dropped") == sorted(
        [
            *(f"{day(8)}_completed", f"{day(20)}_completed", f"{day(20)}_cancelled"),
            *(day(40), day(40, "job_attempts")),
        ]
    )


def test_a_drop_that_gets_no_lock_gives_up_and_comes_again(
    queue: Queue, heard: list[telemetry.Event]
) -> None:
    retention = Retention.parse(3)
    with runner(queue) as one:
        make_day(one, 20)
        job_id = insert(queue, Note())
        row = one.claim()[0]
        with report(queue):
            history.drop_old(one.store, retention)
            one.finish(row)  # Nobody waits behind it.
            during = (day(20) in partitions(queue), job(queue, job_id)["state"])
        history.drop_old(one.store, retention)

    assert during == (True, "completed")
    assert day(20) not in partitions(queue)
    assert [one.name for one in heard] == ["history.unready"] * 2 + ["history.dropped"] * 2


def test_a_drop_that_waited_would_hold_up_every_settle(queue: Queue) -> None:
    """Negative control: without its lock timeout the DROP stands in line, and settles behind it."""
    with runner(queue) as one, runner(queue) as dropper, ThreadPoolExecutor(1) as pool:
        make_day(one, 20)
        insert(queue, Note())
        row = one.claim()[0]
        with report(queue):
            dropped = pool.submit(dropper.connection.execute, f"DROP TABLE queue.{day(20)}")
            wait_until(lambda: is_waiting(queue))
            one.connection.execute("SET statement_timeout = 300")
            with pytest.raises(psycopg.errors.QueryCanceled):
                one.finish(row)
        dropped.result(timeout=10)


@pytest.mark.parametrize("way", ["finish", "complete"])
def test_a_report_that_holds_the_history_stops_no_settle(queue: Queue, way: str) -> None:
    job_id = insert(queue, Note())
    with runner(queue) as one:
        one.connection.execute("SET statement_timeout = 1000")
        row = one.claim()[0]
        with report(queue):
            if way == "finish":
                one.finish(row)
            else:
                with queue.engine.begin() as connection:
                    assert lease.complete(connection, token(queue, row))
            assert job(queue, job_id)["state"] == "completed"


def test_a_missing_partition_stops_no_settle_and_its_rows_are_forgotten_in_time(
    queue: Queue, heard: list[telemetry.Event]
) -> None:
    job_id = insert(queue, Note())
    with runner(queue) as one:
        execute(queue, f"DROP TABLE queue.{day(0)}")
        try:
            one.finish(one.claim()[0], "discarded")
            found = job(queue, job_id)["state"]
            history.make_ahead(one.store)  # Today cannot be made: its rows are in the net.
            unready = [event.name for event in heard]
            write_end(queue, "completed", 400)
            write_end(queue, "discarded", 25)
            history.drop_old(one.store, Retention())
            left = kept(queue)
        finally:
            execute(queue, "DELETE FROM queue.job_history")
            history.make_ahead(one.store)

    assert (found, left) == ("discarded", [("discarded", 0), ("discarded", 25)])
    assert unready == ["history.unready"]
    assert day(0) in partitions(queue)


def test_a_day_is_made_ahead_once_no_report_stands_in_the_way(queue: Queue) -> None:
    with runner(queue) as one:
        names = [day(-ahead) for ahead in range(history.DAYS_AHEAD + 1)]
        execute(queue, f"DROP TABLE queue.{names[-1]}")
        with report(queue):
            history.make_ahead(one.store)
            assert names[-1] not in partitions(queue)

        history.make_ahead(one.store)

    assert set(names) <= set(partitions(queue))
    assert {f"{names[-1]}_{state}" for state in STATES} <= set(partitions(queue))


def test_the_history_of_periodic_jobs_is_kept_as_long_as_the_jobs(queue: Queue) -> None:
    with runner(queue) as one:
        for name, age_days in (("old", 40), ("new", 3)):
            execute(
                queue,
                "INSERT INTO queue.cron_runs (name, minute, job_id, inserted_at) SELECT"
                " %(name)s, at, 1, at FROM (SELECT now() - %(age)s * interval '1 day' AS at) t",
                name=name,
                age=age_days,
            )
        history.drop_old(one.store, Retention())

        assert [row["name"] for row in one.store.list_cron_runs(name=None, limit=9)] == ["new"]


@pytest.mark.parametrize("days", [0, {"completed": -1}, {"finished": 3}, {"discarded": "7"}])
def test_an_impossible_retention_is_refused(days: object) -> None:
    with pytest.raises(InvalidJob, match="history_days"):
        Retention.parse(days)  # type: ignore[arg-type]


def test_a_retention_may_name_one_state_alone() -> None:
    assert Retention.parse({"discarded": 90}) == Retention(14, 14, 90)
    assert Retention.parse(7) == Retention(7, 7, 7)


def test_an_older_schema_is_upgraded_with_its_history(queue: Queue) -> None:
    first = (SQL_FOLDER / "schema" / "0001_jobs.sql").read_text().replace("{schema}", "older")
    with queue.engine.connect() as connection:
        connection.exec_driver_sql("CREATE SCHEMA older")
        schema._run(connection, first)
        connection.exec_driver_sql(
            "INSERT INTO older.job_history SELECT 1, 'discarded', 'default', 'note', 0, 1, 1, 1, 0,"
            " 0, NULL, now(), now(), NULL, now(), NULL, NULL, NULL, '{}', '{}', '{}', NULL, NULL"
        )

        assert schema.install(connection, "older") == schema.version() - 1

        rows = connection.exec_driver_sql(
            "SELECT tableoid::regclass::text, state FROM older.job_history"
            " UNION ALL SELECT to_regclass('older.' || %(name)s)::text, 'made'",
            {"name": f"{day(-1)}_discarded"},
        )
        found = [tuple(row) for row in rows]
        connection.rollback()

    assert found == [
        (f"older.{day(0)}", "discarded"),
        (f"older.{day(-1)}_discarded", "made"),
    ]
