"""Facts of the further checks.

Job: read states, standings, margins, marks, approval and overrides of one order, by key or index.

Invariants
  I1  The cost does not grow with the orders of the past: only orders that may still fill, positions
      and documents with a known key are read.
  I2  A fact that cannot be known (no margin row, no mark, no session) is told as unknown.
  I3  What belongs to another tenant is no fact of an order.
  I4  An override counts only while both signatures hold, and never for an order of its signers.

Not here: the fourteen's facts (desk.exposure), the checks (risk).
Source: trading reference parts 1.2, 1.3 and 4.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from counterseal.approvals.binding import binding_breaches
from counterseal.approvals.model import ApprovalRequest
from counterseal.broker.model import Fill
from counterseal.desk.ground import Asked, Ground
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.people import enrolled_keys
from counterseal.desk.ports import Reader
from counterseal.identity.people import Person
from counterseal.identity.proposals import Register
from counterseal.kernel.errors import InputError, InvariantError
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractTable, margin_on
from counterseal.market.instruments import contract_month, contract_root
from counterseal.market.sessions import entry_phase, expiry_date
from counterseal.oms.decide import working_contracts
from counterseal.oms.model import Order
from counterseal.oms.states import OPEN_STATES
from counterseal.portfolio.model import Account, Position
from counterseal.portfolio.settlement import Settlement, SettlementKind
from counterseal.risk.counters import (
    RiskCounters,
    StrategyExposure,
    apply_strategy_fill,
    exposure_id,
)
from counterseal.risk.facts import FurtherFacts, NamedStanding, OverrideInForce, Standing
from counterseal.risk.further_state import UNKNOWN_PHASE
from counterseal.risk.override import OverrideStatus, RiskOverride, override_holds
from counterseal.risk.switches import RiskSwitch, state_of, switch_ids, told_scopes
from counterseal.signals.intent import PaperOrderIntent, Side

_ZERO = Decimal(0)


class Scene(NamedTuple):
    """What is read once for an order.

    Attributes:
        account: Whose order it is; None when there is no such account.
        accounts: The tenant's accounts that hold or order something, by id.
        orders: Their orders that may still fill, without the judged one. positions: Theirs.
        switches: Those that concern the order. counters: Of its account, as they stand now.
        repeats: How often in a row the account sent this very order just before.
        day: Trading day.
    """

    account: Account | None
    accounts: Mapping[str, Account]
    orders: tuple[Order, ...]
    positions: tuple[Position, ...]
    switches: tuple[RiskSwitch, ...]
    counters: RiskCounters
    repeats: int
    day: date


def tenant_of(reader: Reader, account_id: str) -> str | None:
    """Whose an account is; None without such an account."""
    account = reader.get(Account, account_id)
    return None if account is None else account.tenant


def switches_of(
    reader: Reader, account_id: str, strategy_id: str | None, tenant: str
) -> tuple[RiskSwitch, ...]:
    """The switches that concern an order; a scope that nobody ever switched has none."""
    found = (reader.get(RiskSwitch, key) for key in switch_ids(account_id, strategy_id, tenant))
    return tuple(switch for switch in found if switch is not None and switch.tenant == tenant)


def open_orders(reader: Reader) -> tuple[Order, ...]:
    """Orders that may still fill: open ones, and filled ones that a pending replace may enlarge."""
    found = reader.find(Order, state=OPEN_STATES)
    reopening = reader.find(Order, replace_pending=True)
    return (*found, *(o for o in reopening if o.is_terminal and o.may_fill))


def further_facts(
    reader: Reader, ground: Ground, asked: Asked, scene: Scene, now: datetime
) -> FurtherFacts:
    """Everything that the further checks read, at `now` (UTC)."""
    held = [p for p in scene.positions if p.account_id == asked.account_id]
    own = [o for o in scene.orders if o.account_id == asked.account_id]
    here = [o for o in own if o.symbol == asked.symbol]
    used_by, breaches = _approval_facts(reader, ground, asked)
    phase, expires_on = _session_facts(ground, asked.symbol, now)
    margin = _initial_margin(ground.contracts, asked.symbol, scene.day)
    return FurtherFacts(
        trading_state=state_of(scene.switches),
        state_scopes=told_scopes(scene.switches),
        position_contracts=_total(p.quantity for p in held if p.symbol == asked.symbol),
        working_buy_contracts=working_contracts(here, Side.BUY),
        working_sell_contracts=working_contracts(here, Side.SELL),
        strategy=_strategy_standing(reader, ground, asked, scene),
        instrument=_standing(ground, scene, {asked.symbol}),
        group=_group_standing(ground, asked, scene),
        account_group=_account_group(ground, scene),
        tenant=_tenant(ground, scene),
        session_phase=phase,
        expires_on=expires_on,
        settlement_price=_settlement(reader, ground, asked.symbol, scene.day),
        unrealized_pnl_twd=open_profit(ground, held, now),
        cash_twd=None if scene.account is None else scene.account.cash,
        margin_day=scene.day.isoformat(),
        margin_order_contract_twd=margin,
        margin_held_twd=_margin_held(ground.contracts, held, own, scene.day),
        signal_used_by=used_by,
        approval_breaches=breaches,
        orders_today=scene.counters.orders_today,
        cancels_today=scene.counters.cancels_today,
        orders_this_second=scene.counters.orders_this_second,
        messages_this_second=scene.counters.messages_this_second,
        active_orders=len(own),
        repeats=scene.repeats,
        overrides=_overrides(reader, asked, now),
    )


def standing_of(orders: Iterable[Order], position: Decimal, table: ContractTable) -> Standing:
    """A signed position in TX-equivalents with what the orders may still fill beside it.

    Raises:
        InputError: `SYMBOL_UNKNOWN` for an order whose contract has no terms.
    """
    working = {Side.BUY: _ZERO, Side.SELL: _ZERO}
    for order in orders:
        if order.may_fill:
            size = EXACT.multiply(order.may_fill, _ratio(table, order.symbol))
            working[order.side] = EXACT.add(working[order.side], size)
    return Standing(
        position_tx_equivalent=position,
        working_long_tx_equivalent=working[Side.BUY],
        working_short_tx_equivalent=working[Side.SELL],
    )


def net_of(positions: Iterable[Position]) -> Decimal:
    """Signed TX-equivalents of positions."""
    return _total(EXACT.multiply(p.quantity, p.tx_equivalent) for p in positions)


def net_of_strategy(
    exposures: Iterable[StrategyExposure], strategy_id: str, positions: Iterable[Position]
) -> Decimal:
    """Signed TX-equivalents of a strategy; a symbol that nobody holds any more counts no longer."""
    held = {p.symbol for p in positions if p.quantity}
    return _total(
        EXACT.multiply(known.contracts, known.tx_equivalent)
        for known in exposures
        if known.strategy_id == strategy_id and known.symbol in held
    )


def open_profit(ground: Ground, positions: Iterable[Position], now: datetime) -> Decimal | None:
    """What closing at the quotes of `now` (UTC) would gain, before costs, in the account's money.

    A long position is marked at the bid, a short one at the ask; None when one has no quote.
    """
    profit = _ZERO
    for position in positions:
        if not position.quantity:
            continue
        quote = ground.feed.quote(position.symbol, now)
        if isinstance(quote, Refusal):
            return None
        mark = quote.bid if position.quantity > 0 else quote.ask
        points = EXACT.subtract(EXACT.multiply(position.quantity, mark), position.cost_sum)
        profit = EXACT.add(profit, EXACT.multiply(points, position.multiplier))
    return profit


def _total(values: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total


def _ratio(table: ContractTable, symbol: str) -> Decimal:
    spec = table.spec(contract_root(symbol))
    if spec is None:
        raise InputError("SYMBOL_UNKNOWN", "no contract terms", field="symbol", got=symbol)
    return spec.tx_equivalent


def _standing(ground: Ground, scene: Scene, symbols: set[str]) -> Standing:
    orders = [o for o in scene.orders if o.symbol in symbols]
    position = net_of(p for p in scene.positions if p.symbol in symbols)
    return standing_of(orders, position, ground.contracts)


def _group_standing(ground: Ground, asked: Asked, scene: Scene) -> Standing | None:
    if contract_root(asked.symbol) is None:
        return None
    symbols = {o.symbol for o in scene.orders} | {p.symbol for p in scene.positions}
    return _standing(ground, scene, {s for s in symbols if contract_root(s) is not None})


def _account_group(ground: Ground, scene: Scene) -> NamedStanding | None:
    """Everything of the accounts in the account's own group."""
    if scene.account is None:
        return None
    group = scene.account.account_group
    return _of_accounts(
        ground, scene, group, {i for i, one in scene.accounts.items() if one.account_group == group}
    )


def _tenant(ground: Ground, scene: Scene) -> NamedStanding | None:
    """Everything of the account's tenant."""
    if scene.account is None:
        return None
    return _of_accounts(ground, scene, scene.account.tenant, {*scene.accounts})


def _of_accounts(ground: Ground, scene: Scene, name: str, accounts: set[str]) -> NamedStanding:
    orders = [o for o in scene.orders if o.account_id in accounts]
    position = net_of(p for p in scene.positions if p.account_id in accounts)
    return NamedStanding(name=name, **dict(standing_of(orders, position, ground.contracts)))


def _strategy_standing(
    reader: Reader, ground: Ground, asked: Asked, scene: Scene
) -> Standing | None:
    if not isinstance(asked, PaperOrderIntent):
        return None
    tenant = "" if scene.account is None else scene.account.tenant
    every = reader.find(StrategyExposure, strategy_id=asked.strategy_id)
    known = [one for one in every if one.tenant == tenant]
    position = net_of_strategy(known, asked.strategy_id, scene.positions)
    orders = [o for o in scene.orders if o.strategy_id == asked.strategy_id]
    return standing_of(orders, position, ground.contracts)


def strategy_filled(
    reader: Reader, fill: Fill, now: datetime, *, sign: int = 1
) -> StrategyExposure:
    """What the strategy of a fill's order holds after it, or after it was taken back (`sign` -1).

    Raises:
        InvariantError: when the fill's order or account does not exist.
    """
    order = reader.get(Order, fill.order_id)
    tenant = tenant_of(reader, fill.account_id)
    if order is None or tenant is None:
        raise InvariantError("a fill without an order or an account")
    key = exposure_id(tenant, order.strategy_id, fill.symbol)
    contracts = sign * fill.side.sign * fill.last_quantity
    return apply_strategy_fill(
        reader.get(StrategyExposure, key),
        tenant,
        order.strategy_id,
        fill.symbol,
        contracts,
        fill.tx_equivalent,
        now,
    )


def _settlement(reader: Reader, ground: Ground, symbol: str, day: date) -> Decimal | None:
    """The daily settlement before a trading day, when one was recorded."""
    sessions = ground.calendar().sessions
    place = bisect_left(sessions, day)
    before = sessions[place - 1].isoformat() if place else ""
    told = reader.find(Settlement, symbol=symbol, trading_day=before)
    return next((s.price for s in told if s.kind is SettlementKind.DAILY), None)


def _approval_facts(
    reader: Reader, ground: Ground, asked: Asked
) -> tuple[str | None, tuple[str, ...] | None]:
    """Another approval that used the signal, and what the order breaks of its own."""
    if not isinstance(asked, PaperOrderIntent):
        return None, None
    others = (
        o.approval_request_id
        for o in reader.find(Order, source_signal_id=asked.source_signal_id)
        if o.approval_request_id != asked.approval_id
    )
    request = reader.get(ApprovalRequest, asked.approval_id)
    spec = ground.contracts.spec(contract_root(asked.symbol))
    if request is None or spec is None:
        return next(others, ""), ("approval" if request is None else "symbol",)
    return next(others, ""), binding_breaches(request.payload, asked, spec.tx_equivalent)


def _session_facts(ground: Ground, symbol: str, now: datetime) -> tuple[str, str | None]:
    month = contract_month(symbol)
    try:
        phase = entry_phase(now, ground.calendar(), month)
        last = None if month is None else expiry_date(month, ground.calendar()).isoformat()
    except InputError:  # a month beyond the calendar: nobody knows its last day
        return UNKNOWN_PHASE, None
    return phase.value, last


def _initial_margin(table: ContractTable, symbol: str, day: date) -> Decimal | None:
    root = contract_root(symbol)
    row = None if root is None else margin_on(table.margins, root, day)
    return None if row is None else row.initial


def _margin_held(
    table: ContractTable, positions: Sequence[Position], orders: Sequence[Order], day: date
) -> Decimal | None:
    """Initial margin of everything held and working, gross; None when one margin is unknown."""
    contracts = [(p.symbol, abs(p.quantity)) for p in positions]
    contracts += [(o.symbol, o.may_fill) for o in orders]
    total = _ZERO
    for symbol, quantity in contracts:
        each = _initial_margin(table, symbol, day)
        if quantity and each is None:
            return None
        total = EXACT.add(total, EXACT.multiply(quantity, each or _ZERO))
    return total


def _overrides(reader: Reader, asked: Asked, now: datetime) -> tuple[OverrideInForce, ...]:
    strategy = asked.strategy_id if isinstance(asked, PaperOrderIntent) else None
    submitter = asked.submitted_by if isinstance(asked, PaperOrderIntent) else ""
    covering = [
        o
        for o in reader.find(
            RiskOverride, account_id=asked.account_id, status=OverrideStatus.IN_FORCE.value
        )
        if o.covers(strategy, asked.symbol, now) and submitter not in o.signed_by
    ]
    return tuple(
        OverrideInForce(
            override_id=override.override_id,
            check=override.terms.check,
            expires_at=override.terms.expires_at,
            signed_by=override.signed_by,
        )
        for override in covering
        if override_holds(override, override_register(reader, override), now)
    )


def override_register(reader: Reader, override: RiskOverride) -> Register:
    """The signers of an override, with their keys as two people's signatures enrolled them."""
    named = tuple({signature.key_id for signature in override.signatures})
    installed = reader.get(Installation, INSTALLATION_ID)
    return Register(
        origin="none" if installed is None else installed.origin,
        people=reader.find(Person, person_id=override.signed_by),
        person_keys=enrolled_keys(reader, named),
    )
