"""Use case: state every account at the end of each trading day.

Job: find the trading days that ended without a statement, and record them in their order.

Invariants
  I1  One account and day has one statement; it is never changed.
  I2  Which days are due follows from the calendar and our tables, not from who asks when: missed
      days are made up, in order, each from the books and prices of its own end.
  I3  Only the platform's own service records statements.

A statement tells what the books held when it was made: what is booked later for a day that has one
is in the next. An account begins with the day of its first booking, or of its opening while nothing
is booked. Daily settlements move books only when somebody tells a settlement price
(desk.bookkeeping); none is made up here.

Not here: the arithmetic (portfolio.day_statement), when it is called (flows).
Source: MB-E4; workflow part 5, `end_of_day`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.bookkeeping import account_stream
from counterseal.desk.carried_books import books_of_days
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.services import SERVICE_ISSUER
from counterseal.desk.views.portfolio import known_marks
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Actor, Event, Refusal, Subject, details, refuse
from counterseal.kernel.money import exact_text
from counterseal.market.sessions import REGULAR, TAIPEI, taipei, trading_day
from counterseal.portfolio.day_statement import (
    DayBooks,
    DayEnded,
    DayStatement,
    state_day,
    statement_id,
)
from counterseal.portfolio.model import Account, DailyPnl
from counterseal.portfolio.settlement import Settlement, SettlementKind
from counterseal.portfolio.valuation import Mark, latest_marks

ENDED: Final = "account.day_ended"
AFTER_CLOSE: Final = timedelta(minutes=15)
"""From the close of the regular session to the day's end: the last prices are in by then, and the
next session has not begun."""

STATEMENTS_MAX: Final = 400
"""Most statements of one call; the next one goes on."""


class DayEnd:
    """Statements of one home."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def end_days(self, actor: Actor, *, run: str | None = None) -> tuple[Outcome, ...]:
        """Record the statements that are due, day by day; nothing on most calls.

        Refusals: `SERVICE_ONLY`, `DAY_ENDED` when another service came first.

        Raises:
            InputError: `CALENDAR_RANGE` beyond the calendar.
            IntegrityError: when sealing fails.
            AdapterError: the store's.
        """
        now = self._bench.recorder.now()
        ended = self._ended(now)
        with self._bench.store.reader() as reader:
            accounts = reader.find(Account)
            due = sorted(
                (day, one.account_id)
                for one in accounts
                for day in self._due(reader, one, ended)[:STATEMENTS_MAX]
            )
        return tuple(
            self._record(account_id, day, actor, run) for day, account_id in due[:STATEMENTS_MAX]
        )

    def _ended(self, now: datetime) -> Sequence[date]:
        """Trading days that have ended, in order."""
        today = taipei(now).date()
        last = today if day_end(today) <= now else today - timedelta(days=1)
        sessions = self._bench.calendar().sessions
        return sessions[: bisect_right(sessions, last)]

    def _due(self, reader: Reader, account: Account, ended: Sequence[date]) -> Sequence[date]:
        """The ended days that an account has no statement of."""
        name = account.account_id
        newest = newest_of(reader, DayStatement, "ended_at", 1, account_id=name)
        if newest:
            return ended[bisect_right(ended, date.fromisoformat(newest[0].trading_day)) :]
        booked = [one.trading_day for one in reader.find(DailyPnl, account_id=name)]
        opened = trading_day(account.updated_at, self._bench.calendar())
        first = date.fromisoformat(min(booked)) if booked else opened
        return ended[bisect_right(ended, first - timedelta(days=1)) :]

    def _record(self, account_id: str, day: date, actor: Actor, run: str | None) -> Outcome:
        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            if actor.issuer != SERVICE_ISSUER:
                return refuse("SERVICE_ONLY", "statements are the platform's own", actor=actor.id)
            if reader.get(DayStatement, statement_id(account_id, day.isoformat())) is not None:
                return refuse("DAY_ENDED", "the day has a statement", account=account_id, day=day)
            return _done(self._stated(reader, account_id, day, now))

        asked = digest([account_id, day.isoformat()])
        command = Command(
            name="portfolio.end_day",
            actor=actor,
            key=f"day-end:{digest([asked, actor.id])[7:39]}",
            stream=account_stream(account_id),
            payload_digest=asked,
            run=run,
        )
        return self._bench.recorder.run(command, decide)

    def _stated(self, reader: Reader, account_id: str, day: date, now: datetime) -> DayStatement:
        account = reader.get(Account, account_id)
        if account is None:
            raise InvariantError("an account is gone")
        books = books_of_days(reader, account, None, self._later(day, now))
        end = DayEnded(day.isoformat(), day_end(day), now)
        settled = tuple(_settled(reader, account_id, end))
        marks = latest_marks((*known_marks(reader, end.ended_at), *settled), end.ended_at)
        told = DayBooks(account, books.positions, books.trades, books.entries)
        return state_day(told, {**marks, **{one.symbol: one for one in settled}}, end)

    def _later(self, day: date, now: datetime) -> tuple[str, ...]:
        """Trading days behind a day, up to the present one."""
        calendar = self._bench.calendar()
        sessions, present = calendar.sessions, trading_day(now, calendar)
        found = sessions[bisect_right(sessions, day) : bisect_right(sessions, present)]
        return tuple(one.isoformat() for one in found)


def day_end(day: date) -> datetime:
    """When a trading day is over for its statement (UTC)."""
    return (datetime.combine(day, REGULAR.closes, TAIPEI) + AFTER_CLOSE).astimezone(UTC)


def _settled(reader: Reader, account_id: str, day: DayEnded) -> Iterator[Mark]:
    """Settlement prices of a day: they are of its end, whenever somebody told them."""
    asked = {"account_id": account_id, "trading_day": day.trading_day}
    for one in reader.find(Settlement, **asked):
        if one.kind is SettlementKind.DAILY:
            yield Mark(symbol=one.symbol, price=one.price, seen_at=day.ended_at, source=one.source)


def _done(made: DayStatement) -> Done:
    event = Event(
        type=ENDED,
        stream=account_stream(made.account_id),
        subject=Subject(type=DayStatement.KIND, id=made.statement_id),
        action="portfolio.end_day",
        documents=(made,),
        facts=details(
            trading_day=made.trading_day,
            equity=exact_text(made.equity),
            cash=exact_text(made.cash),
            unpriced=sum(one.price is None for one in made.positions),
        ),
    )
    return Done(subject_id=made.statement_id, events=(event,))
