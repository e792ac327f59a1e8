"""What one run led to, on its way from the thread that ran it to the producer that settles it."""

import json
from dataclasses import dataclass, field

from queue_core.lifecycle import Verdict
from queue_core.store import Row


@dataclass(slots=True)
class Report:
    """`settled` means that nothing is left to write: the job completed itself in its own
    transaction.
    """

    row: Row
    verdict: Verdict
    duration_s: float = 0.0
    settled: bool = False
    tries: int = field(default=0)

    @property
    def key(self) -> tuple[int, int]:
        return self.row["id"], self.row["lease"]

    @property
    def error_json(self) -> str | None:
        return None if self.verdict.error is None else json.dumps(self.verdict.error)


# What arrives in the producer's inbox: a result, or names of queues (orders begin with "!").
Wake = frozenset[str]
Item = Report | Wake
