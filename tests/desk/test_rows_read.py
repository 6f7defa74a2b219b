"""What views and fill models read: rows of now, not of everything that ever was."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.broker.lots_taken import LotTaken
from counterseal.broker.model import Fill, SimulationRequest
from counterseal.desk.asking import put_to_quote
from counterseal.desk.ports import Reader
from counterseal.desk.views.portfolio import LAST_FILL, portfolio_view
from counterseal.desk.views.reliability import outbox_rows, reliability_panel, timeout_rows
from counterseal.desk.views.risk import newest_evaluations
from counterseal.desk.views.workflow import runs
from counterseal.kernel.model import Document
from counterseal.oms.model import Order, OutboxEntry
from counterseal.risk.model import RiskEvaluation
from tests.desk.counting import Rows
from tests.world import START, SYMBOL, World

COPIES = 40
KINDS = (Order, OutboxEntry, Fill, RiskEvaluation)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One order, filled, and no other yet."""
    world = World(tmp_path_factory.mktemp("rows") / "home")
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    return world


VIEWS: dict[str, Callable[[Reader], object]] = {
    "evaluations": lambda reader: newest_evaluations(reader, 1),
    "outbox": lambda reader: outbox_rows(reader, limit=1),
    "timeouts": lambda reader: timeout_rows(reader, START),
    "reliability": lambda reader: reliability_panel(reader, (), START),
    "runs": lambda reader: runs(reader, 1),
    "portfolio": lambda reader: portfolio_view(reader, (), START),
}


def read_by(world: World) -> dict[str, Counter[str]]:
    """Rows that each view reads now."""
    told = {}
    with world.store.reader() as reader:
        for name, view in VIEWS.items():
            rows = Rows(reader)
            view(rows)
            told[name] = rows.given
    return told


def multiply(world: World) -> None:
    """The past of many ended orders, as it lies in the tables."""
    with world.store.transaction() as work:
        for kind in KINDS:
            [one] = work.find(kind)
            old = [one.amended(**{kind.KEY: f"a_{n:04}"}) for n in range(COPIES)]
            work.store_all(kind.KIND, [document.json_value() for document in old])


def test_views_read_no_more_when_more_orders_have_ended(world: World) -> None:
    """TX-H15, TX-I6: forty orders more, and not one row."""
    before = read_by(world)
    multiply(world)
    after = read_by(world)

    assert after == before
    with world.store.reader() as reader:
        assert newest_evaluations(reader, 1).total == runs(reader, 1).total == COPIES + 1
        assert portfolio_view(reader, (), world.clock.now()).marks[0].source == LAST_FILL


def test_a_reader_that_ranks_gives_what_sorting_everything_gives(world: World) -> None:
    """The port: highest time first, then the highest key; of equals as of what is asked for."""
    kinds: tuple[tuple[type[Document], str], ...] = (
        (Order, "created_at"),
        (Fill, "occurred_at"),
        (RiskEvaluation, "evaluated_at"),
    )
    with world.store.reader() as reader:
        for kind, name in kinds:
            for limit in (1, 3, COPIES + 5):
                every = sorted(reader.find(kind), key=lambda o: (getattr(o, name), o.key))
                expected = tuple(reversed(every))[:limit]
                assert Rows(reader).newest(kind, name, limit) == expected
        assert Rows(reader).newest(Fill, "occurred_at", 2, symbol="nothing") == ()


def test_the_depth_of_a_quote_is_one_row_however_many_took_of_it(tmp_path: Path) -> None:
    """TX-J7: each fill reads what is gone, not who took it; the sum is that of the fills."""
    world = World(tmp_path / "home")
    world.quote(size=50)
    read = []
    for _ in range(3):
        order_id = world.done(world.submitted(world.approved(quantity=1), quantity=1))
        order, now = world.order(order_id), world.clock.now()
        with world.store.reader() as reader:
            rows = Rows(reader)
            asked = put_to_quote(rows, world.desk.bench, order, now, None)
            known = reader.get(LotTaken, world.feed.quotes[SYMBOL].quote_id)
            fills = reader.find(Fill)
        read.append(rows.given)
        assert known is not None
        assert known.bought == sum(fill.last_quantity for fill in fills)
        assert known.sold == 0
        assert known.prints == ()
        assert not isinstance(asked, SimulationRequest) or asked.already_consumed == known.bought

    assert read[0] == read[1] == read[2] == Counter({"lots_taken": 1})
