"""What each of the fourteen checks compares, as one value beside one limit.

Job: read from a check what it found and what bounds it, in one form for all fourteen.

Invariants
  I1  Every figure is the check's own fact; nothing is computed anew but the lower of two bounds.
  I2  A check without its fact has no figure; nothing stands in for it.

Not here: the checks (risk.checks), a whole case (desk.views.case_preview), words for people (ui).
Source: TX-H1 to TX-H14; UI-07.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import exact_text, parse_exact
from counterseal.risk.model import Check, CheckName


class Measure(StrEnum):
    """The unit of a figure; a `WORD` has none."""

    TX_EQUIVALENT = "tx_equivalent"
    TWD = "twd"
    LOTS = "lots"
    SECONDS = "seconds"
    POINTS = "points"
    WORD = "word"


class CheckWord(StrEnum):
    """What a check without a number finds, and what it wants."""

    PAPER = "paper"
    LIVE = "live"
    OFF = "off"
    ON = "on"
    NEW = "new"
    USED = "used"
    PRESENT = "present"
    BLANK = "blank"
    NO_QUOTE = "no quote"
    NO_HEARTBEAT = "no heartbeat"
    UNKNOWN = "unknown"


class CheckFigure(DomainModel):
    """A value and its limit: exact numbers as text, or words; `limit` bounds the value's size."""

    measure: Measure
    value: str
    limit: str

    @property
    def numbers(self) -> tuple[Decimal, Decimal] | None:
        """Value and limit; None where either is a word."""
        value, limit = exact_of(self.value), exact_of(self.limit)
        return None if value is None or limit is None else (value, limit)


_N: Final = CheckName
_M: Final = Measure
_W: Final = CheckWord
_NUMBERS: Final[Mapping[str, tuple[Measure, str, tuple[str, ...]]]] = {
    _N.MAX_EXPOSURE: (
        _M.TX_EQUIVALENT,
        "exposure_tx_equivalent",
        ("limit_tx_equivalent", "approved_tx_equivalent"),
    ),
    _N.STALE_QUOTE: (_M.SECONDS, "quote_age_seconds", ("limit_seconds",)),
    _N.PRICE_REASONABILITY: (_M.POINTS, "deviation", ("deviation_max",)),
    _N.MAX_ORDER_SIZE_BY_CONTRACT: (_M.LOTS, "quantity", ("limit_contracts",)),
    _N.MARGIN_PROXY: (_M.TWD, "margin_twd", ("limit_twd",)),
    _N.DAILY_LOSS_LIMIT: (_M.TWD, "loss_twd", ("limit_twd",)),
    _N.POSITION_LIMIT: (_M.TX_EQUIVALENT, "projected_tx_equivalent", ("limit_tx_equivalent",)),
    _N.BROKER_HEARTBEAT: (_M.SECONDS, "age_seconds", ("limit_seconds",)),
}
"""The facts that a check compares: what it found, and its bounds, of which the lowest counts."""

_WORDS: Final[Mapping[str, tuple[CheckWord, CheckWord]]] = {
    _N.IDEMPOTENCY_KEY_PRESENT: (_W.PRESENT, _W.BLANK),
    _N.PAPER_ONLY_INTENT: (_W.PAPER, _W.LIVE),
    _N.DUPLICATE_ORDER_PREVENTION: (_W.NEW, _W.USED),
    _N.KILL_SWITCH: (_W.OFF, _W.ON),
}
"""What a check finds that passes, and one that does not."""


def figure_of(check: Check) -> CheckFigure | None:
    """What one of the fourteen compares; None of any other check, and where a fact is missing."""
    told = {detail.name: detail.value for detail in check.details}
    if check.name not in _NUMBERS:
        return _words(check, told)
    measure, name, bounds = _NUMBERS[check.name]
    limits = [limit for bound in bounds if (limit := exact_of(told.get(bound, ""))) is not None]
    value = told.get(name, "")
    if not value or not limits:
        return None
    exact = exact_of(value)
    return CheckFigure(
        measure=measure,
        value=value if exact is None else exact_text(exact),
        limit=exact_text(min(limits)),
    )


def _words(check: Check, told: Mapping[str, str]) -> CheckFigure | None:
    if check.name in _WORDS:
        good, bad = _WORDS[check.name]
        return _word(good if check.passed else bad, good)
    if check.name == CheckName.PAPER_BROKER_ONLY:
        return _word(told["broker_provider"], _W.PAPER)
    if check.name == CheckName.LIVE_TRADING_DISABLED:
        live = told["live_trading_enabled"] == str(True)
        return _word(_W.LIVE if live else told["trading_mode"], _W.PAPER)
    return None


def _word(value: str, limit: CheckWord) -> CheckFigure:
    return CheckFigure(measure=Measure.WORD, value=value, limit=limit.value)


def exact_of(text: str) -> Decimal | None:
    """The number that a text is, or None."""
    try:
        return parse_exact(text)
    except ValueError:
        return None
