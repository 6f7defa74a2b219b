"""The demo's flags and its evidence: computed, repeatable, and proved when it comes back."""

import json
from collections.abc import Callable

import pytest

from counterseal.desk.demo.evidence import (
    BYTES_MAX,
    STORAGE_KEYS,
    evidence_of,
    evidence_text,
    restored,
    summary_of,
)
from counterseal.desk.demo.flags import PROMISED, DemoSeen, Host, flags_of, host_of, kept_of
from counterseal.desk.demo.markets import quotes_at, signal_on
from counterseal.desk.demo.model import SEED, DemoMarket, DemoSession
from counterseal.desk.demo.play import begun
from counterseal.kernel.model import Refusal
from tests.core.demo.test_demo_play import SIGNAL, TICK, order, session_of

R, W = DemoMarket.REGIMES, DemoMarket.WAVES
TEN = (
    *("paper_only", "mock_backend", "deterministic_data", "live_trading_enabled"),
    *("broker_api_called", "external_market_data_downloaded", "real_order_created"),
    *("credentials_collected", "production_trading_ready", "investment_advice"),
)
MORE = {"browser_only", "database_written", "performance_claim"}


def traded(market: DemoMarket = R) -> DemoSession:
    return session_of(market, TICK, SIGNAL, order(5))


def seen(*more: str, **changes: object) -> DemoSeen:
    facts: dict[str, object] = {
        "host": Host.BROWSER,
        "modules": ("counterseal.desk.demo.play", "counterseal.market.regimes", *more),
        "same": True,
        "live_trading_enabled": False,
        "kept": ("act", "quantity", "symbol"),
    }
    return DemoSeen.model_validate({**facts, **changes})


def values(look: DemoSeen, session: DemoSession | None = None) -> dict[str, bool]:
    return {flag.name: flag.value for flag in flags_of(session or traded(), look)}


def test_thirteen_flags_have_their_promised_values_where_every_promise_is_kept() -> None:
    """TX-C17: the exact set; four are true, nine are false."""
    told = values(seen())
    assert set(told) == {*TEN, *MORE}
    assert {name for name, value in told.items() if value} == PROMISED
    assert all(flag.safe for flag in flags_of(traded(), seen()))


def test_the_second_market_has_ten() -> None:
    """TX-D5: the exact set in its order; three are true."""
    told = values(seen("counterseal.market.waves"), traded(W))
    assert tuple(told) == TEN
    assert {name for name, value in told.items() if value} == PROMISED - {"browser_only"}


def test_the_second_market_has_its_six_use_cases() -> None:
    """TX-D1: status, preview of a tick, run of the strategy, simulated order, session, reset."""
    status = values(seen("counterseal.market.waves"), begun(W))
    previewed = quotes_at(W, 1)
    said = session_of(W, TICK, SIGNAL)
    simulated = traded(W)
    assert tuple(status) == TEN
    assert session_of(W, TICK).quotes == previewed
    assert said.signal == signal_on(W, 1, said.quote)
    assert simulated.order is not None
    assert simulated.order.quantity == 5
    assert begun(W) == session_of(W)
    assert begun(W).orders == ()


def test_where_the_engine_runs_is_told_as_it_is() -> None:
    """TX-C17: `browser_only` is false on a server, and the flag is not called safe there."""
    [flag] = [f for f in flags_of(traded(), seen(host=Host.SERVER)) if f.name == "browser_only"]
    assert (flag.value, flag.safe, flag.found) == (False, False, ("server",))
    assert (host_of("linux"), host_of("emscripten")) == (Host.SERVER, Host.BROWSER)


@pytest.mark.parametrize(
    ("module", "raised"),
    [
        ("sqlite3", {"database_written", "real_order_created"}),
        ("storage.store", {"database_written", "real_order_created"}),
        ("_io", {"database_written", "external_market_data_downloaded"}),
        (
            "socket",
            {"broker_api_called", "external_market_data_downloaded", "real_order_created"},
        ),
        ("counterseal.broker.gateway", {"broker_api_called"}),
        ("counterseal.desk.submission", {"real_order_created"}),
        (
            "nobody.knows.this",
            {
                *("database_written", "broker_api_called", "external_market_data_downloaded"),
                "real_order_created",
            },
        ),
    ],
)
def test_a_stranger_that_ran_raises_its_flags(module: str, raised: set[str]) -> None:
    """TX-C17, TX-D5: derived from what ran; what nobody knows counts as everything bad."""
    told = values(seen(module))
    assert raised <= {name for name, value in told.items() if value}
    assert not told["mock_backend"]
    assert told["production_trading_ready"]
    assert told["performance_claim"]
    named = {"database_written", "broker_api_called", "external_market_data_downloaded"}
    quiet = named - raised
    assert not any(told[name] for name in quiet)


def test_every_other_flag_follows_its_own_fact() -> None:
    """TX-C17: determinism, the live setting, what is kept of the visitor, the source of prices."""
    assert values(seen(same=False))["deterministic_data"] is False
    assert values(seen(live_trading_enabled=True))["live_trading_enabled"] is True
    assert values(seen(kept=("act", "password")))["credentials_collected"] is True
    assert values(seen(modules=("counterseal.desk.demo.play",)))["mock_backend"] is False
    assert kept_of(traded().clicks) == ("act", "quantity", "symbol")
    assert kept_of(["a password"]) == ("str",)
    other = traded()
    assert other.signal is not None
    foreign = other.amended(signal=other.signal.amended(strategy_id="somebody-else"))
    assert values(seen(), foreign)["investment_advice"] is True


def text_of(session: DemoSession, look: DemoSeen) -> str:
    return evidence_text(evidence_of(session, flags_of(session, look), look))


def test_the_evidence_has_every_asked_part() -> None:
    """TX-C18: the schema, and that what it shows is simulated, kept and sent nowhere."""
    told = json.loads(text_of(traded(), seen()))
    assert {
        *("evidence_id", "evidence_type", "session_id", "mock_seed", "current_tick"),
        *("selected_symbol", "market_realism", "market_data", "latest_signal", "latest_order"),
        *("portfolio", "performance", "timeline", "safety_flags", "warnings", "persisted"),
        *("uploaded", "local_storage_only", "clicks", "simulated"),
    } == set(told)
    assert told["evidence_id"] == "browser-only-evidence-1"
    assert told["evidence_type"] == "browser_only_mock_demo"
    assert (told["session_id"], told["mock_seed"]) == ("browser-only-mock-demo-session", SEED)
    assert (told["persisted"], told["uploaded"], told["local_storage_only"]) == (False, False, True)
    assert told["simulated"]
    assert told["performance"]["performance_claim"] is False
    realism = told["market_realism"]
    assert realism["model"] == "deterministic_spread_liquidity_v1"
    assert len(realism["supported_regimes"]) == 5
    assert realism["production_execution_model"] is False
    assert realism["external_market_data_downloaded"] is False
    assert STORAGE_KEYS[R] == "taifex-browser-only-mock-demo-session-v1"


def test_what_was_stored_or_sent_is_said() -> None:
    """TX-C18: `persisted` and `uploaded` follow from what ran."""
    told = json.loads(text_of(traded(), seen("sqlite3", "socket")))
    assert (told["persisted"], told["uploaded"], told["local_storage_only"]) == (True, True, False)
    assert told["market_realism"]["external_market_data_downloaded"] is True


@pytest.mark.parametrize("market", DemoMarket)
def test_a_session_comes_back_from_its_evidence(market: DemoMarket) -> None:
    """TX-C1, TX-C19: a new page session that loads the file is in the identical state."""
    session = traded(market)
    source = "waves" if market is W else "regimes"
    look = seen(modules=(f"counterseal.market.{source}",), host=Host.SERVER)
    text = text_of(session, look)
    assert restored(text.encode()) == session
    assert text_of(traded(market), look) == text


def spoiled(change: Callable[[dict[str, object]], object]) -> tuple[str, str]:
    told = json.loads(text_of(traded(), seen()))
    change(told)
    refusal = restored(json.dumps(told).encode())
    assert isinstance(refusal, Refusal)
    return refusal.code, refusal.details[0].value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("paper_only", False),
        ("deterministic_data", None),
        ("live_trading_enabled", True),
        ("broker_api_called", True),
        ("real_order_created", "yes"),
        ("performance_claim", True),
    ],
)
def test_evidence_that_is_not_safe_is_refused_by_the_path_of_its_flag(
    name: str, value: object
) -> None:
    """TX-C1: each of the six, with the exact path."""
    spoil = {name: value}
    told = spoiled(lambda one: one.update({"safety_flags": {**_flags(one), **spoil}}))
    assert told == ("DEMO_EVIDENCE_UNSAFE", f"safety_flags.{name}")


def _flags(told: dict[str, object]) -> dict[str, object]:
    flags = told["safety_flags"]
    assert isinstance(flags, dict)
    return flags


def test_evidence_that_shows_something_else_than_its_clicks_is_refused() -> None:
    """TX-C1: another seed, another profit, another click, one part more or less."""
    code = "DEMO_EVIDENCE_DIFFERS"
    assert spoiled(lambda one: one.update(mock_seed="another")) == (code, "mock_seed")
    assert spoiled(lambda one: one.update(current_tick=9)) == (code, "current_tick")
    assert spoiled(lambda one: one.update(more=1)) == (code, "more")
    assert spoiled(lambda one: one.pop("warnings")) == (code, "warnings")
    assert spoiled(lambda one: one.update(clicks=[{"act": "order"}])) == (code, "clicks")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"a": 1.5}', b" " * (BYTES_MAX + 1), b"\xff", b'{"a": 1, "a": 2}'],
)
def test_a_file_that_is_no_evidence_is_refused(content: bytes) -> None:
    """TX-C1, TX-M5: size, form and encoding; never an exception."""
    refusal = restored(content)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "DEMO_EVIDENCE_UNREADABLE"


@pytest.mark.parametrize(
    "clicks", [None, "tick", [{"act": "fly"}], [{"act": "tick", "token": "x"}], [{}] * 201]
)
def test_clicks_that_nobody_can_click_are_refused(clicks: object) -> None:
    """TX-C1: foreign acts, foreign fields, too many."""
    assert spoiled(lambda one: one.update(clicks=clicks)) == ("DEMO_EVIDENCE_UNREADABLE", "clicks")


def test_the_summary_says_that_all_of_it_is_simulated() -> None:
    """TX-C3, TX-C12: in the first line and beside every price; what is not as promised is named."""
    text = summary_of(traded(), flags_of(traded(), seen(host=Host.SERVER)))
    assert text.startswith("Simulated demo, browser-only-mock-demo-session")
    assert "FILLED, 5 of 5 TMF at 20002.82 (simulated), filled" in text
    assert "Flags other than promised: browser_only" in text
    assert "Order: none" in summary_of(session_of(R), ())
