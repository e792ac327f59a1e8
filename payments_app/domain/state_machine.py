"""State machines as tables that can be seen whole.

A machine lists its moves once, by name. The same table guards three times: ``require`` in the
method, ``sources`` in the WHERE of a guarded UPDATE, and ``pairs`` in the database trigger
(the table ``legal_moves``; a test compares the two).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from payments_app.domain.errors import InvalidTransition

S = TypeVar("S", bound=StrEnum)


class Move(Generic[S]):
    """From any of ``sources`` to ``to``."""

    def __init__(self, *sources: S, to: S) -> None:
        self.sources = frozenset(sources)
        self.to = to


class StateMachine(Generic[S]):
    """All states of one aggregate and the moves between them."""

    def __init__(self, aggregate: str, states: type[S], moves: Mapping[str, Move[S]]) -> None:
        self.aggregate = aggregate
        self.states = states
        self.moves = dict(moves)

    def require(self, event: str, current: S) -> S:
        """The state that ``event`` leads to from ``current``; raises InvalidTransition."""
        move = self.moves[event]
        if current not in move.sources:
            raise InvalidTransition(self.aggregate, current, event)
        return move.to

    def allows(self, event: str, current: S) -> bool:
        return current in self.moves[event].sources

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every legal (from, to), once, sorted: what the database trigger accepts."""
        found = {(str(s), str(m.to)) for m in self.moves.values() for s in m.sources}
        return iter(sorted(found))
