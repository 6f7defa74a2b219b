"""Use cases: settle a future, and take a fill back.

Job: book what changes a position without being an order's fill, each as a record of its account.

Invariants
  I1  A position is settled once for each trading day and kind, and finally on its last day only.
  I2  A fill is taken back once, by an operator, with a reason; a correction is a reversal and then
      a new fill.
  I3  Nothing booked before is changed: what is undone is undone by new entries.

Not here: the arithmetic (portfolio), where settlement prices come from (market, flows).
Source: trading reference 1.4 and part 6.
"""

from datetime import date, datetime
from typing import Final

from counterseal.broker.model import Fill
from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.exposure import trading_day_text
from counterseal.desk.mandates import barred_person
from counterseal.desk.ports import Reader
from counterseal.desk.posting import books_of, cost_rates, in_parts
from counterseal.desk.recorder import Decide
from counterseal.desk.records import barred_from
from counterseal.desk.risk_facts import strategy_filled
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor, Document, Event, Refusal, Subject, details, refuse
from counterseal.market.instruments import contract_month
from counterseal.market.sessions import expiry_date
from counterseal.policy.authorize import Action
from counterseal.portfolio.model import Position
from counterseal.portfolio.reversal import Asked, Counted, FillReversal, reverse_fill
from counterseal.portfolio.settlement import (
    Settlement,
    SettlementKind,
    SettlementPrice,
    settle_daily,
    settle_finally,
    settlement_id,
)
from counterseal.portfolio.trades import trade_of

SETTLED: Final = "position.settled"
REVERSED: Final = "fill.reversed"


class Bookkeeping:
    """Settlements and reversals of one home."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def settle(self, account_id: str, told: SettlementPrice, actor: Actor, *, key: str) -> Outcome:
        """Settle an account's position in the future that a price is of; by platform or operator.

        Refusals: `ROLE`, `NOT_FOUND` without a position, `SETTLEMENT_EXISTS`, `SETTLEMENT_NOT_DUE`
        for a day to come, and for a final one before the last trading day.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_person(reader, actor, Action.CANCEL)
            if barred is not None:
                return barred
            held = reader.get(Position, f"{account_id}:{told.symbol}")
            if held is None:
                return refuse("NOT_FOUND", "no such position", symbol=told.symbol)
            early = _early(reader, self._bench, held, told, now)
            return early or self._settled(reader, held, told, now)

        asked = digest({"account": account_id, "price": told.json_value()})
        return self._run("portfolio.settle", account_id, asked, actor, key, decide)

    def _settled(
        self, reader: Reader, held: Position, told: SettlementPrice, now: datetime
    ) -> Done:
        books = books_of(reader, held, told.trading_day)
        if told.kind is SettlementKind.DAILY:
            settled = settle_daily(books, told, now)
        else:
            settled = settle_finally(books, told, cost_rates(self._bench, held.symbol), now)
        booked = () if settled.posting is None else settled.posting.documents
        return _done(SETTLED, "portfolio.settle", held, settled.settlement, *booked)

    def reverse(self, fill_id: str, actor: Actor, *, reason: str, key: str) -> Outcome:
        """Take a fill back; it counts on the trading day of the reversal.

        Refusals: `NOT_FOUND`, `ROLE`, `FILL_REVERSED`, `POSITION_SETTLED` after a final settlement.
        """
        with self._bench.store.reader() as reader:
            known = reader.get(Fill, fill_id)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.CANCEL)
            fill = reader.get(Fill, fill_id)
            if barred is not None:
                return barred
            if fill is None:
                return refuse("NOT_FOUND", "no such fill", fill=fill_id)
            return self._reversed(reader, fill, actor, reason, now)

        account_id = "unknown" if known is None else known.account_id
        asked = digest({"fill": fill_id, "reason": reason})
        return self._run("portfolio.reverse", account_id, asked, actor, key, decide)

    def _reversed(
        self, reader: Reader, fill: Fill, actor: Actor, reason: str, now: datetime
    ) -> Done | Refusal:
        trade = trade_of(fill)
        held = reader.get(Position, trade.position_id)
        if held is None:
            return refuse("NOT_FOUND", "no such position", symbol=fill.symbol)
        settlements = reader.find(Settlement, position_id=held.position_id)
        if reader.get(FillReversal, fill.fill_id) is not None:
            return refuse("FILL_REVERSED", "the fill was taken back already", fill=fill.fill_id)
        if any(one.kind is SettlementKind.FINAL for one in settlements):
            return refuse("POSITION_SETTLED", "the contract has ended", symbol=fill.symbol)
        day = trading_day_text(self._bench, now)
        told, posting = reverse_fill(
            books_of(reader, held, day),
            _history(reader, held, settlements, without=fill.fill_id),
            Asked(trade, reason, actor.id, day),
            now,
        )
        strategy = strategy_filled(reader, fill, now, sign=-1)
        return _done(REVERSED, "portfolio.reverse", held, told, *posting.documents, strategy)

    def _run(
        self, name: str, account_id: str, asked: str, actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name,
            actor=actor,
            key=key,
            stream=account_stream(account_id),
            payload_digest=asked,
        )
        return self._bench.recorder.run(command, decide)


def account_stream(account_id: str) -> str:
    """Where the records of an account's books lie."""
    return f"account:{account_id}"


def _early(
    reader: Reader, bench: Bench, held: Position, told: SettlementPrice, now: datetime
) -> Refusal | None:
    """Whether it was settled already, or may not be yet.

    Raises:
        InputError: `TRADING_DAY_INVALID` for what is no date.
    """
    if reader.get(Settlement, settlement_id(held.position_id, told)) is not None:
        return refuse("SETTLEMENT_EXISTS", "settled already", day=told.trading_day)
    try:
        day = date.fromisoformat(told.trading_day)
    except ValueError:
        raise InputError(
            "TRADING_DAY_INVALID", "no such day", field="trading_day", got=told.trading_day
        ) from None
    facts = {"day": told.trading_day, "kind": told.kind, "symbol": held.symbol}
    if told.trading_day > trading_day_text(bench, now):
        return refuse("SETTLEMENT_NOT_DUE", "the day is still to come", **facts)
    month = contract_month(held.symbol)
    if told.kind is SettlementKind.DAILY or month is None:
        return None
    last = expiry_date(month, bench.calendar())
    if day == last:
        return None
    return refuse("SETTLEMENT_NOT_DUE", "not the last trading day", **facts, last=last)


def _history(
    reader: Reader, held: Position, settlements: tuple[Settlement, ...], *, without: str
) -> list[Counted]:
    """What still counts of a position, in the order in which it was booked."""
    fills = reader.find(Fill, account_id=held.account_id, symbol=held.symbol)
    gone = {r.fill_id for r in reader.find(FillReversal, account_id=held.account_id)} | {without}
    counted: list[Counted] = [trade_of(fill) for fill in fills if fill.fill_id not in gone]
    return sorted([*counted, *settlements], key=lambda step: step.at)


def _done(kind: str, action: str, held: Position, *documents: Document) -> Done:
    """One record, or several when the documents do not fit into one."""
    events = tuple(
        Event(
            type=kind,
            stream=account_stream(held.account_id),
            subject=Subject(type="position", id=held.position_id),
            action=action,
            documents=part,
            facts=details(symbol=held.symbol, account=held.account_id),
        )
        for part in in_parts(documents)
    )
    return Done(subject_id=documents[0].key, events=events)
