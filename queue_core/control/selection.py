"""Which jobs an operator means, and what became of them.

Filters come from forms and command lines: what no job can have (a NUL, a number beyond bigint) is
found nowhere, instead of being an error of the database.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from queue_core.errors import InvalidJob
from queue_core.lifecycle import FINISHED, UNFINISHED, clean

ALL_STATES = (*UNFINISHED, *FINISHED)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs an operator means; every given condition must hold."""

    ids: tuple[int, ...] | None = None
    states: tuple[str, ...] | None = None
    queue: str | None = None
    kind: str | None = None
    tag: str | None = None
    args: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if unknown := set(self.states or ()) - set(ALL_STATES):
            raise InvalidJob(f"states {sorted(unknown)} are unknown; use {', '.join(ALL_STATES)}")

    def values(self) -> dict[str, Any]:
        return {
            "ids": None if self.ids is None else storable(self.ids),
            "queue": self.queue and clean(self.queue),
            "kind": self.kind and clean(self.kind),
            "tag": self.tag and clean(self.tag),
            "args": None if self.args is None else json.dumps(self.args),
        }


@dataclass(frozen=True, slots=True)
class Changed:
    """What a verb did: the ids it touched, and per other id why not."""

    ids: tuple[int, ...]
    skipped: dict[int, str]
    dry_run: bool = False

    @property
    def count(self) -> int:
        return len(self.ids)


def storable(ids: Iterable[int]) -> list[int]:
    """Without numbers that no job can have: PostgreSQL refuses to compare with them."""
    return [job_id for job_id in ids if abs(job_id) < 2**63]
