"""The doctor: a healthy queue is well, and each illness is named with what to do about it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy

from queue_core import Queue, control, doctor
from queue_core.doctor import Finding, Limits
from queue_core.store import Store
from tests.queue_core import pooler as between
from tests.queue_core.support import Note, execute, insert, runner
from tests.support.waiting import wait_until

LIMITS = Limits()


def add_worker(queue: Queue, *, queues: tuple[str, ...] = ("default", "other"), **more: Any) -> str:
    """A live worker process and a leader, as rows: that is all that others see of them."""
    worker = str(uuid.uuid4())
    values = {"id": worker, "queues": list(queues), "kinds": queue.registry.kinds, **more}
    execute(
        queue,
        "INSERT INTO queue.workers (id, supervisor_id, node, pid, supervisor_pid, queues, kinds,"
        " expires_at) VALUES (%(id)s, %(id)s, 'here', 1, 1, %(queues)s, %(kinds)s,"
        " now() + interval '1 minute')",
        **values,
    )
    execute(
        queue,
        "INSERT INTO queue.leader VALUES ('leader', %(id)s, 'here', now(), now() + interval '1 h')"
        " ON CONFLICT DO NOTHING",
        id=worker,
    )
    return worker


def examine(queue: Queue, limits: Limits = LIMITS, **options: Any) -> list[Finding]:
    with queue.engine.connect() as connection:
        return doctor.examine(connection, schema=queue.schema, limits=limits, **options)


def illnesses(queue: Queue, check: str, limits: Limits = LIMITS, **options: Any) -> list[Finding]:
    found = examine(queue, limits, **options)
    assert check in {one.check for one in found}
    return [one for one in found if one.wrong and one.check == check]


def the_illness(queue: Queue, check: str, limits: Limits = LIMITS, **options: Any) -> Finding:
    """It is named once, and never without advice."""
    (one,) = illnesses(queue, check, limits, **options)
    assert one.advice
    return one


def make_wait(queue: Queue, **options: Any) -> None:
    insert(queue, Note(), **options)
    execute(queue, "UPDATE queue.jobs SET scheduled_at = now() - interval '5 minutes'")


def test_a_healthy_queue_is_well(queue: Queue) -> None:
    add_worker(queue)
    insert(queue, Note())

    found = examine(queue)

    assert [one for one in found if one.wrong] == []
    assert {one.check for one in found} == {
        *(
            "schema",
            "workers",
            "leader",
            "queues",
            "kinds",
            "abandoned jobs",
            "hot table",
            "vacuum",
        ),
        *("indexes", "snapshots", "partitions", "default partition", "connections", "autovacuum"),
        *("pooler", "clocks"),
    }


def test_missing_tables_are_the_only_finding(queue: Queue) -> None:
    with queue.engine.connect() as connection:
        (one,) = doctor.examine(connection, schema="nowhere")

    assert (one.check, one.wrong) == ("schema", True)
    assert "queue.install()" in one.message


def test_a_cluster_without_workers_is_named(queue: Queue) -> None:
    assert "no worker process is alive" in the_illness(queue, "workers").message


def test_a_cluster_without_a_leader_is_named(queue: Queue) -> None:
    add_worker(queue)
    execute(queue, "UPDATE queue.leader SET expires_at = now() - interval '10 minutes'")

    assert "none since 10 min (here)" in the_illness(queue, "leader").message


def test_kinds_that_nobody_knows_are_counted(queue: Queue) -> None:
    add_worker(queue)
    execute(queue, "INSERT INTO queue.jobs (state, queue, kind) VALUES"
            " ('available', 'default', 'newer'), ('available', 'default', 'newer')")  # fmt: skip

    one = the_illness(queue, "kinds")

    assert "2 jobs of kind 'newer' wait in queue 'default'" in one.message


def test_a_kind_known_only_to_workers_of_another_queue_is_named(queue: Queue) -> None:
    add_worker(queue, queues=("other",))
    insert(queue, Note())

    assert "no live worker serves both" in the_illness(queue, "kinds").message


def test_a_queue_that_nobody_serves_is_named(queue: Queue) -> None:
    add_worker(queue, queues=("other",))
    make_wait(queue)

    assert "no live worker serves this queue" in the_illness(queue, "queues").message


def test_a_queue_that_stands_still_beside_listening_workers_is_named(queue: Queue) -> None:
    add_worker(queue)
    make_wait(queue)

    one = the_illness(queue, "queues")

    assert "1 worker processes listen and none starts" in one.message
    assert one.details["waiting"] == 1


def test_a_queue_with_a_backlog_that_moves_is_well(queue: Queue) -> None:
    add_worker(queue)
    with runner(queue) as one:
        insert(queue, Note())
        one.finish(one.claim()[0])
    make_wait(queue)

    assert illnesses(queue, "queues") == []


def test_a_paused_queue_is_named_once_jobs_wait(queue: Queue) -> None:
    add_worker(queue)
    with queue.engine.begin() as connection:
        control.pause_queue(connection, "default")
    assert illnesses(queue, "queues") == []

    insert(queue, Note())

    assert "default: paused" in the_illness(queue, "queues").message


def test_jobs_of_a_silent_worker_are_named(queue: Queue) -> None:
    add_worker(queue)
    insert(queue, Note())
    with runner(queue) as one:
        one.claim()
        assert illnesses(queue, "abandoned jobs") == []
        execute(queue, "UPDATE queue.workers SET expires_at = now() - interval '1 minute'"
                " WHERE node = 'test'")  # fmt: skip
        assert "on test is silent" in the_illness(queue, "abandoned jobs").message
        one.die()

    assert "has no row any more" in the_illness(queue, "abandoned jobs").message


def test_dead_rows_are_counted(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Note() for _ in range(50)])
    execute(queue, "DELETE FROM queue.jobs")
    execute(queue, "SELECT pg_stat_force_next_flush()")

    # The counters of the connection above arrive when it says something more.
    one = the_illness(queue, "hot table", replace(LIMITS, dead_rows_max=20))

    assert one.details["dead"] >= 50


def test_a_role_that_may_not_vacuum_is_named(queue: Queue) -> None:
    role = f"poor_{uuid.uuid4().hex[:8]}"
    execute(queue, f"CREATE ROLE {role}")
    try:
        execute(queue, f"GRANT USAGE ON SCHEMA queue TO {role}")
        execute(queue, f"GRANT SELECT ON ALL TABLES IN SCHEMA queue TO {role}")
        with queue.engine.connect() as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
            found = doctor.examine(connection, schema=queue.schema)
        assert [one.wrong for one in found if one.check == "vacuum"] == [True]
    finally:
        execute(queue, f"DROP OWNED BY {role}")
        execute(queue, f"DROP ROLE {role}")


def test_swollen_indexes_are_named_with_the_largest(queue: Queue) -> None:
    limits = replace(LIMITS, index_bytes_min=1, index_bytes_per_job_max=0)
    one = the_illness(queue, "indexes", limits)

    assert "jobs_" in one.message


def test_whoever_holds_an_old_snapshot_is_named(queue: Queue) -> None:
    with holding_a_snapshot(queue, "nightly report") as pid:
        assert illnesses(queue, "snapshots") == []  # Young yet.
        # Of the server, not of the database: other tests may hold snapshots of their own.
        found = illnesses(queue, "snapshots", replace(LIMITS, snapshot_age_max_s=0.0))

    (one,) = [one for one in found if "nightly report" in one.message]
    assert f"pg_terminate_backend({pid})" in one.advice


def test_missing_days_are_named(queue: Queue) -> None:
    with queue.engine.connect() as connection:  # Undone at the end: other tests need the days.
        for row in Store(connection).list_partitions():
            if row["parent"] == "job_history" and row["age_days"] < 0:
                connection.exec_driver_sql(f"DROP TABLE queue.{row['name']}")
        found = doctor.examine(connection, schema=queue.schema)
        connection.rollback()

    wrong = [one.message for one in found if one.wrong and one.check == "partitions"]
    assert wrong == ["job_history has daily partitions for 0 more days"]


def test_rows_without_a_day_are_counted(queue: Queue) -> None:
    execute(queue, "INSERT INTO queue.job_attempts (job_id, lease, attempt, outcome, ended_at)"
            " VALUES (1, 1, 1, 'error', now() - interval '2 years')")  # fmt: skip

    one = the_illness(queue, "default partition")

    assert one.details == {"parent": "job_attempts", "stray": 1}


def test_too_few_connections_are_named(queue: Queue) -> None:
    add_worker(queue)
    execute(queue, "UPDATE queue.queues SET process_limit = 1000")

    one = the_illness(queue, "connections")

    assert one.details["needed"] > one.details["usable"]


def test_a_clock_that_is_wrong_is_named(queue: Queue) -> None:
    one = the_illness(queue, "clocks", wall_s=lambda: time.time() + 100)

    assert 99 < one.details["ahead_s"] < 101
    assert "this machine is" in one.message
    assert "ahead of the database" in one.message


def test_a_node_whose_clock_is_wrong_is_named(queue: Queue) -> None:
    worker = add_worker(queue)
    with queue.engine.begin() as connection:
        Store(connection).note_clock(ids=[uuid.UUID(worker)], clock_s=time.time() - 60)

    one = the_illness(queue, "clocks")

    assert -61 < one.details["ahead_s"] < -59
    assert one.message.startswith("node here is ")
    assert "behind the database" in one.message


@pytest.mark.skipif(between.PROGRAM is None, reason="no PgBouncer here: apt-get install pgbouncer")
def test_a_pooler_in_between_is_told(queue: Queue) -> None:
    with between.Pooler(queue.database_url) as pooler:
        pooled = Queue(pooler.url)
        assert [one.details["pooled"] for one in examine(pooled) if one.check == "pooler"] == [True]
        pooled.engine.dispose()

    assert [one.details["pooled"] for one in examine(queue) if one.check == "pooler"] == [False]


def test_a_running_node_is_well_and_tells_its_clock(queue: Queue, start: Any) -> None:
    node = start().ready().node
    wait_until(lambda: not any(one.wrong for one in examine(queue)), what="all is well")

    (clock,) = wait_until(
        lambda: [one for one in examine(queue) if f"node {node}" in one.message],
        what="its supervisor renews",
    )

    assert abs(clock.details["ahead_s"]) < LIMITS.clock_difference_max_s


@contextmanager
def holding_a_snapshot(queue: Queue, name: str) -> Iterator[int]:
    engine = sqlalchemy.create_engine(
        queue.database_url, connect_args={"application_name": name}
    ).execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            yield connection.exec_driver_sql(
                "SELECT pg_backend_pid() FROM queue.jobs RIGHT JOIN (SELECT) one ON true LIMIT 1"
            ).scalar_one()
    finally:
        engine.dispose()
