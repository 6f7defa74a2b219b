"""The two markets that a day can be replayed from.

Job: turn the deterministic market, or one day's tick file, into quotes and opportunities.

Invariants
  I1  A strategy sees closes only after their minute or tick has ended.
  I2  What was assumed (rules, months, cooldown) travels with the market into the report.

Not here: formulas (market.regimes, signals.strategies), feeds (storage.market_feeds).
Source: features TX-C4 to TX-C8; trading part 2.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol

from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Detail, DomainModel, Name, Refusal, details
from counterseal.market.contracts import ContractTable
from counterseal.market.derived import DerivedRule
from counterseal.market.instruments import Future
from counterseal.market.quotes import Quote
from counterseal.market.regimes import SYMBOLS, regime_quote
from counterseal.market.sessions import REGULAR, TAIPEI, expiry_date, trading_day
from counterseal.market.ticks import Print, TickFile, in_time_order
from counterseal.market.trading_days import TradingCalendar
from counterseal.signals.model import Direction
from counterseal.signals.strategies import MomentumRule, ReversionRule, momentum, reversion
from storage.market_feeds import REGIME_SOURCE, RegimeFeed, TapeFeed
from storage.tick_files import read_tick_file

TICK: Final = timedelta(minutes=1)
MINUTE: Final = timedelta(minutes=1)
TAPE_SOURCE: Final = "taifex-ticks"


class Opportunity(DomainModel):
    """A strategy's direction at an instant (UTC), with the close that it saw, in points."""

    at: datetime
    symbol: Name
    root: Name
    direction: Direction
    close: Decimal


class MovingFeed(Protocol):
    """A market feed that knows when its quotes move.

    MUST give moves in time order, strictly later than asked; MUST NOT look further than the next.
    """

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """As `market.ports.MarketFeed`."""

    def next_move(self, symbol: str, after: datetime) -> datetime | None:
        """When the quote of a symbol moves next; None when it does not any more."""


@dataclass(frozen=True, slots=True)
class DayMarket:
    """Everything that a day replays.

    Attributes:
        starts_at, ends_at: Half-open span (aware) in which quotes move.
        digest: SHA-256 of the file, or of the parameters of a formula.
        stated: What was assumed, for the report.
    """

    source: str
    day: str
    starts_at: datetime
    ends_at: datetime
    feed: MovingFeed
    opportunities: tuple[Opportunity, ...]
    digest: str
    stated: tuple[Detail, ...]


class Cooldown:
    """Lets a strategy speak again only some time after it spoke, for each symbol."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self._spoke: dict[str, datetime] = {}

    def allows(self, symbol: str, at: datetime) -> bool:
        """Whether the span has passed; if so, it begins anew."""
        last = self._spoke.get(symbol)
        if last is not None and at - last < self._span:
            return False
        self._spoke[symbol] = at
        return True


def regime_day(
    day: date, symbols: Mapping[str, str], root: str, *, rule: MomentumRule, cooldown: timedelta
) -> DayMarket:
    """The regular session of a day in the deterministic market, one tick a minute.

    Args:
        day: Trading day (Taipei).
        symbols: Symbol of each contract root.
        root: The root that the strategy trades.
        rule: Of the momentum strategy.
        cooldown: Least time between two signals.
    """
    opens = datetime.combine(day, REGULAR.opens, TAIPEI).astimezone(UTC)
    closes = datetime.combine(day, REGULAR.closes, TAIPEI).astimezone(UTC)
    feed = RegimeFeed(opens, closes, TICK, {symbols[name]: name for name in SYMBOLS})
    waits = Cooldown(cooldown)
    found: list[Opportunity] = []
    for tick in range(1, (closes - opens) // TICK):
        shown, at = regime_quote(root, tick), opens + tick * TICK
        direction = momentum(shown.change, rule)
        if direction is not Direction.FLAT and waits.allows(root, at):
            found.append(
                Opportunity(
                    at=at, symbol=symbols[root], root=root, direction=direction, close=shown.last
                )
            )
    stated = details(
        market="deterministic and synthetic, one tick a minute",
        strategy="momentum",
        **rule.json_value(),
        cooldown_seconds=int(cooldown.total_seconds()),
        traded=symbols[root],
    )
    return DayMarket(
        source=REGIME_SOURCE,
        day=day.isoformat(),
        starts_at=opens,
        ends_at=closes,
        feed=feed,
        opportunities=tuple(found),
        digest=digest([fact.json_value() for fact in stated]),
        stated=stated,
    )


def tape_day(
    path: Path,
    products: Collection[str],
    contracts: ContractTable,
    calendar: TradingCalendar,
    *,
    rule: ReversionRule,
    quotes: DerivedRule,
    cooldown: timedelta,
) -> DayMarket:
    """A real day, night session included, of the nearest month of each product.

    Raises:
        InputError: codes of `tick_files.read_tick_file`; `TICK_FILE_EMPTY` when a product
            has no monthly print that day.
    """
    file, file_digest = read_tick_file(path, products)
    prints = in_time_order(file.prints)
    if not prints:
        raise InputError("TICK_FILE_EMPTY", "no print of these products", got=",".join(products))
    day = trading_day(prints[-1].at, calendar)
    nearest = _nearest(prints, products, day, calendar)
    tapes = {contracts.future(f"{p}{month}"): _tape(prints, p, month) for p, month in nearest}
    waits = Cooldown(cooldown)
    found = [o for future, tape in tapes.items() for o in _reversions(future, tape, rule, waits)]
    return DayMarket(
        source=TAPE_SOURCE,
        day=day.isoformat(),
        starts_at=prints[0].at.astimezone(UTC),
        ends_at=datetime.combine(day, REGULAR.closes, TAIPEI).astimezone(UTC),
        feed=TapeFeed(tapes, quotes, TAPE_SOURCE),
        opportunities=tuple(sorted(found, key=lambda o: (o.at, o.symbol))),
        digest=file_digest,
        stated=details(
            market="prints of a past day; bid, ask and sizes are derived from them",
            file=path.name,
            **_counts(file),
            traded=", ".join(instrument.symbol for instrument in tapes),
            strategy="one-minute mean reversion",
            **_assumed(rule, quotes, cooldown),
        ),
    )


def _assumed(rule: ReversionRule, quotes: DerivedRule, cooldown: timedelta) -> dict[str, Json]:
    derived = {f"quote_{name}": value for name, value in quotes.json_value().items()}
    return {**rule.json_value(), "cooldown_seconds": int(cooldown.total_seconds()), **derived}


def _counts(file: TickFile) -> dict[str, int]:
    return {
        "monthly_rows": sum(deal.month.isdigit() for deal in file.prints),
        "weekly_rows": sum(not deal.month.isdigit() for deal in file.prints),
        "spread_rows": len(file.spreads),
        "auction_prints": sum(deal.auction for deal in file.prints),
    }


def _tape(prints: Sequence[Print], product: str, month: str) -> tuple[Print, ...]:
    return tuple(deal for deal in prints if deal.product == product and deal.month == month)


def _nearest(
    prints: Sequence[Print], products: Collection[str], day: date, calendar: TradingCalendar
) -> Iterator[tuple[str, str]]:
    """The monthly contract of each product that expires next, on the day or later.

    Raises:
        InputError: `TICK_FILE_EMPTY`.
    """
    for product in sorted(products):
        months = {d.month for d in prints if d.product == product and d.month.isdigit()}
        alive = sorted(m for m in months if expiry_date(m, calendar) >= day)
        if not alive:
            raise InputError("TICK_FILE_EMPTY", "no monthly print of this product", got=product)
        yield product, alive[0]


def _reversions(
    instrument: Future, tape: Sequence[Print], rule: ReversionRule, waits: Cooldown
) -> Iterator[Opportunity]:
    closes: list[Decimal] = []
    traded = (deal for deal in tape if not deal.auction)
    for minute, deals in groupby(traded, key=lambda deal: deal.at.replace(second=0)):
        *_, last = deals
        closes.append(last.price)
        at = (minute + MINUTE).astimezone(UTC)
        direction = reversion(closes[-rule.lookback :], rule)
        if direction is not Direction.FLAT and waits.allows(instrument.symbol, at):
            yield Opportunity(
                at=at,
                symbol=instrument.symbol,
                root=str(instrument.root),
                direction=direction,
                close=last.price,
            )
