"""Statements at the end of each trading day, on a real home (MB-E4)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.day_end import ENDED, DayEnd, day_end
from counterseal.desk.views.portfolio import portfolio_view
from counterseal.kernel.model import Actor
from counterseal.kernel.money import Currency
from counterseal.portfolio.day_statement import DayStatement
from counterseal.portfolio.settlement import SettlementPrice
from counterseal.signals.model import Direction
from storage.data_keys import data_keys
from storage.reconcile import reconcile
from tests.desk.keeping import code
from tests.world import ACCOUNT, SYMBOL, World

MONDAY, TUESDAY = "2026-01-05", "2026-01-06"
MONDAY_END = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def ended(world: World, actor: Actor | None = None) -> tuple[Outcome, ...]:
    return DayEnd(world.desk.bench).end_days(actor or world.service())


def statements(world: World) -> dict[str, DayStatement]:
    with world.store.reader() as reader:
        return {one.key: one for one in reader.find(DayStatement)}


def traded(world: World, quantity: int, price: int) -> None:
    """Contracts, below zero to sell, at a price and a minute from now."""
    world.after(60)
    world.quote(bid=str(price), ask=str(price))
    direction = Direction.SHORT if quantity < 0 else Direction.LONG
    request = world.approved(quantity=abs(quantity), direction=direction)
    world.done(world.submitted(request, quantity=abs(quantity)))


def test_a_day_ends_a_quarter_of_an_hour_after_the_close_and_not_before(world: World) -> None:
    """Trading 1.3: 13:45 Taipei and 15 minutes; the night session has not begun."""
    assert day_end(MONDAY_END.date()) == MONDAY_END
    traded(world, 2, 20_000)
    world.clock.move_to(MONDAY_END - timedelta(microseconds=1))
    assert ended(world) == ()
    world.clock.move_to(MONDAY_END)
    [told] = ended(world)
    assert (told.subject_id, told.accepted) == (f"{ACCOUNT}:{MONDAY}", True)
    assert ended(world) == ()
    [row] = [row for row in world.log() if row.type == ENDED]
    assert row.stream == f"account:{ACCOUNT}"


def test_a_statement_says_what_the_books_say(world: World) -> None:
    """Equity, cash and positions are those of `portfolio show` at the same instant."""
    traded(world, 2, 20_000)
    traded(world, -1, 20_010)
    world.clock.move_to(MONDAY_END)
    ended(world)
    [told] = statements(world).values()
    with world.store.reader() as reader:
        [shown] = portfolio_view(reader, (), MONDAY_END).accounts
    value = shown.valuation

    assert (told.equity, told.cash, told.costs) == (value.equity, value.cash, value.costs)
    [held] = told.positions
    assert (held.symbol, held.quantity, held.price) == (SYMBOL, Decimal(1), Decimal(20_010))
    assert held.price_source == "last-fill"
    assert (told.ended_at, told.at, told.currency) == (MONDAY_END, MONDAY_END, Currency.TWD)
    assert reconcile(world.settings.database_file, data_keys(world.settings)).differences == ()
    assert world.verdict().exit_status == 0


def test_i2_missed_days_are_made_up_in_order_each_from_its_own_end(world: World) -> None:
    """Workflow 5: after an outage; what was booked later counts from its own day on."""
    traded(world, 2, 20_000)
    world.clock.move_to(datetime(2026, 1, 6, 1, 0, tzinfo=UTC))
    traded(world, -2, 20_100)
    world.clock.move_to(datetime(2026, 1, 12, 1, 0, tzinfo=UTC))
    told = ended(world)

    days = ("05", "06", "07", "08", "09")
    assert [one.subject_id for one in told] == [f"{ACCOUNT}:2026-01-{day}" for day in days]
    monday, *later = [statements(world)[one.subject_id] for one in told]
    [held] = monday.positions
    assert (held.quantity, held.price) == (Decimal(2), Decimal(20_000))
    assert monday.equity == 1_000_000 - monday.costs
    assert {one.positions for one in later} == {()}
    assert {one.equity for one in later} == {1_000_000 + 2 * 100 * 10 - later[0].costs}
    assert later[0].costs > monday.costs
    assert {one.equity == one.cash for one in later} == {True}
    assert ended(world) == ()


def test_a_long_outage_is_made_up_in_parts_without_a_gap(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call is bounded; the next one goes on with the day that follows."""
    monkeypatch.setattr("counterseal.desk.day_end.STATEMENTS_MAX", 2)
    world.clock.move_to(datetime(2026, 1, 10, 7, 0, tzinfo=UTC))
    days = [[one.subject_id[-2:] for one in ended(world)] for _ in range(4)]
    assert days == [["05", "06"], ["07", "08"], ["09"], []]


def test_a_night_fill_belongs_to_the_day_that_follows(world: World) -> None:
    """Trading 1.3: from 15:00 Taipei on, time belongs to the next trading day."""
    traded(world, 2, 20_000)
    world.clock.move_to(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    traded(world, 1, 20_050)
    assert {fill.trading_day for fill in world.fills()} == {MONDAY, TUESDAY}
    [told] = ended(world)
    assert told.subject_id == f"{ACCOUNT}:{MONDAY}"
    [held] = statements(world)[told.subject_id].positions
    assert (held.quantity, held.price) == (Decimal(2), Decimal(20_000))


def test_a_settlement_price_of_the_day_is_its_price_whenever_it_was_told(world: World) -> None:
    """Trading 1.4: none is made up; one that somebody told counts for the day that it settles."""
    traded(world, 2, 20_000)
    price = SettlementPrice(
        symbol=SYMBOL, price=Decimal(20_020), source="last-minute-mean", trading_day=MONDAY
    )
    world.clock.move_to(MONDAY_END + timedelta(minutes=5))
    world.done(world.desk.bookkeeping.settle(ACCOUNT, price, world.service(), key=world.key()))
    ended(world)
    [told] = statements(world).values()
    assert [(one.price, one.price_source) for one in told.positions] == [
        (Decimal(20_020), "last-minute-mean")
    ]
    assert told.equity == 1_000_000 + 2 * 20 * 10 - told.costs


def test_a_day_without_a_session_has_no_statement(world: World) -> None:
    """A weekend: nothing is due, and nothing is recorded."""
    world.clock.move_to(datetime(2026, 1, 9, 7, 0, tzinfo=UTC))
    assert len(ended(world)) == 5
    size = len(world.log())
    for day in (10, 11):
        world.clock.move_to(datetime(2026, 1, day, 7, 0, tzinfo=UTC))
        assert ended(world) == ()
    assert len(world.log()) == size


def test_i3_only_the_service_states_and_its_refusal_bars_nobody(world: World) -> None:
    """Negative: a person's attempt is recorded, and the service's own goes through."""
    world.clock.move_to(MONDAY_END)
    [refused] = ended(world, world.actor("operator"))
    assert code(refused) == "SERVICE_ONLY"
    assert statements(world) == {}
    [told] = ended(world)
    assert told.accepted


def test_i1_two_services_that_come_at_once_leave_one_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unique by account and day, whoever asks: the later one is told."""
    world.clock.move_to(MONDAY_END)
    first, second = world.service(), world.service().amended(id="other")
    [told] = ended(world, first)
    with monkeypatch.context() as patched:
        patched.setattr("counterseal.desk.day_end.newest_of", lambda *_, **__: ())
        [late] = ended(world, second)
        [again] = ended(world, first)
    assert (told.accepted, code(late), again.replayed) == (True, "DAY_ENDED", True)
    assert len(statements(world)) == 1
