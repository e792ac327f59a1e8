"""What one run led to, on its way from the thread that ran it to the producer that settles it."""

import json
from dataclasses import dataclass, field

from queue_core.lifecycle import COMPLETED, Verdict
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
    key: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.row["id"], self.row["lease"]

    @property
    def is_plain(self) -> bool:
        """Whether its end is all there is to write, and nothing stood in the way of that yet."""
        return self.verdict is COMPLETED and not self.tries

    @property
    def error_json(self) -> str | None:
        return None if self.verdict.error is None else json.dumps(self.verdict.error)


# What arrives in the producer's inbox: a result, or names of queues (orders begin with "!").
Wake = frozenset[str]
Item = Report | Wake
