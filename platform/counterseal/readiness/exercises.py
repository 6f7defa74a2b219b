"""Exercises that need no store: the pure core with a tiny case.

Job: run the paper model, the order table, the role question, the valuation and the retention rule,
and say what came.

Invariants
  I1  Each exercise runs the code that orders and purges run, and looks at its answer.

Not here: tokens and policies (readiness.law_exercises), a scratch store (desk.readiness).
Source: TX-L1 to TX-L5.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from counterseal.audit.retention import LoggedRow, decide_hold, due_ranges, kept_until
from counterseal.broker.model import QuoteSnapshot, SimulationOutcome, SimulationRequest
from counterseal.broker.ports import Broker
from counterseal.broker.windows import PrintSnapshot, TapeWindow
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.oms.apply import apply_event, apply_fill
from counterseal.oms.decide import OrderRequest, create_order
from counterseal.oms.model import Execution, Order
from counterseal.oms.states import OrderEventType
from counterseal.policy.authorize import Action, authorize
from counterseal.policy.execution import TapeFillRule
from counterseal.policy.words import Role
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.valuation import Mark, value_account
from counterseal.readiness.law_exercises import law_exercises
from counterseal.readiness.model import Exercise, Exercised
from counterseal.signals.intent import OrderType, Side

_AT: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
_SYMBOL: Final = "TMF202601"
_QUANTITY: Final = Decimal(4)
_BID, _ASK = Decimal(19_999), Decimal(20_000)
_TO_WORK: Final = (
    OrderEventType.RISK_APPROVE,
    OrderEventType.SUBMIT,
    OrderEventType.ACKNOWLEDGE,
)
_FILL: Final = Execution(
    exec_id="probe-1", last_quantity=Decimal(1), last_price=_ASK, occurred_at=_AT
)


def core_exercises(broker: Broker) -> tuple[Exercised, ...]:
    """What the pure core answers; `broker` is the gateway in use."""
    return (
        _allow_and_deny(),
        _deny_by_default(),
        _preview(broker),
        _repeats(broker),
        _outcomes(broker),
        _assumptions(broker),
        _illegal_move(),
        _duplicate_report(),
        _late_fill(),
        _equity(),
        _held_record(),
        *law_exercises(),
    )


def _told(name: Exercise, passed: bool, evidence: str) -> Exercised:
    return Exercised(name=name, passed=passed, evidence=evidence)


def _allow_and_deny() -> Exercised:
    allowed = authorize(Action.REVIEW, (Role.RISK_REVIEWER,)) is None
    denied = authorize(Action.REVIEW, (Role.AUDITOR,)) is not None
    told = f"risk reviewer may review: {allowed}; auditor may not: {denied}"
    return _told(Exercise.ALLOW_AND_DENY, allowed and denied, told)


def _deny_by_default() -> Exercised:
    open_actions = [action for action in Action if authorize(action, ()) is None]
    unknown = authorize("probe.unknown", tuple(Role)) is not None
    told = f"unknown action refused: {unknown}; actions open without a role: {len(open_actions)}"
    return _told(Exercise.DENY_BY_DEFAULT, unknown and not open_actions, told)


def _asked(selected: SimulationOutcome | None = None) -> SimulationRequest:
    quote = QuoteSnapshot(
        symbol=_SYMBOL,
        bid=_BID,
        ask=_ASK,
        bid_size=_QUANTITY,
        ask_size=_QUANTITY,
        basis="caller",
        source="probe",
        quote_id="probe-quote",
        event_time=_AT,
        receive_time=_AT,
        age_seconds=Decimal(0),
    )
    return SimulationRequest(
        order_id="probe-order",
        symbol=_SYMBOL,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=_QUANTITY,
        quote=quote,
        selected_outcome=selected,
    )


def _preview(broker: Broker) -> Exercised:
    answer = broker.answer(_asked())
    told = f"{answer.model_version} answers {answer.simulation_outcome}"
    return _told(Exercise.PREVIEW_ANSWERS, answer.symbol == _SYMBOL, told)


def _repeats(broker: Broker) -> Exercised:
    first, second = broker.answer(_asked()), broker.answer(_asked())
    return _told(Exercise.MODEL_REPEATS, first == second, f"asked twice: {first.digest[:15]}")


def _outcomes(broker: Broker) -> Exercised:
    reached = {broker.answer(_asked(word)).simulation_outcome for word in SimulationOutcome}
    told = f"reached: {', '.join(sorted(reached))}"
    return _told(Exercise.FIVE_OUTCOMES, reached == set(SimulationOutcome), told)


def _assumptions(broker: Broker) -> Exercised:
    rule = TapeFillRule(latency_ms=250, fills_at_touch=True, participation_cap=Decimal(1))
    second = _AT + timedelta(seconds=1)
    deal = PrintSnapshot(row=2, at=second, price=_BID, contracts=5, volume_before=0)
    window = TapeWindow(
        symbol=_SYMBOL,
        source="probe",
        lot_id="probe-second",
        rests=True,
        queue_at_arrival=Decimal(3),
        queue_ahead=Decimal(3),
        prints=(deal,),
    )
    asked = _asked().amended(
        order_type=OrderType.LIMIT, limit_price=_BID, arrived_at=_AT, rule=rule, window=window
    )
    answer = broker.answer(asked)
    waited = answer.simulated_fill_quantity, answer.latency_ms, answer.queue_left
    stated = {"latency", "queue_position"} <= set(answer.modelled)
    told = (
        f"{answer.model_version}, 5 printed behind a queue of 3: {waited[0]} filled, delay"
        f" {waited[1]} ms, queue left {waited[2]}; states both as modelled: {stated}"
    )
    passed = stated and waited == (Decimal(2), rule.latency_ms, Decimal(0))
    return _told(Exercise.LATENCY_AND_QUEUE_MODELLED, passed, told)


def _new_order() -> Order:
    request = OrderRequest(
        order_id="probe-order",
        idempotency_key="probe-key",
        approval_request_id="probe-request",
        account_id="probe-account",
        strategy_id="probe",
        strategy_version="1",
        source_signal_id="probe-signal",
        symbol=_SYMBOL,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=_QUANTITY,
        approved_quantity=_QUANTITY,
    )
    return create_order(request, _AT).order


def _illegal_move() -> Exercised:
    outcome = apply_event(_new_order(), OrderEventType.ACKNOWLEDGE, _AT)
    refused = isinstance(outcome, Refusal)
    told = f"ACKNOWLEDGE in NEW: {outcome.code if isinstance(outcome, Refusal) else 'accepted'}"
    return _told(Exercise.ILLEGAL_MOVE_REFUSED, refused, told)


def _led(*further: OrderEventType) -> Order | str:
    """An order at work, and led on; or where it was stopped."""
    order = _new_order()
    for event in (*_TO_WORK, *further):
        step = apply_event(order, event, _AT, risk_evaluation_id="probe-evaluation")
        if isinstance(step, Refusal):
            return f"{event}: {step.code}"
        order = step.order
    return order


def _late_fill() -> Exercised:
    order = _led(OrderEventType.CANCEL_REQUEST, OrderEventType.CANCEL)
    if isinstance(order, str):
        return _told(Exercise.LATE_FILL_COUNTED, False, order)
    taken = apply_fill(order, _FILL, _AT)
    if isinstance(taken, Refusal):
        return _told(Exercise.LATE_FILL_COUNTED, False, f"fill: {taken.code}")
    events = [step.event for step in taken.events]
    told = f"a fill after the cancel: {taken.order.cum_quantity} counted, {', '.join(events)}"
    passed = taken.order.cum_quantity == 1 and events == [OrderEventType.LATE_FILL]
    return _told(Exercise.LATE_FILL_COUNTED, passed, told)


def _duplicate_report() -> Exercised:
    order = _led()
    if isinstance(order, str):
        return _told(Exercise.DUPLICATE_REPORT_IGNORED, False, order)
    counted = []
    for _ in range(2):
        taken = apply_fill(order, _FILL, _AT)
        if isinstance(taken, Refusal):
            return _told(Exercise.DUPLICATE_REPORT_IGNORED, False, f"fill: {taken.code}")
        order = taken.order
        counted.append(order.cum_quantity)
    told = f"one report given twice, filled after each: {counted[0]}, {counted[1]}"
    return _told(Exercise.DUPLICATE_REPORT_IGNORED, counted == [Decimal(1)] * 2, told)


def _equity() -> Exercised:
    account = Account(
        account_id="probe",
        tenant="probe",
        currency=Currency.TWD,
        opening_cash=Decimal(1_000),
        cash=Decimal(1_000),
        updated_at=_AT,
    )
    held = Position(
        position_id=f"probe:{_SYMBOL}",
        account_id="probe",
        symbol=_SYMBOL,
        quantity=Decimal(1),
        average_price=_ASK,
        cost_sum=_ASK,
        multiplier=Decimal(10),
        tx_equivalent=Decimal("0.05"),
        currency=Currency.TWD,
        updated_at=_AT,
    )
    marks = [
        Mark(symbol=_SYMBOL, price=_ASK + step, seen_at=_AT + timedelta(seconds=step), source="p")
        for step in (0, 1)
    ]
    before, after = (
        value_account(account, [held], marks, now=_AT + timedelta(seconds=step)).equity
        for step in (0, 1)
    )
    told = f"one point later the equity is {after}, it was {before}"
    return _told(Exercise.EQUITY_FOLLOWS_QUOTE, after == before + 10, told)


def _held_record() -> Exercised:
    case, years = "case:probe", 1
    row = LoggedRow(seq=0, stream=case, type="order.filled", recorded_at=_AT, present=True)
    hold = decide_hold("probe-hold", [case], "probe", placed_by="probe", now=_AT)
    over = kept_until(_AT, years)
    free, held = (bool(due_ranges([row], lambda _: years, holds, over)) for holds in ((), (hold,)))
    told = f"its time over, due for purge: {free} without a hold, {held} under one"
    return _told(Exercise.HELD_RECORD_KEPT, free and not held, told)
