"""What may go wrong with one payment, and where that is in each processor's code.

A moment is the same for all processors ("after the capture, before the answer was used"); the
checkpoint that marks it is each one's own. The idempotent processor passes every point twice, once
for the intent and once for the charge: the second is the one where money moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IDEMPOTENT = "idempotent"
COLUMNS = ("naive", "classroom", "key-only", IDEMPOTENT)

_POINTS = ("calling", "charged", "written", "saved")
CHECKPOINTS: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "naive": {point: (f"naive.{point}", 1) for point in _POINTS},
    "classroom": {point: (f"classroom.{point}", 1) for point in _POINTS},
    "key-only": {point: (f"key_only.{point}", 1) for point in _POINTS},
    IDEMPOTENT: {
        "calling": ("payment.sending", 2),
        "charged": ("payment.answered", 2),
        "written": ("payment.observed", 2),
        "saved": ("payment.recorded", 2),
    },
}
# The moment between looking and acting: two that stand here have both seen "not charged yet".
DECIDED: Mapping[str, tuple[str, int]] = {
    "naive": ("naive.calling", 1),
    "classroom": ("classroom.looked", 1),
    "key-only": ("key_only.calling", 1),
    IDEMPOTENT: ("payment.sending", 1),
}
# The request that moves the money: one step for the lab's processors, a confirm for ours.
CHARGES = ("create_charge", "confirm_intent")


def checkpoint(processor: str, moment: str) -> tuple[str, int]:
    """The name of the point in this processor's code, and the how manieth time it counts.

    A build of ours with a bug in it has our points.
    """
    name = processor if processor in CHECKPOINTS else IDEMPOTENT
    if moment == "decided":
        return DECIDED[name]
    return CHECKPOINTS[name].get(moment, (moment, 1))


@dataclass(frozen=True, slots=True)
class Moment:
    """``point``: the worker process is killed there. ``fault``: the gateway misbehaves instead.

    ``forgets``: before the killed worker's heir runs, the gateway has forgotten all its keys.
    """

    name: str
    says: str
    point: str | None = None
    fault: Mapping[str, Any] = field(default_factory=dict)
    forgets: bool = False

    def checkpoint(self, processor: str) -> tuple[str, int] | None:
        """The name of the point in this processor's code, and the how manieth time it counts."""
        if self.point is None:
            return None
        return checkpoint(processor, self.point)

    def rules(self) -> list[dict[str, Any]]:
        """The fault as rules for the gateway, once for whichever request charges."""
        if not self.fault:
            return []
        return [{"match": {"op": op}, "times": 1, **self.fault} for op in CHARGES]


_LOST = {"when": "after", "do": "drop"}
_LATE = {"when": "after", "do": "hang"}
_ERROR = {"when": "after", "do": "500"}
_STORED = {"when": "before", "do": "500_stored"}

MOMENTS = (
    Moment("nothing", "nothing goes wrong"),
    Moment("claimed", "killed when the job was claimed", point="claim.committed"),
    Moment("before-call", "killed just before the charge was sent", point="calling"),
    Moment("after-capture", "killed after the capture, its answer not used yet", point="charged"),
    Moment("before-commit", "killed with the answer written, not committed", point="written"),
    Moment("after-commit", "killed after the commit, before the job ended", point="saved"),
    Moment("lost-answer", "captured, and the answer lost", fault=_LOST),
    Moment("late-answer", "captured, and the answer too late", fault=_LATE),
    Moment("error-after", "captured, and the answer an error 500", fault=_ERROR),
    Moment("stored-error", "an error 500 that the gateway keeps under the key", fault=_STORED),
    Moment(
        "key-forgotten",
        "killed after the capture; the gateway forgets its keys before the next run",
        point="charged",
        forgets=True,
    ),
)
BY_NAME = {moment.name: moment for moment in MOMENTS}
