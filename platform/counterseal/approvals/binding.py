"""What an approval allows, compared with what is about to be done.

Job: compare an order intent with the approved payload, field by field; say which times in force an
order type may have.

Invariants
  I1  Every bound field is compared; less than the maximum, or a price inside the bounds, is use.
  I2  Each price that the order could trade or wait at lies inside the bounds; a GTD order ends no
      later than approved.
  I3  Exposure is recomputed from quantity and contract ratio; the intent's number is only checked.

Not here: signatures and clocks (approvals.execution).
Source: governance rule 2.2; features TX-E6, TX-G4, TX-Z3, TX-Z4.
"""

from decimal import Decimal
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.signals.intent import OrderType, PaperOrderIntent, TimeInForce, exposure

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
    wanted, bound = vars(intent), vars(payload)
    breaches = [field for name, field in _EQUAL if wanted[name] != bound[field]]
    if intent.quantity > payload.max_quantity:
        breaches.append("max_quantity")
    if not _prices_inside(payload, intent):
        breaches.append("price_bounds")
    if not _ends_in_time(payload, intent):
        breaches.append("good_till")
    actual = exposure(intent.quantity, ratio)
    if actual != intent.tx_equivalent_exposure or actual > payload.tx_equivalent:
        breaches.append("tx_equivalent")
    if not intent.paper_only:
        breaches.append("paper_only")
    return tuple(breaches)


def time_in_force_allowed(payload: RequestPayload, *, market_day: bool) -> bool:
    """Whether an order of this type may work this long.

    A market order, with protection or without, is IOC or FOK; `market_day` allows a DAY one, too.
    A stop waits for its price, so that it is never IOC or FOK.
    """
    immediate = payload.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    if payload.order_type is OrderType.STOP:
        return not immediate
    if payload.order_type in (OrderType.MARKET, OrderType.MWP):
        return immediate or (market_day and payload.time_in_force is TimeInForce.DAY)
    return True


def _ends_in_time(payload: RequestPayload, intent: PaperOrderIntent) -> bool:
    if intent.good_till is None or payload.good_till is None:
        return intent.good_till is payload.good_till
    return intent.created_at < intent.good_till <= payload.good_till


def _prices(intent: PaperOrderIntent) -> tuple[Decimal | None, ...]:
    """Prices that must lie inside the bounds; None for one that is not known."""
    reference = intent.reference_price
    if intent.order_type is OrderType.LIMIT:
        return (intent.order_price,)
    if intent.order_type is OrderType.STOP:
        return (intent.stop_price,)
    if intent.order_type is OrderType.MARKET:
        return (reference,)
    points = intent.protection_points
    worst = None if reference is None or points is None else reference + intent.side.sign * points
    return reference, worst


def _prices_inside(payload: RequestPayload, intent: PaperOrderIntent) -> bool:
    prices = _prices(intent)
    if None in prices:
        free = payload.price_min is None and payload.price_max is None
        return free and intent.order_type is OrderType.MARKET
    known = [price for price in prices if price is not None]
    above = payload.price_min is None or min(known) >= payload.price_min
    below = payload.price_max is None or max(known) <= payload.price_max
    return above and below
