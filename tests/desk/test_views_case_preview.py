"""A request judged as if it were ordered now: the risk room's figures, before and after."""

from decimal import Decimal

import pytest

from counterseal.approvals.model import RequestPayload
from counterseal.broker.model import SimulationOutcome
from counterseal.desk.views.case_preview import CasePreview, CheckPreview, case_preview, order_of
from counterseal.desk.views.check_figures import Measure
from counterseal.desk.views.risk import evaluate_question
from counterseal.kernel.model import Refusal
from counterseal.risk.model import CheckName, RiskEvaluation
from counterseal.signals.intent import OrderType, Side
from counterseal.signals.model import Direction
from tests.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    told = World(tmp_path_factory.mktemp("preview") / "home")
    told.after(5)
    told.quote()
    told.done(told.submitted(told.approved(quantity=2), quantity=2))
    working = told.approved(quantity=1)
    told.quote()
    chosen = SimulationOutcome.ACKNOWLEDGE
    told.done(told.submitted(working, quantity=1, selected=chosen))
    told.after(1)
    told.quote()
    told.after(2)
    return told


def bound(world: World, **changes: object) -> RequestPayload:
    return world.payload(world.signal(), quantity=2).amended(**changes)


def previewed(world: World, payload: RequestPayload) -> CasePreview:
    bench = world.desk.bench
    with world.store.reader() as reader:
        told = case_preview(reader, bench, bench.bundle.limits, payload, world.clock.now())
    assert isinstance(told, CasePreview), told
    return told


def row(told: CasePreview, name: CheckName) -> CheckPreview:
    return next(one for one in told.checks if one.check.name == name)


def figures(told: CasePreview, name: CheckName) -> tuple[str, str, str]:
    one = row(told, name)
    return one.before, one.after, one.limit


def test_all_fourteen_have_their_figures_and_those_are_the_risk_room_s(world: World) -> None:
    """UI-07, TX-H1 to TX-H14: the evaluation is the one that a question of the same order gets."""
    payload, bench = bound(world), world.desk.bench
    told = previewed(world, payload)
    with world.store.reader() as reader:
        judged = evaluate_question(
            reader, bench, bench.bundle.limits, order_of(payload), world.clock.now()
        )
    assert isinstance(judged, RiskEvaluation)
    assert told.evaluation == judged
    assert [one.check for one in told.checks] == list(judged.checks)
    assert all(one.after and one.limit for one in told.checks)
    assert (told.passed, told.at, told.session) == (14, world.clock.now(), "regular")


def test_before_is_what_stands_without_the_order(world: World) -> None:
    """UI-07, TX-H12: two lots are held and one works; the order's own figures begin at nothing."""
    told = previewed(world, bound(world))
    assert figures(told, CheckName.POSITION_LIMIT) == ("0.15", "0.25", "0.25")
    assert figures(told, CheckName.MAX_EXPOSURE) == ("0", "0.10", "0.25")
    assert figures(told, CheckName.STALE_QUOTE) == ("2", "2", "3")
    assert figures(told, CheckName.KILL_SWITCH) == ("off", "off", "off")
    assert figures(told, CheckName.DUPLICATE_ORDER_PREVENTION) == ("", "new", "new")
    assert row(told, CheckName.MARGIN_PROXY).measure is Measure.TWD


def test_a_sale_is_set_against_what_is_held(world: World) -> None:
    """UI-07, TX-H12: the projected position of a sale is smaller."""
    signal = world.signal(direction=Direction.SHORT)
    told = previewed(world, world.payload(signal, quantity=1))
    before, after, _ = figures(told, CheckName.POSITION_LIMIT)
    assert Decimal(before) - Decimal(after) == Decimal("0.05")


def test_without_a_quote_nothing_is_made_up(world: World) -> None:
    """UI-07: no quote, no band, and the check says so instead of a number."""
    told = previewed(world, bound(world, symbol="TMF202602"))
    assert figures(told, CheckName.STALE_QUOTE) == ("no quote", "no quote", "3")
    assert figures(told, CheckName.PRICE_REASONABILITY) == ("", "", "")
    assert (told.quote.quote, told.quote.code, told.band) == (None, "NO_QUOTE", None)


def test_the_band_is_that_of_the_price_check(world: World) -> None:
    """UI-07, TX-H7: the last price and the fraction around it, beside the quote and its age."""
    told = previewed(world, bound(world))
    assert told.quote.age_now == Decimal(2)
    assert told.band is not None
    middle = (told.band.low + told.band.high) / 2
    assert middle == Decimal(19_999)
    assert told.band.high - middle == Decimal(row(told, CheckName.PRICE_REASONABILITY).limit)


def test_a_limit_order_is_judged_at_its_worst_bound(world: World) -> None:
    """UI-07: a purchase at the highest price that it may have, a sale at the lowest."""
    bounds = {"price_min": Decimal(19_900), "price_max": Decimal(20_100)}
    wanted = bound(world, order_type=OrderType.LIMIT, **bounds)
    assert order_of(wanted).order_price == Decimal(20_100)
    assert order_of(wanted.amended(side=Side.SELL)).order_price == Decimal(19_900)
    assert order_of(wanted.amended(price_max=None)).order_price == Decimal(19_900)
    assert order_of(bound(world)).order_price is None


def test_an_account_that_is_not_there_is_a_refusal(world: World) -> None:
    """UI-07: as the question is refused."""
    bench, payload = world.desk.bench, bound(world, account_id="acct-none")
    with world.store.reader() as reader:
        told = case_preview(reader, bench, bench.bundle.limits, payload, world.clock.now())
    assert isinstance(told, Refusal)
    assert told.code == "NOT_FOUND"
