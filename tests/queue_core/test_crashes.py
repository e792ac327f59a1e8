"""SIGKILL of a worker at each named point of claim, run, settle, release and completion.

Whatever is cut off there: every job ends exactly once, and its effect, which is committed together
with its end, happens exactly once.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue
from queue_core.checkpoints import CHECKPOINTS
from tests.queue_core.program import Add
from tests.queue_core.support import jobs
from tests.support.waiting import wait_until

# insert.written belongs to the inserting process; stage, reap and release need their own scene;
# renew kills the supervisor, which is the lost node of test_runtime.
POINTS = [
    "claim.committed",
    "job.started",
    "job.performed",
    "settle.begun",
    "settle.committed",
    "complete.written",
    "complete.committed",
]


def test_every_point_is_known() -> None:
    assert set(POINTS) < set(CHECKPOINTS)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_costs_no_effect_and_doubles_none(
    queue: Queue, start: Any, tmp_path: Path, point: str
) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Add(number) for number in range(60)])
    plan = {point: {"do": "kill", "nth": 2, "file": str(tmp_path / "killed")}}
    program = start(env={"CHECKPOINTS": json.dumps(plan)}, lease_s=4.0)
    is_optional = (
        point == "settle.committed"
    )  # Jobs that complete themselves leave nothing to settle.

    wait_until(
        lambda: queue.stats() == {"default": {"completed": 60}},
        timeout_s=60,
        what=program.text[-2000:],
    )

    assert is_optional or (tmp_path / "killed").exists()
    with queue.engine.connect() as connection:
        effects = connection.exec_driver_sql("SELECT count(*), count(DISTINCT job) FROM effects")
        assert tuple(effects.one()) == (60, 60)
    assert {row["state"] for row in jobs(queue)} == {"completed"}
