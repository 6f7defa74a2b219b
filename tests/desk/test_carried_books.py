"""What a comparison reads, and that it misses nothing of what it does not read."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.broker.model import Fill
from counterseal.desk.account_reconciling import AccountReconciling
from counterseal.desk.carried_books import CarriedBooks
from counterseal.desk.discrepancies import DifferenceKind, ReconciliationRun
from counterseal.kernel.model import Actor, Document
from counterseal.oms.model import Order
from counterseal.portfolio.model import Account, LedgerEntry
from counterseal.signals.model import Direction
from tests.desk.counting import CountingStore
from tests.world import ACCOUNT, World

K = DifferenceKind
DAY = 86_400
COUNTED = ("orders", "fills", "ledger_entries", "lots", "order_outbox", "positions", "settlements")


def trade(world: World) -> None:
    """Two contracts bought and sold again: two ended orders, and nothing held."""
    for way in (Direction.LONG, Direction.SHORT):
        world.done(world.submitted(world.approved(quantity=2, direction=way), quantity=2))


def next_day(world: World) -> None:
    world.after(DAY)
    world.quote()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "home")
    trade(world)
    next_day(world)
    return world


def compared(world: World, by: Actor | None = None) -> tuple[ReconciliationRun, Counter[str]]:
    """A run, and how many rows it read of what may grow."""
    store = CountingStore(world.store)
    bench = replace(world.desk.bench, store=store)
    comparing = AccountReconciling(bench)
    done = comparing.compare(None, (), by or world.service(), key=world.key())
    with world.store.reader() as reader:
        found = reader.get(ReconciliationRun, world.done(done))
    assert found is not None
    return found, Counter({kind: store.given[kind] for kind in COUNTED})


def carried(world: World) -> CarriedBooks | None:
    with world.store.reader() as reader:
        return reader.get(CarriedBooks, ACCOUNT)


def put(world: World, *documents: Document) -> None:
    """Rows as somebody writes them who owns the database."""
    with world.store.transaction() as work:
        for one in documents:
            work.store_all(one.KIND, [one.json_value()])


def newest(world: World, kind: type[Document]) -> Document:
    with world.store.reader() as reader:
        return reader.find(kind)[-1]


def test_the_cost_of_a_comparison_does_not_grow_with_ended_orders(world: World) -> None:
    """Trading 3.3: rows read on a new day are those of that day, whatever came before."""
    first, everything = compared(world)
    _, early = compared(world)
    trade(world)
    next_day(world)
    second, _ = compared(world)
    _, late = compared(world)
    whole, more = compared(world, world.actor("operator"))

    assert first.critical == second.critical == whole.critical == 0
    assert early == late
    assert (late["fills"], late["ledger_entries"], late["orders"]) == (0, 0, 1)
    assert more["fills"] == 2 * everything["fills"] == 8
    assert world.verdict().outcome == "ok"


def test_what_is_carried_is_what_the_days_add_up_to(world: World) -> None:
    """Trading part 6: cash, costs and contracts of the closed days, counted twice the same way."""
    compared(world)
    once = carried(world)
    trade(world)
    next_day(world)
    compared(world)
    twice = carried(world)
    with world.store.reader() as reader:
        account = reader.get(Account, ACCOUNT)
        entries = reader.find(LedgerEntry, account_id=ACCOUNT)

    assert account is not None
    assert once is not None
    assert twice is not None
    assert account.opening_cash + twice.cash == account.cash
    assert (twice.costs - twice.tax, twice.tax) == (account.fees_paid, account.tax_paid)
    assert (twice.entries, twice.fills) == (len(entries), 4)
    assert [(one.quantity, one.fees) for one in twice.positions] == [
        (Decimal(0), account.costs_paid)
    ]
    assert once.through_day < twice.through_day


def test_i2_a_row_that_was_put_into_a_closed_day_is_found(world: World) -> None:
    """Trading 3.3: the counts differ, so everything is read again, and the difference is told."""
    compared(world)
    entry = newest(world, LedgerEntry)
    put(world, entry.amended(entry_id="fil_late:tax", cause_id="fil_late"))
    run, rows = compared(world)

    assert {one.kind for one in run.differences} == {K.LEDGER_DIFFERS, K.CASH_DIFFERS}
    assert rows["fills"] == 4


@pytest.mark.parametrize("person", [None, "operator"])
def test_a_change_of_what_is_held_is_found_beside_carried_days(
    world: World, person: str | None
) -> None:
    """Trading part 6: cash is opening cash, carried days and the ledger since."""
    compared(world)
    account = newest(world, Account)
    assert isinstance(account, Account)
    put(world, account.amended(cash=account.cash + Decimal(1)))
    run, _ = compared(world, None if person is None else world.actor(person))

    assert [one.kind for one in run.differences] == [K.CASH_DIFFERS]


def test_i1_a_comparison_that_found_something_carries_nothing(world: World) -> None:
    """The next one reads everything again, until somebody mends it."""
    account = newest(world, Account)
    assert isinstance(account, Account)
    put(world, account.amended(cash=account.cash + Decimal(1)))
    run, first = compared(world)
    _, second = compared(world)

    assert run.critical == 1
    assert carried(world) is None
    assert first == second


def test_an_order_of_the_day_is_compared_with_its_fills(world: World) -> None:
    """Trading 3.3: a fill that an ended order counts and nobody booked is found."""
    compared(world)
    trade(world)
    order, fill = newest(world, Order), newest(world, Fill)
    assert isinstance(order, Order)
    assert isinstance(fill, Fill)
    execution = order.executions[0].amended(exec_id="fil_never_booked")
    put(world, order.amended(order_id="ord_other", executions=(execution,)))
    run, rows = compared(world)

    assert [(one.kind, one.subject) for one in run.differences] == [
        (K.FILL_NOT_BOOKED, "fil_never_booked")
    ]
    assert (run.orders, run.fills, rows["fills"]) == (3, 2, 4)
