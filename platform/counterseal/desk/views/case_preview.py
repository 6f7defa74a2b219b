"""What risk would say if a request were approved and all of it were ordered now.

Job: judge the whole of a request as the risk room judges orders, and tell the market around it.

Invariants
  I1  The judgement is `desk.views.risk.evaluate_question`; every figure is one of its own facts.
  I2  It is live, and no part of what a reviewer signs: it says when it was evaluated.
  I3  What holds without the order is told as `before`; where nothing does, it is left empty.

Not here: the checks (risk), the request itself (desk.views.approvals), submitting (desk.orders).
Source: TX-H1 to TX-H14; UI-07; ui part 1 (W5).
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from counterseal.approvals.model import RequestPayload
from counterseal.desk.exposure import Ground, session_text
from counterseal.desk.ports import Reader
from counterseal.desk.views.check_figures import CheckFigure, Measure, exact_of, figure_of
from counterseal.desk.views.market import FedQuote, fed_quote
from counterseal.desk.views.marks import PaperView
from counterseal.desk.views.risk import OrderQuestion, evaluate_question
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal
from counterseal.kernel.money import EXACT, Price, exact_text
from counterseal.policy.limits import RiskLimits
from counterseal.risk.model import Check, CheckName, RiskEvaluation, RiskSnapshot
from counterseal.signals.intent import OrderType, Side

_N: Final = CheckName
_OF_THE_ORDER: Final = frozenset({_N.MAX_EXPOSURE, _N.MAX_ORDER_SIZE_BY_CONTRACT, _N.MARGIN_PROXY})
_ONLY_WITH_AN_ORDER: Final = frozenset(
    {
        _N.IDEMPOTENCY_KEY_PRESENT,
        _N.PAPER_ONLY_INTENT,
        _N.PRICE_REASONABILITY,
        _N.DUPLICATE_ORDER_PREVENTION,
    }
)


class CheckPreview(DomainModel):
    """One of the fourteen: exact numbers as text, or words; empty where there is none.

    Attributes:
        before: As it stands without the order.
        after: With all of the request ordered.
    """

    check: Check
    measure: Measure
    before: str
    after: str
    limit: str


class PriceBand(DomainModel):
    """Between which prices (quote units, inclusive) the price check takes an order now."""

    low: Price
    high: Price


class CasePreview(PaperView):
    """A request as the risk room would judge its order at `at` (UTC).

    Attributes:
        checks: The fourteen, in their order.
        quote: The feed's quote of its contract, or why there is none.
        band: None while there is nothing to compare a price with.
        session: The exchange's session, or `closed`.
    """

    at: UtcDatetime
    evaluation: RiskEvaluation
    checks: tuple[CheckPreview, ...]
    quote: FedQuote
    band: PriceBand | None
    session: Name

    @property
    def passed(self) -> int:
        """How many of the fourteen pass."""
        return sum(one.check.passed for one in self.checks)


def case_preview(
    reader: Reader, ground: Ground, limits: RiskLimits, bound: RequestPayload, now: datetime
) -> CasePreview | Refusal:
    """All of a request judged as one order at `now` (UTC); nothing is stored.

    Returns:
        Or the refusals of `evaluate_question`.

    Raises:
        InputError: `CALENDAR_RANGE` beyond the calendar.
    """
    judged = evaluate_question(reader, ground, limits, order_of(bound), now)
    if isinstance(judged, Refusal):
        return judged
    return CasePreview(
        at=now,
        evaluation=judged,
        checks=tuple(_preview(check, judged.snapshot, bound.side) for check in judged.checks),
        quote=fed_quote(ground.feed, bound.symbol, limits, now),
        band=_band(judged),
        session=session_text(ground, now),
    )


def order_of(bound: RequestPayload) -> OrderQuestion:
    """The order of everything that was asked for, at the price bound that is worst for it."""
    bounds = (bound.price_max, bound.price_min)
    first, second = bounds if bound.side is Side.BUY else reversed(bounds)
    market = bound.order_type is OrderType.MARKET
    return OrderQuestion(
        account_id=bound.account_id,
        symbol=bound.symbol,
        side=bound.side,
        quantity=bound.max_quantity,
        order_type=bound.order_type,
        order_price=None if market else (second if first is None else first),
        paper_only=bound.paper_only,
        approved_target=bound.target_tx_equivalent,
    )


def _preview(check: Check, seen: RiskSnapshot, side: Side) -> CheckPreview:
    found = figure_of(check)
    figure = found or CheckFigure(measure=Measure.WORD, value="", limit="")
    return CheckPreview(
        check=check,
        measure=figure.measure,
        before=_before(check, figure, seen, side),
        after=figure.value,
        limit=figure.limit,
    )


def _before(check: Check, figure: CheckFigure, seen: RiskSnapshot, side: Side) -> str:
    """What the same check finds while nobody orders."""
    if check.name in _ONLY_WITH_AN_ORDER:
        return ""
    if check.name in _OF_THE_ORDER:
        return exact_text(Decimal(0))
    if check.name != CheckName.POSITION_LIMIT:
        return figure.value
    working = seen.working_long_tx_equivalent
    if side is Side.SELL:
        working = seen.working_short_tx_equivalent.copy_negate()
    return exact_text(EXACT.add(seen.position_tx_equivalent, working))


def _band(judged: RiskEvaluation) -> PriceBand | None:
    check = next(c for c in judged.checks if c.name == CheckName.PRICE_REASONABILITY)
    told = {detail.name: exact_of(detail.value) for detail in check.details}
    reference, allowed = told.get("reference_price"), told.get("deviation_max")
    if reference is None or allowed is None:
        return None
    return PriceBand(low=EXACT.subtract(reference, allowed), high=EXACT.add(reference, allowed))
