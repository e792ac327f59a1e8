"""isolation="process": the job's own process, its outcome, and its certain end."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from queue_core import Queue, control
from queue_core.lifecycle import JobState, Verdict
from queue_core.runtime import parcel
from queue_core.testing import drain_queue
from tests.queue_core.isolated import Alone, AloneWorker, Trap
from tests.queue_core.processes import alive
from tests.queue_core.program import Mark, Wait
from tests.queue_core.support import attempts, execute, insert, job
from tests.support.waiting import wait_until

ERRORS = {
    "raise": "ZeroDivisionError: by�zero x",
    "error": "Error: no",
    "coroutine": "InvalidOutcome: perform returned a coroutine",
    "object": "InvalidOutcome: perform returned what JSON cannot hold",
    "system_exit": "SystemExit: 3",
    "exit": "ProcessDied: its process ended with exit status 7",
    "segfault": "ProcessDied: its process was killed by SIGSEGV",
    "kill": "ProcessDied: its process was killed by SIGKILL",
    "garble": "NoVerdict: its process sent what is no verdict",
}


def pid_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text(), timeout_s=20)
    return int(file.read_text())


def has_ended(queue: Queue, job_id: int) -> bool:
    return job(queue, job_id)["state"] not in {"available", "executing"}


def test_every_end_of_its_process_is_an_outcome_of_the_job(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    ids = {
        what: insert(queue, Alone(what)) for what in (*ERRORS, "pid", "session", "snooze", "huge")
    }
    effect = insert(queue, Alone("effect"))
    child = insert(queue, Alone("child", str(tmp_path / "child")))
    program = start(lease_s=20.0).ready()

    for job_id in (*ids.values(), effect, child):
        wait_until(partial(has_ended, queue, job_id), timeout_s=20, what=program.text)

    errors = {row["job_id"]: row for row in attempts(queue)}
    for what, text in ERRORS.items():
        error = errors[ids[what]]["error"]
        assert f"{error['kind']}: {error['message']}".startswith(text)
        assert (job(queue, ids[what])["state"], job(queue, ids[what])["attempt"]) == (
            "retryable",
            1,
        )
    assert len(errors[ids["raise"]]["error"]["message"]) <= 4096
    waits = job(queue, ids["raise"])
    assert (waits["scheduled_at"] - errors[ids["raise"]]["ended_at"]).total_seconds() > 1200
    assert job(queue, ids["snooze"])["snoozed"] == 1
    result = job(queue, ids["pid"])["result"]
    assert result["pid"] not in {program.process.pid, program.workers()[0]["pid"]}
    assert (result["attempt"], result["key"]) == (1, f"queue:{ids['pid']}")
    assert 0 < job(queue, ids["session"])["result"]["remaining"] <= 30
    assert "omitted" in job(queue, ids["huge"])["result"]
    assert job(queue, effect)["state"] == job(queue, child)["state"] == "completed"
    assert len(program.workers()) == 1  # None of this was a matter of its worker's.
    assert not alive(result["pid"])
    wait_until(lambda: not alive(pid_in(tmp_path / "child")))


def test_it_is_killed_at_its_deadline_wherever_it_is(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    program = start(lease_s=20.0, deadline_grace_s=30.0).ready()
    neighbour = insert(queue, Wait(str(tmp_path / "n")))
    trapped = insert(queue, Trap(str(tmp_path / "t")))
    pid = pid_in(tmp_path / "t.started-1")

    wait_until(lambda: has_ended(queue, trapped), what=program.text)

    assert (job(queue, trapped)["state"], job(queue, trapped)["attempt"]) == ("retryable", 1)
    assert attempts(queue)[0]["error"]["kind"] == "JobTimeout"
    assert not alive(pid)
    assert (job(queue, neighbour)["state"], job(queue, neighbour)["lease"]) == ("executing", 1)


def test_a_cancel_is_told_and_then_kills(queue: Queue, start: Any, tmp_path: Path) -> None:
    start(lease_s=20.0).ready()
    polite = insert(queue, Alone("wait", str(tmp_path / "polite")))
    deaf = insert(queue, Alone("deaf", str(tmp_path / "deaf")))
    pids = [pid_in(tmp_path / f"{name}.started-1") for name in ("polite", "deaf")]

    with queue.engine.begin() as connection:
        for job_id in (polite, deaf):
            control.cancel(connection, job_id, reason="withdrawn")
    for job_id in (polite, deaf):
        wait_until(partial(has_ended, queue, job_id))

    assert (tmp_path / "polite.tidied").read_text() == "JobCancelled"
    for job_id in (polite, deaf):
        row = job(queue, job_id)
        assert (row["state"], row["error"]["message"]) == ("cancelled", "withdrawn")
    assert not any(alive(pid) for pid in pids)


def test_whoever_dies_takes_the_processes_of_jobs_along(
    queue: Queue, start: Any, tmp_path: Path
) -> None:
    program = start(lease_s=3.0, shutdown_timeout_s=60.0).ready()
    broken = program.workers()[0]["pid"]

    def after(death: Callable[[int], object], name: str) -> int:
        """A job in its process, and that it ends with whoever died."""
        job_id = insert(queue, Alone("deaf", str(tmp_path / name)))
        pid = pid_in(tmp_path / f"{name}.started-1")
        nursery = parent_of(pid)
        death(nursery)
        wait_until(lambda: not alive(pid), timeout_s=15, what=program.text)
        wait_until(lambda: not alive(nursery), timeout_s=15, what=program.text)
        return job_id

    job_id = after(lambda nursery: os.kill(nursery, signal.SIGKILL), "nursery")
    wait_until(lambda: job(queue, job_id)["state"] == "retryable")
    assert attempts(queue)[0]["error"]["kind"] == "ProcessDied"
    # Until its child is replaced, jobs that it claims come straight back.
    wait_until(lambda: [row["pid"] for row in program.workers()] not in ([broken], []))

    after(lambda _: program.kill_child(), "child")
    pid = pid_in(tmp_path / "child.started-2")  # It runs again at once, elsewhere.

    after(lambda _: execute(queue, "DELETE FROM queue.workers"), "lease")
    wait_until(lambda: not alive(pid))

    after(lambda _: program.signal(signal.SIGKILL), "supervisor")


@pytest.mark.parametrize("is_second", [False, pytest.param(True, marks=pytest.mark.full)])
def test_a_stop_gives_the_job_back_and_ends_its_process(
    queue: Queue, start: Any, tmp_path: Path, *, is_second: bool
) -> None:
    program = start(shutdown_timeout_s=60.0 if is_second else 0.5).ready()
    job_id = insert(queue, Alone("deaf", str(tmp_path / "job")))
    pid = pid_in(tmp_path / "job.started-1")

    program.signal(signal.SIGTERM)
    if is_second:
        wait_until(lambda: "worker.stopped" in program.text)
        program.signal(signal.SIGTERM)

    assert program.wait(10) == 0
    wait_until(lambda: not alive(pid))
    assert (job(queue, job_id)["state"], job(queue, job_id)["attempt"]) == ("available", 0)


def test_threads_and_processes_share_a_worker(queue: Queue, start: Any) -> None:
    with queue.engine.begin() as connection:
        for number in range(10):
            queue.insert(connection, Mark(number))
            queue.insert(connection, Alone("effect"))

    assert start(stop_when_empty=True).wait() == 0

    assert queue.stats() == {"default": {"completed": 20}}


def test_a_drain_performs_it_in_the_process_of_the_test(make_queue: Any) -> None:
    queue = make_queue(AloneWorker)
    job_id = insert(queue, Alone("pid"))

    assert drain_queue(queue) == {"completed": 1}

    assert job(queue, job_id)["result"]["pid"] == os.getpid()


def test_a_verdict_is_read_as_a_strangers() -> None:
    sent = Verdict(
        JobState.RETRYABLE, "error", 1e300, error={"kind": "K", "message": "m\x00", "trace": ""}
    )
    line = parcel.pack_verdict(sent, completed=False)

    verdict, completed = parcel.read_verdict(line)

    assert (verdict.state, verdict.delay_s < 1e9, completed) == ("retryable", True, False)
    assert verdict.error is not None
    assert verdict.error["message"] == "m�"
    for lie in (b"", b"[]", b"{}", line.replace(b'"retryable"', b'"executing"')):
        with pytest.raises(parcel.NoVerdict):
            parcel.read_verdict(lie)
    for lie in (line.replace(b"1e+300", b"NaN"), line.replace(b'"error", "delay', b'"x", "delay')):
        with pytest.raises(parcel.NoVerdict):
            parcel.read_verdict(lie)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
