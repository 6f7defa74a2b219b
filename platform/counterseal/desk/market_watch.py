"""Use case: follow the market while the house runs, and keep the newest mark of each symbol.

Job: ask a feed that follows a source for its quotes of now, and record those that moved.

Invariants
  I1  A mark is a quote that the feed gave at the time of the clock; one that it refuses as too old
      leaves the mark before it as it was.
  I2  A look at which no quote moved records no mark; the round says now and then that it runs.
  I3  Only the platform's own service records marks, and only of a feed that follows something.

Not here: reading the source (storage.quote_file), values (portfolio.valuation), losses
(desk.loss_watch), when it is called (flows).
Source: TX-L2:real_time_equity_pnl_tracking_enabled; trading reference parts 2 and 6.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader
from counterseal.desk.rounds import UNKNOWN, Duty, RoundFound, Rounds
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Actor,
    Document,
    Event,
    Name,
    Refusal,
    Subject,
    details,
    refuse,
)
from counterseal.kernel.money import EXACT, Price
from counterseal.market.ports import FollowedFeed
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.portfolio.model import Position

STREAM: Final = "duties"
MARKS_MAX: Final = 100
"""Most marks that one look records; the others follow with the next."""


class MarketMark(Document):
    """The newest recorded quote of a symbol; earlier ones stand in the log.

    Attributes:
        bid, ask, last: Quote units; `last` None where the feed told none.
        basis: Where bid and ask come from; source: which feed gave them.
        event_time: When it held in the world. at: when it was recorded (both UTC).
    """

    KIND: ClassVar[str] = "market_marks"
    KEY: ClassVar[str] = "symbol"

    symbol: Name
    quote_id: Name
    bid: Price
    ask: Price
    last: Price | None
    basis: QuoteBasis
    source: Name
    event_time: UtcDatetime
    at: UtcDatetime

    @property
    def price(self) -> Decimal:
        """What one valuation takes: the last price, else the middle of bid and ask."""
        if self.last is not None:
            return self.last
        return EXACT.multiply(EXACT.add(self.bid, self.ask), Decimal("0.5"))


class MarketWatch:
    """Keeps marks."""

    def __init__(self, bench: Bench, rounds: Rounds) -> None:
        self._bench = bench
        self._rounds = rounds

    def look(self, actor: Actor, *, run: str | None = None) -> tuple[Outcome, ...]:
        """One look at the feed's symbols and at what is held; nothing without a feed that follows.

        The outcome names the source. The round counts symbols, those with a quote of now, and as
        unknown those that are held without one; a feed without any quote of now knows nothing.

        Refusals: `SERVICE_ONLY`.

        Raises:
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        feed = self._bench.feed
        if not isinstance(feed, FollowedFeed):
            return ()
        now, source = self._bench.recorder.now(), feed.source
        with self._bench.store.reader() as reader:
            held = {one.symbol for one in reader.find(Position) if one.quantity}
            symbols = sorted({*feed.symbols(), *held})
            asked = {symbol: feed.quote(symbol, now) for symbol in symbols}
            quotes = [told for told in asked.values() if isinstance(told, Quote)]
            moved = [one for one in quotes if _moved(reader, one)][:MARKS_MAX]
        kept = self._record(moved, source, actor, run) if moved else None
        blind = held - {quote.symbol for quote in quotes}
        told = RoundFound(
            duty=Duty.MARKS,
            inputs=details(source=source),
            counts=details(
                symbols=len(symbols),
                marked=len(quotes),
                **{UNKNOWN: len(blind) if quotes else max(len(blind), 1)},
            ),
            findings=digest([source, sorted(q.symbol for q in quotes), sorted(blind)]),
        )
        alive = self._rounds.record(told, actor, run=run)
        refused = () if alive is None or alive.accepted else (alive,)
        return (*(() if kept is None else (kept,)), *refused)

    def _record(self, quotes: list[Quote], source: str, actor: Actor, run: str | None) -> Outcome:
        def decide(reader: Reader, at: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "marks are the platform's own", actor=actor.id)
            marks = tuple(_mark(quote, at) for quote in quotes if _moved(reader, quote))
            event = Event(
                type="market.marked",
                stream=STREAM,
                subject=Subject(type="market_feed", id=source),
                action="market.mark",
                documents=marks,
            )
            return Done(subject_id=source, events=(event,))

        asked = digest([source, *(quote.quote_id for quote in quotes)])
        command = Command(
            name="market.mark",
            actor=actor,
            key=f"marks:{digest([asked, actor.id])[7:39]}",
            stream=STREAM,
            payload_digest=asked,
            run=run,
        )
        return self._bench.recorder.run(command, decide)


def _moved(reader: Reader, quote: Quote) -> bool:
    """Whether a quote is another and no older one than the recorded mark."""
    known = reader.get(MarketMark, quote.symbol)
    if known is None:
        return True
    return known.quote_id != quote.quote_id and known.event_time <= quote.event_time


def _mark(quote: Quote, at: datetime) -> MarketMark:
    told = {name: value for name, value in quote if name in MarketMark.model_fields}
    return MarketMark.model_validate({**told, "at": at})
