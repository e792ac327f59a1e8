"""Deadlines of jobs in threads are cooperative: the job is told, and its statements are cut off."""

import time
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
import sqlalchemy

from queue_core import Error, Job, JobArgs, Queue, Worker, clock
from queue_core.errors import JobCancelled, JobInterrupted, JobTimeout
from queue_core.job import Run
from queue_core.testing import drain_queue
from tests.queue_core.support import attempts, insert, job, jobs


@dataclass(frozen=True)
class Slow(JobArgs, kind="slow", timeout=0.3, max_attempts=2):
    how: str


class SlowWorker(Worker[Slow]):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def perform(self, job: Job[Slow]) -> Any:
        self.seen.append(job.remaining)
        if job.args.how == "asks":
            while True:
                job.check_cancelled()
                Event().wait(0.01)
        if job.args.how == "statement":
            with job.session() as session:
                session.execute(sqlalchemy.text("SELECT pg_sleep(30)"))
        if job.args.how == "transaction":
            with job.transaction() as session:
                session.execute(sqlalchemy.text("SELECT pg_sleep(30)"))
        return Error("never reached")


class PatientWorker(SlowWorker):
    """As long as the job's own arguments say."""

    def timeout(self, job: Job[Slow]) -> float:
        return 1000.0 if job.args.how == "patient" else "soon"  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("asks", "JobTimeout"),
        ("statement", "OperationalError"),
        ("transaction", "OperationalError"),
    ],
)
def test_a_job_ends_at_its_deadline(make_queue: Any, how: str, error: str) -> None:
    worker = SlowWorker()
    queue: Queue = make_queue(worker)
    job_id = insert(queue, Slow(how))
    began = time.monotonic()

    assert drain_queue(queue) == {"error": 1}

    assert time.monotonic() - began < 10  # Not the 30 s that the statement wanted.
    assert 0 < worker.seen[0] <= 0.3
    assert attempts(queue)[0]["error"]["kind"] == error
    assert (job(queue, job_id)["state"], job(queue, job_id)["attempt"]) == ("retryable", 1)


def test_a_worker_may_decide_its_timeout_and_a_broken_decision_is_the_jobs_error(
    make_queue: Any,
) -> None:
    worker = PatientWorker()
    queue: Queue = make_queue(worker)
    insert(queue, Slow("patient"))
    broken = insert(queue, Slow("broken"))

    assert drain_queue(queue) == {"error": 2}

    assert 990 < worker.seen[0] <= 1000
    assert len(worker.seen) == 1
    assert {row["job_id"]: row["error"]["kind"] for row in attempts(queue)}[broken] == "TypeError"
    assert {row["state"] for row in jobs(queue)} == {"retryable"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"cancel_reason": "withdrawn", "interrupted": "stops"}, JobCancelled),
        ({"deadline_s": -1.0, "interrupted": "stops"}, JobTimeout),
        ({"interrupted": "stops"}, JobInterrupted),
        ({}, None),
    ],
)
def test_a_run_is_told_the_weightiest_reason_to_stop(
    change: dict[str, Any], error: type[Exception] | None
) -> None:
    now: Any = None
    one: Job[None] = Job(1, "k", "q", None, 1, 1, 1, now, now, _run=Run(**change))

    if error is None:
        one.check_cancelled()
        assert one.remaining > clock.boottime_s()
    else:
        with pytest.raises(error):
            one.check_cancelled()
