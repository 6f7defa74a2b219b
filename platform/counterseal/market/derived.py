"""Quotes made from prints, and labelled so.

Job: turn the prints already seen of one instrument into a quote under a stated rule.

Invariants
  I1  Only outright, non-auction prints of that instrument from earlier seconds: no look-ahead.
  I2  Basis, method, version and parameters travel with the quote; the basis is `trade_derived`.
  I3  Bid < last < ask: a taker never pays less than plausible.

Not here: fills (broker), book quotes (no such feed).
Source: trading part 2, rules 1 to 6.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final

from pydantic import Field

from counterseal.kernel.model import DomainModel, Name, Refusal, details, refuse
from counterseal.kernel.money import EXACT, Exact, quantized
from counterseal.market.instruments import Future
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.market.sessions import taipei
from counterseal.market.ticks import Print

METHOD: Final = "last_plus_minus_ticks"
METHOD_VERSION: Final = "1"
SIZE_RULE: Final = "floor(size_share x contracts printed in the window)"
LIQUIDITY_RULE: Final = "min(1, contracts printed in the window / full_liquidity_contracts)"


class DerivedRule(DomainModel):
    """Parameters of the method; all are assumptions.

    Attributes:
        ticks: Distance of bid and ask from the last print, in ticks.
        window_seconds: Window in which printed contracts are counted.
        size_share: Share of these contracts taken as size on each side, 0..1.
        full_liquidity_contracts: Contracts in the window at which the score is 1.
    """

    ticks: int = Field(default=1, ge=1, le=1000)
    window_seconds: int = Field(default=60, ge=1, le=3600)
    size_share: Exact = Field(default=Decimal("0.1"), gt=0, le=1)
    full_liquidity_contracts: int = Field(default=100, ge=1, le=1_000_000)


def derive_quote(
    prints: Sequence[Print],
    instrument: Future,
    now: datetime,
    rule: DerivedRule,
    *,
    quote_id: Name,
    source: Name,
) -> Quote | Refusal:
    """Quote of an instrument at `now` (aware), from prints in time order (`in_time_order`).

    Prices in points, sizes in whole contracts rounded down, score rounded half up to four places.

    Raises:
        InputError: `TIME_NAIVE`.

    Returns:
        A quote stamped with the second of the last print; the refusal `NO_QUOTE` without one.
    """
    cut = taipei(now).replace(microsecond=0)
    end = bisect_left(prints, cut, key=attrgetter("at"))
    last, volume = _seen(prints, end, instrument, cut - timedelta(seconds=rule.window_seconds))
    if last is None:
        return refuse("NO_QUOTE", "No print of this instrument yet.", symbol=instrument.symbol)
    step = EXACT.multiply(instrument.tick, Decimal(rule.ticks))
    size = int(EXACT.multiply(rule.size_share, Decimal(volume)))
    score = quantized(Decimal(volume) / rule.full_liquidity_contracts, 4)
    return Quote(
        quote_id=quote_id,
        symbol=instrument.symbol,
        bid=EXACT.subtract(last.price, step),
        ask=EXACT.add(last.price, step),
        bid_size=Decimal(size),
        ask_size=Decimal(size),
        last=last.price,
        liquidity_score=min(Decimal(1), score),
        source=source,
        basis=QuoteBasis.TRADE_DERIVED,
        event_time=last.at,
        receive_time=now,
        method=METHOD,
        method_version=METHOD_VERSION,
        parameters=details(
            **rule.json_value(),
            size_rule=SIZE_RULE,
            liquidity_rule=LIQUIDITY_RULE,
            contracts_in_window=volume,
            last_row=last.row,
        ),
    )


def _seen(
    prints: Sequence[Print], end: int, instrument: Future, since: datetime
) -> tuple[Print | None, int]:
    last: Print | None = None
    volume = 0
    for index in range(end - 1, -1, -1):
        deal = prints[index]
        if deal.at < since and last is not None:
            break
        own = deal.product == instrument.root and deal.month == instrument.month
        if not own or deal.auction:
            continue
        last = last or deal
        if deal.at < since:
            break
        volume += deal.contracts
    return last, volume
