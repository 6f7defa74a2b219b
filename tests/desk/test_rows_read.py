"""What views and fill models read: rows of now, not of everything that ever was."""

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.broker.lots_taken import LotTaken
from counterseal.broker.model import Fill, SimulationRequest
from counterseal.desk.asking import put_to_quote
from counterseal.desk.ports import Reader, newest_of, since_of
from counterseal.desk.views.approvals import actionable_entries, approval_status, queue
from counterseal.desk.views.duties import duties
from counterseal.desk.views.forms import decision_form
from counterseal.desk.views.history import RecordFacts
from counterseal.desk.views.path import path_since
from counterseal.desk.views.portfolio import LAST_FILL, portfolio_view
from counterseal.desk.views.reliability import outbox_rows, reliability_panel, timeout_rows
from counterseal.desk.views.research import research
from counterseal.desk.views.risk import newest_evaluations
from counterseal.desk.views.workflow import runs
from counterseal.identity.people import Person
from counterseal.kernel.model import Document
from counterseal.oms.model import Order
from counterseal.policy.bundle import PolicyBundle
from counterseal.risk.model import RiskEvaluation
from storage.law import law_in_force
from tests.desk.counting import Rows
from tests.desk.long_history import lengthen
from tests.world import START, SYMBOL, World

COPIES = 40
LATER = START + timedelta(days=2)


class Unranked:
    """A reader that finds, and no more."""

    def __init__(self, within: Reader) -> None:
        self.get, self.find = within.get, within.find
        self.count, self.opened = within.count, within.opened


def first(reader: Reader) -> Person:
    return reader.find(Person)[0]


def law(reader: Reader) -> PolicyBundle:
    return law_in_force(reader, START).bundle


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One order, filled, and no other yet; another signal came before."""
    world = World(tmp_path_factory.mktemp("rows") / "home")
    world.signal()
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    return world


VIEWS: dict[str, Callable[[Reader], object]] = {
    "evaluations": lambda reader: newest_evaluations(reader, 1),
    "outbox": lambda reader: outbox_rows(reader, limit=1),
    "timeouts": lambda reader: timeout_rows(reader, START),
    "reliability": lambda reader: reliability_panel(reader, (), START),
    "runs": lambda reader: runs(reader, 1),
    "portfolio": lambda reader: portfolio_view(reader, (), START),
    "research": lambda reader: research(reader, "tenant-1", 1),
    "path": lambda reader: path_since(reader, START, lambda _: True),
    "queue": lambda reader: queue(reader, law(reader).approval, START, 1),
    "open cases": lambda reader: actionable_entries(reader, law(reader).approval, START),
    "approvals": lambda reader: approval_status(reader, law(reader).approval, RecordFacts()),
    "decision form": lambda reader: decision_form(reader, law(reader), first(reader), START),
    "reviewer's duties": lambda reader: duties(reader, law(reader), "researcher", START),
    "requester's duties": lambda reader: duties(reader, law(reader), "quant", LATER),
}


def read_by(world: World) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Rows that each view reads now, and how often it asks for any."""
    told = {}
    with world.store.reader() as reader:
        for name, view in VIEWS.items():
            rows = Rows(reader)
            view(rows)
            told[name] = (rows.given, rows.asked)
    return told


def test_views_read_no_more_when_more_orders_have_ended(world: World) -> None:
    """TX-H15, TX-I6, TX-F1: forty cases more, and not one row or question."""
    before = read_by(world)
    lengthen(world, COPIES)
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
            every = sorted(reader.find(kind), key=lambda o: (getattr(o, name), o.key))
            for limit, behind in itertools.product((1, 3, COPIES + 5), (0, 2)):
                expected = tuple(reversed(every))[behind : behind + limit]
                for one in (reader, Unranked(reader)):
                    assert newest_of(one, kind, name, limit, behind) == expected
        assert newest_of(reader, Fill, "occurred_at", 2, symbol="nothing") == ()
        for known in (every[0].key, every[-1].key, "a_0007"):
            later = tuple(one for one in reader.find(RiskEvaluation) if one.key >= known)
            for one in (reader, Unranked(reader)):
                assert since_of(one, RiskEvaluation, RiskEvaluation.KEY, known) == later


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
