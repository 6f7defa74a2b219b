"""How a check becomes its record.

Job: turn a name, an outcome and facts into one `Check`, and remember what was found of equal facts.

A check is a function of the few facts that it reads, and most of these stand from order to order
(flags, limits, terms): its record is made and validated once, kept and shared, which is sound
because values never change.

Invariants
  I1  Equal facts give equal records, whatever was judged before: what a remembered check is given
      has one text for equal values (numbers of documents, seconds to the microsecond) or is not
      told.
  I2  Only a breach of a soft check is overridden, and the record names the override.

Not here: the rules (risk.checks, risk.further_state, risk.further_money).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Final, ParamSpec, TypeVar, cast

from pydantic import TypeAdapter

from counterseal.kernel.model import details
from counterseal.kernel.money import normal_text
from counterseal.policy.desk_limits import Breach, CheckRow, FurtherCheck
from counterseal.risk.facts import OverrideInForce
from counterseal.risk.model import Check, CheckEffect, CheckName

_P = ParamSpec("_P")
_R = TypeVar("_R")
_KEPT: Final = 1024
_TEXT_MAX: Final = 400
_VALIDATED: Final[Callable[[object], Check]] = TypeAdapter(Check).validator.validate_python
"""As `Check.model_validate`, at once: a record is made for each number that is new."""

Fact = Decimal | int | str | None
"""A number, flag or word of a check; None reads `unknown`."""


def remembered(check: Callable[_P, _R]) -> Callable[_P, _R]:
    """The check with a memory of its latest results, found by the facts that it was given."""
    return cast("Callable[_P, _R]", lru_cache(maxsize=_KEPT)(check))


def check_of(name: CheckName | FurtherCheck, passed: bool, message: str, **facts: Fact) -> Check:
    """The record of a check that ran; numbers in their normal text, words and texts as given."""
    return _record(name, passed, message, facts)


def _record(
    name: CheckName | FurtherCheck, passed: bool, message: str, facts: Mapping[str, Fact]
) -> Check:
    told = [{"name": fact, "value": _text(value)} for fact, value in facts.items()]
    return _VALIDATED({"name": name, "passed": passed, "message": message, "details": tuple(told)})


def skipped_check(name: CheckName | FurtherCheck, message: str) -> Check:
    """The record of a check that did not run."""
    return Check(name=name, passed=False, skipped=True, message=message)


class Amiss(Enum):
    """Why a further check does not hold: a limit is broken, or a fact is missing."""

    BREACH = "breach"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """A further check that does not hold, before the policy says what it does.

    Attributes:
        record: As it stands where the check refuses.
    """

    record: Check
    amiss: Amiss


Finding = Check | Doubt
"""What a further check found: a record that stands whatever the policy says, or a doubt."""


def held(name: FurtherCheck, holds: bool | None, message: str, **facts: Fact) -> Finding:
    """A finding; None means that a fact is missing."""
    record = _record(name, bool(holds), message, facts)
    if holds:
        return record
    return Doubt(record, Amiss.UNKNOWN if holds is None else Amiss.BREACH)


@remembered
def not_asked(name: FurtherCheck, message: str) -> Finding:
    """The finding that the check has nothing to judge."""
    return skipped_check(name, message)


def answered(doubt: Doubt, row: CheckRow, overrides: Iterable[OverrideInForce]) -> Check:
    """The record of a check that does not hold: by the policy's row, or by an override."""
    if doubt.amiss is Amiss.UNKNOWN:
        return _warned(doubt) if row.on_unknown is Breach.WARN else doubt.record
    used = next((one for one in overrides if row.soft and one.check is row.check), None)
    if used is not None:
        return _overridden(doubt.record, used)
    return _warned(doubt) if row.on_breach is Breach.WARN else doubt.record


@remembered
def _warned(doubt: Doubt) -> Check:
    return doubt.record.amended(effect=CheckEffect.WARN)


def _overridden(record: Check, used: OverrideInForce) -> Check:
    named = details(override=used.override_id, override_by=",".join(used.signed_by))
    return record.amended(effect=CheckEffect.OVERRIDDEN, details=(*record.details, *named))


def _text(value: Fact) -> str:
    if type(value) is Decimal:
        return normal_text(value)
    return "unknown" if value is None else str(value)[:_TEXT_MAX]
