"""The demo's engine against its stated oracles: clicks in, sessions out."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.desk.demo.holdings import portfolio_of
from counterseal.desk.demo.markets import quotes_at, signal_on
from counterseal.desk.demo.model import CLICKS_MAX, Act, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import begun, clicked, played
from counterseal.kernel.model import Refusal
from counterseal.market.regimes import CYCLE

R, W = DemoMarket.REGIMES, DemoMarket.WAVES
TICK, SIGNAL = Click(act=Act.TICK), Click(act=Act.SIGNAL)


def order(quantity: int = 1) -> Click:
    return Click(act=Act.ORDER, quantity=quantity)


def select(symbol: str) -> Click:
    return Click.model_validate({"act": Act.SELECT, "symbol": symbol})


def session_of(market: DemoMarket, *clicks: Click) -> DemoSession:
    session = played(market, clicks)
    assert isinstance(session, DemoSession)
    return session


def at_tick(market: DemoMarket, tick: int, *clicks: Click) -> DemoSession:
    return session_of(market, *[TICK] * tick, *clicks)


def steps(session: DemoSession) -> list[str]:
    assert session.order is not None
    return [f"{step.event}/{step.state}" for step in session.order.steps]


@given(
    st.sampled_from(DemoMarket),
    st.lists(st.sampled_from([TICK, SIGNAL, select("TX"), select("TMF")]), max_size=25),
)
@settings(max_examples=60)
def test_i1_a_session_follows_from_its_clicks(market: DemoMarket, clicks: list[Click]) -> None:
    """TX-C19: two page sessions, same clicks, the same bytes."""
    first, second = session_of(market, *clicks), session_of(market, *clicks)
    assert first.json_value() == second.json_value()
    assert first.clicks == tuple(clicks)
    assert first.tick == sum(click.act is Act.TICK for click in clicks)


def test_it_begins_at_tick_zero_with_one_event_and_nothing_held() -> None:
    """TX-C1, TX-C12, TX-C16: what Reset leads to."""
    session = begun(R)
    portfolio = portfolio_of(session)
    assert (session.tick, session.symbol, len(session.timeline)) == (0, "TMF", 1)
    assert session.timeline[0].event == "SESSION_START"
    assert portfolio.average_price is None
    assert [portfolio.position, portfolio.unrealized_pnl] == [0, 0]
    assert [portfolio.mark_price, portfolio.equity] == [19998, 1_000_000]
    assert (portfolio.performance_claim, portfolio.simulated) == (False, True)


@pytest.mark.parametrize("tick", range(16))
def test_each_tick_has_its_regime_and_three_quotes(tick: int) -> None:
    """TX-C4, TX-C7, TX-C15: the regime of the cycle, TX, MTX and TMF."""
    session = at_tick(R, tick)
    assert [quote.symbol for quote in session.quotes] == ["TX", "MTX", "TMF"]
    assert {quote.regime for quote in session.quotes} == {CYCLE[tick % 8]}


def test_the_first_strategy_says_the_stated_directions() -> None:
    """TX-C8: TMF at ticks 0 to 8; confidence, target, strategy and version."""
    said = [signal_on(R, t, quotes_at(R, t)[2]) for t in range(9)]
    directions = ["FLAT", "LONG", "FLAT", "LONG", "SHORT", "FLAT", "LONG", "LONG", "SHORT"]
    assert [signal.direction for signal in said] == directions
    numbers = {(str(s.confidence), str(s.target_tx_equivalent)) for s in said}
    assert numbers == {("0.2", "0"), ("0.65", "0.05")}
    assert {(s.strategy_id, s.strategy_version) for s in said} == {
        ("browser-only-momentum-demo", "0.1.0")
    }
    assert all(signal.signals_only for signal in said)
    assert signal_on(R, 1, quotes_at(R, 1)[0]).target_tx_equivalent == Decimal("0.25")


def test_the_second_strategy_says_the_stated_directions() -> None:
    """TX-D3: ticks 0 to 6."""
    said = [signal_on(W, t, quotes_at(W, t)[2]) for t in range(7)]
    directions = ["FLAT", "LONG", "LONG", "SHORT", "SHORT", "SHORT", "LONG"]
    assert [signal.direction for signal in said] == directions
    assert [str(s.confidence) for s in said] == ["0.2", *["0.65"] * 6]
    assert {(s.strategy_id, s.strategy_version) for s in said} == {("mock-momentum-demo", "0.1.0")}


def test_the_second_market_quotes_the_stated_numbers() -> None:
    """TX-D2: TX last at ticks 0 to 12; sizes, age and liquidity at tick 7."""
    lasts = "20000 20004 20007.5 20003 19997.5 19995 20001.5 20005.5 20009 20004.5 19999 19996.5"
    assert [str(quotes_at(W, t)[0].last) for t in range(13)] == [*lasts.split(), "20003"]
    tmf = quotes_at(W, 7)[2]
    told = (tmf.bid_size, tmf.ask_size, tmf.age_seconds, str(tmf.liquidity_score))
    assert told == (5, 2, 1, "0.65")
    assert (tmf.regime, tmf.slippage, tmf.volatility) == (None, None, None)


def test_a_small_order_is_filled_whole_with_slippage() -> None:
    """TX-C10, TX-C11: tick 1, BUY 1 TMF at 20002.82."""
    session = at_tick(R, 1, SIGNAL, order())
    assert session.order is not None
    assert (session.order.side, session.order.fill_price) == ("BUY", Decimal("20002.82"))
    assert (session.order.filled_quantity, session.order.remaining_quantity) == (1, 0)
    assert steps(session) == [
        "CREATE/PENDING",
        "RISK_CHECK/RISK_CHECKED",
        "SUBMIT/SUBMITTED",
        "ACCEPT/ACCEPTED",
        "FILL/FILLED",
    ]


def test_an_order_larger_than_the_size_is_filled_in_part() -> None:
    """TX-C10, TX-C11: tick 3, BUY 5 TMF: 4 at 20015.25, 1 remains."""
    session = at_tick(R, 3, SIGNAL, order(5))
    assert session.order is not None
    assert session.order.fill_price == Decimal("20015.25")
    assert (session.order.filled_quantity, session.order.remaining_quantity) == (4, 1)
    assert session.order.reason == "limited_by_size"
    assert steps(session)[-1] == "PARTIAL_FILL/PARTIALLY_FILLED"


def test_an_illiquid_market_rejects_what_passed_the_checks() -> None:
    """TX-C10, TX-C11: tick 4, SHORT TMF is rejected by the market, not by risk."""
    session = at_tick(R, 4, SIGNAL, order())
    assert session.order is not None
    assert (session.order.side, session.order.reason) == ("SELL", "illiquid_market")
    assert steps(session)[-2:] == ["ACCEPT/ACCEPTED", "REJECT/REJECTED"]


def test_a_failed_check_rejects_after_the_risk_check() -> None:
    """TX-C9, TX-C11: TX always fails its exposure; nothing is submitted."""
    session = session_of(R, select("TX"), TICK, SIGNAL, order())
    assert session.order is not None
    assert session.order.reason == "max_tx_equivalent_exposure"
    assert steps(session) == [
        "CREATE/PENDING",
        "RISK_CHECK/RISK_CHECKED",
        "RISK_REJECT/REJECTED",
    ]


def test_a_flat_signal_and_an_old_quote_are_rejected_by_risk() -> None:
    """TX-C9: a FLAT signal has no side; a SHORT of tick 4 meets the old quote of tick 5."""
    flat = session_of(R, SIGNAL, order())
    assert flat.order is not None
    assert (flat.order.reason, flat.order.side) == ("signal_not_flat", None)
    old = at_tick(R, 4, SIGNAL, TICK, order())
    assert old.order is not None
    assert old.order.reason == "quote_not_stale"


def test_the_same_order_twice_is_a_duplicate() -> None:
    """TX-C9: same signal, symbol and quantity."""
    session = at_tick(R, 1, SIGNAL, order(), order())
    assert session.order is not None
    assert session.order.reason == "duplicate_order_prevention"
    assert portfolio_of(session).position == 1


def test_the_open_profit_follows_the_market_to_the_digit() -> None:
    """TX-C12, AS-20: 1 TMF bought at tick 1; at tick 1 -1.90, at tick 3 +119.30 TWD."""
    session = at_tick(R, 1, SIGNAL, order())
    now = portfolio_of(session)
    assert (now.unrealized_pnl, now.average_price) == (Decimal("-1.90"), Decimal("20002.82"))
    later = portfolio_of(session_of(R, *session.clicks, TICK, TICK))
    assert later.unrealized_pnl == Decimal("119.30")
    assert later.equity == Decimal("1000119.30") == later.cash + later.unrealized_pnl


def test_a_reduce_keeps_the_average_and_books_its_profit() -> None:
    """TX-C12: 2 bought at tick 1, 1 sold at tick 8: realized profit of one contract."""
    session = session_of(R, TICK, SIGNAL, order(2), *[TICK] * 7, SIGNAL, order(1))
    now = portfolio_of(session)
    sold = Decimal("20003.07") - Decimal("0.02")
    assert [now.position, now.average_price] == [1, Decimal("20002.82")]
    assert now.realized_pnl == (sold - Decimal("20002.82")) * 10
    assert now.cash == 1_000_000 + now.realized_pnl


def test_the_second_market_fills_as_the_paper_path_does() -> None:
    """TX-D4: tick 1 BUY 5 TMF: 4 at 20002.60, 1 remains, -4.00, equity 999996.00."""
    session = at_tick(W, 1, SIGNAL, order(5))
    assert session.order is not None
    assert session.order.fill_price == Decimal("20002.60")
    assert (session.order.filled_quantity, session.order.remaining_quantity) == (4, 1)
    assert [len(session.order.checks), session.order.reason] == [14, "LIMITED_BY_CAPACITY"]
    now = portfolio_of(session)
    assert (now.unrealized_pnl, now.equity) == (Decimal("-4.00"), Decimal("999996.00"))


def test_two_orders_cannot_take_the_same_contracts_of_one_quote() -> None:
    """TX-D4, TX-J8: four were shown; one order took three, the next one gets one."""
    session = at_tick(W, 1, SIGNAL, order(3), order(2))
    assert [one.filled_quantity for one in session.orders] == [3, 1]


def code(market: DemoMarket, *clicks: Click) -> str:
    refusal = played(market, clicks)
    assert isinstance(refusal, Refusal)
    return refusal.code


def test_a_click_that_cannot_be_is_refused() -> None:
    """TX-C3, TX-D4: no signal, FLAT, too many contracts; another symbol drops the signal."""
    assert code(R, order()) == "DEMO_NO_SIGNAL"
    assert code(R, TICK, SIGNAL, select("TX"), order()) == "DEMO_NO_SIGNAL"
    assert code(W, SIGNAL, order()) == "FLAT_SIGNAL"
    assert code(W, TICK, SIGNAL, order(21)) == "DEMO_QUANTITY"
    assert at_tick(W, 1, SIGNAL, order(20)).order is not None
    assert at_tick(R, 1, SIGNAL, select("TMF")).signal is not None


def test_a_session_takes_no_more_clicks_than_it_keeps() -> None:
    """TX-C1: the last click is taken, the next one is refused and changes nothing."""
    session = session_of(R, *[select("TX")] * CLICKS_MAX)
    refusal = clicked(session, TICK)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "DEMO_FULL"


def test_the_timeline_tells_what_happened_in_order() -> None:
    """TX-C16, TX-C19: SESSION_START, then ticks, signals, intents and OMS events, by the tick."""
    session = at_tick(R, 1, SIGNAL, order())
    events = [event.event for event in session.timeline]
    assert events[:4] == ["SESSION_START", "MARKET_TICK", "STRATEGY_SIGNAL", "PAPER_ORDER_INTENT"]
    assert events[4:] == ["OMS_CREATE", "OMS_RISK_CHECK", "OMS_SUBMIT", "OMS_ACCEPT", "OMS_FILL"]
    assert [event.sequence for event in session.timeline] == list(range(1, 10))
    assert session.timeline[-1].json_value()["at"] == "2026-01-01T00:00:01.000000Z"
