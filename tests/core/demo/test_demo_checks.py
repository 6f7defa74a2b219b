"""Each check of the demo from both sides of its limit."""

from decimal import Decimal
from pathlib import Path

import orjson
import pytest
import yaml

from counterseal.desk.demo.judging import LIMITS, DemoGround, eleven_checks, judged
from counterseal.desk.demo.markets import quotes_at, signal_on
from counterseal.desk.demo.model import DemoCheckName, DemoMarket, DemoQuote
from counterseal.policy.limits import RiskLimits

N = DemoCheckName
ROOT = Path(__file__).parents[3]


def quote_of(symbol: str = "TMF", tick: int = 1, **changes: object) -> DemoQuote:
    [quote] = [one for one in quotes_at(DemoMarket.REGIMES, tick) if one.symbol == symbol]
    return quote.amended(**changes)


def failed(
    quote: DemoQuote, quantity: int = 1, tick: int = 1, ground: dict[str, object] | None = None
) -> list[str]:
    facts = {"quantity": quantity, "idempotency_key": "k", **(ground or {})}
    signal = signal_on(DemoMarket.REGIMES, tick, quote_of(tick=tick))
    checks = eleven_checks(quote, signal, DemoGround.model_validate(facts))
    assert [check.name for check in checks] == [member.value for member in N]
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("paper_only", False, N.PAPER_ONLY),
        ("live_trading_enabled", True, N.LIVE_TRADING_DISABLED),
        ("broker_provider", "real", N.BROKER_PROVIDER_PAPER),
        ("key_seen", True, N.DUPLICATE_ORDER),
        ("kill_switch_active", True, N.KILL_SWITCH),
        ("heartbeat_healthy", False, N.HEARTBEAT),
    ],
)
def test_a_check_of_the_ground_rejects_with_its_name(field: str, value: object, name: str) -> None:
    """TX-C9: one fact is wrong, one check fails, and all of them ran."""
    assert failed(quote_of()) == []
    assert failed(quote_of(), ground={field: value}) == [name]


@pytest.mark.parametrize(("symbol", "most"), [("TX", 1), ("MTX", 4), ("TMF", 20)])
def test_the_size_limit_is_by_contract(symbol: str, most: int) -> None:
    """TX-C9: at the limit it passes, one more fails."""
    assert N.MAX_ORDER_SIZE not in failed(quote_of(symbol), most)
    assert N.MAX_ORDER_SIZE in failed(quote_of(symbol), most + 1)


def test_the_exposure_limit_is_a_quarter_of_tx() -> None:
    """TX-C9: 5 TMF and 1 MTX pass, 6 TMF and any TX fail."""
    assert failed(quote_of("TMF"), 5) == failed(quote_of("MTX"), 1) == []
    assert failed(quote_of("TMF"), 6) == failed(quote_of("TX"), 1) == [N.MAX_EXPOSURE]


def test_an_old_quote_and_a_wide_spread_reject() -> None:
    """TX-C9: 3 seconds and TX 5, MTX 3, TMF 2 points are the last that pass."""
    assert failed(quote_of(age_seconds=3)) == []
    assert failed(quote_of(age_seconds=4)) == [N.QUOTE_NOT_STALE]
    for symbol, widest in (("MTX", 3), ("TMF", 2)):
        assert failed(quote_of(symbol, spread=Decimal(widest))) == []
        wider = Decimal(widest) + Decimal("0.01")
        assert failed(quote_of(symbol, spread=wider)) == [N.PRICE_REASONABILITY]
    assert N.PRICE_REASONABILITY not in failed(quote_of("TX", spread=Decimal(5)))
    assert N.PRICE_REASONABILITY in failed(quote_of("TX", spread=Decimal("5.01")))


def test_a_flat_signal_rejects() -> None:
    """TX-C9: TMF at tick 2 is FLAT."""
    assert failed(quote_of(tick=2), tick=2) == [N.SIGNAL_NOT_FLAT]


def test_the_second_market_is_judged_by_the_fourteen() -> None:
    """TX-D4: the paper path's own checks, position and duplicates included."""
    quote = quotes_at(DemoMarket.WAVES, 1)[2]
    signal = signal_on(DemoMarket.WAVES, 1, quote)

    def names(**facts: object) -> list[str]:
        ground = DemoGround.model_validate({"quantity": 1, "idempotency_key": "k", **facts})
        checks = judged(DemoMarket.WAVES, 1, quote, signal, ground)
        assert len(checks) == 14
        return [check.name for check in checks if not check.passed]

    assert names() == names(quantity=5) == []
    assert names(quantity=6) == ["MAX_EXPOSURE", "MARGIN_PROXY", "POSITION_LIMIT"]
    assert names(key_seen=True) == ["DUPLICATE_ORDER_PREVENTION"]
    assert names(position_tx_equivalent=Decimal("0.25")) == ["POSITION_LIMIT"]
    assert names(daily_loss_twd=Decimal(5000)) == ["DAILY_LOSS_LIMIT"]
    assert names(kill_switch_active=True) == ["KILL_SWITCH"]
    assert names(heartbeat_healthy=False) == ["BROKER_HEARTBEAT"]
    assert names(live_trading_enabled=True) == ["LIVE_TRADING_DISABLED"]
    assert names(broker_provider="real") == ["PAPER_BROKER_ONLY"]


def test_the_demo_has_the_limits_of_the_shipped_policy() -> None:
    """TX-A2, TX-D4: the demo reads no policy file, and says the same numbers."""
    text = (ROOT / "policies/risk/2026.11.1/limits.yaml").read_text("utf-8")
    shipped = RiskLimits.model_validate_json(orjson.dumps(yaml.safe_load(text)))
    assert shipped.amended(desk=LIMITS.desk) == LIMITS
