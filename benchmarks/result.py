"""What a scenario says: lines of numbers, one per round, and targets that are held against medians.

Single runs on a shared machine differ by a fifth or two, so contestants take turns within a round
and each begins one; medians are compared, and ratios quoted.
"""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Measure = Callable[[], float]


@dataclass(frozen=True)
class Plan:
    """How much is measured. `share` scales the numbers of jobs and the durations."""

    rounds: int = 3
    share: float = 1.0
    with_peers: bool = True

    def jobs(self, count: int) -> int:
        return max(int(count * self.share), 50)

    def seconds(self, duration_s: float) -> float:
        return duration_s * self.share


@dataclass(frozen=True)
class Line:
    """One contestant, measured once a round."""

    who: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Target:
    """A number of ours, or a ratio of two medians, and what it must reach (or not exceed)."""

    what: str
    measured: float
    wanted: float
    unit: str = "×"
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        if self.at_most:
            return self.measured <= self.wanted
        return self.measured >= self.wanted


@dataclass
class Result:
    title: str
    lines: list[Line] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def add(self, unit: str, values: Mapping[str, list[float]]) -> None:
        self.lines += [Line(who, unit, tuple(some)) for who, some in values.items()]

    def median(self, who: str, unit: str) -> float | None:
        """None when that one was not measured: peers may be left out."""
        found = [line.median for line in self.lines if (line.who, line.unit) == (who, unit)]
        return found[0] if found else None

    def compare(self, what: str, who: str, other: str, unit: str, wanted: float) -> None:
        """A ratio as a target, where both were measured."""
        ours, theirs = self.median(who, unit), self.median(other, unit)
        if ours is not None and theirs:
            self.targets.append(Target(what, ours / theirs, wanted))


def interleave(plan: Plan, measures: Mapping[str, Measure]) -> dict[str, list[float]]:
    """Everybody once a round, and everybody's turn to be first."""
    values: dict[str, list[float]] = {who: [] for who in measures}
    names = list(measures)
    for number in range(plan.rounds):
        first = number % len(names)
        for who in names[first:] + names[:first]:
            values[who].append(measures[who]())
            print(f"  round {number + 1}: {who}: {values[who][-1]:,.1f}", flush=True)
    return values
