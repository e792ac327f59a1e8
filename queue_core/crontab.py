"""Periodic jobs as declared: an expression, a time zone, the job, and what to do about missed
times. Pure.

    Cron("sweep", "* * * * *", SweepPayments())
    Cron("statements", "0 6 1 * *", SendStatements(), timezone="Europe/Berlin", catch_up="all")

`catch_up` says what happens to times that nobody could fire: none, the last one, or all of them.
`@reboot` fires once when workers start where none were running, however many nodes start: not when
leadership moves, and not in a rolling restart.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from queue_core.args import JobArgs, JobOptions, PlainArgs, encode_args, options_of, to_json
from queue_core.errors import InvalidJob
from queue_core.newjob import NewJob, prepare
from queue_core.unique import Unique

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
# The five fields, each with what may stand in it.
FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of month": "1 to 31, L or LW",
    "month": "1 to 12 or JAN to DEC",
    "day of week": "0 to 7 (Sunday is 0 and 7), SUN to SAT, or like 1#2 and 5L",
}
NAME_LENGTH_MAX = 200
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
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
        name: object = self.name  # As given: it is a key, and told in a line of the log.
        if not isinstance(name, str) or not 1 <= len(name) <= NAME_LENGTH_MAX or "\x00" in name:
            raise InvalidJob(
                f"cron: a periodic job needs a name of 1 to {NAME_LENGTH_MAX} characters, "
                f"not {name!r}"
            )
        if self.catch_up not in {"none", "last", "all"}:
            raise InvalidJob(f"cron {self.name!r}: catch_up must be 'none', 'last' or 'all'")
        check_expression(self.name, self.expression, self.timezone)
        if "scheduled_at" in self.options:
            raise InvalidJob(f"cron {self.name!r}: its expression says when; use schedule_in")
        prepare(self.job, **self.options)

    def values(self) -> dict[str, Any]:
        """Parameters of write_cron_entry."""
        declared = options_of(self.job)
        options = {
            "queue": declared.queue,
            "priority": declared.priority,
            "max_attempts": declared.max_attempts,
            "tags": list(declared.tags),
            "unique": declared.unique,
            **self.options,
        }
        if isinstance(unique := options["unique"], Unique):
            options["unique"] = {**asdict(unique), "period": unique.period_s}
        if isinstance(delay := options.get("schedule_in"), timedelta):
            options["schedule_in"] = delay.total_seconds()
        return {
            "name": self.name,
            "expression": self.expression,
            "timezone": self.timezone,
            "kind": declared.kind,
            "args": encode_args(self.job)[1],
            "options": to_json(options),
            "catch_up": self.catch_up,
        }


def job_of(row: Mapping[str, Any], at: datetime) -> NewJob:
    """The job of one time of a stored entry; uniqueness and all, as if it were inserted by hand."""
    options = dict(row["options"])
    if unique := options.get("unique"):
        given: dict[str, Any] = {
            key: tuple(one) if isinstance(one, list) else one for key, one in unique.items()
        }
        try:
            options["unique"] = Unique(**given)
        except TypeError as error:  # Written by a newer version of this code.
            raise InvalidJob(f"cron {row['name']!r}: unique {unique} is not known here") from error
    new = prepare(PlainArgs(JobOptions(kind=row["kind"]), row["args"]), **options)
    return new.with_meta({"cron": row["name"], "cron_at": at.astimezone(UTC).isoformat()})


def check_expression(name: str, expression: str, timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise InvalidJob(
            f"cron {name!r}: time zone {timezone!r} is unknown; use one like 'Europe/Berlin'"
        ) from error
    if expression == REBOOT:
        return
    aliases = ", ".join((*ALIASES, REBOOT))
    fields = ALIASES.get(expression, str(expression)).split()
    if len(fields) != len(FIELDS):
        raise InvalidJob(
            f"cron {name!r}: {expression!r} is no cron expression: {len(fields)} fields instead of "
            f"5 ({', '.join(FIELDS)}); use one like '*/5 * * * *', or {aliases}"
        )
    try:
        CronSim(" ".join(fields), _ANY_TIME)
    except CronSimError as error:
        for at, (what, right) in enumerate(FIELDS.items()):
            if not _is_right(at, fields[at]):
                raise InvalidJob(
                    f"cron {name!r}: {expression!r} is no cron expression: its {what} is "
                    f"{fields[at]!r}, right is {right}"
                ) from error
        raise InvalidJob(
            f"cron {name!r}: {expression!r} names no time that ever comes ({error})"
        ) from error


def _is_right(at: int, text: str) -> bool:
    try:
        CronSim(" ".join(text if at == one else "*" for one in range(len(FIELDS))), _ANY_TIME)
    except CronSimError:
        return False
    return True


def next_time(expression: str, timezone: str, after: datetime) -> datetime | None:
    """When an entry fires next, in UTC; None for @reboot."""
    if expression == REBOOT:
        return None
    ticks = CronSim(ALIASES.get(expression, expression), after.astimezone(ZoneInfo(timezone)))
    return next(ticks).astimezone(UTC)


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
