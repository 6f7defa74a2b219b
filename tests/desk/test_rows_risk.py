"""The fourteen checks asked at the desk, each at its boundary, on real documents and quotes."""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.desk.views.risk import OrderQuestion, account_risks, evaluate_question
from counterseal.policy.limits import OrderSizeMax, RiskLimits
from counterseal.risk.model import Check, CheckName, RiskEvaluation
from counterseal.signals.intent import OrderType, Side
from tests.household import FadingBroker
from tests.world import ACCOUNT, SYMBOL, World

QUESTION = OrderQuestion(account_id=ACCOUNT, symbol=SYMBOL, side=Side.BUY, quantity=Decimal(1))
LIMIT: dict[str, object] = {"order_type": OrderType.LIMIT}


@dataclass
class Asking:
    """A world, and one check at a time asked of it."""

    world: World

    @property
    def limits(self) -> RiskLimits:
        return self.world.desk.bench.bundle.limits

    def check(
        self,
        name: CheckName,
        limits: dict[str, object] | None = None,
        ground: dict[str, object] | None = None,
        **changes: object,
    ) -> Check:
        bench = replace(self.world.desk.bench, **(ground or {}))  # type: ignore[arg-type]  # named per test
        question = QUESTION.amended(**changes)
        law = self.limits.amended(**(limits or {}))
        with self.world.store.reader() as reader:
            found = evaluate_question(reader, bench, law, question, self.world.clock.now())
        assert isinstance(found, RiskEvaluation)
        assert [check.name for check in found.checks] == list(CheckName)
        [check] = [check for check in found.checks if check.name is name]
        return check

    def passes(self, name: CheckName, **changes: object) -> bool:
        return self.check(name, **changes).passed  # type: ignore[arg-type]  # changes of a question


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(World(tmp_path / "home"))


def test_h01_live_trading_is_off_and_the_mode_is_paper(asking: Asking) -> None:
    """TX-H1: flag true fails; mode shadow fails; live fails."""
    name = CheckName.LIVE_TRADING_DISABLED
    assert asking.passes(name)
    assert not asking.passes(name, ground={"live_trading_enabled": True})
    assert not asking.passes(name, ground={"trading_mode": "shadow"})
    assert not asking.passes(name, ground={"trading_mode": "live"})


def test_h02_the_broker_is_the_paper_broker(asking: Asking) -> None:
    """TX-H2: "sim" fails."""
    assert asking.passes(CheckName.PAPER_BROKER_ONLY)
    assert not asking.passes(CheckName.PAPER_BROKER_ONLY, ground={"broker_provider": "sim"})


@pytest.mark.parametrize(
    ("key", "passed"), [("k", True), ("", False), (" ", False), ("\t ", False)]
)
def test_h03_an_idempotency_key_is_there(asking: Asking, key: str, passed: bool) -> None:
    """TX-H3: "" and blanks fail."""
    assert asking.passes(CheckName.IDEMPOTENCY_KEY_PRESENT, idempotency_key=key) is passed


def test_h04_the_intent_is_for_paper(asking: Asking) -> None:
    """TX-H4: false fails."""
    assert asking.passes(CheckName.PAPER_ONLY_INTENT)
    assert not asking.passes(CheckName.PAPER_ONLY_INTENT, paper_only=False)


def test_h05_exposure_stays_within_limit_and_approval(asking: Asking) -> None:
    """TX-H5, TX-E6: 0.25 passes, 0.30 fails; under a limit or target of 0.2499 so does 0.25."""
    name = CheckName.MAX_EXPOSURE
    assert asking.passes(name, quantity=Decimal(5))
    assert not asking.passes(name, quantity=Decimal(6))
    tight: dict[str, object] = {"max_tx_equivalent_exposure": "0.2499"}
    assert not asking.passes(name, quantity=Decimal(5), limits=tight)
    assert not asking.passes(name, quantity=Decimal(5), approved_target=Decimal("0.2499"))
    assert asking.passes(name, quantity=Decimal(5), approved_target=Decimal("0.25"))
    assert not asking.passes(name, symbol="XYZ")


def test_h06_a_quote_is_fresh_for_three_seconds(asking: Asking) -> None:
    """TX-H6: 3 passes, 3.01 fails, no quote fails."""
    name = CheckName.STALE_QUOTE
    asking.world.quote(age_seconds=3)
    assert asking.passes(name)
    asking.world.after(0.01)
    assert not asking.passes(name)
    assert not asking.passes(name, symbol="TMF202602")


def test_h07_a_price_stays_near_its_reference(asking: Asking) -> None:
    """TX-H7: 20400 on 20000 passes, 20400.01 fails, on both sides; a market order never skips."""
    name = CheckName.PRICE_REASONABILITY
    asking.world.quote(bid="20000", ask="20001")
    for price, passed in (
        ("20400", True),
        ("20400.01", False),
        ("19600", True),
        ("19599.99", False),
    ):
        assert asking.passes(name, **LIMIT, order_price=Decimal(price)) is passed
    asking.world.quote(bid="20000", ask="20400")
    assert asking.passes(name)
    asking.world.quote(bid="20000", ask="20400.01")
    assert not asking.passes(name)
    asking.world.feed.quotes.clear()
    market = asking.check(name)
    assert (market.passed, market.skipped) == (False, False)
    skipped = asking.check(name, **LIMIT, order_price=Decimal(20000))  # type: ignore[arg-type]  # a question's fields
    assert (skipped.passed, skipped.skipped) == (False, True)


@pytest.mark.parametrize(
    ("symbol", "quantity", "passed"),
    [
        ("TXF202601", 1, True),
        ("TXF202601", 2, False),
        ("MXF202601", 4, True),
        ("MXF202601", 5, False),
        ("TMF202601", 20, True),
        ("TMF202601", 21, False),
        ("XYZ", 1, False),
    ],
)
def test_h08_an_order_is_no_larger_than_its_contract_allows(
    asking: Asking, symbol: str, quantity: int, passed: bool
) -> None:
    """TX-H8, TX-A6: TX 1, MTX 4, TMF 20; the root is the prefix, an unknown one has zero."""
    name = CheckName.MAX_ORDER_SIZE_BY_CONTRACT
    assert asking.passes(name, symbol=symbol, quantity=Decimal(quantity)) is passed


def test_h08_a_root_without_a_row_of_limits_trades_nothing(asking: Asking) -> None:
    """TX-H8, TX-A6: a known contract that the policy does not name."""
    only = (OrderSizeMax(contract_root="TX", quantity_max=Decimal(1)),)
    name = CheckName.MAX_ORDER_SIZE_BY_CONTRACT
    assert not asking.passes(name, limits={"order_size_max": only})


def test_h09_the_proxy_margin_stays_within_its_limit(asking: Asking) -> None:
    """TX-H9: 0.25 x 200,000 passes at 50,000 TWD; 0.30 fails, and so does 0.25 at 200,080."""
    name = CheckName.MARGIN_PROXY
    wide: dict[str, object] = {"max_tx_equivalent_exposure": "9"}
    assert asking.passes(name, quantity=Decimal(5), limits=wide)
    assert not asking.passes(name, quantity=Decimal(6), limits=wide)
    dearer = {**wide, "margin_per_tx_twd": "200080"}
    assert not asking.passes(name, quantity=Decimal(5), limits=dearer)


def test_h10_a_key_is_used_once(asking: Asking) -> None:
    """TX-H10, TX-I7: the key of an order fails from then on, also after a restart."""
    name = CheckName.DUPLICATE_ORDER_PREVENTION
    order = asking.world.order(asking.world.done(asking.world.submitted(asking.world.approved())))
    for _ in range(2):
        assert not asking.passes(name, idempotency_key=order.idempotency_key)
        assert asking.passes(name, idempotency_key="another")
        asking.world.reopen()


def test_h11_a_loss_at_its_limit_stops_the_day(asking: Asking) -> None:
    """TX-H11: a booked loss passes one cent below the limit and fails at it."""
    asking.world.done(asking.world.submitted(asking.world.approved()))
    with asking.world.store.reader() as reader:
        [state] = account_risks(reader, asking.world.desk.bench, asking.world.clock.now())
    loss, cent = state.daily_realized_loss_twd, Decimal("0.01")
    assert loss > 0
    assert not asking.passes(CheckName.DAILY_LOSS_LIMIT, limits={"daily_loss_max_twd": loss})
    assert asking.passes(CheckName.DAILY_LOSS_LIMIT, limits={"daily_loss_max_twd": loss + cent})


def test_h12_the_projected_position_stays_within_its_limit(asking: Asking) -> None:
    """TX-H12: 0.20 held: 0.25 passes, 0.30 fails; the other side passes down to -0.25."""
    name = CheckName.POSITION_LIMIT
    asking.world.done(asking.world.submitted(asking.world.approved(quantity=4), quantity=4))
    assert asking.passes(name, quantity=Decimal(1))
    assert not asking.passes(name, quantity=Decimal(2))
    assert asking.passes(name, side=Side.SELL, quantity=Decimal(9))
    assert not asking.passes(name, side=Side.SELL, quantity=Decimal(10))


def test_h13_either_kill_switch_stops(asking: Asking) -> None:
    """TX-H13: each on, alone."""
    name = CheckName.KILL_SWITCH
    assert asking.passes(name)
    assert not asking.passes(name, limits={"kill_switch": True})
    setup, operator = asking.world.desk.setup, asking.world.actor("operator")
    key = asking.world.key()
    asking.world.done(setup.switch(ACCOUNT, operator, active=True, reason="halt", key=key))
    assert not asking.passes(name)


def test_h14_the_brokers_heartbeat_is_healthy_and_fresh(asking: Asking) -> None:
    """TX-H14: unhealthy fails; 30 seconds are fresh, 30.01 are not; none at all fails."""
    name = CheckName.BROKER_HEARTBEAT
    world = asking.world
    assert asking.passes(name)
    world.broker(FadingBroker(world.clock.now()))
    world.after(30)
    assert asking.passes(name)
    world.after(0.01)
    assert not asking.passes(name)
    world.broker(FadingBroker(None))
    assert not asking.passes(name)
    world.broker(FadingBroker(world.clock.now()))
    operator = world.actor("operator")
    world.done(world.desk.setup.heartbeat(ACCOUNT, operator, healthy=False, key=world.key()))
    assert not asking.passes(name)
