"""Turns a claimed row into a report: decode, perform, judge. No path leaves a row executing.

Whatever a worker raises, SystemExit and KeyboardInterrupt included, becomes a verdict. The start
is published to the supervisor before perform is entered, so that a kill charges exactly the jobs
that had begun.
"""

import inspect
import json
import traceback
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from queue_core import checkpoints, clock, telemetry
from queue_core.args import RESULT_SIZE_MAX, check_json
from queue_core.errors import InvalidJob, JobCancelled, JobInterrupted
from queue_core.job import Job, Run
from queue_core.lifecycle import COMPLETED, INTERRUPTED, Verdict, clean, describe, settle
from queue_core.outcomes import Cancel, Discard, Error, Interrupted, Ok, RetryAfter, Snooze
from queue_core.registry import Registry, Worker
from queue_core.runtime.board import Board
from queue_core.runtime.report import Report
from queue_core.store import Row
from queue_core.telemetry import tracing

_OUTCOMES = (Ok, Error, Cancel, Discard, Snooze, RetryAfter, Interrupted)


class Executor:
    """Shared by all threads of a child."""

    def __init__(
        self,
        registry: Registry,
        sessions: Callable[[], Session],
        schema: str,
        *,
        board: Board | None = None,
        may_start: Callable[[], bool] = lambda: True,
        isolated: Callable[[Row, Run], Verdict] | None = None,
    ) -> None:
        self._registry = registry
        self._sessions = sessions
        self._schema = schema
        self._board = board
        self._may_start = may_start
        self._isolated = isolated
        self.runs: dict[tuple[int, int], Run] = {}

    def execute(self, row: Row, slot: int = 0) -> Report:
        if not self._may_start():
            return Report(row, INTERRUPTED)
        begun_s = clock.boottime_s()
        run = Run()
        try:
            verdict = self._run(row, run, slot)
        except BaseException as error:  # noqa: BLE001
            # A fault of ours, not of the job: its thread must live on, and its row must be settled.
            telemetry.emit("loop.failed", component="executor", error=repr(error))
            verdict = _failed(row, error)
        return Report(row, verdict, clock.boottime_s() - begun_s, settled=run.completed)

    def _run(self, row: Row, run: Run, slot: int) -> Verdict:
        worker = self._registry.find(row["kind"])
        with tracing.performing(row) as span:
            job = make_job(worker, row, run, sessions=self._sessions, schema=self._schema)
            if telemetry.is_heard("job.started"):
                _tell_started(row)
            outcome = job if isinstance(job, Exception) else self._perform(worker, job, row, slot)
            checkpoints.reach("job.performed")
            verdict = COMPLETED if outcome is None else judge(worker, row, job, outcome)
            if run.completed and verdict.result is not None and run.recorded is None:
                _tell_dropped(worker, row)
            span.record(verdict.outcome, verdict.error, outcome)
        return verdict

    def _perform(self, worker: Worker[Any], job: Job[Any], row: Row, slot: int) -> object:
        key, run = (job.id, job.lease), job._run  # noqa: SLF001 - the runtime's side of it
        self.runs[key] = run
        if self._board is not None:
            self._board.start(slot, job.id, job.lease, run.deadline_s)
        try:
            checkpoints.reach("job.started")
            if self._isolated is not None and worker.options.isolation == "process":
                return self._isolated(row, run)
            return worker.perform(job)
        except BaseException as error:  # noqa: BLE001
            # SystemExit in a job must not end the thread and leave the row executing.
            return error
        finally:
            if self._board is not None:
                self._board.end(slot)
            del self.runs[key]


def make_job(
    worker: Worker[Any], row: Row, run: Run, *, sessions: Callable[[], Session], schema: str
) -> Job[Any] | Exception:
    try:
        job: Job[Any] = Job(
            row["id"],
            row["kind"],
            row["queue"],
            worker.decode(row["args"]),
            row["attempt"],
            row["max_attempts"],
            row["lease"],
            row["inserted_at"],
            row["scheduled_at"],
            row["priority"],
            tuple(row["tags"]),
            row["meta"],
            row["snoozed"],
            row["rescues"],
            schema,
            sessions,
            run,
        )
        if run.deadline_s == float("inf"):  # Else its child has set it: this is its process.
            run.deadline_s = clock.boottime_s() + worker.timeout(job)
    except Exception as error:  # noqa: BLE001
        # Arguments of another version, or a broken timeout(): an error of this job, never of the
        # queue.
        return error
    return job


def _tell_dropped(worker: Worker[Any], row: Row) -> None:
    """Said aloud, because nobody would look for a value that was given back in order."""
    if worker.options.record:
        telemetry.emit("job.result_dropped", job=row["id"], kind=row["kind"], queue=row["queue"])


def _tell_started(row: Row) -> None:
    telemetry.emit(
        "job.started",
        {"wait_s": row["waited_s"]} if "waited_s" in row else {},
        job=row["id"],
        kind=row["kind"],
        queue=row["queue"],
        attempt=row["attempt"],
        lease=row["lease"],
    )


def judge(worker: Worker[Any], row: Row, job: Job[Any] | Exception, outcome: object) -> Verdict:
    """The verdict on what perform gave or raised. An isolated job brings its own: it was judged
    where it ran.
    """
    if isinstance(outcome, Verdict) and worker.options.isolation == "process":
        return outcome
    error = None
    if isinstance(outcome, JobCancelled):
        outcome = Cancel(str(outcome))
    elif isinstance(outcome, JobInterrupted):
        outcome = Interrupted()
    elif isinstance(outcome, BaseException):
        error = _describe(outcome)
    elif wrong := _unusable(outcome):
        error = describe("InvalidOutcome", wrong)
    elif isinstance(outcome, Error):
        error = describe("Error", outcome.reason)
    return settle(
        row["attempt"],
        row["max_attempts"],
        outcome if error is None else Error(error["message"]),
        jitter=clock.jitter(),
        snoozed=row["snoozed"],
        backoff_s=None if error is None else _backoff_s(worker, job, outcome),
        error=error,
    )


def _backoff_s(worker: Worker[Any], job: Job[Any] | Exception, outcome: object) -> float | None:
    if isinstance(job, Exception):
        return None
    cause = (
        outcome if isinstance(outcome, BaseException) else str(getattr(outcome, "reason", outcome))
    )
    try:
        seconds = worker.backoff(job, cause)
        return None if seconds is None else float(seconds)
    except Exception as error:  # noqa: BLE001
        # A broken backoff() must not lose the verdict: wait the default and say so.
        telemetry.emit("loop.failed", component=f"backoff of {job.kind}", error=repr(error))
        return None


def result_json(worker: Worker[Any], verdict: Verdict) -> str | None:
    """The result as it is recorded, when its class says so."""
    if verdict.result is None or not worker.options.record:
        return None
    text = json.dumps(verdict.result)
    if len(text.encode()) > RESULT_SIZE_MAX:
        return json.dumps(
            {"omitted": f"{len(text.encode())} bytes, recorded are at most {RESULT_SIZE_MAX}"}
        )
    return text


def _failed(row: Row, error: BaseException) -> Verdict:
    described = _describe(error)
    return settle(row["attempt"], row["max_attempts"], Error(described["message"]), error=described)


def _describe(error: BaseException) -> dict[str, Any]:
    try:
        message = str(error)
        trace = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001
        # An exception whose own text fails is still an error of its job.
        message, trace = "(its message could not be made)", ""
    return describe(type(error).__name__, message, clean(trace))


def _unusable(outcome: object) -> str | None:
    if isinstance(outcome, Ok):
        outcome = outcome.value
    elif isinstance(outcome, _OUTCOMES):
        return None
    if inspect.iscoroutine(outcome):
        outcome.close()  # Else Python warns that it was never awaited, far from here.
        return "perform returned a coroutine: jobs run in threads, write a plain function"
    if inspect.isgenerator(outcome):
        return "perform returned a generator: it has a yield in it and never ran"
    try:
        check_json(outcome, "result")
    except InvalidJob as error:
        return f"perform returned what JSON cannot hold: {error}"
    return None
