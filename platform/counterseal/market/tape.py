"""The tape of one instrument: what paper orders may meet.

Job: pick one contract's outright prints in time order, each with the volume printed before it.

Invariants
  I1  Only outright, non-auction prints of that instrument are on its tape.
  I2  Cutting the tape after a print changes nothing of the prints before.

Not here: reading files (market.ticks), bars (market.quotes), quotes (market.derived), fills
(broker).
Source: trading part 2, rules 2 and 6.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from counterseal.kernel.money import quantized
from counterseal.market.instruments import Future
from counterseal.market.ticks import Print


class TapeDeal(NamedTuple):
    """One print of a tape.

    Attributes:
        row: Line of the file, the header being 1.
        at: Calendar date and second, aware.
        price: Points. contracts: printed.
        volume_before: Contracts printed earlier on this tape.
    """

    row: int
    at: datetime
    price: Decimal
    contracts: int
    volume_before: int


def tape_of(prints: Iterable[Print], instrument: Future) -> tuple[TapeDeal, ...]:
    """The tape of an instrument from prints in time order (`ticks.in_time_order`)."""
    root, month, volume = instrument.root, instrument.month, 0
    tape: list[TapeDeal] = []
    for deal in prints:
        if deal.product != root or deal.month != month or deal.auction:
            continue
        tape.append(TapeDeal(deal.row, deal.at, deal.price, deal.contracts, volume))
        volume += deal.contracts
    return tuple(tape)


def volume_weighted_price(tape: Sequence[TapeDeal]) -> Decimal | None:
    """Mean price in points weighted by contracts, half up to eight places; None without prints."""
    contracts = sum(deal.contracts for deal in tape)
    if not contracts:
        return None
    money = sum((deal.price * deal.contracts for deal in tape), Decimal(0))
    return quantized(money / contracts, 8)
