"""The fill model `tape-fill-v1`: an order meets the prints of one second of the tape.

Job: one order and the prints of one second after its arrival in, one answer out. Pure.

A taking order (market, triggered stop, limit that the market is strictly inside) fills at the
prices printed, worse by the stated ticks. A resting limit fills at its price when a print goes
strictly through it; at a print of its very price only when the rule says so, and after the queue
assumed ahead has traded. All paper orders together take at most the stated share of the tape:
of the first n contracts printed that day floor(n x share), so that each print has a fixed
allowance of whole contracts, whoever asks.

Invariants
  I1  The same request gives the same result; only prints of the request count.
  I2  A fill is never worse than the limit and takes no contract twice.
  I3  One answer fills at one price. An immediate order (IOC, FOK) pays the worst print it needs.
  I4  The print that triggers a stop does not fill it; later seconds do.

Not here: choosing the second (broker.walk), quotes (broker.paper), costs (portfolio).
Source: trading reference part 2 (rule 6), parts 5.2 and 5.3.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from counterseal.broker.model import SimulationOutcome, SimulationRequest, SimulationResult
from counterseal.broker.verdict import Finding, check_order_terms, filled_word, result_of, slipped
from counterseal.broker.windows import PrintSnapshot, PrintUse, TapeWindow
from counterseal.kernel.errors import InputError
from counterseal.kernel.money import EXACT
from counterseal.policy.execution import TapeFillRule
from counterseal.signals.intent import TimeInForce

IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_ZERO: Final = Decimal(0)
_ACK: Final = SimulationOutcome.ACKNOWLEDGE


class TapeFillModel:
    """Fills at later prints."""

    @property
    def version(self) -> str:
        """`tape-fill-v1`."""
        return "tape-fill-v1"

    def answer(self, request: SimulationRequest) -> SimulationResult:
        """Ask the model.

        Raises:
            InputError: those of `check_order_terms`; `TAPE_WINDOW_MISSING` without a window of
                prints, a rule of this model or an arrival; `PRINT_NOT_LATER` for a print that is
                not stamped later than the arrival and the delay.
        """
        window, rule = _asked(request)
        found = _found(request, window, rule)._replace(latency_ms=rule.latency_ms)
        queue = ("queue_position",) if rule.fills_at_touch else ()
        modelled = ("latency", *queue, "partial_fills")
        return result_of(request, found, _checks(request, window, found), modelled)


def allowance(volume_before: int, contracts: int, cap: Decimal) -> int:
    """Contracts of a print that paper orders may take, all together: its part of the share.

    floor(cap x all up to this print) - floor(cap x all before it), whole contracts.
    """
    upto = EXACT.multiply(cap, Decimal(volume_before + contracts)) // 1
    return int(upto - EXACT.multiply(cap, Decimal(volume_before)) // 1)


def _asked(request: SimulationRequest) -> tuple[TapeWindow, TapeFillRule]:
    check_order_terms(request)
    window, rule, arrived = request.window, request.rule, request.arrived_at
    if not (isinstance(window, TapeWindow) and isinstance(rule, TapeFillRule)) or arrived is None:
        raise InputError(
            "TAPE_WINDOW_MISSING", "the tape model needs prints and an arrival", field="window"
        )
    first = arrived + timedelta(milliseconds=rule.latency_ms)
    for deal in window.prints[:1]:
        if deal.at <= first:
            raise InputError(
                "PRINT_NOT_LATER",
                "an order meets only prints after its arrival",
                field="window.prints",
                expected=f"after {first}",
                got=deal.at,
            )
    return window, rule


class _Lot(NamedTuple):
    """What one print offers the order: contracts at a price, before and after slippage."""

    deal: PrintSnapshot
    contracts: Decimal
    price: Decimal
    ticks: Decimal
    how: str


class Standing(NamedTuple):
    """How an order stands at its limit: contracts ahead of it, and whether it rests there."""

    ahead: Decimal
    rests: bool

    def after(self, inside: Decimal, contracts: int) -> "Standing":
        """How it stands after a print so many quote units inside its limit (negative: beyond)."""
        if inside < 0:
            return self._replace(rests=True)
        if not self.rests:
            return self
        return self._replace(ahead=_ZERO if inside else max(_ZERO, self.ahead - contracts))


def _found(request: SimulationRequest, window: TapeWindow, rule: TapeFillRule) -> Finding:
    ahead = window.queue_ahead if rule.fills_at_touch else None
    if not request.paper_only:
        return Finding(SimulationOutcome.REJECT, "NOT_PAPER_ONLY")
    if request.waits_at_stop:
        return _stopped(request, window)
    if not window.prints:
        return Finding(_ACK, "NO_LATER_PRINT", queue_left=ahead, rests=window.rests, waits=True)
    lots, stands = _offered(request, window, rule)
    left = stands.ahead if rule.fills_at_touch else None
    offered = sum((lot.contracts for lot in lots), _ZERO)
    met = Finding(_ACK, "", capacity=offered, queue_left=left, rests=stands.rests)
    met = met._replace(
        available=sum((Decimal(p.contracts) - p.taken for p in window.prints), _ZERO)
    )
    used = _used(request, lots)
    filled = sum((take for _, take in used), _ZERO)
    if request.time_in_force is TimeInForce.FOK and filled != request.quantity:
        return met._replace(reason="FOK_NOT_FILLED_WHOLE")
    if not filled:
        return met._replace(reason=_why_not(request, window, stands))
    return _filled(request, met, used, filled)


def _stopped(request: SimulationRequest, window: TapeWindow) -> Finding:
    sign, stop = request.side.sign, request.stop_price
    for deal in window.prints:
        if stop is not None and sign * (deal.price - stop) >= 0:
            found = Finding(_ACK, "STOP_TRIGGERED", reference=deal.price, waits=True)
            return found._replace(triggered_at=deal.at)
    return Finding(_ACK, "STOP_NOT_REACHED", waits=True)


def _offered(
    request: SimulationRequest, window: TapeWindow, rule: TapeFillRule
) -> tuple[list[_Lot], Standing]:
    """What each print offers, in file order, and how the order stands after the last."""
    stands, lots = Standing(window.queue_ahead, window.rests), []
    limit, sign = request.working_limit, request.side.sign
    for deal in window.prints:
        part = allowance(deal.volume_before, deal.contracts, rule.participation_cap)
        free = max(_ZERO, part - deal.taken)
        inside = _ZERO if limit is None else sign * (limit - deal.price)
        if limit is None or (inside >= 0 and not stands.rests):
            price, ticks = slipped(request, deal.price, rule.slippage_ticks)
            lots.append(_Lot(deal, free, price, ticks, "taken"))
        elif inside > 0:
            lots.append(_Lot(deal, free, limit, _ZERO, "through"))
        elif inside == 0 and rule.fills_at_touch:
            behind = max(_ZERO, deal.contracts - stands.ahead)
            lots.append(_Lot(deal, min(free, behind), limit, _ZERO, "touched"))
        if limit is not None:
            stands = stands.after(inside, deal.contracts)
    return lots, stands


def _used(request: SimulationRequest, lots: list[_Lot]) -> list[tuple[_Lot, Decimal]]:
    """What the order takes of each lot: all that it needs when immediate, else one price's."""
    left, used = request.quantity, list[tuple[_Lot, Decimal]]()
    for lot in lots:
        take = min(left, lot.contracts)
        if not take:
            continue
        other = used and lot.price != used[0][0].price
        if other and request.time_in_force not in IMMEDIATE:
            break
        used.append((lot, take))
        left -= take
    return used


def _filled(
    request: SimulationRequest, met: Finding, used: list[tuple[_Lot, Decimal]], filled: Decimal
) -> Finding:
    sign = request.side.sign
    paid = max((lot for lot, _ in used), key=lambda lot: sign * lot.price)
    reasons = {"taken": "FILLED_AT_PRINTS", "through": "PRINT_WENT_THROUGH"}
    return met._replace(
        outcome=filled_word(request, filled),
        reason=reasons.get(used[0][0].how, "QUEUE_TRADED"),
        filled=filled,
        price=paid.price,
        reference=paid.deal.price if paid.how == "taken" else paid.price,
        slippage_ticks=paid.ticks,
        touch=all(lot.how == "touched" for lot, _ in used),
        uses=tuple(
            PrintUse(
                row=lot.deal.row,
                at=lot.deal.at,
                price=lot.deal.price,
                contracts=take,
                printed=lot.deal.contracts,
                how=lot.how,
            )
            for lot, take in used
        ),
    )


def _why_not(request: SimulationRequest, window: TapeWindow, stands: Standing) -> str:
    limit, sign = request.working_limit, request.side.sign
    if limit is None or any(sign * (limit - deal.price) > 0 for deal in window.prints):
        return "NO_LIQUIDITY"
    if all(deal.price != limit for deal in window.prints):
        return "LIMIT_NOT_REACHED"
    return "QUEUE_AHEAD" if stands.ahead else "LIMIT_TOUCHED_ONLY"


def _checks(
    request: SimulationRequest, window: TapeWindow, found: Finding
) -> tuple[tuple[str, bool], ...]:
    """Six checks, as the quote models report six."""
    unreached = {"LIMIT_NOT_REACHED", "STOP_NOT_REACHED"}
    return (
        ("paper_only", request.paper_only),
        ("symbol_matches", window.symbol == request.symbol),
        ("print_later", bool(window.prints)),
        ("price_reached", bool(window.prints) and found.reason not in unreached),
        ("queue_cleared", found.reason not in {"QUEUE_AHEAD", "LIMIT_TOUCHED_ONLY"}),
        ("has_liquidity", found.capacity > 0),
    )
