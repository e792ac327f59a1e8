"""R2, R4, R12: a database that is away, a supervisor that stands still, a reply that never comes, a
child that hangs. Nothing is lost, nothing is charged to the wrong job, nothing waits for ever.
"""

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue
from tests.queue_core.program import Hang, Mark, Wait
from tests.queue_core.support import attempts, insert, job, jobs
from tests.queue_core.wire import Wire
from tests.support.waiting import wait_until


def ask(queue: Queue, question: str) -> Any:
    with queue.engine.connect() as connection:
        return connection.exec_driver_sql(question).scalar_one()


def has_state(queue: Queue, job_id: int, state: str) -> bool:
    return bool(job(queue, job_id)["state"] == state)


def test_an_outage_longer_than_the_lease_throws_no_work_away(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """R2: children fence themselves and still offer what they finished; the fence decides."""
    with Wire(queue.database_url) as wire:
        program = start(url=wire.url, lease_s=1.5).ready()
        busy = insert(queue, Wait(str(tmp_path / "busy"), asks=False))
        polite = insert(queue, Wait(str(tmp_path / "polite")))
        for name in ("busy", "polite"):
            wait_until((tmp_path / f"{name}.started-1").exists)

        wire.cut()
        wait_until(lambda: "worker.fenced" in program.text)
        wait_until(lambda: ask(queue, "SELECT bool_and(expires_at < now()) FROM queue.workers"))
        (tmp_path / "busy").touch()
        wait_until((tmp_path / "busy.ended-1").exists)
        wire.mend()

        wait_until(partial(has_state, queue, busy, "completed"), timeout_s=20, what=program.text)
        wait_until((tmp_path / "polite.started-2").exists)  # It was asked to stop.

    row = job(queue, busy)
    assert (row["lease"], row["attempt"], row["rescues"]) == (1, 1, 0)
    assert (job(queue, polite)["attempt"], job(queue, polite)["rescues"]) == (1, 0)
    assert len(program.workers()) == 1


def test_children_of_a_frozen_supervisor_start_nothing_more(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """R2: nobody renews for them, so somebody may have taken their place."""
    program = start(lease_s=1.5).ready()
    polite = insert(queue, Wait(str(tmp_path / "polite")))
    wait_until((tmp_path / "polite.started-1").exists)

    program.signal(signal.SIGSTOP)
    wait_until(lambda: "worker.fenced" in program.text)
    wait_until(partial(has_state, queue, polite, "available"))
    late = insert(queue, Mark())
    is_over = "SELECT coalesce(max(expires_at), now()) <= now() FROM queue.workers"
    wait_until(lambda: ask(queue, is_over))
    assert (ask(queue, "SELECT count(*) FROM runs"), job(queue, late)["lease"]) == (0, 0)
    program.signal(signal.SIGCONT)

    wait_until(partial(has_state, queue, late, "completed"), timeout_s=20, what=program.text)
    wait_until((tmp_path / "polite.started-2").exists)
    assert job(queue, polite)["attempt"] == 1


@pytest.mark.full
def test_a_database_that_accepts_and_never_answers_holds_up_no_stop(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """R2: every dealing with it is bounded, so a child is fenced, and TERM ends the node."""
    with Wire(queue.database_url) as wire:
        program = start(url=wire.url, lease_s=2.0, shutdown_timeout_s=0.5).ready()
        job_id = insert(queue, Wait(str(tmp_path / "x"), asks=False))
        wait_until((tmp_path / "x.started-1").exists)

        wire.mute()
        wait_until(lambda: "worker.fenced" in program.text)
        program.signal(signal.SIGTERM)

        assert program.wait(15) == 0
    start(lease_s=2.0)
    wait_until((tmp_path / "x.started-2").exists, timeout_s=20)
    assert (job(queue, job_id)["attempt"], job(queue, job_id)["rescues"]) == (1, 1)


def test_a_hung_child_is_killed_and_nobody_is_charged_for_it(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """R12: which of its jobs held the interpreter, nobody knows."""
    program = start(lease_s=20.0, hung_after_s=1.0).ready()
    neighbour = insert(queue, Wait(str(tmp_path / "n"), asks=False))
    wait_until((tmp_path / "n.started-1").exists)
    hung = insert(queue, Hang(str(tmp_path / "h")))

    wait_until(partial(has_state, queue, hung, "completed"), timeout_s=20, what=program.text)
    wait_until((tmp_path / "n.started-2").exists)

    assert "it has not beaten" in program.text
    for job_id in (hung, neighbour):
        assert (job(queue, job_id)["attempt"], job(queue, job_id)["rescues"]) == (1, 1)


def test_without_the_beat_a_hung_child_would_keep_its_lease_for_ever(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """Negative control: its supervisor renews for it, well beyond the lease time."""
    start(lease_s=0.6, hung_after_s=60.0).ready()
    hung = insert(queue, Hang(str(tmp_path / "h")))
    wait_until((tmp_path / "h.started-1").exists)

    renewed = "SELECT bool_or(renewed_at - started_at > interval '1.5 s') FROM queue.workers"
    wait_until(lambda: ask(queue, renewed))

    assert (job(queue, hung)["state"], job(queue, hung)["lease"]) == ("executing", 1)


@pytest.mark.full
def test_a_claim_whose_reply_is_lost_is_given_back_and_costs_no_attempt(
    queue: Queue, start: Any
) -> None:
    """R4, on the wire: the claim of three has committed, and the worker never hears of it."""
    with Wire(queue.database_url) as wire:
        program = start(url=wire.url, lease_s=30.0).ready()
        wire.swallow(b"UPDATE 3")
        with queue.engine.begin() as connection:
            queue.insert_all(connection, [Mark(number) for number in range(3)])
        assert wire.swallowed.wait(10)

        assert {row["state"] for row in jobs(queue)} == {"executing"}
        done = {"default": {"completed": 3}}
        wait_until(lambda: queue.stats() == done, timeout_s=30, what=program.text)

    assert {(row["lease"], row["attempt"], row["rescues"]) for row in jobs(queue)} == {(2, 1, 0)}
    assert ask(queue, "SELECT count(*) FROM runs") == 3
    assert attempts(queue) == []
