"""Every reachable state of a protocol, breadth first, so that the first bad one is the nearest.

A model says how a world moves; the explorer visits all its states within the model's budgets and
keeps for each kind of violation the shortest history that leads there. It also answers whether the
world can come to rest: from every reachable state, with no further fault, crash or meddling, a
state that the model calls settled must be reachable. A protocol that is safe because it got stuck
has not passed.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

# A model that outgrows its budget must say so, instead of eating the machine.
STATES_MAX = 4_000_000


class Move(NamedTuple):
    """One thing that may happen next. ``fault``: it may happen, but nobody may count on it.

    ``step`` names the worker's own step (``steps.py`` ties it to the code), if it is one.
    """

    label: tuple[Any, ...]
    state: Any
    fault: bool = False
    step: str = ""


class Model(Protocol):
    """A world: where it starts, how it moves, what must never be, where it may stay."""

    def start(self) -> Hashable: ...

    def moves(self, state: Any) -> Iterator[Move]: ...

    def canonical(self, state: Any) -> Hashable:
        """The same for states that differ only by names."""
        ...

    def violations(self, state: Any) -> Iterable[str]: ...

    def is_settled(self, state: Any) -> bool: ...


@dataclass(slots=True)
class Report:
    """What was found. ``traces`` holds the shortest history to each kind of violation."""

    name: str
    states: int = 0
    moves: int = 0
    seconds: float = 0.0
    traces: dict[str, list[str]] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return ", ".join(sorted(self.traces)) or "safe"

    def __str__(self) -> str:
        head = (
            f"{self.name}: {self.verdict} "
            f"({self.states:,} states, {self.moves:,} moves, {self.seconds:.1f} s)"
        )
        return "\n".join([head, *(_told(kind, trace) for kind, trace in self.traces.items())])


STUCK = "stuck"


def explore(
    model: Model,
    name: str,
    *,
    until_violated: bool = False,
    visit: Callable[[Any], None] = lambda _state: None,
) -> Report:
    """Visit everything; or with ``until_violated`` stop at the first violation of any kind.

    ``visit`` is called once for every state.
    """
    began = time.perf_counter()
    report = Report(name)
    search = _Search(model)
    for index in search:
        state = search.states[index]
        visit(state)
        for kind in model.violations(state):
            if kind not in report.traces:
                report.traces[kind] = search.trace(index)
        if until_violated and report.traces:
            break
    else:
        stuck = search.nearest_unsettled()
        if stuck is not None:
            report.traces[STUCK] = search.trace(stuck)
    report.states, report.moves = len(search.states), search.moves
    report.seconds = time.perf_counter() - began
    return report


class _Search:
    """The frontier and, for each state, who found it and which states found it without a fault."""

    def __init__(self, model: Model) -> None:
        self.model = model
        first = model.canonical(model.start())
        self.states: list[Any] = [first]
        self.number: dict[Hashable, int] = {first: 0}
        self.parent: list[int] = [-1]
        self.found_calmly_by: list[list[int]] = [[]]
        self.moves = 0

    def __iter__(self) -> Iterator[int]:
        """Numbers of states, nearest first; each is expanded after it was looked at."""
        at = 0
        while at < len(self.states):
            yield at
            self._expand(at)
            at += 1
            if at > STATES_MAX:
                raise AssertionError(f"more than {STATES_MAX:,} states: choose smaller budgets")

    def _expand(self, at: int) -> None:
        canonical, number = self.model.canonical, self.number
        for move in self.model.moves(self.states[at]):
            self.moves += 1
            state = canonical(move.state)
            found = number.get(state)
            if found is None:
                found = number[state] = len(self.states)
                self.states.append(state)
                self.parent.append(at)
                self.found_calmly_by.append([])
            if not move.fault:
                self.found_calmly_by[found].append(at)

    def nearest_unsettled(self) -> int | None:
        """The first state from which no calm history leads to a settled one."""
        good = [self.model.is_settled(state) for state in self.states]
        queue = [number for number, settled in enumerate(good) if settled]
        while queue:
            for before in self.found_calmly_by[queue.pop()]:
                if not good[before]:
                    good[before] = True
                    queue.append(before)
        return next((number for number, fine in enumerate(good) if not fine), None)

    def trace(self, number: int) -> list[str]:
        return [" ".join(map(str, label)) for label, _ in self.history(number)]

    def history(self, number: int) -> list[tuple[tuple[Any, ...], Any]]:
        """Played again from the start, so that a worker keeps its name all the way."""
        path = []
        while number > 0:
            path.append(self.states[number])
            number = self.parent[number]
        state, told = self.model.start(), []
        for target in reversed(path):
            move = next(
                m for m in self.model.moves(state) if self.model.canonical(m.state) == target
            )
            state = move.state
            told.append((move.label, state))
        return told


def _told(kind: str, trace: list[str]) -> str:
    lines = [f"  {number:2}. {line}" for number, line in enumerate(trace, start=1)]
    return "\n".join([f"  {kind}, {len(trace)} steps:", *lines])
