"""Marks that a running feed leaves, and what follows them."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.market_watch import MarketMark, MarketWatch
from counterseal.desk.rounds import Duty, DutyRound
from counterseal.desk.views.portfolio import FEED, FEED_AGE_MAX, LAST_FILL, portfolio_view
from counterseal.kernel.clock import parse_utc
from counterseal.kernel.model import Actor
from counterseal.market.quotes import Quote
from tests.desk.followed import following
from tests.world import SYMBOL, World

LOTS = 4


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A household that holds four contracts, bought at 20000, over a feed that follows."""
    world = World(tmp_path / "home")
    world.done(world.submitted(world.approved()))
    world.desk = following(world)
    return world


def look(world: World) -> tuple[Outcome, ...]:
    return world.desk.market_watch.look(world.service())


def moved(world: World, bid: int) -> None:
    world.after(1)
    world.quote(bid=str(bid), ask=str(bid + 1))


def mark(world: World) -> MarketMark | None:
    with world.store.reader() as reader:
        return reader.get(MarketMark, SYMBOL)


def value(world: World) -> tuple[Decimal, str | None]:
    """The account's equity, and where its one position's price comes from."""
    with world.store.reader() as reader:
        [told] = portfolio_view(reader, (), world.clock.now()).accounts
    [position] = told.valuation.positions
    return told.valuation.equity, position.mark_source


def unknown(world: World) -> str:
    with world.store.reader() as reader:
        made = reader.get(DutyRound, Duty.MARKS.value)
    assert made is not None
    return made.told


def test_equity_follows_the_marks_of_the_feed(world: World) -> None:
    """TX-L2:real_time_equity_pnl_tracking_enabled: four lots, ten a point; one mark, one source."""
    before, source = value(world)
    moved(world, 20_100)
    [outcome] = look(world)
    first, followed = value(world)
    moved(world, 20_107)
    look(world)
    second, _ = value(world)

    assert outcome.accepted
    assert (source, followed, outcome.subject_id) == (LAST_FILL, FEED, "a-source")
    assert second - first == 7 * LOTS * 10
    assert first > before
    assert world.verdict().outcome == "ok"


def test_i2_a_quote_that_did_not_move_leaves_no_record(world: World) -> None:
    """ADR 0024: the first look records mark and round; the next one nothing."""
    look(world)
    size = len(world.log())
    world.after(1)
    assert look(world) == ()
    assert len(world.log()) == size
    moved(world, 20_010)
    look(world)
    assert [row.type for row in world.log()][size:] == ["market.marked"]


def test_i2_a_quote_that_another_service_marks_meanwhile_is_marked_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop and a run by hand look at the same moment: the second finds nothing to mark."""
    moved(world, 20_100)
    record = MarketWatch._record
    other = world.service().amended(id="another-service")

    def meanwhile(
        watch: MarketWatch, quotes: list[Quote], source: str, actor: Actor, run: str | None
    ) -> Outcome:
        assert record(watch, quotes, source, other, run).accepted
        return record(watch, quotes, source, actor, run)

    monkeypatch.setattr(MarketWatch, "_record", meanwhile)
    [outcome] = look(world)
    rows = [json.loads(row.body) for row in world.log() if row.type == "market.marked"]
    marks = [len(row["after"]["documents"].get("market_marks", ())) for row in rows]

    assert outcome.accepted
    assert marks[-2:] == [1, 0]
    assert world.verdict().outcome == "ok"


def test_i1_a_refused_or_an_older_quote_leaves_the_mark_as_it_was(world: World) -> None:
    """Trading part 2, rule 5: nothing becomes younger than it is."""
    moved(world, 20_010)
    look(world)
    kept = mark(world)
    assert kept is not None
    told = world.feed.quotes[SYMBOL]
    early = told.event_time - timedelta(seconds=1)
    world.feed.quotes[SYMBOL] = told.amended(quote_id="earlier", event_time=early)
    assert look(world) == ()
    world.feed.quotes.clear()
    assert look(world) == ()

    assert mark(world) == kept
    assert "unknown 1" in unknown(world)


def test_a_feed_that_went_silent_is_followed_no_more(world: World) -> None:
    """Trading part 6, rule 5: then fills tell the price again, and its age is said."""
    moved(world, 20_100)
    look(world)
    world.after(FEED_AGE_MAX.total_seconds() - 1)
    alive = value(world)[1]
    world.after(2)

    assert (alive, value(world)[1]) == (FEED, LAST_FILL)


def test_i3_only_the_service_records_marks(world: World) -> None:
    """A person's word is no mark."""
    refused = world.desk.market_watch.look(world.actor("operator"))

    assert {o.refusal.code for o in refused if o.refusal} == {"SERVICE_ONLY"}
    assert mark(world) is None


def test_i3_a_feed_that_follows_nothing_leaves_nothing(world: World) -> None:
    """TX-L8: no round, no mark, and so no evidence."""
    desk = Desk(replace(world.desk.bench, feed=world.feed))
    size = len(world.log())

    assert desk.market_watch.look(world.service()) == ()
    assert len(world.log()) == size


def test_a_price_is_the_last_one_or_the_middle(world: World) -> None:
    """Quote units: bid and ask are told with every mark."""
    look(world)
    told = mark(world)
    assert told is not None
    between = told.amended(bid=Decimal(10), ask=Decimal(13), last=None)

    assert between.price == Decimal("11.5")
    assert between.amended(last=Decimal(12)).price == 12
    assert told.at >= told.event_time > parse_utc("2025-01-01T00:00:00Z")
