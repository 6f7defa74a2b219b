"""What an approval allows, compared with what is about to be done.

Job: compare an order intent with the approved payload, field by field.

Invariants
  I1  Every bound field is compared; less than the maximum, or a price inside the bounds, is use.
  I2  Exposure is recomputed from quantity and contract ratio; the intent's number is only checked.

Not here: signatures and clocks (approvals.execution).
Source: governance rule 2.2; features TX-E6, TX-G4, TX-Z3, TX-Z4.
"""

from decimal import Decimal
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.signals.intent import OrderType, PaperOrderIntent, exposure

_EQUAL: Final = (
    ("source_signal_id", "signal_id"),
    ("strategy_id", "strategy_id"),
    ("strategy_version", "strategy_version"),
    ("direction", "direction"),
    ("target_tx_equivalent", "target_tx_equivalent"),
    ("confidence", "confidence"),
    ("stop_distance_points", "stop_distance_points"),
    ("tenant", "tenant"),
    ("account_id", "account_id"),
    ("symbol", "symbol"),
    ("legs", "legs"),
    ("side", "side"),
    ("order_type", "order_type"),
    ("time_in_force", "time_in_force"),
    ("policy_bundle_hash", "policy_bundle_hash"),
)
"""Intent field and the payload field that it must equal."""


def binding_breaches(
    payload: RequestPayload, intent: PaperOrderIntent, ratio: Decimal
) -> tuple[str, ...]:
    """Names of the payload fields that the intent breaks; empty when it is covered.

    `ratio` is the TX-equivalent of one contract of the intent's symbol.
    """
    wanted, bound = dict(intent), dict(payload)
    breaches = [field for name, field in _EQUAL if wanted[name] != bound[field]]
    if intent.quantity > payload.max_quantity:
        breaches.append("max_quantity")
    if not _price_inside(payload, intent):
        breaches.append("price_bounds")
    actual = exposure(intent.quantity, ratio)
    if actual != intent.tx_equivalent_exposure or actual > payload.tx_equivalent:
        breaches.append("tx_equivalent")
    if not intent.paper_only:
        breaches.append("paper_only")
    return tuple(breaches)


def _price_inside(payload: RequestPayload, intent: PaperOrderIntent) -> bool:
    market = intent.order_type is OrderType.MARKET
    price = intent.reference_price if market else intent.order_price
    if price is None:
        return market and payload.price_min is None and payload.price_max is None
    above = payload.price_min is None or price >= payload.price_min
    below = payload.price_max is None or price <= payload.price_max
    return above and below
