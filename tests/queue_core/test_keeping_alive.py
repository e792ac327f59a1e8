"""Recycling, restart with backoff, and a database clock that jumps: the queue goes on."""

import signal
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue, QueueError, clock
from queue_core.registry import Registry
from queue_core.runtime import connect
from queue_core.runtime.board import Board
from queue_core.runtime.child import Child
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.supervisor import RESTART_WAIT_MAX_S, YOUNG_S, Supervisor
from queue_core.settings import QueueSettings
from queue_core.testing import ManualClock
from tests.queue_core.program import Grow, Mark, Wait
from tests.queue_core.support import Note, insert, job, runner
from tests.support.waiting import wait_until


def has_state(queue: Queue, job_id: int, state: str) -> bool:
    return bool(job(queue, job_id)["state"] == state)


def test_a_child_that_grew_too_large_is_replaced(queue: Queue, start: Any) -> None:
    program = start(max_memory_mb=300).ready()
    before = program.workers()[0]["pid"]
    grown = insert(queue, Grow(300))
    wait_until(partial(has_state, queue, grown, "completed"))

    wait_until(lambda: [row["pid"] for row in program.workers()] not in ([before], []))

    after = insert(queue, Mark())
    wait_until(partial(has_state, queue, after, "completed"), what=program.text)
    assert "it is recycled" in program.text
    assert "worker.died" not in program.text


def test_a_child_that_dies_young_again_and_again_is_restarted_ever_later() -> None:
    supervisor = Supervisor(RuntimeOptions("postgresql://", "queue", ()), Registry(), [], None)
    now_s = clock.boottime_s()

    def wait_s(*, age_s: float = 0.0, in_order: bool = False) -> float:
        child = Child(0, clock.new_id(), 0, Board(now_s), now_s - age_s)
        return supervisor._restart_wait_s(child, in_order=in_order)

    waits = [wait_s() for _ in range(8)]

    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[-1] == RESTART_WAIT_MAX_S
    assert wait_s(age_s=YOUNG_S + 1) == 0.0  # It had worked for a while: no crash loop.
    assert (wait_s(), wait_s(in_order=True), wait_s()) == (0.2, 0.0, 0.2)


@pytest.mark.parametrize(("ends_itself", "charges"), [(True, (0, 0)), (False, (1, 1))])
def test_a_job_that_exits_its_process_is_charged_whatever_the_status(
    queue: Queue, *, ends_itself: bool, charges: tuple[int, int]
) -> None:
    """os._exit(0) in a job looked like an end in order: it ran again and again and cost nothing."""
    job_id = insert(queue, Note())
    board = Board(clock.boottime_s())
    with runner(queue) as one:
        row = one.claim()[0]
    board.start(0, row["id"], row["lease"], float("inf"))
    if ends_itself:
        board.set_done()
    options = RuntimeOptions(queue.database_url, "queue", (), stop_when_empty=True)
    supervisor = Supervisor(options, Registry(), [], None)

    supervisor._bury(Child(0, one.id, 0, board, clock.boottime_s()), 0)
    supervisor._aftermath.disconnect()

    found = job(queue, job_id)
    assert (found["state"], found["attempt"], found["rescues"]) == ("available", *charges)
    assert supervisor._starts[0] == 0.0 if ends_itself else supervisor._starts[0] > 0.0


def test_children_that_stood_still_with_their_supervisor_get_their_time_anew() -> None:
    """A laptop that was closed for a minute killed all its workers when it was opened."""
    supervisor = Supervisor(RuntimeOptions("postgresql://", "queue", ()), Registry(), [], None)
    asleep_s = clock.boottime_s() - 60
    board = Board(asleep_s)
    board.start(0, 1, 1, asleep_s)  # Its deadline has passed meanwhile, too.
    with subprocess.Popen(["sleep", "60"]) as process:
        supervisor._children[process.pid] = Child(0, clock.new_id(), process.pid, board, asleep_s)
        supervisor._looked_s = asleep_s

        supervisor._watch_children()
        assert process.poll() is None

        supervisor._awake_s = asleep_s  # Awake for long, and it still neither beats nor ends.
        supervisor._watch_children()
        assert process.wait(10) == -signal.SIGKILL


def test_quit_means_now_also_when_it_comes_first() -> None:
    supervisor = Supervisor(RuntimeOptions("postgresql://", "queue", ()), Registry(), [], None)
    # What a shell starts in its background ignores QUIT, and so do its heirs.
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    with subprocess.Popen(["sleep", "60"]) as process:
        signal.signal(signal.SIGQUIT, before)
        child = Child(0, clock.new_id(), process.pid, Board(0.0), 0.0)
        supervisor._children[process.pid] = child

        supervisor.on_signal(signal.SIGQUIT)
        supervisor._obey_signals()

        assert process.wait(10) == -signal.SIGQUIT


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"processes": 0}, "processes must be a whole number from 1, not 0"),
        ({"lease_s": 0}, "lease_s must be more than 0 seconds"),
        ({"poll_s": "1"}, "poll_s must be a number of seconds, not '1'"),
        ({"queues": {"default": 0}}, "queue 'default' of this node must have a limit of 1 to"),
        ({"leas_s": 3}, "unknown option 'leas_s'; known are"),
    ],
)
def test_a_node_that_could_do_nothing_refuses_to_start(
    queue: Queue, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(QueueError, match=complaint):
        queue.run(stop_when_empty=True, **options)


def test_jobs_never_wait_for_a_connection_however_far_their_queue_was_scaled(queue: Queue) -> None:
    """They waited for half a minute, and then failed."""
    options = RuntimeOptions(queue.database_url, "queue", (QueueSettings("default", 1),))
    engine = connect.make_engine(options)

    with ExitStack() as jobs:
        for _ in range(5):
            jobs.enter_context(engine.connect())
    engine.dispose()


def test_a_database_clock_that_jumps_stops_nothing(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    """An hour ahead every lease has run out at once; an hour back none will. Jobs are run."""
    program = start(lease_s=2.0, shutdown_timeout_s=0.5).ready()
    running = insert(queue, Wait(str(tmp_path / "go")))
    wait_until((tmp_path / "go.started-1").exists)

    for hours in (1, -2):
        ManualClock(queue).advance(hours * 3600)
        job_id = insert(queue, Mark())
        wait_until(partial(has_state, queue, job_id, "completed"), timeout_s=20, what=program.text)
    (tmp_path / "go").touch()

    wait_until(partial(has_state, queue, running, "completed"), timeout_s=20, what=program.text)
    assert job(queue, running)["attempt"] == 1
