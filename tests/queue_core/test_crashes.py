"""SIGKILL at each named point: of a worker between claim, run, settle and completion, of whoever
inserts, stages, gives back, reaps or renews.

Whatever is cut off there: every job ends exactly once, and its effect, which is committed together
with its end, happens exactly once.
"""

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue
from queue_core.checkpoints import CHECKPOINTS
from tests.queue_core.processes import Program
from tests.queue_core.program import Add, Chain, Wait
from tests.queue_core.support import insert, jobs
from tests.support.waiting import wait_until

# Of a worker, which its supervisor replaces.
POINTS = [
    "claim.committed",
    "job.started",
    "job.performed",
    "settle.begun",
    "settle.committed",
    "complete.written",
    "complete.committed",
]


def killed_at(point: str, tmp_path: Path, *, nth: int = 1) -> dict[str, str]:
    plan = {point: {"do": "kill", "nth": nth, "file": str(tmp_path / "killed")}}
    return {"CHECKPOINTS": json.dumps(plan)}


def add_all(queue: Queue, count: int, **options: Any) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Add(number) for number in range(count)], **options)


def is_drained(queue: Queue) -> bool:
    return all(set(states) == {"completed"} for states in queue.stats().values())


def assert_once(queue: Queue, count: int) -> None:
    """Every effect once, and exactly one terminal row per job."""
    with queue.engine.connect() as connection:
        effects = connection.exec_driver_sql("SELECT count(*), count(DISTINCT job) FROM effects")
        assert tuple(effects.one()) == (count, count)
    rows = jobs(queue)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["state"] for row in rows} == {"completed"}


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_costs_no_effect_and_doubles_none(
    queue: Queue, start: Any, tmp_path: Path, point: str
) -> None:
    add_all(queue, 60)
    program = start(env=killed_at(point, tmp_path, nth=2), lease_s=4.0)
    is_optional = (
        point == "settle.committed"
    )  # Jobs that complete themselves leave nothing to settle.

    wait_until(partial(is_drained, queue), timeout_s=60, what=program.text[-2000:])

    assert is_optional or (tmp_path / "killed").exists()
    assert_once(queue, 60)


def chain(queue: Queue, program: Program, folder: Path) -> None:
    """insert.written: the row is there, the transaction of its inserter is not committed."""
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Chain(number) for number in range(10)])


def schedule(queue: Queue, program: Program, folder: Path) -> None:
    """stage.committed: jobs are available, and nobody was told."""
    add_all(queue, 10, schedule_in=0.1)


def stop_now(queue: Queue, program: Program, folder: Path) -> None:
    """release: what still runs is being given back."""
    insert(queue, Wait(str(folder / "go"), asks=False))
    add_all(queue, 10)
    wait_until((folder / "go.started-1").exists)
    program.signal(signal.SIGTERM)
    wait_until(lambda: "worker.stopped" in program.text)
    program.signal(signal.SIGTERM)


def kill_child(queue: Queue, program: Program, folder: Path) -> None:
    """reap.deleted: the worker's row is gone, its jobs are not released."""
    insert(queue, Wait(str(folder / "go"), asks=False))
    add_all(queue, 10)
    wait_until((folder / "go.started-1").exists)
    program.kill_child()


def only_work(queue: Queue, program: Program, folder: Path) -> None:
    """renew.committed: the supervisor dies, and its children follow."""
    add_all(queue, 10)


SCENES: dict[str, Callable[[Queue, Program, Path], None]] = {
    "insert.written": chain,
    "stage.committed": schedule,
    "release.begun": stop_now,
    "release.committed": stop_now,
    "reap.deleted": kill_child,
    "renew.committed": only_work,
}


@pytest.mark.parametrize("point", SCENES)
def test_a_kill_of_whoever_serves_the_jobs_costs_no_effect_and_doubles_none(
    queue: Queue, start: Any, tmp_path: Path, point: str
) -> None:
    program = start(env=killed_at(point, tmp_path), lease_s=1.5).ready()
    SCENES[point](queue, program, tmp_path)
    wait_until((tmp_path / "killed").exists, what=program.text)
    (tmp_path / "go").touch()

    successor = start(lease_s=1.5)

    wait_until(partial(is_drained, queue), timeout_s=30, what=successor.text[-2000:])
    assert_once(queue, 10)


def test_every_point_is_known() -> None:
    assert set(POINTS) | set(SCENES) == set(CHECKPOINTS)
