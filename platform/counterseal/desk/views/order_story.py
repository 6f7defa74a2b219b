"""An order told in lines: what it asks, what became of it, and why.

Job: the steps of an order in their order, and what its risk evaluation found.

Invariants
  I1  Every step and every check that did not pass is told; a number is told as it is stored.

Not here: how a fill came about (fills), the page of an order (ui).
Source: trading reference 3; features TX-I1 to TX-I3, TX-H1 to TX-H14.
"""

from collections.abc import Iterable, Iterator

from counterseal.kernel.clock import utc_text
from counterseal.kernel.money import exact_text
from counterseal.oms.model import Order, OrderEvent
from counterseal.risk.model import Check, RiskEvaluation


def told_order(
    order: Order, events: Iterable[OrderEvent], evaluations: Iterable[RiskEvaluation]
) -> tuple[str, ...]:
    """The order, each check that it did not pass, then its steps.

    Prices in quote units, times in UTC.
    """
    price = "-" if order.average_price is None else exact_text(order.average_price)
    filled = f"{exact_text(order.cum_quantity)} of {exact_text(order.quantity)}"
    return (
        f"order    {order.order_id} ({order.state.value})",
        f"asks     {_asked(order)}",
        f"filled   {filled} at {price}",
        f"request  {order.approval_request_id}",
        *(line for one in evaluations for line in _judged(one)),
        *(_step(one) for one in sorted(events, key=lambda one: one.sequence)),
    )


def _asked(order: Order) -> str:
    """Side, quantity and terms, as they stand after the last granted replace."""
    terms = [order.time_in_force.value]
    if order.stop_price is not None:
        terms.append(f"stop {exact_text(order.stop_price)}")
    if order.protection_points is not None:
        terms.append(f"within {exact_text(order.protection_points)} points")
    if order.good_till is not None:
        terms.append(f"until {utc_text(order.good_till)}")
    limit = "" if order.limit_price is None else f" {exact_text(order.limit_price)}"
    side = f"{order.side.value} {exact_text(order.quantity)} {order.symbol}"
    return f"{side} {order.order_type.value}{limit}, {', '.join(terms)}"


def _judged(found: RiskEvaluation) -> Iterator[str]:
    checks = (*found.checks, *found.further_checks)
    ran = sum(not one.skipped for one in checks)
    judged = "approved" if found.approved else f"refused by {found.reason}"
    yield f"risk     {judged}; {ran} checks ran, {len(checks) - ran} are off by the policy"
    yield from (_not_passed(one) for one in checks if not (one.passed or one.skipped))


def _not_passed(check: Check) -> str:
    numbers = ", ".join(f"{one.name} {one.value}" for one in check.details)
    return f"  {check.effect.value:<8} {check.name.value}: {check.message} ({numbers})"


def _step(event: OrderEvent) -> str:
    why = f", {event.reason}" if event.reason else ""
    states = f"{event.from_state.value} -> {event.to_state.value}"
    return f"step     {utc_text(event.at)} {event.event.value}: {states}{why}"
