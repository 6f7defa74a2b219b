"""From what a strategy said to a signal, and to the terms that are asked for.

Job: fill in what a strategy left to the day's plan, and make contracts of a target.

Invariants
  I1  Direction and instant are the strategy's; nothing here changes them.
  I2  A target below one contract, or FLAT, asks for nothing.

Not here: who hears strategies (loop), what becomes of a signal (desk).
Source: features TX-E1, TX-E4.
"""

from counterseal.approvals.draft import RequestTerms
from counterseal.kernel.money import EXACT
from counterseal.market.contracts import ContractSpec
from counterseal.signals.hearing import Spoken
from counterseal.signals.intent import OrderType
from counterseal.signals.model import Direction, Provenance, SignalReason, StrategySignal
from flows.day.markets import DayMarket
from flows.day.plan import ACCOUNT, QUANT, CasePlan, DayPlan
from flows.day.strategies import Chosen


def signal_of(
    found: Spoken, case: CasePlan, plan: DayPlan, speaker: Chosen, spec: ContractSpec
) -> StrategySignal:
    """The signal of a saying; size, confidence and stop are the plan's where none were said."""
    said, usual = found.proposal, EXACT.multiply(case.quantity, spec.tx_equivalent)
    target, confidence = said.target_tx_equivalent, said.confidence
    strategy_id = case.strategy_id or found.strategy_id
    again = "" if found.place == 1 else f"-{found.place}"
    return StrategySignal(
        signal_id=f"{strategy_id}-{found.symbol}-{found.at:%Y%m%dT%H%M%S}{again}",
        strategy_id=strategy_id,
        strategy_version=speaker.strategy.version,
        timestamp=found.at,
        direction=said.direction,
        target_tx_equivalent=usual if target is None else target,
        confidence=plan.confidence if confidence is None else confidence,
        stop_distance_points=said.stop_distance_points or plan.stop_distance_points,
        reason=SignalReason(signals_only=True, notes=said.notes),
    )


def provenance_of(market: DayMarket, speaker: Chosen) -> Provenance:
    """The data that a strategy heard, the code that it ran, its parameters by their digest."""
    return Provenance(
        source=market.source,
        source_digest=market.digest,
        data_version=market.day,
        code_version=speaker.code,
        parameters_hash=speaker.identity,
    )


def terms_of(found: Spoken, case: CasePlan, spec: ContractSpec) -> RequestTerms | None:
    """Terms of a case; a limit is the price seen, moved by the plan's offset, on a whole tick.

    Returns:
        None where there is nothing to ask: FLAT, or a target below one contract.
    """
    said, quantity = found.proposal, case.quantity
    if said.target_tx_equivalent is not None:
        quantity = said.target_tx_equivalent // spec.tx_equivalent
    if said.direction is Direction.FLAT or not quantity:
        return None
    buys = said.direction is Direction.LONG
    offset = case.limit_offset_points if buys else -case.limit_offset_points
    limit = (EXACT.add(found.price, offset) // spec.tick) * spec.tick
    limited, who = case.order_type is OrderType.LIMIT, case.strategy_id or found.strategy_id
    return RequestTerms(
        account_id=ACCOUNT,
        symbol=found.symbol,
        max_quantity=quantity,
        price=found.price,
        price_max=limit if limited and buys else None,
        price_min=limit if limited and not buys else None,
        order_type=case.order_type,
        time_in_force=case.time_in_force,
        request_reason=f"{who}: {said.direction} at {found.price}",
        author_ids=(QUANT,),
    )
