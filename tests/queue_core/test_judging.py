"""The verdict on whatever a worker gives or raises: an error that says what was wrong, never a row
that nobody settles.
"""

import math
from datetime import timedelta
from typing import Any

import pytest

from queue_core import Cancel, Discard, Error, Job, Queue, RetryAfter, Snooze, Worker
from queue_core.job import sessions_of
from queue_core.lifecycle import Verdict, settle
from queue_core.runtime.executor import Executor
from queue_core.runtime.judge import judge
from queue_core.runtime.report import Report
from queue_core.runtime.settler import Settler
from queue_core.testing.inline import make_job
from tests.queue_core.support import Give, GiveWorker, Note, insert, job, jobs, runner

ROW = {"attempt": 1, "max_attempts": 3, "snoozed": 0}


class Unspeakable(BaseException):
    """Fails again whenever it is looked at."""

    def __str__(self) -> str:
        raise SystemExit(1)

    __repr__ = __str__


def verdict_on(outcome: object) -> Verdict:
    worker = GiveWorker()
    return judge(worker, ROW, make_job(worker, Give("none"), None), outcome)


def in_a_circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Snooze("60"), "Snooze needs a number of seconds, not '60'"),  # type: ignore[arg-type]
        (Snooze(timedelta(minutes=1)), "Snooze needs a number of seconds, not datetime"),  # type: ignore[arg-type]
        (Snooze(math.nan), "Snooze needs a number of seconds, not nan"),
        (Snooze(1, max_snoozes="3"), "max_snoozes must be a whole number or None, not '3'"),  # type: ignore[arg-type]
        (RetryAfter("Wed, 21 Oct"), "RetryAfter needs a number of seconds, not 'Wed, 21 Oct'"),  # type: ignore[arg-type]
        (in_a_circle(), "nested too deeply, or in a circle"),
    ],
)
def test_an_outcome_that_means_nothing_is_an_error_that_says_so(outcome: object, says: str) -> None:
    verdict = verdict_on(outcome)

    assert verdict.state == "retryable"
    assert verdict.error is not None
    assert verdict.error["kind"] == "InvalidOutcome"
    assert says in verdict.error["message"]


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Error(ValueError("no such street")), "retryable", "no such street"),  # type: ignore[arg-type]
        (Cancel(404), "cancelled", "404"),  # type: ignore[arg-type]
        (Discard(None), "discarded", "None"),
        (RetryAfter(9, ValueError("429")), "retryable", "429"),  # type: ignore[arg-type]
    ],
)
def test_a_reason_may_be_whatever_the_worker_had(outcome: object, state: str, reason: str) -> None:
    verdict = verdict_on(outcome)

    assert verdict.error is not None
    assert (verdict.state, verdict.error["message"]) == (state, reason)


def test_a_backoff_that_is_no_number_waits_the_default() -> None:
    class Nowhere(GiveWorker):
        def backoff(self, job: Job[Give], error: object) -> float:
            return math.nan

    worker = Nowhere()

    verdict = judge(worker, ROW, make_job(worker, Give("none"), None), ValueError("no"))

    assert verdict.delay_s > 15


def test_an_exception_that_cannot_be_looked_at_is_settled(queue: Queue) -> None:
    """Its thread died, and the row stayed executing for as long as its process lived."""

    class Speechless(Worker[Give]):
        def perform(self, job: Job[Give]) -> None:
            raise Unspeakable

    speechless = Queue(queue.database_url, queues={"default": 5}, workers=[Speechless])
    insert(queue, Give("none"))
    with runner(speechless) as one:
        row = one.claim()[0]

    report = Executor(speechless.registry, sessions_of(queue.engine), "queue").execute(row)
    speechless.engine.dispose()

    assert report.verdict.state == "retryable"
    assert report.verdict.error is not None
    assert report.verdict.error["kind"] == "Unspeakable"


def test_waits_of_whole_and_of_broken_seconds_are_settled_in_one_batch(queue: Queue) -> None:
    """`Snooze(60)` beside an error refused the batch, which was then settled row by row."""
    ids = [insert(queue, Note(str(number))) for number in range(3)]
    with runner(queue) as one:
        rows = one.claim(3)
        outcomes = (Snooze(60), Error("no"), RetryAfter(5))
        settler = Settler(queue.registry, one.id, lambda key: None)
        settler.add(
            [Report(row, settle(1, 20, end)) for row, end in zip(rows, outcomes, strict=True)]
        )

        settler.send(one.store)()

    assert [job(queue, job_id)["state"] for job_id in ids] == [
        "scheduled",
        "retryable",
        "retryable",
    ]


def test_stored_arguments_that_are_no_object_are_an_error_that_says_so(queue: Queue) -> None:
    insert(queue, Give("none"))
    with queue.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE queue.jobs SET args = '[1]'")
    with runner(queue) as one:
        row = one.claim()[0]

    report = Executor(queue.registry, sessions_of(queue.engine), "queue").execute(row)

    assert report.verdict.error is not None
    assert "the stored arguments are no object but list" in report.verdict.error["message"]
    assert [one["state"] for one in jobs(queue)] == ["executing"]
