"""The life of a job: its states, its legal moves, and the verdict on one run. Pure.

MOVES is the whole state machine. Every SQL file names the moves it makes and a test compares them
with this table; CHECK constraints hold what one row can show. `settle` turns what a run gave into
a verdict with delays in seconds: SQL adds them to now(), because the database's clock decides,
never this process's.

                 insert ─┬─────────────┬──────────────┐
                         ▼    stage    ▼              ▼
    redrive ──────► available ◄── scheduled       suspended
                      │    ▲          ▲
                claim │    │ release  │ snooze
                      ▼    │          │
                    executing ────────┴──► retryable ── stage ──► available
                      │
                      └──► completed · cancelled · discarded
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from queue_core import backoff
from queue_core.outcomes import Cancel, Discard, Error, Interrupted, Ok, RetryAfter, Snooze


class JobState(StrEnum):
    AVAILABLE = "available"
    SCHEDULED = "scheduled"
    EXECUTING = "executing"
    RETRYABLE = "retryable"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


S = JobState
UNFINISHED = (S.AVAILABLE, S.SCHEDULED, S.EXECUTING, S.RETRYABLE, S.SUSPENDED)
FINISHED = (S.COMPLETED, S.CANCELLED, S.DISCARDED)
WAITING = (S.AVAILABLE, S.SCHEDULED, S.RETRYABLE, S.SUSPENDED)

# verb -> (from, to). `insert` comes from nothing.
MOVES: dict[str, tuple[tuple[JobState, ...], tuple[JobState, ...]]] = {
    "insert": ((), (S.AVAILABLE, S.SCHEDULED, S.SUSPENDED)),
    "stage": ((S.SCHEDULED, S.RETRYABLE), (S.AVAILABLE,)),
    "claim": ((S.AVAILABLE,), (S.EXECUTING,)),
    "complete": ((S.EXECUTING,), (S.COMPLETED, S.AVAILABLE)),  # available: a wake-up met the run
    "finish": ((S.EXECUTING,), (S.COMPLETED, S.CANCELLED, S.DISCARDED, S.AVAILABLE)),
    "postpone": ((S.EXECUTING,), (S.RETRYABLE, S.SCHEDULED, S.AVAILABLE, S.CANCELLED)),
    "release": ((S.EXECUTING,), (S.AVAILABLE, S.CANCELLED, S.DISCARDED)),
    "wake": ((S.SCHEDULED, S.RETRYABLE), (S.AVAILABLE,)),
    "replace": ((S.AVAILABLE, S.SCHEDULED, S.RETRYABLE), (S.AVAILABLE, S.SCHEDULED)),
    "run_now": ((S.SCHEDULED, S.RETRYABLE, S.SUSPENDED), (S.AVAILABLE,)),
    "cancel": (WAITING, (S.CANCELLED,)),
    "redrive": (FINISHED, (S.AVAILABLE,)),
    "suspend": ((S.AVAILABLE,), (S.SUSPENDED,)),
    "resume": ((S.SUSPENDED,), (S.AVAILABLE, S.SCHEDULED)),
}

# A traceback of 10 MB must not travel into a row; 16 kB shows both ends of a deep one.
ERROR_TEXT_MAX = 16_384
DEFAULT_MAX_RESCUES = 3
DELAY_MAX_S = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to write about one run. `delay_s` counts from the database's now()."""

    state: JobState
    outcome: str
    delay_s: float = 0.0
    refund: bool = False
    snoozed: bool = False
    error: dict[str, Any] | None = None
    result: Any = None
    # A cancel that was requested during the run turns failures and snoozes into cancelled; what
    # the job itself decided (completed, cancelled, discarded) stays.
    yields_to_cancel: bool = False


COMPLETED = Verdict(S.COMPLETED, "completed")
INTERRUPTED = Verdict(S.AVAILABLE, "interrupted", refund=True, yields_to_cancel=True)


def settle(
    attempt: int,
    max_attempts: int,
    outcome: object,
    *,
    jitter: float = 0.0,
    snoozed: int = 0,
    backoff_s: float | None = None,
    error: dict[str, Any] | None = None,
) -> Verdict:
    """The verdict on one run. `backoff_s` is the worker's own wait, `error` the description of an
    exception.
    """
    match outcome:
        case None:
            return COMPLETED
        case Ok(value):
            return Verdict(S.COMPLETED, "completed", result=value)
        case Cancel(reason):
            return Verdict(S.CANCELLED, "cancelled", error=describe("Cancel", reason))
        case Discard(reason):
            return Verdict(S.DISCARDED, "discarded", error=describe("Discard", reason))
        case Interrupted():
            return INTERRUPTED
        case Snooze(seconds, max_snoozes):
            if max_snoozes is not None and snoozed >= max_snoozes:
                reason = f"snoozed {snoozed} times, allowed are {max_snoozes}"
                return Verdict(S.DISCARDED, "discarded", error=describe("Snooze", reason))
            return _snooze(seconds)
        case RetryAfter(seconds, reason):
            return _fail(attempt, max_attempts, seconds, describe("RetryAfter", reason))
        case Error(reason):
            error = error or describe("Error", reason)
    if error is None:
        return COMPLETED  # A plain value: done, and nothing to record.
    wait_s = backoff.default_backoff_s(attempt, max_attempts, jitter)
    return _fail(attempt, max_attempts, wait_s if backoff_s is None else backoff_s, error)


def _snooze(seconds: float) -> Verdict:
    return Verdict(
        S.SCHEDULED, "snooze", _bounded(seconds), refund=True, snoozed=True, yields_to_cancel=True
    )


def _fail(attempt: int, max_attempts: int, delay_s: float, error: dict[str, Any]) -> Verdict:
    if attempt >= max_attempts:
        return Verdict(S.DISCARDED, "discarded", error=error, yields_to_cancel=True)
    return Verdict(S.RETRYABLE, "error", _bounded(delay_s), error=error, yields_to_cancel=True)


def _bounded(delay_s: float) -> float:
    # Infinity and NaN are no intervals, and psycopg refuses an array of ints and floats: one such
    # row (`Snooze(60)` beside an error) would fail the statement that settles its whole batch.
    return float(min(max(0.0, delay_s), DELAY_MAX_S))


def describe(kind: str, message: object, trace: str = "") -> dict[str, Any]:
    """An error as it is stored: without what PostgreSQL refuses, and of bounded size. The message
    is a person's: a job may give an exception or a number as its reason.
    """
    return {"kind": clean(kind, 200), "message": clean(str(message), 4096), "trace": clean(trace)}


def clean(text: str, limit: int = ERROR_TEXT_MAX) -> str:
    """No NUL, no lone surrogates (one such text stopped a batch elsewhere), both ends kept."""
    if len(text) > limit:
        half = limit // 2 - 10
        text = f"{text[:half]} […] {text[-half:]}"
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()
