"""What a scenario is: a question, what you may predict, the story that is really played, and why.

A story is a function of the stage (stage.py) and uses its verbs. What must come out for each
processor is data beside it, so that a test can hold every cell to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from payments_app.lab import code
from payments_app.lab.shop import AMOUNT_MINOR

if TYPE_CHECKING:
    from payments_app.lab.stage import Stage

DEFAULT_SEED = 4711


@dataclass(frozen=True, slots=True)
class Hold:
    """A point at which a worker is held: the first that gets there, or (``each``) both."""

    moment: str
    each: bool = False


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a reader may expect: words, and the money that they stand for."""

    amount_minor: int
    text: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out. ``captures`` are those of the gateway's journal, all together; None
    where chance decides how many."""

    verdict: str
    captures: int | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One experiment. ``code`` names the lines that decide it, for each processor: see code.py."""

    id: str
    number: int
    title: str
    question: str
    story: "Callable[[Stage], None]" = field(repr=False)
    expected: Mapping[str, Expected]
    why: Mapping[str, str]
    holds: tuple[Hold, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    predictions: tuple[Prediction, ...] = (
        Prediction(0, "$0: the charge is lost"),
        Prediction(AMOUNT_MINOR, "$120: charged once"),
        Prediction(2 * AMOUNT_MINOR, "$240: charged twice"),
    )
    # What is not safe by itself, said on the page: scenario 13 has one.
    limits: str = ""
    # Worker processes may run more than one payment at once only where that is the point.
    jobs_at_once: int = 1
    # Long, so that a slow machine loses no lease by accident; short where its loss is the point.
    lease_s: float = 10.0

    @property
    def processors(self) -> tuple[str, ...]:
        return tuple(self.expected)

    def as_json(self) -> dict[str, Any]:
        """What a page shows before anything has run."""
        return {
            "id": self.id,
            "number": self.number,
            "title": self.title,
            "question": self.question,
            "predictions": [
                {"amount_minor": each.amount_minor, "text": each.text} for each in self.predictions
            ],
            "processors": list(self.processors),
            "expected": {
                name: {"verdict": each.verdict, "captures": each.captures}
                for name, each in self.expected.items()
            },
            "why": dict(self.why),
            "code": {name: code.excerpt(cut).as_json() for name, cut in self.code.items()},
            "limits": self.limits,
        }


ONCE = Expected("charged once", 1)
TWICE = Expected("charged 2 times", 2)
NEVER_KNOWN = Expected("charged once, recorded processing, stuck", 1)
