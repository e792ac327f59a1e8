"""Chores at intervals: each runs when it is due, and one that fails is reported and tried again at
its next turn.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from queue_core import clock, telemetry
from queue_core.runtime.connect import Lost
from queue_core.store import Store


@dataclass(slots=True)
class Chore:
    """`work` returns True when more is left to do: it is then due at once."""

    name: str
    every_s: float
    work: Callable[[Store], bool | None]
    next_s: float = field(default=0.0)


def run_due(chores: list[Chore], store: Store) -> float:
    """Runs what is due; returns how many seconds nothing will be. Lost connections are the
    caller's to handle.
    """
    for chore in chores:
        if clock.boottime_s() < chore.next_s:
            continue
        more = False
        try:
            more = bool(chore.work(store))
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001
            # A chore that dies silently stops rescue for the whole cluster; report it and take the
            # next turn.
            telemetry.emit("loop.failed", component=chore.name, error=repr(error))
        chore.next_s = clock.boottime_s() + (0.0 if more else chore.every_s)
    return max(0.0, min(chore.next_s for chore in chores) - clock.boottime_s())
