"""Turns a claimed row into a report: decode, perform, judge. No path leaves a row executing.

Whatever a worker raises, SystemExit and KeyboardInterrupt included, becomes a verdict. The start
is published to the supervisor before perform is entered, so that a kill charges exactly the jobs
that had begun.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from queue_core import checkpoints, clock, telemetry
from queue_core.job import Job, Run
from queue_core.lifecycle import COMPLETED, INTERRUPTED, Verdict
from queue_core.registry import Registry, Worker
from queue_core.runtime.board import Board
from queue_core.runtime.judge import failed, judge
from queue_core.runtime.report import Report
from queue_core.store import Row
from queue_core.telemetry import tracing


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
            verdict = failed(row, error)
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
