"""Workers as processes: what they survive, and what is charged for it (R2, R8, R11, R12,
shutdown).
"""

import os
import signal
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from queue_core import Queue, control
from tests.queue_core.processes import alive
from tests.queue_core.program import Add, Die, Mark, Overrun, Wait
from tests.queue_core.support import Note, attempts, execute, insert, job, jobs, make_notes, notes
from tests.support.waiting import wait_until

Start = Any


def has_completed(queue: Queue, jobs: int) -> bool:
    return queue.stats()["default"].get("completed", 0) >= jobs


def runs(queue: Queue) -> list[dict[str, Any]]:
    with queue.engine.connect() as connection:
        return [
            dict(row)
            for row in connection.exec_driver_sql("SELECT * FROM runs ORDER BY id").mappings()
        ]


def is_state(queue: Queue, job_id: int, state: str) -> bool:
    return bool(job(queue, job_id)["state"] == state)


def test_a_run_until_empty_performs_everything_and_ends(queue: Queue, start: Start) -> None:
    make_notes(queue)
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Note(str(number)) for number in range(500)])

    assert start(processes=2, stop_when_empty=True).wait() == 0

    assert sorted(notes(queue), key=int) == [str(number) for number in range(500)]
    assert queue.stats() == {"default": {"completed": 500}}
    assert control_workers(queue) == []


def test_an_idle_worker_starts_a_job_at_once(queue: Queue, start: Start, tmp_path: Path) -> None:
    start(poll_s=30.0).ready()
    wait_until(lambda: len(listening(queue)) > 0)

    began = time.monotonic()
    job_id = insert(queue, Mark())
    wait_until(lambda: is_state(queue, job_id, "completed"), timeout_s=10)

    assert time.monotonic() - began < 5  # Polling alone would take up to 30 s.


def test_a_place_under_a_limit_is_taken_without_waiting_for_a_poll(
    queue: Queue, start: Start
) -> None:
    with queue.engine.begin() as connection:
        control.scale_queue(connection, "default", global_limit=1)
        queue.insert_all(connection, [Mark(number) for number in range(10)])

    start(poll_s=30.0)

    wait_until(lambda: queue.stats() == {"default": {"completed": 10}}, timeout_s=20)


def test_polling_finds_what_no_notification_announced(queue: Queue, start: Start) -> None:
    start(poll_s=0.3).ready()
    with queue.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO queue.jobs (state, queue, kind, args)"
            " VALUES ('available', 'default', 'mark', '{}')"
        )

    wait_until(lambda: jobs(queue)[0]["state"] == "completed")


def test_a_killed_childs_jobs_run_elsewhere_within_a_moment(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    program = start(lease_s=30.0).ready()
    go = tmp_path / "go"
    job_id = insert(queue, Wait(str(go)))
    wait_until(Path(f"{go}.started-1").exists)

    program.kill_child()
    began = time.monotonic()
    wait_until(Path(f"{go}.started-2").exists, timeout_s=10)

    assert time.monotonic() - began < 5  # The lease time is 30 s.
    go.touch()
    wait_until(lambda: is_state(queue, job_id, "completed"))
    assert (job(queue, job_id)["attempt"], job(queue, job_id)["rescues"]) == (2, 1)


def test_only_started_jobs_are_charged_for_a_kill(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    """R8: what was held ahead has lost nothing."""
    execute(queue, "UPDATE queue.queues SET process_limit = 1")
    program = start(claim_ahead=True).ready()
    with queue.engine.begin() as connection:  # Short jobs first, so that it claims ahead.
        queue.insert_all(connection, [Mark(number) for number in range(200)])
        queue.insert(connection, Wait(str(tmp_path / "never"), asks=False))
        held = [
            one.id
            for one in queue.insert_all(connection, [Mark(1000 + number) for number in range(300)])
        ]
    wait_until((tmp_path / "never.started-1").exists)

    program.kill_child()
    wait_until((tmp_path / "never.started-2").exists)

    rows = [row for row in jobs(queue) if row["id"] in held]
    assert {row["attempt"] - (row["state"] in {"executing", "completed"}) for row in rows} == {0}
    assert sum(row["rescues"] for row in rows) > 0  # Counted, and recorded, all the same.
    assert {row["error"]["kind"] for row in attempts(queue)} == {"WorkerLost"}


def test_a_lost_node_is_noticed_after_its_lease_and_nothing_is_charged(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    lost = start(lease_s=2.0).ready()
    go = tmp_path / "go"
    job_id = insert(queue, Wait(str(go)))
    wait_until(Path(f"{go}.started-1").exists)
    start(lease_s=2.0).ready()

    lost.kill_all()
    began = time.monotonic()
    wait_until(Path(f"{go}.started-2").exists, timeout_s=15)

    assert (
        time.monotonic() - began < 2.0 + 2.0 + 1.0
    )  # Lease + 2 s, and a second for a busy machine.
    go.touch()
    wait_until(lambda: is_state(queue, job_id, "completed"))
    assert (job(queue, job_id)["attempt"], job(queue, job_id)["rescues"]) == (1, 1)


def renewed_at(queue: Queue) -> datetime:
    with queue.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT max(renewed_at) FROM queue.workers")
        renewed: datetime = found.scalar_one()
        return renewed


def test_a_graceful_stop_lets_running_jobs_end(queue: Queue, start: Start, tmp_path: Path) -> None:
    program = start(shutdown_timeout_s=20.0, lease_s=1.0).ready()
    go = tmp_path / "go"
    job_id = insert(queue, Wait(str(go)))
    wait_until(Path(f"{go}.started-1").exists)

    # As service managers do: the children hear it, and then once more from their supervisor.
    os.killpg(program.process.pid, signal.SIGTERM)
    wait_until(lambda: "worker.stopped" in program.text)
    for _ in range(2):  # Each takes longer than a child takes to notice a signal.
        before = renewed_at(queue)
        wait_until(partial(is_renewed_since, queue, before))
    go.touch()

    assert program.wait() == 0
    assert is_state(queue, job_id, "completed")


def test_a_stop_is_bounded_and_costs_no_attempt(queue: Queue, start: Start, tmp_path: Path) -> None:
    program = start(shutdown_timeout_s=1.0).ready()
    stubborn = insert(queue, Wait(str(tmp_path / "a"), asks=False))
    polite = insert(queue, Wait(str(tmp_path / "b"), asks=True))
    wait_until(lambda: (tmp_path / "a.started-1").exists() and (tmp_path / "b.started-1").exists())

    program.signal(signal.SIGTERM)

    assert program.wait(6) == 0
    for job_id in (stubborn, polite):
        row = job(queue, job_id)
        assert (row["state"], row["attempt"], row["lease"]) == ("available", 0, 1)


def test_a_second_term_stops_now(queue: Queue, start: Start, tmp_path: Path) -> None:
    program = start(shutdown_timeout_s=60.0).ready()
    job_id = insert(queue, Wait(str(tmp_path / "a"), asks=False))
    wait_until((tmp_path / "a.started-1").exists)

    program.signal(signal.SIGTERM)
    wait_until(lambda: "worker.stopped" in program.text)
    program.signal(signal.SIGTERM)

    assert program.wait(6) == 0
    assert (job(queue, job_id)["state"], job(queue, job_id)["attempt"]) == ("available", 0)


def test_children_that_lose_their_supervisor_stop_themselves(queue: Queue, start: Start) -> None:
    program = start().ready()
    child = program.workers()[0]["pid"]

    program.signal(signal.SIGKILL)
    program.wait()

    wait_until(lambda: not alive(child))


def test_a_job_past_its_deadline_is_killed_and_charged_and_its_neighbour_is_not(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    """R12."""
    start(deadline_grace_s=0.3).ready()
    neighbour = insert(queue, Wait(str(tmp_path / "n"), asks=False))
    wait_until((tmp_path / "n.started-1").exists)
    late = insert(queue, Overrun())

    wait_until(lambda: is_state(queue, late, "retryable"), timeout_s=15)
    wait_until((tmp_path / "n.started-2").exists)

    assert attempts(queue)[-1]["error"]["kind"] in {"JobTimeout", "WorkerLost"}
    errors = [row["error"]["kind"] for row in attempts(queue) if row["job_id"] == late]
    assert (errors, job(queue, late)["attempt"]) == (["JobTimeout"], 1)
    assert job(queue, neighbour)["attempt"] == 1  # The first run was refunded.


def test_poison_ends_and_its_neighbours_live(queue: Queue, start: Start) -> None:
    """R8: a job that kills every process that runs it is discarded, once alone before."""
    poison = insert(queue, Die())
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Mark(number) for number in range(20)])
    start(processes=2).ready()

    wait_until(lambda: is_state(queue, poison, "discarded"), timeout_s=40)
    wait_until(
        lambda: queue.stats() == {"default": {"discarded": 1, "completed": 20}}, timeout_s=20
    )

    assert (job(queue, poison)["rescues"], job(queue, poison)["lease"]) == (4, 4)


def test_terminated_connections_lose_nothing(queue: Queue, start: Start) -> None:
    """R11."""
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Add(number) for number in range(1500)])
    program = start(processes=2, lease_s=10.0).ready(2)

    for share in (100, 500, 1000):
        wait_until(partial(has_completed, queue, share), timeout_s=40)
        terminate(queue)

    done = {"default": {"completed": 1500}}
    wait_until(lambda: queue.stats() == done, timeout_s=40, what="all are completed")
    assert program.process.poll() is None, program.text[-3000:]
    with queue.engine.connect() as connection:
        sums = connection.exec_driver_sql("SELECT count(*), count(DISTINCT job) FROM effects").one()
    assert tuple(sums) == (1500, 1500)


def test_a_frozen_worker_that_wakes_late_cannot_settle(
    queue: Queue, start: Start, tmp_path: Path
) -> None:
    """R1, R2: it was believed dead; another ran its job; its own result is rejected and seen."""
    frozen = start(lease_s=1.5).ready()
    go = tmp_path / "go"
    job_id = insert(queue, Wait(str(go), asks=False))
    wait_until(Path(f"{go}.started-1").exists)
    os.killpg(frozen.process.pid, signal.SIGSTOP)
    start(lease_s=1.5).ready()
    wait_until(Path(f"{go}.started-2").exists, timeout_s=15)

    go.touch()
    wait_until(lambda: is_state(queue, job_id, "completed"))
    os.killpg(frozen.process.pid, signal.SIGCONT)

    wait_until(lambda: any(row["outcome"] == "stale" for row in attempts(queue)), timeout_s=15)
    assert job(queue, job_id)["lease"] == 2


def test_orders_reach_running_workers(queue: Queue, start: Start, tmp_path: Path) -> None:
    start(processes=1).ready()
    with queue.engine.begin() as connection:
        control.pause_queue(connection, "default")
    running = insert(queue, Wait(str(tmp_path / "x")), queue="other")
    wait_until((tmp_path / "x.started-1").exists)
    waiting = insert(queue, Mark())

    with queue.engine.begin() as connection:
        control.cancel(connection, running, reason="withdrawn")
    wait_until(lambda: is_state(queue, running, "cancelled"))
    assert is_state(queue, waiting, "available")

    with queue.engine.begin() as connection:
        control.resume_queue(connection, "default")
    wait_until(lambda: is_state(queue, waiting, "completed"))


def test_a_drained_worker_claims_nothing(queue: Queue, start: Start) -> None:
    program = start().ready()
    with queue.engine.begin() as connection:
        assert control.drain_workers(connection, node=program.node) == 1
    job_id = insert(queue, Mark())
    other = start().ready()

    wait_until(lambda: is_state(queue, job_id, "completed"))

    assert runs(queue)[0]["pid"] in [row["pid"] for row in other.workers()]


def test_a_worn_out_child_is_replaced_without_losing_anything(queue: Queue, start: Start) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Mark(number) for number in range(300)])

    start(max_jobs=50, stop_when_empty=False).ready()
    wait_until(lambda: queue.stats() == {"default": {"completed": 300}}, timeout_s=30)

    assert len(runs(queue)) == 300


def test_a_worker_refuses_tables_of_another_version(queue: Queue, start: Start) -> None:
    with queue.engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO queue.schema_version VALUES (999)")
    try:
        program = start()
        assert program.wait() == 1
        assert "this code needs" in program.text
    finally:
        with queue.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM queue.schema_version WHERE version = 999")


def is_renewed_since(queue: Queue, moment: Any) -> bool:
    return bool(renewed_at(queue) > moment)


def control_workers(queue: Queue) -> list[dict[str, Any]]:
    with queue.engine.connect() as connection:
        return control.list_workers(connection)


def backends(queue: Queue) -> list[int]:
    with queue.engine.connect() as connection:
        statement = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'queue_core%%'"
        return list(
            connection.exec_driver_sql(statement + " AND datname = current_database()").scalars()
        )


def listening(queue: Queue) -> list[int]:
    with queue.engine.connect() as connection:
        statement = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'queue_core listener' AND query LIKE 'LISTEN%%'"
        )
        return list(connection.exec_driver_sql(statement).scalars())


def terminate(queue: Queue) -> None:
    dsn = queue.database_url.replace("+psycopg", "")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name LIKE 'queue_core%'"
        )
