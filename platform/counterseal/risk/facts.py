"""Facts that the further checks read beside the fourteen's.

Job: trading states, standings of an aggregate, counts of a day, and everything else at one instant.

Invariants
  I1  A fact that nobody knows is None, never a zero that would let an order pass.
  I2  Of several states the strictest counts: HALTED over REDUCING over ACTIVE.

Not here: the checks (risk.further), gathering the facts (desk.exposure, desk.risk_facts).
Source: trading reference part 4.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Exact, NonNegative, Price
from counterseal.policy.desk_limits import FurtherCheck


class TradingState(StrEnum):
    """What may be traded: everything, only what reduces a position, nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


_STRICTNESS: Final = tuple(TradingState)


def strictest(states: Iterable[TradingState]) -> TradingState:
    """The state that counts; ACTIVE when there is none."""
    return max(states, key=_STRICTNESS.index, default=TradingState.ACTIVE)


class Standing(DomainModel):
    """Position and working orders of one aggregate in TX-equivalents; short is unsigned."""

    position_tx_equivalent: Exact
    working_long_tx_equivalent: NonNegative
    working_short_tx_equivalent: NonNegative


class NamedStanding(Standing):
    """The standing of a named aggregate, such as a group of accounts."""

    name: Name


class OverrideInForce(DomainModel):
    """An override that covers the order: which check, until when (half-open), by whom."""

    override_id: Name
    check: FurtherCheck
    expires_at: UtcDatetime
    signed_by: tuple[Name, ...] = Field(min_length=2, max_length=2)


class FurtherFacts(DomainModel):
    """What is known at the instant of the snapshot; money in TWD, None when nobody knows.

    Attributes:
        trading_state: The strictest of account, strategy and all.
        state_scopes: Switches that are not ACTIVE, such as `strategy:trend=REDUCING`.
        position_contracts: Signed holding of the account in the order's symbol.
        working_buy_contracts, working_sell_contracts: Open contracts there, unknown ones included.
        strategy, instrument, group: Standings over the tenant's accounts; the strategy's is None
            when the order names none, the group's when the contract belongs to none.
        account_group, tenant: The same over the account's own group and over its tenant.
        session_phase: `open`, `add_only`, `closed` or `unknown`. expires_on: Day, when it is known.
        settlement_price: Daily settlement before this trading day, in quote units.
        unrealized_pnl_twd: Open profit of the account at present marks.
        margin_day: Day whose margins count. margin_order_contract_twd: Initial margin of one
            contract. margin_held_twd: Initial margin of what is held and working.
        signal_used_by: Another approval whose order came from the same signal, or empty.
        approval_breaches: Fields of the approval that the order breaks; None for a mere question.
        orders_today, cancels_today, orders_this_second, messages_this_second, active_orders,
            repeats: Of the account, before this order.
    """

    trading_state: TradingState
    state_scopes: tuple[Name, ...] = ()
    position_contracts: Exact
    working_buy_contracts: NonNegative
    working_sell_contracts: NonNegative
    strategy: Standing | None
    instrument: Standing
    group: Standing | None
    account_group: NamedStanding | None = None
    tenant: NamedStanding | None = None
    session_phase: Name
    expires_on: Name | None
    settlement_price: Price | None
    unrealized_pnl_twd: Exact | None
    cash_twd: Exact | None
    margin_day: Name
    margin_order_contract_twd: NonNegative | None
    margin_held_twd: NonNegative | None
    signal_used_by: str | None = Field(max_length=120)
    approval_breaches: tuple[Name, ...] | None
    orders_today: int = Field(ge=0)
    cancels_today: int = Field(ge=0)
    orders_this_second: int = Field(ge=0)
    messages_this_second: int = Field(ge=0)
    active_orders: int = Field(ge=0)
    repeats: int = Field(ge=0)
    overrides: tuple[OverrideInForce, ...] = Field(default=(), max_length=100)
