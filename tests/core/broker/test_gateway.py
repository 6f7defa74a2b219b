from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.broker.answer import Settlement, apply_answer
from counterseal.broker.gateway import (
    FillTerms,
    PaperBroker,
    execution_of,
    fill_from,
    request_for,
    send,
)
from counterseal.broker.lots_taken import (
    LotTaken,
    apply_fill_taken,
    taken_side,
    taken_whole,
)
from counterseal.broker.model import Fill, PaperAck, SimulationOutcome, SimulationRequest
from counterseal.broker.paper import simulate
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Refusal, parse_document
from counterseal.kernel.money import Currency
from counterseal.oms.apply import apply_event
from counterseal.oms.decide import create_order
from counterseal.oms.model import Order
from counterseal.oms.states import OrderEventType as E
from counterseal.oms.states import OrderState as S
from counterseal.risk.decide import evaluate
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import OrderType, Side, TimeInForce
from tests.core.broker.test_paper import LIMIT, NOW, QUOTE, Changes, ask
from tests.core.oms.test_orders import REQUEST, ok
from tests.core.risk.test_decide import INTENT, LIMITS, SNAPSHOT

LATER = NOW + timedelta(seconds=1)
FRESH = QUOTE.amended(receive_time=LATER, quote_id="q2")
TERMS = FillTerms(
    fill_id="fill_1",
    multiplier=Decimal(10),
    tx_equivalent=Decimal("0.05"),
    currency=Currency.TWD,
    trading_day="2026-01-05",
    session="day",
)
EVALUATION = evaluate(INTENT, SNAPSHOT, LIMITS, evaluation_id="rev_1", now=NOW)


def placed(*events: E, **changes: object) -> Order:
    made = create_order(REQUEST.amended(**changes), NOW).order
    for event in events:
        made = ok(apply_event(made, event, NOW, risk_evaluation_id="rev_1"))
    return made


def sent(**changes: object) -> Order:
    return placed(E.RISK_APPROVE, E.SUBMIT, **changes)


def answered(order: Order, quote: Changes, chosen: str = "", fill_id: str = "fill_1") -> Settlement:
    outcome = SimulationOutcome(chosen) if chosen else None
    request = request_for(order, FRESH.amended(**quote), selected_outcome=outcome)
    assert isinstance(request, SimulationRequest)
    terms = TERMS.amended(fill_id=fill_id)
    settled = apply_answer(order, request, PaperBroker().answer(request), terms, LATER)
    assert isinstance(settled, Settlement)
    return settled


def words(settled: Settlement) -> str:
    return " ".join(e.event.value for e in settled.change.events)


def made_fill(size: int = 3) -> Fill:
    fill = answered(sent(), {"ask_size": size}).fill
    assert fill is not None
    return fill


REFUSED: list[tuple[Order, RiskEvaluation | None]] = [
    (placed(E.RISK_APPROVE), None),
    (placed(), EVALUATION),
    (placed(E.RISK_APPROVE), EVALUATION.amended(evaluation_id="rev_2")),
    (placed(E.RISK_APPROVE), EVALUATION.amended(order_id="ord_2")),
    (placed(E.RISK_APPROVE, account_id="acc_2"), EVALUATION),
    (placed(E.RISK_APPROVE, E.REJECT), EVALUATION),
    (
        placed(E.RISK_APPROVE),
        evaluate(
            INTENT,
            SNAPSHOT.amended(kill_switch_active=True),
            LIMITS,
            evaluation_id="rev_1",
            now=NOW,
        ),
    ),
]


@pytest.mark.parametrize(("order", "evaluation"), REFUSED)
def test_i1_an_order_without_its_own_approving_evaluation_is_refused(
    order: Order, evaluation: RiskEvaluation | None
) -> None:
    """TX-G6: no evaluation, another's, a failed one, or the wrong state."""
    outcome = send(order, evaluation, NOW)

    assert isinstance(outcome, Refusal)
    assert outcome.code == "ORDER_NOT_RISK_APPROVED"


def test_an_approved_order_is_acknowledged_with_the_asked_words() -> None:
    """TX-G6, TX-G7: provider, paper order id, accepted, message, payload."""
    ack = send(placed(E.RISK_APPROVE), EVALUATION, NOW)

    assert isinstance(ack, PaperAck)
    assert (ack.broker_provider, ack.accepted) == ("paper", True)
    assert ack.paper_order_id == placed().order_reference
    assert ack.message
    assert {d.name: d.value for d in ack.payload}["quantity"] == "5"


@settings(max_examples=60)
@given(st.integers(1, 20), st.integers(0, 20), st.integers(19_000, 21_000))
def test_i2_the_models_quantity_and_price_reach_the_report_unchanged(
    wanted: int, size: int, price: int
) -> None:
    """TX-J13: model -> gateway -> order -> report."""
    quote: Changes = {"ask_size": size, "ask": price, "bid": price - 1}
    settled = answered(sent(quantity=wanted), quote)
    filled = min(wanted, size)

    assert settled.change.order.cum_quantity == filled
    assert (settled.fill is None) is (filled == 0)
    if settled.fill is not None:
        report, execution = settled.change.reports[-1], execution_of(settled.fill)
        assert report.last_quantity == execution.last_quantity == filled
        assert report.last_price == execution.last_price == price


def test_three_of_five_flows_from_the_model_to_the_report() -> None:
    """TX-J13, TX-Z6, AS-5: last 3, cum 3, leaves 2."""
    settled = answered(sent(), {"ask_size": 3})
    report = settled.change.reports[-1]

    assert report.last_quantity == 3
    assert report.cumulative_filled_quantity == 3
    assert report.leaves_quantity == 2
    assert report.average_fill_price == 20000
    assert words(settled) == "ACKNOWLEDGE PARTIAL_FILL"


def test_i3_a_resting_order_waits_for_a_younger_quote() -> None:
    """TX-J13: the same quote never meets an order twice."""
    resting = answered(sent(), {"ask_size": 3}).change.order
    outcome = request_for(resting, FRESH)
    younger = request_for(resting, FRESH.amended(receive_time=LATER + timedelta(microseconds=1)))

    assert isinstance(outcome, Refusal)
    assert outcome.code == "QUOTE_NOT_LATER"
    assert isinstance(younger, SimulationRequest)
    assert younger.quantity == 2
    done = request_for(answered(sent(), {}).change.order, FRESH)
    assert isinstance(done, Refusal)
    assert done.code == "ORDER_NOT_WORKING"


@pytest.mark.parametrize(
    ("chosen", "tail", "state"),
    [
        ("fill", "FILL", S.FILLED),
        ("partial_fill", "PARTIAL_FILL", S.PARTIALLY_FILLED),
        ("reject", "REJECT", S.REJECTED),
        ("cancel", "CANCEL_REQUEST CANCEL", S.CANCELLED),
        ("acknowledge", "", S.ACCEPTED),
    ],
)
def test_each_outcome_has_its_sequence_of_events(chosen: str, tail: str, state: S) -> None:
    """TX-G8: CREATE, RISK_APPROVE, SUBMIT, ACKNOWLEDGE, then the outcome."""
    created = create_order(REQUEST, NOW)
    settled = answered(sent(), {}, chosen)

    assert [e.event for e in created.events] == [E.CREATE]
    assert words(settled) == f"ACKNOWLEDGE {tail}".strip()
    assert settled.change.order.state is state
    assert settled.change.events[0].sequence == 4


@pytest.mark.parametrize("size", [0, 1, 4, 5, 6])
def test_i1_a_fok_order_is_filled_whole_or_not_at_all(size: int) -> None:
    """TX-G8, TX-J13: 4 of 5 fills nothing; 5 fills all."""
    settled = answered(sent(time_in_force=TimeInForce.FOK), {"ask_size": size})
    order = settled.change.order

    if size >= 5:
        assert words(settled) == "ACKNOWLEDGE FILL"
        return
    assert settled.fill is None
    assert order.state is S.CANCELLED
    assert order.rest_quantity == 5
    assert settled.change.events[-1].reason == "FOK_NOT_FILLED_WHOLE"


@pytest.mark.parametrize("size", [0, 1, 4, 5, 6])
def test_i2_an_ioc_order_keeps_its_fill_and_cancels_the_rest(size: int) -> None:
    """TX-G8, TX-J13: 3 of 5 leaves no working contract."""
    settled = answered(sent(time_in_force=TimeInForce.IOC), {"ask_size": size})
    order = settled.change.order

    assert order.cum_quantity == min(size, 5)
    assert not order.leaves_quantity
    assert order.is_terminal
    if size < 5:
        assert words(settled).endswith("CANCEL_REQUEST CANCEL")
        assert settled.change.events[-1].reason == "IOC_REST_CANCELLED"


def test_i3_a_refused_quote_does_not_end_a_resting_order() -> None:
    """TX-J3: a stale quote rejects a new order and leaves a resting one."""
    stale: Changes = {"age_seconds": 4, "receive_time": LATER + timedelta(seconds=1)}
    resting = answered(sent(), {"ask_size": 3}).change.order

    assert answered(sent(), stale).change.order.state is S.REJECTED
    settled = answered(resting, stale)
    assert settled.change.order == resting
    assert settled.change.events == ()


def test_an_answer_to_another_request_or_an_ended_order_is_not_applied() -> None:
    """TX-J13: order, request and result belong together."""
    order = sent()
    request = request_for(order, FRESH)
    assert isinstance(request, SimulationRequest)
    with pytest.raises(InputError) as caught:
        apply_answer(order, request.amended(order_id="x"), simulate(request), TERMS, LATER)
    outcome = apply_answer(placed(), request, simulate(request), TERMS, LATER)

    assert caught.value.code == "ANSWER_OF_OTHER_REQUEST"
    assert isinstance(outcome, Refusal)
    assert outcome.code == "ORDER_NOT_WORKING"


@settings(max_examples=60)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(1, 9))
def test_i2_two_orders_cannot_take_the_same_contracts(wanted: list[int], size: int) -> None:
    """TX-J7: all fills of one quote's side together stay within its size."""
    fills: list[Fill] = []
    known: LotTaken | None = None
    for number, quantity in enumerate(wanted):
        order = sent(quantity=quantity)
        quote = FRESH.amended(ask_size=size)
        taken = taken_side(known, Side.BUY)
        request = request_for(order, quote, already_consumed=taken)
        assert isinstance(request, SimulationRequest)
        terms = TERMS.amended(fill_id=f"fill_{number}")
        fill = fill_from(order, request, simulate(request), terms, LATER)
        if fill is not None:
            known = apply_fill_taken(known, fill)
            fills.append(fill)

    assert known is not None
    assert (known.lot_id, known.prints) == ("q2", ())
    assert known.bought == sum(fill.last_quantity for fill in fills) == min(size, sum(wanted))
    assert taken_side(known, Side.SELL) == 0
    assert taken_whole(known) == {0: known.bought}


def test_i1_a_stored_fill_replays_to_the_same_fill() -> None:
    """TX-J13: the document carries every input, and says what is not modelled."""
    fill = made_fill()
    again = parse_document(Fill, canonical_bytes(fill.json_value()))

    assert again == fill
    assert simulate(again.request) == again.result
    assert again.not_modelled == ("latency", "queue_position", "market_impact")
    assert (fill.leg_id, fill.key) == ("ord_1:1", "fill_1")


@pytest.mark.parametrize("change", [{"last_quantity": 4}, {"last_price": 19999}, {"quote": QUOTE}])
def test_a_fill_that_differs_from_its_result_is_invalid(change: Changes) -> None:
    """TX-J13: the original lost the quantity."""
    with pytest.raises(ValueError, match="exactly what the model answered"):
        made_fill().amended(**change)


def test_the_result_has_the_asked_fields_and_flags() -> None:
    """TX-J11: schema."""
    asked = [
        "model_version",
        "simulation_outcome",
        "reason",
        "symbol",
        "side",
        "order_type",
        "limit_price",
        "reference_price",
        "simulated_fill_price",
        "requested_quantity",
        "simulated_fill_quantity",
        "remaining_quantity",
        "bid_price",
        "ask_price",
        "spread_points",
        "available_size",
        "liquidity_score",
        "checks",
        "warnings",
        "paper_only",
        "live_trading_enabled",
        "broker_api_called",
        "external_market_data_downloaded",
        "production_execution_model",
    ]
    result = simulate(ask({}))
    facts = result.json_value()

    assert set(asked) <= set(facts)
    assert [facts[name] for name in asked[-5:]] == [True, False, False, False, False]
    assert facts["model_version"] == "paper-broker-sim-v0.1"
    for flag in asked[-5:]:
        with pytest.raises(ValueError, match=flag):
            result.amended(**{flag: not facts[flag]})


@settings(max_examples=80)
@given(st.sampled_from(Side), st.integers(1, 9), st.integers(0, 9), st.integers(19_990, 20_010))
def test_i3_a_fill_is_never_worse_than_the_limit_and_the_model_never_cancels(
    side: Side, quantity: int, size: int, limit: int
) -> None:
    """TX-J8, TX-J9: BUY at most the limit, SELL at least."""
    sizes: Changes = {"ask_size": size, "bid_size": size}
    result = simulate(ask(sizes, **LIMIT, side=side, quantity=quantity, limit_price=limit))

    assert result.order_type is OrderType.LIMIT
    assert result.simulation_outcome is not SimulationOutcome.CANCEL
    if result.simulated_fill_price is not None:
        assert side.sign * (limit - result.simulated_fill_price) >= 0


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(0, 9), st.decimals(0, 1, places=2))
def test_i1_the_same_request_gives_the_same_result(
    quantity: int, size: int, score: Decimal
) -> None:
    """TX-J8: deterministic, byte for byte."""
    request = ask({"ask_size": size, "liquidity_score": score}, quantity=quantity)

    assert simulate(request).digest == simulate(request.amended()).digest
