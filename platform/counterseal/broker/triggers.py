"""An index of the prices at which resting orders wait.

Job: tell which orders a print reaches, without looking at the others.

Invariants
  I1  A print reaches exactly the orders whose price it is at or beyond (beyond only, when strict).
  I2  Those that it does not reach cost nothing.

Not here: what the print does to them (broker.resting).
Source: trading reference part 2, rule 6.
"""

from bisect import bisect_left, insort
from decimal import Decimal
from typing import NamedTuple

from counterseal.kernel.errors import InvariantError

_Entry = tuple[Decimal, int, str]


class Trigger(NamedTuple):
    """When an order is reached.

    Attributes:
        price: Quote units.
        falling: Reached from above (limit to buy, stop to sell); else from below.
        strict: Only a print beyond the price reaches it.
    """

    price: Decimal
    falling: bool
    strict: bool


class TriggerIndex:
    """Orders by the price that reaches them."""

    def __init__(self) -> None:
        self._triggers: dict[str, Trigger] = {}
        self._falling: list[_Entry] = []
        self._rising: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._triggers)

    def add(self, order_id: str, trigger: Trigger) -> None:
        """Let an order wait.

        Raises:
            InvariantError: when it waits already.
        """
        if order_id in self._triggers:
            raise InvariantError(f"{order_id} waits twice")
        self._triggers[order_id] = trigger
        insort(*self._place(order_id, trigger))

    def remove(self, order_id: str) -> None:
        """Let an order wait no more; nothing for one that does not."""
        trigger = self._triggers.pop(order_id, None)
        if trigger is not None:
            entries, entry = self._place(order_id, trigger)
            del entries[bisect_left(entries, entry)]

    def reached(self, price: Decimal) -> tuple[str, ...]:
        """Orders that a print of this price (quote units) reaches, the most eager price first."""
        found: list[str] = []
        if self._falling and self._falling[-1][0] >= price:
            first = bisect_left(self._falling, (price, 1, ""))
            found += [order_id for _, _, order_id in reversed(self._falling[first:])]
        if self._rising and self._rising[0][0] <= price:
            end = bisect_left(self._rising, (price, 1, ""))
            found += [order_id for _, _, order_id in self._rising[:end]]
        return tuple(found)

    def _place(self, order_id: str, trigger: Trigger) -> tuple[list[_Entry], _Entry]:
        """The list and the entry; equal prices sort so that strict ones stay outside a touch."""
        if trigger.falling:
            return self._falling, (trigger.price, 0 if trigger.strict else 1, order_id)
        return self._rising, (trigger.price, 1 if trigger.strict else 0, order_id)
