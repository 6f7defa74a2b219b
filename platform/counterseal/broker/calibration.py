"""How far the fills of each model stray from the tape.

Job: send probe orders along a tape and compare what each model fills with what was printed.

A probe is a market order at a stated instant; its yardstick is the volume-weighted price of the
prints in the stated span after it. The cost is the distance of the average fill from it, in
points, positive when worse for the order. All of it is simulated: nothing here was traded.

Invariants
  I1  Probes do not meet each other: each has the tape to itself.
  I2  The same tape, models and terms give the same report.

Not here: reading files (storage), the models (broker.models).
Source: trading reference parts 2, 5.3 and 8.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from operator import attrgetter
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.broker.model import QuoteSnapshot, SimulationRequest
from counterseal.broker.models import answer_of
from counterseal.broker.walk import BAR_SECONDS, Place, latency, walk_bars, walk_tape
from counterseal.kernel.model import AlwaysTrue, Detail, DomainModel, Name, details
from counterseal.kernel.money import EXACT, Exact, NonNegative, quantized
from counterseal.market.quotes import bars_of
from counterseal.market.tape import TapeDeal, volume_weighted_price
from counterseal.policy.execution import (
    BarFillRule,
    DelayedQuoteFillRule,
    FillRule,
    QuoteFillRule,
    TapeFillRule,
)
from counterseal.signals.intent import OrderType, Side

PLACES: Final = 4
EVERY_MODEL: Final = (QuoteFillRule(), DelayedQuoteFillRule(), TapeFillRule(), BarFillRule())
"""The models with their own parameters, as a calibration probes them."""

_AT: Final = attrgetter("at")
_ZERO: Final = Decimal(0)
_SECOND: Final = timedelta(seconds=1)


class CalibrationTerms(DomainModel):
    """How the probes are made.

    Attributes:
        every_seconds: Between two probes, which buy and sell in turn.
        span_seconds: Of the yardstick, and how long a probe works.
        sizes: Contracts of a probe; each size is probed at each instant.
        quote_ticks, quote_size: Of the quote that the quote models are shown: the last print less
            and plus these ticks, with this size on each side; an assumption.
    """

    every_seconds: int = Field(default=600, ge=1, le=86_400)
    span_seconds: int = Field(default=120, ge=1, le=86_400)
    sizes: tuple[int, ...] = Field(default=(1, 5, 20), min_length=1, max_length=20)
    quote_ticks: int = Field(default=1, ge=0, le=1000)
    quote_size: int = Field(default=5, ge=1, le=1_000_000)


class StrayRow(DomainModel):
    """One model and one size.

    Attributes:
        probes: Orders sent. filled: of these, the ones that got anything.
        share_filled: Contracts filled of contracts asked, 0..1, four places.
        cost_mean: Points; None when nothing filled.
        off_p50, off_p90, off_p99: Points of distance without sign, nearest rank.
    """

    model_version: Name
    size: int
    probes: int
    filled: int
    share_filled: NonNegative
    cost_mean: Exact | None
    off_p50: NonNegative | None
    off_p90: NonNegative | None
    off_p99: NonNegative | None


class CalibrationReport(DomainModel):
    """What was found, and what was assumed."""

    simulated: AlwaysTrue = True
    symbol: Name
    terms: CalibrationTerms
    assumptions: tuple[Detail, ...]
    rows: tuple[StrayRow, ...]


class _Probe(NamedTuple):
    at: datetime
    side: Side
    last: Decimal
    yardstick: Decimal


def calibrate(
    symbol: str,
    tape: Sequence[TapeDeal],
    tick: Decimal,
    rules: Sequence[FillRule],
    terms: CalibrationTerms,
) -> CalibrationReport:
    """Probe each model at each size along a tape in order; `tick` in points.

    An instant without a print before it or within the span after it has no probe.
    """
    probes = tuple(_probes(tape, terms))
    rows = tuple(
        _row(rule, size, [_sent(symbol, tape, tick, rule, size, probe, terms) for probe in probes])
        for rule in rules
        for size in terms.sizes
    )
    assumed = (
        *details(
            orders="market orders, buying and selling in turn, each alone on the tape",
            yardstick=f"volume-weighted price of the {terms.span_seconds} s after the order",
            quotes=f"last print -/+ {terms.quote_ticks} ticks, {terms.quote_size} contracts a side",
            tape="trades only: no bid, no ask, no queue, no reaction of the market",
        ),
        *(Detail(name=rule.model_version, value=_parameters(rule)) for rule in rules),
    )
    return CalibrationReport(symbol=symbol, terms=terms, assumptions=assumed, rows=rows)


def _parameters(rule: FillRule) -> str:
    told = (f"{n}={v}" for n, v in rule.json_value().items() if n != "model_version")
    return ", ".join(told) or "no parameters"


def _probes(tape: Sequence[TapeDeal], terms: CalibrationTerms) -> Iterator[_Probe]:
    if not tape:
        return
    step, span = timedelta(seconds=terms.every_seconds), timedelta(seconds=terms.span_seconds)
    for number in count(1):
        at = tape[0].at + number * step
        if at > tape[-1].at:
            return
        seen = bisect_right(tape, at - _SECOND, key=_AT)
        price = volume_weighted_price(_between(tape, at, at + span))
        if seen and price is not None:
            side = Side.BUY if number % 2 else Side.SELL
            yield _Probe(at, side, tape[seen - 1].price, price)


def _between(tape: Sequence[TapeDeal], after: datetime, until: datetime) -> Sequence[TapeDeal]:
    first = bisect_right(tape, after, key=_AT)
    return tape[first : bisect_right(tape, until, key=_AT)]


def _sent(
    symbol: str,
    tape: Sequence[TapeDeal],
    tick: Decimal,
    rule: FillRule,
    size: int,
    probe: _Probe,
    terms: CalibrationTerms,
) -> tuple[int, int, Decimal | None]:
    """Contracts asked and filled, and the cost in points of what was filled."""
    request = _request(symbol, tick, rule, size, probe, terms)
    span = timedelta(seconds=terms.span_seconds)
    filled, money = _ZERO, _ZERO
    for quantity, price in _fills(request, tape, probe.at + span):
        filled += quantity
        money = EXACT.add(money, EXACT.multiply(quantity, price))
    if not filled:
        return size, 0, None
    worse = probe.side.sign * (quantized(money / filled, 8) - probe.yardstick)
    return size, int(filled), worse


def _fills(
    request: SimulationRequest, tape: Sequence[TapeDeal], until: datetime
) -> Iterator[tuple[Decimal, Decimal]]:
    rule, arrived = request.rule, request.arrived_at or until
    if isinstance(rule, TapeFillRule):
        yield from _on_tape(request, _between(tape, arrived + latency(rule), until))
        return
    if isinstance(rule, BarFillRule):
        bars = bars_of(request.symbol, _between(tape, arrived - _SECOND, until))
        whole = until - timedelta(seconds=BAR_SECONDS)
        met = [bar for bar in bars if arrived <= bar.start <= whole]
        walked = walk_bars(request, met, _nothing).result
    else:
        walked = answer_of(request)
    if walked.simulated_fill_price is not None:
        yield walked.simulated_fill_quantity, walked.simulated_fill_price


def _on_tape(
    request: SimulationRequest, deals: Sequence[TapeDeal]
) -> Iterator[tuple[Decimal, Decimal]]:
    row = 0
    while True:
        result = walk_tape(request, deals, Place(rests=False, after_row=row), _nothing).result
        if result.simulated_fill_price is None:
            return
        yield result.simulated_fill_quantity, result.simulated_fill_price
        if not result.remaining_quantity:
            return
        request = request.amended(quantity=result.remaining_quantity)
        row = result.uses[-1].row


def _nothing(_: str) -> Mapping[int, Decimal]:
    return {}


def _request(
    symbol: str, tick: Decimal, rule: FillRule, size: int, probe: _Probe, terms: CalibrationTerms
) -> SimulationRequest:
    away = EXACT.multiply(tick, Decimal(terms.quote_ticks))
    at = probe.at.astimezone(UTC)
    quote = QuoteSnapshot(
        symbol=symbol,
        bid=probe.last - away,
        ask=probe.last + away,
        bid_size=Decimal(terms.quote_size),
        ask_size=Decimal(terms.quote_size),
        last=probe.last,
        basis="trade_derived",
        source="calibration",
        quote_id=f"probe-{at:%Y%m%dT%H%M%S}",
        event_time=at,
        receive_time=at,
        age_seconds=_ZERO,
    )
    return SimulationRequest(
        order_id="probe",
        symbol=symbol,
        side=probe.side,
        order_type=OrderType.MARKET,
        quantity=Decimal(size),
        tick=tick,
        arrived_at=at,
        rule=rule,
        quote=quote,
    )


def _row(rule: FillRule, size: int, sent: Sequence[tuple[int, int, Decimal | None]]) -> StrayRow:
    costs = [cost for _, _, cost in sent if cost is not None]
    off = sorted(abs(cost) for cost in costs)
    asked, filled = sum(one[0] for one in sent), sum(one[1] for one in sent)
    mean = quantized(sum(costs, _ZERO) / len(costs), PLACES) if costs else None
    return StrayRow(
        model_version=rule.model_version,
        size=size,
        probes=len(sent),
        filled=len(costs),
        share_filled=quantized(Decimal(filled) / asked, PLACES) if asked else _ZERO,
        cost_mean=mean,
        off_p50=_rank(off, 50),
        off_p90=_rank(off, 90),
        off_p99=_rank(off, 99),
    )


def _rank(ascending: Sequence[Decimal], percent: int) -> Decimal | None:
    """The smallest value that `percent` of all do not exceed."""
    if not ascending:
        return None
    place = -(-len(ascending) * percent // 100)
    return quantized(ascending[max(place, 1) - 1], PLACES)
