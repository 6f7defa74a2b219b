"""What strategies said, what came of it, and which quotes were met, on the real store."""

from datetime import timedelta
from decimal import Decimal

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.contracts import symbol_terms
from counterseal.desk.views.market import MarketDay, fed_quotes, market_day, trading_days
from counterseal.desk.views.research import (
    ResearchView,
    SignalStage,
    errors_by_field,
    own_signal,
    research,
)
from counterseal.policy.words import DecisionWord
from counterseal.signals.intake import TextFormat, parse_signals
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from counterseal.signals.strategies_samples import MeanReversion
from tests.world import NONE, START, OneQuote, World

OWN = "tenant-1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five signals that came to five stages, one more that was refused, and two fills."""
    world = World(tmp_path_factory.mktemp("research") / "home")
    world.after(3600)
    world.signal(direction=Direction.FLAT)
    world.requested()
    world.done(world.reviewed(world.requested(), "risk", DecisionWord.REJECTED))
    world.approved(quantity=1, target="0.05")
    for bid, outcome in (("19999", SimulationOutcome.ACKNOWLEDGE), ("20010", None)):
        world.quote(bid=bid, ask=str(int(bid) + 1))
        request_id = world.approved(quantity=1, target="0.05")
        world.done(world.submitted(request_id, quantity=1, selected=outcome))
    told = StrategySignal(
        signal_id="late",
        strategy_id="momentum",
        strategy_version="9",
        timestamp=world.clock.now() - timedelta(days=9),
        direction=Direction.LONG,
        target_tx_equivalent=Decimal("0.05"),
        confidence=Decimal("0.5"),
        reason=SignalReason(signals_only=True),
    )
    made = Provenance(
        source="test",
        source_digest=NONE,
        data_version="d2",
        code_version="c2",
        parameters_hash=NONE,
    )
    actor = world.actor("quant")
    assert not world.desk.intake.propose(told, made, actor, key=world.key()).accepted
    return world


def seen(world: World, tenant: str = OWN) -> ResearchView:
    with world.store.reader() as reader:
        return research(reader, tenant)


def day(world: World, name: str, after_seconds: int = 0) -> MarketDay:
    now = world.clock.now() + timedelta(seconds=after_seconds)
    with world.store.reader() as reader:
        return market_day(reader, name, world.desk.bench.bundle.limits, now)


def test_i2_each_signal_is_told_with_the_furthest_that_came_of_it(world: World) -> None:
    """TX-B2, TX-E7: from taken in to filled; a FLAT signal and a rejected request go no further."""
    told = seen(world)
    assert [one.stage.value for one in told.signals] == [
        *("filled", "sent", "approved", "asked", "asked", "taken_in")
    ]
    assert [(one.stage.value, one.count) for one in told.funnel] == [
        *(("taken_in", 6), ("asked", 5), ("approved", 3), ("sent", 2), ("filled", 1))
    ]
    flat, last = told.signals[-1], told.signals[0]
    assert (flat.request_id, flat.status, flat.order_id, flat.order_state) == (None,) * 4
    assert flat.signal.direction is Direction.FLAT
    assert last.order_id is not None
    assert last.proposed_by == "quant"


def test_a_strategy_version_is_told_with_data_code_and_parameters(world: World) -> None:
    """TX-B2: one version of one strategy, which comes with the product under this name."""
    [one] = seen(world).strategies
    assert (one.strategy_id, one.strategy_version) == ("mean-reversion", "1.0.0")
    assert one.identity == MeanReversion().identity
    assert not one.as_shipped
    shipped = tuple(made.amended(parameters_hash=one.identity) for made in one.made_with)
    assert one.amended(made_with=shipped).as_shipped
    assert (one.signals, one.long, one.short, one.flat, one.filled) == (6, 5, 0, 1, 1)
    assert [(m.data_version, m.code_version, m.signals) for m in one.made_with] == [("d1", "c1", 6)]


def test_a_refused_signal_is_told_with_its_reason_and_is_no_signal(world: World) -> None:
    """TX-E1: refused at the door for its age; neither strategy nor funnel counts it."""
    [refused] = seen(world).refused
    assert (refused.strategy_id, refused.code) == ("momentum", "SIGNAL_STALE")
    assert refused.proposed_by == "quant"


def test_i1_another_tenant_sees_no_signal_and_no_refusal(world: World) -> None:
    """Governance 1: a signal belongs to the tenant of who had it taken in."""
    told = seen(world, "tenant-2")
    assert (told.signals, told.strategies, told.refused) == ((), (), ())
    assert {one.count for one in told.funnel} == {0}
    assert [one.stage for one in told.funnel] == list(SignalStage)


def test_of_a_long_history_the_newest_part_is_told_and_that_there_is_more(world: World) -> None:
    """TX-B2: strategies, funnel and refusals are of the signals that are told, and of no other."""
    whole = seen(world)
    with world.store.reader() as reader:
        told = research(reader, OWN, 3)
        known = [one.signal for one in told.signals]
        assert [own_signal(reader, OWN, one.signal_id) for one in known] == known
        for name in (known[0].signal_id, "late", "nothing"):
            assert own_signal(reader, "tenant-2", name) is None
        assert own_signal(reader, OWN, "late") is None
    assert (whole.more, told.more) == (False, True)
    assert (told.signals, told.refused) == (whole.signals[:2], whole.refused)
    assert [one.signals for one in told.strategies] == [2]
    assert told.funnel[0].count == 2


def test_errors_of_a_text_are_counted_by_field_most_frequent_first() -> None:
    """TX-E1, TX-E2: what is wrong, where, and in which lines."""
    good = (
        '{"signal_id": "s%d", "strategy_id": "a", "strategy_version": "1", "timestamp":'
        ' "2026-01-05T00:00:00.000000Z", "direction": "%s", "target_tx_equivalent": %s,'
        ' "confidence": 0.5, "reason": {"signals_only": true}}'
    )
    lines = [good % (1, "LONG", "-1"), good % (2, "UP", "1"), good % (3, "LONG", "-2"), "{"]
    parsed = parse_signals("\n".join(lines), TextFormat.JSON_LINES)
    told = [(one.field, one.code, one.lines) for one in errors_by_field(parsed.errors)]
    assert told == [
        ("target_tx_equivalent", "SIGNAL_INVALID", (1, 3)),
        ("", "NOT_JSON", (4,)),
        ("direction", "SIGNAL_INVALID", (2,)),
    ]
    assert errors_by_field(()) == ()


def test_i1_a_quote_is_told_once_with_its_age_when_met_and_now(world: World) -> None:
    """TX-C13, TX-C15: bid, ask, spread, last, age and source as stored."""
    with world.store.reader() as reader:
        [name] = trading_days(reader)
    told = day(world, name)
    [met] = told.met
    assert name == f"{START:%Y-%m-%d}"
    assert told.newest == told.met
    numbers = (met.quote.bid, met.quote.ask, met.spread)
    ages = (met.quote.age_seconds, met.age_now, met.slippage)
    assert [int(n) for n in numbers + ages] == [20010, 20011, 1, 0, 0, 0]
    assert [(s.source, s.basis, s.quotes) for s in told.sources] == [("test", "caller", 1)]
    assert day(world, "2026-01-06").met == ()


@pytest.mark.parametrize(("seconds", "stale"), [(3, False), (4, True)])
def test_i2_a_quote_is_stale_now_when_risk_would_refuse_it(
    seconds: int, stale: bool, world: World
) -> None:
    """TX-H6: the limit itself still passes."""
    [met] = day(world, f"{START:%Y-%m-%d}", seconds).met
    assert (int(met.age_now), met.stale_now) == (seconds, stale)


class Following(OneQuote):
    """A feed that follows something."""

    source = "followed"

    def symbols(self) -> tuple[str, ...]:
        return ("TMF202601", "TMF202602")


def test_i3_a_followed_feed_is_asked_for_each_of_its_symbols(world: World) -> None:
    """TX-H6: a quote with its age and state, or the reason why there is none."""
    feed, limits, now = Following(), world.desk.bench.bundle.limits, world.clock.now()
    feed.quotes = {"TMF202601": world.quote(age_seconds=4)}
    told, none = fed_quotes(feed, limits, now)
    assert told.quote is not None
    assert (told.age_now, told.stale_now) == (Decimal(4), True)
    assert not fed_quotes(feed, limits, now - timedelta(seconds=1))[0].stale_now
    assert (none.quote, none.code) == (None, "NO_QUOTE")
    assert fed_quotes(world.feed, limits, now) == ()


@pytest.mark.parametrize(
    ("symbol", "root", "largest"),
    [("TXF202606", "TX", 1), ("MXF202606", "MTX", 4), ("TMF202606", "TMF", 20), ("XYZ", None, 0)],
)
def test_a_symbol_is_told_with_its_contract_and_largest_order(
    symbol: str, root: str | None, largest: int, world: World
) -> None:
    """TX-A6: the root is the prefix; an unknown one may order nothing."""
    bench = world.desk.bench
    told = symbol_terms(symbol, bench.contracts, bench.bundle.limits)
    assert (told.contract_root, int(told.quantity_max)) == (root, largest)
    assert (told.multiplier is None) == (root is None)
    assert told.month == (None if root is None else "202606")
