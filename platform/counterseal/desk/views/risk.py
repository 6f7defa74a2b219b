"""What risk shows, and an order judged without being placed.

Job: limits, rules, live state and badges as read models; all checks on a question, storing nothing.

Invariants
  I1  Every figure comes from documents, settings, policy or the broker; none from a caller.
  I2  A question is judged by the function that judges orders, on the same facts.
  I3  Nothing here writes: it is handed readers only.

Not here: the checks (risk), switches and the refused reset (desk.setup), cross-account (readiness).
Source: TX-A4, TX-H15 to TX-H17; trading reference part 4.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from pydantic import Field

from counterseal.desk.exposure import (
    Ground,
    daily_loss,
    net_position,
    risk_snapshot,
    trading_day_text,
)
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.views.badges import all_paper, broker_was_called, safety_badges
from counterseal.desk.views.marks import (
    EVENTS_LIMIT,
    EVENTS_LIMIT_MAX,
    Badge,
    checked_limit,
    flag,
)
from counterseal.kernel.clock import UtcDatetime, seconds_between
from counterseal.kernel.model import DomainModel, Name, Refusal, Sha256, refuse
from counterseal.kernel.money import EXACT, Exact, NonNegative, Price, Quantity, exact_text
from counterseal.market.contracts import ContractTable, margin_on
from counterseal.market.instruments import contract_root
from counterseal.oms.model import Order
from counterseal.policy.limits import RiskLimits
from counterseal.portfolio.model import DailyPnl, Position
from counterseal.risk.counters import RiskCounters
from counterseal.risk.decide import evaluate
from counterseal.risk.model import (
    CHECK_COUNT,
    Check,
    CheckName,
    RiskEvaluation,
    RiskIntent,
    RiskState,
)
from counterseal.signals.intent import OrderType, Side

_C = CheckName
_RULES: Final[Mapping[CheckName, tuple[str, str]]] = {
    _C.LIVE_TRADING_DISABLED: ("the live flag is off and the mode is paper", ""),
    _C.PAPER_BROKER_ONLY: ("the broker provider is paper", ""),
    _C.IDEMPOTENCY_KEY_PRESENT: ("the idempotency key is not blank", ""),
    _C.PAPER_ONLY_INTENT: ("the intent is for paper only", ""),
    _C.MAX_EXPOSURE: (
        "quantity x ratio, in TX-equivalents, within the limit and the approved target",
        "max_tx_equivalent_exposure",
    ),
    _C.STALE_QUOTE: ("a quote exists, at most so many seconds old", "stale_quote_seconds"),
    _C.PRICE_REASONABILITY: (
        "the price differs from the reference by at most this fraction",
        "price_deviation_max",
    ),
    _C.MAX_ORDER_SIZE_BY_CONTRACT: ("contracts within the limit of the contract root", ""),
    _C.MARGIN_PROXY: ("exposure x proxy margin, in TWD", "margin_max_twd"),
    _C.DUPLICATE_ORDER_PREVENTION: ("no other order used the idempotency key", ""),
    _C.DAILY_LOSS_LIMIT: (
        "the trading day's realized loss, net of costs, in TWD, is below the limit",
        "daily_loss_max_twd",
    ),
    _C.POSITION_LIMIT: (
        "position, working orders of the side and this order, in TX-equivalents",
        "position_max_tx_equivalent",
    ),
    _C.KILL_SWITCH: ("off in the policy and off in the account's state", ""),
    _C.BROKER_HEARTBEAT: (
        "healthy, and its last sign at most so many seconds old",
        "heartbeat_max_age_seconds",
    ),
}
"""What each check asks, and the field of the limits that bounds it, if one does."""

GUARDRAIL_NOTES: Final = (
    "PRICE_REASONABILITY refuses prices outside the band; a market order is judged by its quote.",
    "MAX_ORDER_SIZE_BY_CONTRACT caps TX, MTX and TMF; an unknown contract may trade nothing.",
    "MARGIN_PROXY uses one proxy per TX-equivalent, below the exchange's margins.",
    "DUPLICATE_ORDER_PREVENTION knows every key that an order ever used, across restarts.",
    "DAILY_LOSS_LIMIT and POSITION_LIMIT read booked fills and working orders, never a claim.",
    "KILL_SWITCH and BROKER_HEARTBEAT stop every order of the account until they are in order.",
)
"""The six notes of the panel."""


class ContractLimit(DomainModel):
    """One contract root with its terms and its limit.

    Attributes:
        multiplier: TWD per index point.
        tx_equivalent: TX-equivalents per contract.
        quantity_max: Largest order in contracts; zero without a limit of its own.
        proxy_margin_twd: What MARGIN_PROXY counts for one contract.
        initial_margin_twd: The exchange's initial margin on the day, None when not known.
    """

    contract_root: Name
    multiplier: Quantity
    tx_equivalent: Quantity
    quantity_max: NonNegative
    proxy_margin_twd: NonNegative
    initial_margin_twd: NonNegative | None


class CheckRule(DomainModel):
    """What a check asks; `limit` is its bound as text, empty when it has no single number."""

    name: CheckName
    rule: str = Field(max_length=400)
    limit: str = Field(max_length=120)


class RiskConfig(DomainModel):
    """The limits in force and everything that explains them (TX-H15 `config`)."""

    limits: RiskLimits
    policy_digest: Sha256
    contracts: tuple[ContractLimit, ...]
    checks: tuple[CheckRule, ...] = Field(min_length=CHECK_COUNT, max_length=CHECK_COUNT)
    guardrail_notes: tuple[str, ...]


class AccountRisk(DomainModel):
    """Live state of one account (TX-H16).

    Attributes:
        seen_idempotency_keys: How many keys its judged orders used.
        daily_realized_loss_twd: Loss of `trading_day` in TWD, net of costs; negative is a profit.
        trading_day: `YYYY-MM-DD`, or None while the account never traded.
        current_position_tx_equivalent: Signed filled position.
        broker_heartbeat_healthy: As last reported.
        heartbeat_age_seconds: Age of the broker's last sign of life; None without one.
        updated_at: Newest change of state, order, position or daily result (UTC).
    """

    account_id: Name
    seen_idempotency_keys: int = Field(ge=0)
    daily_realized_loss_twd: Exact
    trading_day: Name | None
    current_position_tx_equivalent: Exact
    kill_switch_active: bool
    broker_heartbeat_healthy: bool
    heartbeat_age_seconds: Exact | None
    paper_only: bool
    live_trading_enabled: bool
    broker_api_called: bool
    updated_at: UtcDatetime


class RiskPanel(DomainModel):
    """The whole panel (TX-H15 `status`, TX-H17).

    Attributes:
        last_checks: The fourteen of the newest evaluation; empty before any.
        last_further_checks: The others of the same evaluation.
    """

    config: RiskConfig
    accounts: tuple[AccountRisk, ...]
    badges: tuple[Badge, ...]
    last_checks: tuple[Check, ...]
    last_further_checks: tuple[Check, ...]


class EvaluationsView(DomainModel):
    """The newest evaluations of orders; `total` counts all."""

    limit: int
    total: int
    evaluations: tuple[RiskEvaluation, ...]


class OrderQuestion(DomainModel):
    """An order that somebody only asks about.

    Attributes:
        idempotency_key: Any text; blanks fail their check.
        quantity: Contracts.
        order_price: Limit in quote units; None for a market order.
        approved_target: TX-equivalents that people approved; None when nothing was approved yet,
            so that the limit alone counts.
    """

    order_id: Name = "question"
    account_id: Name
    idempotency_key: str = Field(default="question", max_length=200)
    symbol: Name
    side: Side
    quantity: Quantity
    order_type: OrderType = OrderType.MARKET
    order_price: Price | None = None
    paper_only: bool = True
    approved_target: NonNegative | None = None


def contract_limits(
    table: ContractTable, limits: RiskLimits, day: date
) -> tuple[ContractLimit, ...]:
    """Terms and limits of every contract on a day, in the order of the table (TX-A4)."""
    found = []
    for spec in table.contracts:
        margin = margin_on(table.margins, spec.root, day)
        found.append(
            ContractLimit(
                contract_root=spec.root,
                multiplier=spec.multiplier,
                tx_equivalent=spec.tx_equivalent,
                quantity_max=limits.order_size_limit(spec.root),
                proxy_margin_twd=EXACT.multiply(spec.tx_equivalent, limits.margin_per_tx_twd),
                initial_margin_twd=None if margin is None else margin.initial,
            )
        )
    return tuple(found)


def risk_config(table: ContractTable, limits: RiskLimits, day: date) -> RiskConfig:
    """Limits, contracts, rules and notes; `day` picks the exchange's margins."""
    return RiskConfig(
        limits=limits,
        policy_digest=limits.digest,
        contracts=contract_limits(table, limits, day),
        checks=tuple(
            CheckRule(name=name, rule=rule, limit=_bound(limits, field))
            for name, (rule, field) in _RULES.items()
        ),
        guardrail_notes=GUARDRAIL_NOTES,
    )


def account_risks(reader: Reader, ground: Ground, now: datetime) -> tuple[AccountRisk, ...]:
    """Live state of every account at `now` (UTC), by account id.

    Raises:
        InputError: `CALENDAR_RANGE` when an account traded and `now` lies beyond the calendar.
    """
    return tuple(_account_risk(reader, ground, state, now) for state in reader.find(RiskState))


def risk_panel(reader: Reader, ground: Ground, limits: RiskLimits, now: datetime) -> RiskPanel:
    """Everything that the risk page shows at `now` (UTC).

    Raises:
        InputError: `CALENDAR_RANGE`; see `account_risks`.
    """
    accounts = account_risks(reader, ground, now)
    newest = next(iter(newest_evaluations(reader, 1).evaluations), None)
    stopped = limits.kill_switch or any(a.kill_switch_active for a in accounts)
    alive = bool(accounts) and all(_alive(a, limits) for a in accounts)
    return RiskPanel(
        config=risk_config(ground.contracts, limits, now.date()),
        accounts=accounts,
        badges=(
            *safety_badges(reader, ground),
            Badge(name="KILL_SWITCH", value=flag(stopped)),
            Badge(name="BROKER_HEARTBEAT", value=flag(alive)),
        ),
        last_checks=() if newest is None else newest.checks,
        last_further_checks=() if newest is None else newest.further_checks,
    )


def newest_evaluations(reader: Reader, limit: int = EVENTS_LIMIT) -> EvaluationsView:
    """The evaluations that were made last, newest first.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE` outside 1..500.
    """
    rows = checked_limit(limit, EVENTS_LIMIT_MAX)
    newest = newest_of(reader, RiskEvaluation, "evaluated_at", rows)
    return EvaluationsView(limit=limit, total=reader.count(RiskEvaluation), evaluations=newest)


def evaluate_question(
    reader: Reader, ground: Ground, limits: RiskLimits, asked: OrderQuestion, now: datetime
) -> RiskEvaluation | Refusal:
    """All checks on an order that is not placed; nothing is stored.

    What only an approved order has (strategy, signal, approval) is not asked about.

    Args:
        reader: One moment of the store.
        ground: Feed, broker, contracts, calendar and settings.
        limits: Limits in force.
        asked: The order.
        now: UTC instant of the judgement.

    Returns:
        The evaluation, approved or not, or `NOT_FOUND` (no such account) or `QUANTITY_NOT_WHOLE`.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    if reader.get(RiskState, asked.account_id) is None:
        return refuse("NOT_FOUND", "no such account", account=asked.account_id)
    if asked.quantity % 1:
        return refuse("QUANTITY_NOT_WHOLE", "futures trade in whole contracts")
    intent = _intent(asked, ground.contracts, limits)
    return evaluate(
        intent,
        risk_snapshot(reader, ground, asked, now),
        limits,
        evaluation_id=f"question-{intent.digest[7:23]}",
        now=now,
    )


def _bound(limits: RiskLimits, field: str) -> str:
    value = getattr(limits, field) if field else None
    return exact_text(value) if isinstance(value, Decimal) else ""


def _intent(asked: OrderQuestion, contracts: ContractTable, limits: RiskLimits) -> RiskIntent:
    root = contract_root(asked.symbol)
    spec = contracts.spec(root)
    same = {n: v for n, v in asked if n in RiskIntent.model_fields and n != "approved_target"}
    told = asked.approved_target
    return RiskIntent(
        **same,
        contract_root=None if root is None else str(root),
        ratio=None if spec is None else spec.tx_equivalent,
        multiplier=None if spec is None else spec.multiplier,
        tick=None if spec is None else spec.tick,
        approved_target=limits.max_tx_equivalent_exposure if told is None else told,
    )


def _account_risk(reader: Reader, ground: Ground, state: RiskState, now: datetime) -> AccountRisk:
    account = state.account_id
    orders = newest_of(reader, Order, "updated_at", 1, account_id=account)
    counters = reader.get(RiskCounters, account)
    days = reader.find(DailyPnl, account_id=account)
    positions = reader.find(Position, account_id=account)
    beat = ground.broker.heartbeat(now)
    changes = [state.updated_at, *(d.updated_at for d in days)]
    changes += [*(o.updated_at for o in orders), *(p.updated_at for p in positions)]
    return AccountRisk(
        account_id=account,
        seen_idempotency_keys=0 if counters is None else counters.orders_total,
        daily_realized_loss_twd=daily_loss(reader, ground, account, now) if days else Decimal(0),
        trading_day=trading_day_text(ground, now) if days else None,
        current_position_tx_equivalent=net_position(reader, account),
        kill_switch_active=state.kill_switch_active,
        broker_heartbeat_healthy=state.broker_heartbeat_healthy,
        heartbeat_age_seconds=None if beat is None else seconds_between(beat, now),
        paper_only=all_paper(reader, ground),
        live_trading_enabled=ground.live_trading_enabled,
        broker_api_called=broker_was_called(reader),
        updated_at=max(changes),
    )


def _alive(account: AccountRisk, limits: RiskLimits) -> bool:
    age = account.heartbeat_age_seconds
    fresh = age is not None and 0 <= age <= limits.heartbeat_max_age_seconds
    return account.broker_heartbeat_healthy and fresh
