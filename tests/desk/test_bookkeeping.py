"""The books of a real home: one transaction, lots, settlements, reversals."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from counterseal.broker.model import Fill
from counterseal.desk.commands import Outcome
from counterseal.desk.views.portfolio import closing_equity, curve_view, history_of, portfolio_view
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Document
from counterseal.kernel.money import Currency
from counterseal.portfolio.invariants import check_cash, check_ledger, check_lots, check_position
from counterseal.portfolio.lots import Lot, LotClosing
from counterseal.portfolio.model import Account, DailyPnl, LedgerEntry, Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement, SettlementKind, SettlementPrice
from counterseal.portfolio.terms import BookTerms, DailySettlement, LotMethod, ProfitBasis
from counterseal.portfolio.valuation import Mark
from counterseal.signals.model import Direction
from storage.unit_of_work import SqlReader, SqlUnitOfWork
from tests.world import ACCOUNT, START, SYMBOL, World

DAY = "2026-01-05"
CLOSE = SettlementPrice(
    symbol=SYMBOL, price=Decimal(20010), source="last-minute-mean", trading_day=DAY
)
BOOKS: tuple[type[Document], ...] = (
    *(Fill, Account, Position, LedgerEntry, DailyPnl, Lot, LotClosing),
)
Kind = TypeVar("Kind", bound=Document)


class KilledError(Exception):
    """The process died here."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def traded(world: World, *steps: tuple[int, int]) -> None:
    """Contracts (below zero to sell) at prices, a minute apart."""
    for quantity, price in steps:
        world.after(60)
        sells = quantity < 0
        bid, ask = (price, price + 1) if sells else (price - 1, price)
        world.quote(bid=str(bid), ask=str(ask))
        direction = Direction.SHORT if sells else Direction.LONG
        request = world.approved(quantity=abs(quantity), direction=direction)
        world.done(world.submitted(request, quantity=abs(quantity)))


def found(world: World, kind: type[Kind]) -> tuple[Kind, ...]:
    with world.store.reader() as reader:
        return reader.find(kind)


def one(world: World, kind: type[Kind], account: str = ACCOUNT) -> Kind:
    with world.store.reader() as reader:
        [found] = reader.find(kind, account_id=account)
    return found


def settled(world: World, told: SettlementPrice, account: str = ACCOUNT) -> Outcome:
    return world.desk.bookkeeping.settle(account, told, world.service(), key=world.key())


def reversed_by(world: World, name: str, fill_id: str, key: str | None = None) -> Outcome:
    return world.desk.bookkeeping.reverse(
        fill_id, world.actor(name), reason="busted by the exchange", key=key or world.key()
    )


def code_of(outcome: Outcome) -> str:
    assert outcome.refusal is not None
    return outcome.refusal.code


def sound(world: World) -> None:
    """The books follow from the fills, row by row, and equity is the same in every view."""
    with world.store.reader() as reader:
        view = portfolio_view(reader, (), world.clock.now())
        for statement in view.accounts:
            account = reader.get(Account, statement.valuation.account_id)
            assert account is not None
            entries = reader.find(LedgerEntry, account_id=account.account_id)
            trades = history_of(reader, account.account_id).trades
            assert check_cash(account, entries) == ()
            booked = [trade for trade in trades if trade.cost >= 0]
            assert check_ledger(entries, booked) == ()
            for position in reader.find(Position, account_id=account.account_id):
                lots = reader.find(Lot, position_id=position.position_id)
                assert check_position(position, trades) == ()
                assert check_lots(position, lots) == ()
            for point in curve_view(reader, account)[-1:]:
                assert point.cash == statement.valuation.cash
                assert point.equity == point.cash + point.market_value


@pytest.mark.parametrize("kind", [Fill, Lot, LedgerEntry, DailyPnl])
def test_i1_a_fill_and_its_books_are_stored_in_one_transaction(
    world: World, kind: type[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trading part 6, row 4; AS-8: killed between any two writes, the books know nothing of it."""

    def contents() -> dict[str, tuple[Document, ...]]:
        return {each.KIND: found(world, each) for each in BOOKS}

    request = world.approved(quantity=2)
    before, store = contents(), SqlUnitOfWork.store_all

    def killed(work: SqlUnitOfWork, name: str, told: Sequence[Mapping[str, Json]]) -> None:
        if name == kind.KIND:
            raise KilledError
        store(work, name, told)

    with monkeypatch.context() as patched:
        patched.setattr(SqlUnitOfWork, "store_all", killed)
        with pytest.raises(KilledError):
            world.submitted(request, quantity=2, key="submit-1")
    assert contents() == before

    world.reopen()
    world.done(world.submitted(request, quantity=2, key="submit-1"))
    after = contents()
    assert {name: len(after[name]) - len(before[name]) for name in after} == {
        "fills": 1,
        "accounts": 0,
        "positions": 1,
        "ledger_entries": 3,
        "daily_pnl": 1,
        "lots": 1,
        "lot_closings": 0,
    }
    sound(world)


def test_i2_posting_reads_by_key_and_no_more_rows_after_many_fills(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Speed: the cost of an order does not grow with the fills before it."""
    kinds = {Account, Position, LedgerEntry, DailyPnl, Lot, LotClosing}
    asked: list[tuple[str, tuple[str, ...]]] = []
    find = SqlReader.find

    def watched(reader: SqlReader, kind: type[Kind], **equal: object) -> tuple[Kind, ...]:
        if kind in kinds:
            asked.append((kind.KIND, tuple(equal)))
        return find(reader, kind, **equal)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(SqlReader, "find", watched)
    counts = []
    for step in ((1, 20000), (-1, 20010)) * 3:
        asked.clear()
        traded(world, step)
        lots = [names for kind, names in asked if kind in {"lots", "lot_closings"}]
        assert set(lots) <= {("lot_id",)}
        assert not [kind for kind, _ in asked if kind == "ledger_entries"]
        counts.append(len(asked))

    assert counts[2:4] == counts[4:6]


def test_a_day_of_trades_leaves_lots_profit_and_a_curve(world: World) -> None:
    """AS-10, TL-6, TX-C12: LONG 2, SELL 1, SELL 2 on a real store."""
    traded(world, (2, 20000), (-1, 20010), (-2, 20020))
    position = one(world, Position)

    assert (position.quantity, position.average_price) == (Decimal(-1), Decimal(20020))
    assert position.realized_pnl == position.lot_realized_pnl == 300
    assert [lot.remaining_quantity for lot in found(world, Lot)] == [0, -1]
    assert [closing.realized_pnl for closing in found(world, LotClosing)] == [100, 200]
    sound(world)
    with world.store.reader() as reader:
        points = curve_view(reader, one(world, Account))
        days = history_of(reader, ACCOUNT).days
        mark = Mark(symbol=SYMBOL, price=Decimal(20000), seen_at=world.clock.now(), source="caller")
        [told] = portfolio_view(reader, (mark,), world.clock.now()).accounts
    costs = position.fees
    assert [point.equity - 1_000_000 + point.costs for point in points] == [0, 200, 300]
    assert [point.exposure_tx_equivalent for point in points] == [
        *(Decimal("0.1"), Decimal("0.05"), Decimal("-0.05"))
    ]
    assert points[-1].costs == costs
    assert closing_equity(points, days) == ((DAY, 1_000_300 - costs),)
    assert told.valuation.equity == 1_000_300 - costs + 200
    assert [lot.number for lot in told.lots] == [2]


def test_i1_the_platform_settles_each_day_once(world: World) -> None:
    """Trading 1.4: by the default terms nothing moves; a second settlement is refused."""
    traded(world, (2, 20000))
    account, position = one(world, Account), one(world, Position)
    refused = world.desk.bookkeeping.settle(ACCOUNT, CLOSE, world.actor("quant"), key="s-0")
    assert code_of(refused) == "ROLE"

    world.done(settled(world, CLOSE))

    assert (one(world, Account), one(world, Position)) == (account, position)
    settlement = one(world, Settlement)
    assert (settlement.variation, settlement.to_cash) == (Decimal(200), False)
    assert code_of(settled(world, CLOSE.amended(price=1))) == "SETTLEMENT_EXISTS"
    assert code_of(settled(world, CLOSE.amended(symbol="MTX202601"))) == "NOT_FOUND"
    sound(world)


def test_an_account_may_settle_to_cash_each_day_and_keep_its_profit_by_lots(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trading part 6, row 6: the terms stand in the account from its opening on."""
    terms = BookTerms(
        lot_method=LotMethod.LIFO,
        profit_by=ProfitBasis.LOTS,
        daily_settlement=DailySettlement.CASH,
    )
    other, cash = "acct-cash", Decimal(1_000_000)
    world.done(
        world.desk.setup.open_account(
            *(other, "tenant-1", Currency.TWD, cash, world.actor("operator")),
            key=world.key(),
            books=terms,
        )
    )
    monkeypatch.setattr("tests.world.ACCOUNT", other)
    traded(world, (1, 20000), (1, 20010), (-1, 20030))
    assert one(world, Account, other).realized_pnl == 200

    world.after(60)
    world.done(settled(world, CLOSE, other))

    account, position = one(world, Account, other), one(world, Position, other)
    assert account.books == terms
    assert account.realized_pnl == 300
    assert account.cash == cash + 300 - position.fees
    assert position.average_price == 20010
    assert one(world, DailyPnl, other).realized_pnl == 300
    sound(world)


def test_i1_a_contract_ends_on_its_last_day_and_not_before(world: World) -> None:
    """Trading 1.4: TMF202601 ends on 2026-01-21; fee and tax once, lots closed, then no bust."""
    traded(world, (2, 20000))
    final = CLOSE.amended(kind=SettlementKind.FINAL, source="index-mean")
    assert code_of(settled(world, final)) == "SETTLEMENT_NOT_DUE"
    last = final.amended(trading_day="2026-01-21")
    assert code_of(settled(world, last)) == "SETTLEMENT_NOT_DUE"

    world.clock.move_to(START + timedelta(days=16, hours=5))
    world.done(settled(world, last))

    position, settlement = one(world, Position), one(world, Settlement)
    assert (position.quantity, position.realized_pnl) == (Decimal(0), Decimal(200))
    assert [(fee.kind, str(fee.amount)) for fee in settlement.fees] == [
        *(("settlement", "6.4"), ("tax", "8"))
    ]
    assert one(world, Account).cash == 1_000_200 - position.fees
    sound(world)
    [fill] = found(world, Fill)
    assert code_of(reversed_by(world, "operator", fill.fill_id)) == "POSITION_SETTLED"


def test_i2_i3_an_operator_takes_a_fill_back_once(world: World) -> None:
    """Trading part 6, row 4: by new entries, on the day of the reversal, with a reason."""
    traded(world, (2, 20000), (-1, 20010))
    sold = max(found(world, Fill), key=lambda fill: fill.recorded_at)
    before = found(world, LedgerEntry)
    world.after(60)
    assert code_of(reversed_by(world, "quant", sold.fill_id)) == "ROLE"
    assert code_of(reversed_by(world, "operator", "fil_none")) == "NOT_FOUND"

    world.done(reversed_by(world, "operator", sold.fill_id, key="bust-1"))

    again = reversed_by(world, "operator", sold.fill_id, key="bust-1")
    assert again.replayed
    assert code_of(reversed_by(world, "operator", sold.fill_id)) == "FILL_REVERSED"
    position, [told] = one(world, Position), found(world, FillReversal)
    assert (position.quantity, position.realized_pnl) == (Decimal(2), Decimal(0))
    assert (told.realized_change, told.reversed_by) == (Decimal(-100), "operator")
    assert set(before) <= set(found(world, LedgerEntry))
    assert sold in found(world, Fill)
    sound(world)
    traded(world, (-2, 20010))
    assert one(world, Position).realized_pnl == 200
    sound(world)


def test_a_settlement_of_many_lots_takes_several_records_of_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trading 1.4: what does not fit one record of the log is carried by the next."""
    traded(world, (1, 20000), (1, 20001), (1, 20002))
    before = len(world.log())
    monkeypatch.setattr("counterseal.desk.posting.PART_BYTES_MAX", 2000)
    world.clock.move_to(START + timedelta(days=16, hours=5))
    final = CLOSE.amended(kind=SettlementKind.FINAL, trading_day="2026-01-21")
    world.done(settled(world, final))

    assert len(world.log()) - before > 2
    assert [lot.remaining_quantity for lot in found(world, Lot)] == [0, 0, 0]
    sound(world)
