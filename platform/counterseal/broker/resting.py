"""Resting orders of one instrument, met print by print.

Job: lead many orders along a tape at once, each print asking only those that it reaches.

Invariants
  I1  An order gets what `walk_tape` would give it, row by row.
  I2  Among paper orders the better price is served first, then the earlier place.
  I3  What one order took of a print is gone for the next.

Not here: immediate orders (broker.walk), storing fills (desk), messages (broker.book).
Source: trading reference parts 1.5 and 5.3.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.broker.model import SimulationRequest
from counterseal.broker.models import answer_of
from counterseal.broker.tape import IMMEDIATE, Standing
from counterseal.broker.triggers import Trigger, TriggerIndex
from counterseal.broker.walk import Place, Walked, latency, lot_of
from counterseal.broker.windows import PrintSnapshot, TapeWindow
from counterseal.kernel.errors import InputError, InvariantError
from counterseal.market.tape import TapeDeal
from counterseal.policy.execution import TapeFillRule
from counterseal.signals.intent import Side

_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class _Resting:
    """An order that waits; prints must be stamped later than `from_at`."""

    request: SimulationRequest
    rule: TapeFillRule
    place: Place
    stands: Standing
    from_at: datetime
    number: int


class RestingOrders:
    """The paper orders that wait on one tape."""

    def __init__(self) -> None:
        self._orders: dict[str, _Resting] = {}
        self._index = TriggerIndex()
        self._takers: set[str] = set()
        self._count = 0

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, request: SimulationRequest, place: Place) -> None:
        """Let an order wait from its arrival on.

        Args:
            request: The order without a window; its rule is of the tape model.
            place: How it stood at its arrival.

        Raises:
            InputError: `ORDER_NOT_RESTING` for an immediate order, one without arrival, or one of
                another model.
        """
        rule, arrived = request.rule, request.arrived_at
        immediate = request.time_in_force in IMMEDIATE
        if immediate or arrived is None or not isinstance(rule, TapeFillRule):
            raise InputError("ORDER_NOT_RESTING", "only a resting order waits on a tape")
        self._count += 1
        stands = Standing(place.ahead, place.rests)
        resting = _Resting(request, rule, place, stands, arrived + latency(rule), self._count)
        self._orders[request.order_id] = resting
        self._file(resting)

    def remove(self, order_id: str) -> SimulationRequest | None:
        """Take an order out; what it still asks for, or None for one that is not here."""
        resting = self._orders.pop(order_id, None)
        self._unfile(order_id)
        return None if resting is None else resting.request

    def meet(self, deal: TapeDeal) -> tuple[Walked, ...]:
        """What a print does: an answer for each order that it fills or whose stop it triggers."""
        reached = self._index.reached(deal.price)
        if not reached and not self._takers:
            return ()
        met = [self._orders[order_id] for order_id in (*self._takers, *reached)]
        taken, answers = _ZERO, list[Walked]()
        for resting in sorted(met, key=_priority):
            if deal.at <= resting.from_at:
                continue
            walked = self._asked(resting, deal, taken)
            taken += walked.result.simulated_fill_quantity
            if walked.result.simulated_fill_quantity or walked.result.triggered_at is not None:
                answers.append(walked)
        return tuple(answers)

    def _asked(self, resting: _Resting, deal: TapeDeal, taken: Decimal) -> Walked:
        met = PrintSnapshot(
            row=deal.row,
            at=deal.at,
            price=deal.price,
            contracts=deal.contracts,
            volume_before=deal.volume_before,
            taken=taken,
        )
        window = TapeWindow(
            symbol=resting.request.symbol,
            source=resting.request.quote.source,
            lot_id=lot_of(resting.request.symbol, deal.at),
            rests=resting.stands.rests,
            queue_at_arrival=resting.place.ahead,
            queue_ahead=resting.stands.ahead,
            prints=(met,),
        )
        asked = resting.request.amended(window=window)
        walked = Walked(asked, answer_of(asked))
        self._stepped(resting, deal, walked)
        return walked

    def _stepped(self, resting: _Resting, deal: TapeDeal, walked: Walked) -> None:
        """The order as the print leaves it."""
        request, result = resting.request, walked.result
        self._unfile(request.order_id)
        if result.triggered_at is not None:
            resting.request = request.amended(triggered=True, arrived_at=result.triggered_at)
            resting.from_at = result.triggered_at + latency(resting.rule)
        elif not result.remaining_quantity:
            del self._orders[request.order_id]
            return
        elif result.simulated_fill_quantity:
            resting.request = request.amended(quantity=result.remaining_quantity)
        limit = request.working_limit
        if limit is not None:
            inside = request.side.sign * (limit - deal.price)
            resting.stands = resting.stands.after(inside, deal.contracts)
        self._file(resting)

    def _file(self, resting: _Resting) -> None:
        """Put an order where prints find it: at its price, or among those that take any print.

        Raises:
            InvariantError: for a stop without its price.
        """
        request, limit = resting.request, resting.request.working_limit
        buys = request.side is Side.BUY
        if request.waits_at_stop:
            if request.stop_price is None:
                raise InvariantError("a stop without its price was taken in")
            trigger = Trigger(request.stop_price, falling=not buys, strict=False)
        elif limit is None or not resting.stands.rests:
            self._takers.add(request.order_id)
            return
        else:
            trigger = Trigger(limit, falling=buys, strict=not resting.rule.fills_at_touch)
        self._index.add(request.order_id, trigger)

    def _unfile(self, order_id: str) -> None:
        self._takers.discard(order_id)
        self._index.remove(order_id)


def _priority(resting: _Resting) -> tuple[Decimal, int]:
    """Market orders first, then the more eager limit, then the earlier place."""
    limit = resting.request.working_limit
    eager = Decimal("-Infinity") if limit is None else -resting.request.side.sign * limit
    return eager, resting.number
