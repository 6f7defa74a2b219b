"""The two markets that a day can be replayed from.

Job: turn the deterministic market, or one day's tick file, into quotes and moments.

Invariants
  I1  A strategy hears prices only after their second, minute or tick has ended.
  I2  What was assumed (rules, months, pauses) travels with the market into the report.

Not here: formulas (market.regimes), folding prints (market.replay), strategies (strategies), feeds
(storage.market_feeds).
Source: features TX-C4 to TX-C8; trading part 2.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Detail, Refusal, details
from counterseal.market.contracts import ContractTable
from counterseal.market.derived import DerivedRule
from counterseal.market.instruments import Future
from counterseal.market.quotes import Quote
from counterseal.market.regimes import SYMBOLS, regime_quote
from counterseal.market.replay import Moment, Tick, moments
from counterseal.market.replay_reach import PriceReach
from counterseal.market.sessions import REGULAR, TAIPEI, expiry_date, session_end, trading_day
from counterseal.market.settlement import daily_settlement
from counterseal.market.ticks import Print, TickFile, in_time_order
from counterseal.market.trading_days import TradingCalendar
from counterseal.oms.model import Order
from counterseal.portfolio.settlement import SettlementPrice
from flows.day.resting import FeedReach, TapeReach
from flows.day.strategies import Chosen, Ensemble
from storage.market_feeds import REGIME_SOURCE, RegimeFeed, TapeFeed
from storage.tick_files import read_tick_file

TICK: Final = timedelta(minutes=1)
TAPE_SOURCE: Final = "taifex-ticks"
LAST_MINUTE_MEAN: Final = "last-minute-mean"
TAPE_WORDS: Final = "prints of a past day; bid, ask and sizes are derived from them"


class Feed(Protocol):
    """A market feed; as `market.ports.MarketFeed`."""

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        """The latest quote at an instant, or `NO_QUOTE`."""


class Reach(Protocol):
    """Knows when the market comes to a resting order.

    MUST leave out no instant at which a fill model might fill some of the order or trigger it, and
    MUST NOT give an instant that is not strictly later than asked.
    """

    def next_reach(self, order: Order, after: datetime) -> datetime | None:
        """When to put the order to the market next (UTC); None when that will not be."""


@dataclass(frozen=True, slots=True)
class DayMarket:
    """Everything that a day replays.

    Attributes:
        starts_at, ends_at: Half-open span (aware) in which quotes move.
        closes: When sessions close (aware), ascending; the last is not after `ends_at`.
        settlements: Daily settlement prices, told at the last close; none where none is known.
        moments: Begins the day's moments anew.
        strategies: Who listens to them, on each of `traded`, heard again after `cooldown` only.
        digest: SHA-256 of the file, or of the parameters of a formula.
        stated: What was assumed, for the report.
    """

    source: str
    day: str
    starts_at: datetime
    ends_at: datetime
    closes: tuple[datetime, ...]
    settlements: tuple[SettlementPrice, ...]
    feed: Feed
    reach: Reach
    moments: Callable[[], Iterator[Moment]]
    strategies: tuple[Chosen, ...]
    traded: tuple[str, ...]
    cooldown: timedelta
    digest: str
    stated: tuple[Detail, ...]

    def ensemble(self) -> Ensemble:
        """The strategies, before they heard anything; `STRATEGY_FAILED` when one does."""
        return Ensemble(self.strategies, self.traded, self.cooldown)


def regime_day(
    day: date, symbols: Mapping[str, str], root: str, *, strategy: Chosen, cooldown: timedelta
) -> DayMarket:
    """The regular session of a day in the deterministic market, one tick a minute.

    Args:
        day: Trading day (Taipei).
        symbols: Symbol of each contract root.
        root: The root that the strategy trades.
        strategy: Hears the last price of each tick.
        cooldown: Least time between two signals.
    """
    opens = datetime.combine(day, REGULAR.opens, TAIPEI).astimezone(UTC)
    closes = datetime.combine(day, REGULAR.closes, TAIPEI).astimezone(UTC)
    feed = RegimeFeed(opens, closes, TICK, {symbols[name]: name for name in SYMBOLS})
    stated = (
        *details(market="deterministic and synthetic, one tick a minute"),
        *strategy.stated(),
        *details(cooldown_seconds=int(cooldown.total_seconds()), traded=symbols[root]),
    )
    return DayMarket(
        source=REGIME_SOURCE,
        day=day.isoformat(),
        starts_at=opens,
        ends_at=closes,
        closes=(closes,),
        settlements=(),
        feed=feed,
        reach=FeedReach(feed),
        moments=partial(_regime_moments, opens, (closes - opens) // TICK, root, symbols[root]),
        strategies=(strategy,),
        traded=(symbols[root],),
        cooldown=cooldown,
        digest=digest([fact.json_value() for fact in stated]),
        stated=stated,
    )


def _regime_moments(opens: datetime, ticks: int, root: str, symbol: str) -> Iterator[Moment]:
    for number in range(ticks):
        at = opens + number * TICK
        yield Moment(at, ticks=(Tick(symbol, at, regime_quote(root, number).last, 0),))


def tape_day(
    path: Path,
    products: Collection[str],
    contracts: ContractTable,
    calendar: TradingCalendar,
    *,
    strategies: tuple[Chosen, ...],
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
    by_symbol = {future.symbol: tape for future, tape in tapes.items()}
    starts_at, heard = prints[0].at.astimezone(UTC), any(s.strategy.hears_ticks for s in strategies)
    return DayMarket(
        source=TAPE_SOURCE,
        day=day.isoformat(),
        starts_at=starts_at,
        ends_at=datetime.combine(day, REGULAR.closes, TAIPEI).astimezone(UTC),
        closes=_closes(starts_at, day, tapes, calendar),
        settlements=tuple(_settlements(by_symbol, day)),
        feed=TapeFeed(tapes, quotes, TAPE_SOURCE),
        reach=TapeReach({symbol: PriceReach(tape) for symbol, tape in by_symbol.items()}),
        moments=partial(moments, by_symbol, ticks=heard),
        strategies=strategies,
        traded=tuple(sorted(by_symbol)),
        cooldown=cooldown,
        digest=file_digest,
        stated=(
            *details(
                market=TAPE_WORDS, file=path.name, **_counts(file), traded=", ".join(by_symbol)
            ),
            *_assumed(strategies, quotes, cooldown),
        ),
    )


def _assumed(
    strategies: Sequence[Chosen], quotes: DerivedRule, cooldown: timedelta
) -> Iterator[Detail]:
    for strategy in strategies:
        yield from strategy.stated()
    derived = {f"quote_{name}": value for name, value in quotes.json_value().items()}
    yield from details(cooldown_seconds=int(cooldown.total_seconds()), **derived)


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


def _closes(
    starts_at: datetime, day: date, futures: Collection[Future], calendar: TradingCalendar
) -> tuple[datetime, ...]:
    """When the night session that the day began in, and its regular session, close."""
    within = (starts_at, datetime.combine(day, REGULAR.opens, TAIPEI))
    ends = {session_end(at, calendar, one.month) for at in within for one in futures}
    return tuple(sorted(end.astimezone(UTC) for end in ends if end is not None))


def _settlements(tapes: Mapping[str, Sequence[Print]], day: date) -> Iterator[SettlementPrice]:
    """By the last minute's prints of each symbol; none for one that was not traded then."""
    for symbol, tape in sorted(tapes.items()):
        price = daily_settlement(tape)
        if price is not None:
            yield SettlementPrice(
                symbol=symbol, price=price, source=LAST_MINUTE_MEAN, trading_day=day.isoformat()
            )
