"""What crosses between a child and the process of an isolated job: lines of JSON, never pickle.

The job may be code that nobody trusts with more than its own process. So its answer is data, read
as a stranger's: every field is checked and bounded before it becomes a verdict, and a line that is
no verdict is an error of the job.
"""

import dataclasses
import json
import math
from datetime import datetime
from typing import Any

from queue_core.args import check_json
from queue_core.job import Run
from queue_core.lifecycle import DELAY_MAX_S, JobState, Verdict, describe
from queue_core.store import Row

# Both ends of an error and a recorded result fit many times; more is no verdict.
LINE_MAX = 1024 * 1024
_TIMES = ("inserted_at", "scheduled_at")
_PLAIN = (
    *("id", "kind", "queue", "args", "attempt", "max_attempts", "lease"),
    *("priority", "tags", "meta", "snoozed", "rescues"),
)
_OUTCOMES = ("completed", "cancelled", "discarded", "error", "snooze", "interrupted")
_FLAGS = ("refund", "snoozed", "yields_to_cancel")


class NoVerdict(ValueError):
    """The line is not what a process of ours sends: the job wrote into our socket."""


def pack_request(row: Row, run: Run) -> bytes:
    values = {name: row[name] for name in _PLAIN}
    values |= {name: row[name].isoformat() for name in _TIMES}
    # The deadline is a time of a clock that all processes of the machine share.
    return _line({"row": values, "deadline_s": run.deadline_s})


def read_request(line: bytes) -> tuple[Row, Run]:
    request = json.loads(line)
    row: Row = request["row"]
    for name in _TIMES:
        row[name] = datetime.fromisoformat(row[name])
    return row, Run(deadline_s=request["deadline_s"])


def pack_stop(*, cancel: str | None = None, interrupt: str | None = None) -> bytes:
    return _line({"cancel": cancel, "interrupt": interrupt})


def obey_stop(line: bytes, run: Run) -> None:
    order = json.loads(line)
    run.cancel_reason = order["cancel"] or run.cancel_reason
    run.interrupted = order["interrupt"] or run.interrupted


def pack_verdict(verdict: Verdict, *, completed: bool) -> bytes:
    return _line({**dataclasses.asdict(verdict), "completed": completed})


def read_verdict(line: bytes) -> tuple[Verdict, bool]:
    """The verdict, and whether the job completed itself in its own transaction."""
    try:
        values = json.loads(line)
        return _verdict(values), values["completed"] is True
    except (ValueError, KeyError, TypeError) as error:
        raise NoVerdict(f"its process sent what is no verdict: {error!r}") from None


def _verdict(values: dict[str, Any]) -> Verdict:
    delay_s = float(values["delay_s"])
    if values["outcome"] not in _OUTCOMES or not math.isfinite(delay_s):
        raise ValueError(f"outcome {values['outcome']!r} after {delay_s} s")
    state = JobState(values["state"])
    if state in {JobState.EXECUTING, JobState.SUSPENDED}:
        raise ValueError(f"state {state}")
    check_json(values["result"], "result")
    error = values["error"]
    return Verdict(
        state,
        values["outcome"],
        min(max(0.0, delay_s), DELAY_MAX_S),
        result=values["result"],
        error=error and describe(str(error["kind"]), str(error["message"]), str(error["trace"])),
        **{name: values[name] is True for name in _FLAGS},
    )


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"
