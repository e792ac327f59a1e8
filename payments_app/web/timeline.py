"""Rows of a timeline made ready to be drawn: where a new day begins, and how long nothing happened.

A pause is part of the story: five seconds between a lost worker and its rescue are the lease.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date

from payments_app.queries.timeline import TimelineRow

GAP_SHOWN_FROM_S = 1.0


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A row; ``day`` when it is the first of its day, ``gap`` when it came after a pause."""

    row: TimelineRow
    day: date | None
    gap: str | None


def drawn(rows: Iterable[TimelineRow]) -> Iterator[DrawnRow]:
    before: TimelineRow | None = None
    for row in rows:
        today = row.at.astimezone(UTC).date()
        new_day = before is None or before.at.astimezone(UTC).date() != today
        pause_s = 0.0 if before is None else (row.at - before.at).total_seconds()
        gap = _words(pause_s) if pause_s >= GAP_SHOWN_FROM_S else None
        yield DrawnRow(row, today if new_day else None, gap)
        before = row


def _words(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s later"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:.0f} min later"
    hours = minutes / 60
    return f"{hours:.0f} h later" if hours < 48 else f"{hours / 24:.0f} days later"
