"""State machines as tables.

Job: look up `(state, event) -> state`; a missing pair is refused.

Invariants
  I1  A move is legal if and only if the table names it.
  I2  A state without a row for any event is terminal.

Not here: the tables themselves (approvals.states, oms.states).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from counterseal.kernel.errors import TransitionError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class StateTable(Generic[S, E]):
    """An immutable transition table."""

    def __init__(self, name: str, moves: Mapping[tuple[S, E], S]) -> None:
        self.name = name
        self._moves = dict(moves)

    def next(self, state: S, event: E) -> S:
        """The state after an event.

        Raises:
            TransitionError: `TRANSITION_NOT_ALLOWED` when the table has no such row.
        """
        target = self._moves.get((state, event))
        if target is None:
            allowed = (
                ", ".join(sorted(e for s, e in self._moves if s == state)) or "none (terminal)"
            )
            raise TransitionError(
                "TRANSITION_NOT_ALLOWED",
                f"{self.name}: {event} is not allowed in {state}",
                field="event",
                expected=allowed,
                got=event,
            )
        return target

    def allows(self, state: S, event: E) -> bool:
        """Whether the table has a row for the pair."""
        return (state, event) in self._moves

    def is_terminal(self, state: S) -> bool:
        """Whether no event leaves the state."""
        return all(source != state for source, _ in self._moves)

    def rows(self) -> tuple[tuple[S, E, S], ...]:
        """All rows, in the order of the table (for documents and tests)."""
        return tuple((source, event, target) for (source, event), target in self._moves.items())
