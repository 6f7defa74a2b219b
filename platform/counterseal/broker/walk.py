"""An order led along the tape or the bars, until something happens to it.

Job: cut the market after an order's arrival into windows and ask the model at each that matters.

Invariants
  I1  The order meets prints in the tape's own order, each once; none before its arrival and delay.
  I2  The same order and market give the same answer, whenever and in how many steps it is asked.
  I3  An immediate order meets the first second of the tape after its arrival, and no other.

Not here: what a window gives (broker.tape, broker.bars), reading feeds and fills (desk).
Source: trading reference part 2 (rules 2 and 6) and 5.3.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from counterseal.broker.model import SimulationRequest, SimulationResult
from counterseal.broker.models import answer_of
from counterseal.broker.tape import IMMEDIATE, Standing
from counterseal.broker.windows import BarWindow, PrintSnapshot, TapeWindow
from counterseal.kernel.money import EXACT
from counterseal.market.quotes import Bar
from counterseal.market.tape import TapeDeal
from counterseal.policy.execution import TapeFillRule

BAR_SECONDS: Final = 60
_ZERO: Final = Decimal(0)
Taken = Callable[[str], Mapping[int, Decimal]]
"""Contracts that earlier fills took of a second or bar, by row (0 for a bar)."""


class Walked(NamedTuple):
    """The request that was answered last, and its answer."""

    request: SimulationRequest
    result: SimulationResult


class Place(NamedTuple):
    """Where an order stood when it took its place.

    Attributes:
        ahead: Contracts assumed ahead of it at its limit.
        rests: Whether the last print before was at or beyond its limit, or there was none.
        after_row: Last row that an earlier fill of the order used; 0 for none.
    """

    ahead: Decimal = _ZERO
    rests: bool = True
    after_row: int = 0


def lot_of(symbol: str, at: datetime) -> str:
    """The name of a second or a bar that begins at an instant (aware)."""
    return f"tape-{symbol}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def latency(rule: TapeFillRule) -> timedelta:
    """The rule's delay."""
    return timedelta(milliseconds=rule.latency_ms)


def place_of(
    request: SimulationRequest,
    rule: TapeFillRule,
    before: Sequence[TapeDeal],
    *,
    after_row: int = 0,
) -> Place:
    """The place of an order, from the prints of the rule's window before its arrival."""
    limit = request.working_limit
    if limit is None:
        return Place(rests=False, after_row=after_row)
    printed = sum(deal.contracts for deal in before if deal.price == limit)
    share = EXACT.multiply(rule.queue_share, Decimal(printed))
    ahead = share.to_integral_value(ROUND_CEILING)
    inside = request.side.sign * (limit - before[-1].price) if before else _ZERO
    return Place(
        ahead=max(ahead, Decimal(rule.queue_min_contracts)) if rule.fills_at_touch else _ZERO,
        rests=inside <= 0,
        after_row=after_row,
    )


def walk_tape(
    request: SimulationRequest, tape: Iterable[TapeDeal], place: Place, taken: Taken
) -> Walked:
    """Lead an order along prints stamped after its arrival and delay, second by second.

    Args:
        request: The order without a window.
        tape: Prints in order, all later than arrival and delay.
        place: How it stood at its arrival.
        taken: Contracts that earlier fills took.

    Returns:
        The first answer that fills or triggers, or ends an immediate order; else one without
        prints.

    Raises:
        InputError: codes of the tape model.
    """
    stands, row = Standing(place.ahead, place.rests), place.after_row
    for at, group in groupby(tape, key=attrgetter("at")):
        second = tuple(group)
        new = [deal for deal in second if deal.row > place.after_row]
        stands = _folded(request, stands, second[: len(second) - len(new)])
        row = max(row, second[-1].row)
        immediate = _is_immediate(request)
        if not immediate and not any(_matters(request, deal.price) for deal in new):
            stands = _folded(request, stands, new)
            continue
        window = _window(request, place, stands, lot_of(request.symbol, at), new, taken)
        asked = request.amended(window=window)
        result = answer_of(asked)
        if result.simulated_fill_quantity or result.triggered_at is not None or immediate:
            return Walked(asked, result)
        stands = _folded(request, stands, new)
    idle = _window(request, place._replace(after_row=row), stands, "none", (), taken)
    asked = request.amended(window=idle)
    return Walked(asked, answer_of(asked))


def _folded(request: SimulationRequest, stands: Standing, deals: Iterable[TapeDeal]) -> Standing:
    limit, sign = request.working_limit, request.side.sign
    if limit is not None:
        for deal in deals:
            stands = stands.after(sign * (limit - deal.price), deal.contracts)
    return stands


def _is_immediate(request: SimulationRequest) -> bool:
    return request.time_in_force in IMMEDIATE and not request.waits_at_stop


def _matters(request: SimulationRequest, price: Decimal) -> bool:
    """Whether a print of this price reaches the order: its limit, its stop, or any."""
    sign, limit = request.side.sign, request.working_limit
    if request.waits_at_stop:
        return request.stop_price is not None and sign * (price - request.stop_price) >= 0
    return limit is None or sign * (limit - price) >= 0


def _window(
    request: SimulationRequest,
    place: Place,
    stands: Standing,
    lot_id: str,
    deals: Sequence[TapeDeal],
    taken: Taken,
) -> TapeWindow:
    gone = taken(lot_id) if deals else {}
    return TapeWindow(
        symbol=request.symbol,
        source=request.quote.source,
        lot_id=lot_id,
        after_row=place.after_row,
        rests=stands.rests,
        queue_at_arrival=place.ahead,
        queue_ahead=stands.ahead,
        prints=tuple(
            PrintSnapshot(
                row=deal.row,
                at=deal.at,
                price=deal.price,
                contracts=deal.contracts,
                volume_before=deal.volume_before,
                taken=gone.get(deal.row, _ZERO),
            )
            for deal in deals
        ),
    )


def walk_bars(
    request: SimulationRequest,
    bars: Iterable[Bar],
    taken: Taken,
    *,
    pair_stop: Decimal | None = None,
) -> Walked:
    """Lead an order along bars that begin after its arrival, to the first that fills some of it.

    An immediate order meets the first bar only; without any bar the answer has none. `pair_stop`
    is the stop price of the order that would close the same position, in quote units.

    Raises:
        InputError: codes of the bar model.
    """
    walked = Walked(request, answer_of(request))
    for bar in bars:
        lot = lot_of(request.symbol, bar.start)
        window = BarWindow(
            symbol=bar.symbol,
            source=request.quote.source,
            lot_id=lot,
            starts_at=bar.start,
            seconds=BAR_SECONDS,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            taken=taken(lot).get(0, _ZERO),
            pair_stop=pair_stop,
        )
        asked = request.amended(window=window)
        walked = Walked(asked, answer_of(asked))
        if walked.result.simulated_fill_quantity or _is_immediate(request):
            return walked
    return walked
