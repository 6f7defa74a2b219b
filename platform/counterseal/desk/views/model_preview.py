"""What the model in force would answer, rule by rule.

Job: put a form to any fill model with a market that the caller supposes, and tell its rules in the
order in which they are asked.

Invariants
  I1  The answer is the model's own result; nothing is stored and no order exists.
  I2  Every rule of a model is told, with the check that reports it, in the model's order.

Not here: the models (broker), the form (desk.views.simulation).
Source: TX-J10; trading reference 5.1 to 5.3.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Final, NamedTuple

from counterseal.broker.model import SimulationResult
from counterseal.broker.models import answer_of
from counterseal.broker.walk import latency
from counterseal.broker.windows import BarWindow, PrintSnapshot, TapeWindow
from counterseal.desk.views.simulation import SimulationForm, request_of
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError
from counterseal.policy.execution import BarFillRule, FillRule, TapeFillRule

_QUOTE_RULES: Final = (
    ("paper_only", "the order is a paper order, else reject"),
    ("symbol_matches", "the quote is of the order's symbol, else an input error"),
    ("quote_fresh", "the ask is not below the bid and the quote not too old, else reject"),
    ("valid_spread", "the spread is within its maximum, else acknowledge"),
    ("limit_marketable", "the limit or the triggered stop reaches the quote, else acknowledge"),
    ("has_liquidity", "contracts are left at the quote, else acknowledge; fewer fill in part"),
)
_TAPE_RULES: Final = (
    ("paper_only", "the order is a paper order, else reject"),
    ("symbol_matches", "quote and prints are of the order's symbol, else an input error"),
    ("print_later", "a print is stamped after the arrival and the delay, else wait"),
    (
        "price_reached",
        "a print goes through the limit, reaches the stop, or any for a market order",
    ),
    ("queue_cleared", "it went through, or the queue assumed ahead has traded, else wait"),
    ("has_liquidity", "the stated share of the tape has contracts left, else wait"),
)
_BAR_RULES: Final = (
    ("paper_only", "the order is a paper order, else reject"),
    ("symbol_matches", "quote and bar are of the order's symbol, else an input error"),
    ("bar_later", "a whole bar began after the arrival, else wait"),
    (
        "stop_first",
        "the bar does not hold the stop of the same position, else the stop comes first",
    ),
    ("price_reached", "the bar opens beyond the price or goes strictly through it, else wait"),
    ("has_liquidity", "the stated share of the bar has contracts left, else wait"),
)
RULES: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "paper-broker-sim-v0.1": _QUOTE_RULES,
    "paper-broker-sim-v0.2": _QUOTE_RULES,
    "tape-fill-v1": _TAPE_RULES,
    "bar-fill-v1": _BAR_RULES,
}
"""Each model's rules in the order in which they are asked."""

_AFTER: Final = timedelta(seconds=1)


class SupposedBar(NamedTuple):
    """Prices in quote units and contracts of a minute that begins after the arrival."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def preview_model(
    form: SimulationForm,
    rule: FillRule,
    now: datetime,
    *,
    prints: Sequence[tuple[Decimal, int]] = (),
    bar: SupposedBar | None = None,
) -> SimulationResult:
    """The answer of a model to a form that arrives at `now` (UTC).

    Args:
        form: The order and its quote.
        rule: The model and its parameters.
        now: The arrival.
        prints: Price (quote units) and contracts, all in the first second after the delay; for the
            tape model.
        bar: The first minute after the arrival, for the bar model.

    Raises:
        InputError: `MARKET_OF_OTHER_MODEL` for prints or a bar that the model does not read, codes
            of `request_of` and of the model.
    """
    asked = request_of(form, now).amended(rule=rule, arrived_at=now)
    tape, bars = isinstance(rule, TapeFillRule), isinstance(rule, BarFillRule)
    if (prints and not tape) or (bar is not None and not bars):
        raise InputError(
            "MARKET_OF_OTHER_MODEL",
            "the model does not read this market",
            field="--print or --bar",
            got=rule.model_version,
        )
    if isinstance(rule, TapeFillRule):
        return answer_of(asked.amended(window=_prints(form.symbol, prints, now + latency(rule))))
    if bar is not None:
        return answer_of(asked.amended(window=_bar(form.symbol, bar, now)))
    return answer_of(asked)


def _prints(symbol: str, prints: Sequence[tuple[Decimal, int]], after: datetime) -> TapeWindow:
    at = after.replace(microsecond=0) + _AFTER
    before = (0, *accumulate(contracts for _, contracts in prints))
    shown = tuple(
        PrintSnapshot(row=row, at=at, price=price, contracts=contracts, volume_before=volume)
        for row, ((price, contracts), volume) in enumerate(zip(prints, before, strict=False), 2)
    )
    return TapeWindow(symbol=symbol, source="form", lot_id="form", prints=shown)


def _bar(symbol: str, bar: SupposedBar, now: datetime) -> BarWindow:
    start = now.replace(microsecond=0) + _AFTER
    told = {"source": "form", "lot_id": "form", "starts_at": start, "seconds": 60}
    return BarWindow.model_validate({"symbol": symbol, **told, **bar._asdict()})


def told_preview(form: SimulationForm, rule: FillRule, result: SimulationResult) -> dict[str, Json]:
    """Question and answer as one JSON value (TX-J11), the same in every window."""
    value: dict[str, Json] = {"form": form.json_value(), "model": rule.json_value()}
    return {**value, "preview": True, "result": result.json_value()}


def told_rules(result: SimulationResult) -> tuple[str, ...]:
    """Each rule of the result's model in its order: `ok` or `NO`, its check and its words."""
    passed = {check.name: check.passed for check in result.checks}
    return tuple(
        f"{number}. {'ok' if passed[name] else 'NO'}  {name}: {words}"
        for number, (name, words) in enumerate(RULES[result.model_version], 1)
    )
