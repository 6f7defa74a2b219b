"""The fill model `bar-fill-v1`: an order meets one whole bar after its arrival.

Job: one order and one bar in, one answer out. Pure.

A bar does not tell in which order its prices came. So: the open comes first; a gap at the open
fills there; inside the bar a stop is taken before the target of the same position; a limit fills
only when the bar goes strictly through it.

Invariants
  I1  The same request gives the same result; only a bar that began at or after the arrival counts.
  I2  A fill is never worse than the limit and takes at most the stated share of the bar.
  I3  When one bar holds the stop and the target of a position, the stop comes first.

Not here: making bars (market.quotes), choosing the bar (broker.walk), quotes (broker.paper).
Source: trading reference part 5.3.
"""

from decimal import Decimal
from typing import Final

from counterseal.broker.model import SimulationOutcome, SimulationRequest, SimulationResult
from counterseal.broker.verdict import Finding, check_order_terms, filled_word, result_of, slipped
from counterseal.broker.windows import BarWindow, TapeWindow
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.policy.execution import BarFillRule
from counterseal.signals.intent import OrderType, TimeInForce

_ZERO: Final = Decimal(0)
_ACK: Final = SimulationOutcome.ACKNOWLEDGE


class BarFillModel:
    """Fills inside later bars."""

    @property
    def version(self) -> str:
        """`bar-fill-v1`."""
        return "bar-fill-v1"

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """Ask the model.

        Raises:
            InputError: those of `check_order_terms`; `BAR_MISSING` with something else than a
                bar (None: there is none yet), another model's rule or no arrival;
                `BAR_NOT_LATER` for a bar that began before the arrival.
        """
        bar, rule = _asked(request)
        found = _without_bar(request) if bar is None else _found(request, bar, rule)
        checks = (
            ("paper_only", request.paper_only),
            ("symbol_matches", True),
            ("bar_later", bar is not None),
            ("price_reached", found.reference is not None),
            ("stop_first", found.reason != "STOP_BEFORE_TARGET"),
            ("has_liquidity", found.capacity > 0),
        )
        return result_of(request, found, checks, ("partial_fills",))


def _asked(request: SimulationRequest) -> tuple[BarWindow | None, BarFillRule]:
    check_order_terms(request)
    bar, rule, arrived = request.window, request.rule, request.arrived_at
    if isinstance(bar, TapeWindow) or not isinstance(rule, BarFillRule) or arrived is None:
        raise InputError("BAR_MISSING", "the bar model needs a bar and an arrival", field="window")
    if bar is not None and bar.starts_at < arrived:
        raise InputError(
            "BAR_NOT_LATER",
            "an order meets only bars that begin after its arrival",
            field="window.starts_at",
            expected=f"from {arrived}",
            got=bar.starts_at,
        )
    return bar, rule


def _without_bar(request: SimulationRequest) -> Finding:
    if not request.paper_only:
        return Finding(SimulationOutcome.REJECT, "NOT_PAPER_ONLY")
    return Finding(_ACK, "NO_LATER_BAR", waits=True, touch=False)


def _found(request: SimulationRequest, bar: BarWindow, rule: BarFillRule) -> Finding:
    if not request.paper_only:
        return Finding(SimulationOutcome.REJECT, "NOT_PAPER_ONLY")
    whole = EXACT.multiply(rule.participation_cap, bar.volume) // 1
    free = max(_ZERO, whole - bar.taken)
    met = Finding(_ACK, "", available=bar.volume - bar.taken, capacity=free, touch=False)
    price, reason = _reached(request, bar)
    if price is None:
        return met._replace(reason=reason, waits=request.waits_at_stop)
    met = met._replace(reference=price)
    filled = min(request.quantity, free)
    if request.time_in_force is TimeInForce.FOK and filled != request.quantity:
        return met._replace(reason="FOK_NOT_FILLED_WHOLE")
    if not filled:
        return met._replace(reason="NO_LIQUIDITY")
    limited = request.working_limit is not None
    paid, ticks = slipped(request, price, 0 if limited else rule.slippage_ticks)
    stop = request.waits_at_stop
    return met._replace(
        outcome=filled_word(request, filled),
        reason=reason,
        filled=filled,
        price=paid,
        slippage_ticks=ticks,
        triggered_at=bar.starts_at if stop else None,
    )


def _reached(request: SimulationRequest, bar: BarWindow) -> tuple[Decimal | None, str]:
    """The price that the bar gives before slippage, and why; None where it gives none."""
    limit, sign = request.working_limit, request.side.sign
    if request.waits_at_stop and request.stop_price is not None:
        return _at_stop(request.stop_price, sign, bar)
    if limit is None:
        return bar.open, "FILLED_AT_OPEN"
    if sign * (limit - bar.open) > 0:
        return bar.open, "GAP_FILLED_AT_OPEN"
    best = bar.low if sign > 0 else bar.high
    if sign * (limit - best) <= 0:
        return None, "LIMIT_NOT_REACHED"
    if request.order_type is OrderType.LIMIT and _stop_is_first(bar, sign):
        return None, "STOP_BEFORE_TARGET"
    return limit, "BAR_WENT_THROUGH"


def _at_stop(stop: Decimal, sign: int, bar: BarWindow) -> tuple[Decimal | None, str]:
    if sign * (bar.open - stop) >= 0:
        return bar.open, "GAP_FILLED_AT_OPEN"
    worst = bar.high if sign > 0 else bar.low
    return (stop, "STOP_REACHED") if sign * (worst - stop) >= 0 else (None, "STOP_NOT_REACHED")


def _stop_is_first(bar: BarWindow, sign: int) -> bool:
    """Whether the bar also holds the stop that would close the same position as this target."""
    if bar.pair_stop is None:
        return False
    worst = bar.high if sign > 0 else bar.low
    return sign * (worst - bar.pair_stop) >= 0
