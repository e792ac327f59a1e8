"""Periodic jobs as declared: an expression, a time zone, the job, and what to do about missed
times. Pure.

    Cron("sweep", "* * * * *", SweepPayments())
    Cron("statements", "0 6 1 * *", SendStatements(), timezone="Europe/Berlin", catch_up="all")

`catch_up` says what happens to times that nobody could fire: none, the last one, or all of them.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from queue_core.args import JobArgs, PlainArgs, encode_args, options_of, to_json
from queue_core.errors import InvalidJob

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
REBOOT = "@reboot"
# A cluster that was down for a year must not wake up to half a million jobs.
CAUGHT_UP_MAX = 1000


@dataclass(frozen=True, slots=True)
class Cron:
    """One periodic job. `options` are those of insert: queue, priority, max_attempts, …"""

    name: str
    expression: str
    job: JobArgs | PlainArgs
    timezone: str = "UTC"
    catch_up: Literal["none", "last", "all"] = "last"
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidJob("cron: a periodic job needs a name")
        if self.catch_up not in {"none", "last", "all"}:
            raise InvalidJob(f"cron {self.name!r}: catch_up must be 'none', 'last' or 'all'")
        check_expression(self.name, self.expression, self.timezone)
        encode_args(self.job)

    def values(self) -> dict[str, Any]:
        """Parameters of write_cron_entry."""
        declared = options_of(self.job)
        defaults = {
            "queue": declared.queue,
            "priority": declared.priority,
            "max_attempts": declared.max_attempts,
            "tags": list(declared.tags),
        }
        return {
            "name": self.name,
            "expression": self.expression,
            "timezone": self.timezone,
            "kind": declared.kind,
            "args": encode_args(self.job)[1],
            "options": to_json({**defaults, **self.options}),
            "catch_up": self.catch_up,
        }


def check_expression(name: str, expression: str, timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidJob(f"cron {name!r}: time zone {timezone!r} is unknown") from error
    if expression == REBOOT:
        return
    try:
        CronSim(ALIASES.get(expression, expression), datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise InvalidJob(
            f"cron {name!r}: {expression!r} is no cron expression ({error}); "
            f"use five fields, like '*/5 * * * *', or {', '.join((*ALIASES, REBOOT))}"
        ) from error


def due_times(
    expression: str, timezone: str, catch_up: str, *, since: datetime, until: datetime
) -> list[datetime]:
    """Times after `since` and up to `until` that are to be fired now, oldest first, in UTC."""
    if expression == REBOOT:
        return []
    found: list[datetime] = []
    ticks = CronSim(ALIASES.get(expression, expression), since.astimezone(ZoneInfo(timezone)))
    for tick in ticks:
        at = tick.astimezone(UTC)
        if at > until:
            break
        found.append(at)
        del found[:-CAUGHT_UP_MAX]
    if catch_up == "all":
        return found
    # The time of this very minute is not a missed one.
    fresh = [at for at in found if (until - at).total_seconds() < 60]
    return fresh[-1:] if catch_up == "none" else found[-1:]
