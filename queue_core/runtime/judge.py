"""What one run led to: the verdict on whatever a worker gave or raised. Pure but for a broken
`backoff`, which is told aloud.

What JSON cannot hold, a coroutine, a wait that is no number: each becomes an error that says so,
because perform has run and nobody else will ever look at what it gave.
"""

import inspect
import json
import math
import traceback
from typing import Any

from queue_core import clock, telemetry
from queue_core.args import RESULT_SIZE_MAX, check_json
from queue_core.errors import InvalidJob, JobCancelled, JobInterrupted
from queue_core.job import Job
from queue_core.lifecycle import Verdict, clean, describe, settle
from queue_core.outcomes import Cancel, Discard, Error, Interrupted, Ok, RetryAfter, Snooze
from queue_core.registry import Worker
from queue_core.store import Row

_OUTCOMES = (Ok, Error, Cancel, Discard, Snooze, RetryAfter, Interrupted)


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
        if seconds is None or not math.isnan(seconds):
            return seconds
        raise ValueError("it gave NaN, which is no number of seconds")  # noqa: TRY301
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


def failed(row: Row, error: BaseException) -> Verdict:
    """The verdict when there is none of the job's own; told aloud, because that is a fault of
    ours, or a worker that fails even when it is looked at.
    """
    wrong = _describe(error)
    told = f"{wrong['kind']}: {wrong['message']}"
    telemetry.emit("loop.failed", component="executor", error=told)
    return settle(row["attempt"], row["max_attempts"], Error(wrong["message"]), error=wrong)


def _describe(error: BaseException) -> dict[str, Any]:
    try:
        message = str(error)
        trace = "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001
        # An exception whose own text fails, by SystemExit for all we know, is an error of its job.
        message, trace = "(its message could not be made)", ""
    return describe(type(error).__name__, message, clean(trace))


def _unusable(outcome: object) -> str | None:
    if isinstance(outcome, Ok):
        outcome = outcome.value
    elif isinstance(outcome, Snooze | RetryAfter):
        return _unusable_wait(outcome)
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
    except RecursionError:
        return "perform returned what JSON cannot hold: it is nested too deeply, or in a circle"
    return None


def _unusable_wait(outcome: Snooze | RetryAfter) -> str | None:
    seconds: object = outcome.seconds  # As given: by a stranger's header, or a timedelta.
    if type(seconds) not in {int, float} or seconds != seconds:  # noqa: PLR0124 - NaN
        return f"{type(outcome).__name__} needs a number of seconds, not {seconds!r}"
    times: object = getattr(outcome, "max_snoozes", None)
    if times is not None and type(times) is not int:
        return f"Snooze: max_snoozes must be a whole number or None, not {times!r}"
    return None
