"""How a check becomes its record.

Job: turn a name, an outcome and numbers into one `Check`, building equal values only once.

Most facts of a check repeat from order to order (limits, flags): the validated value of a text is
kept and shared, which is sound because values never change.

Invariants
  I1  Equal words give equal records, whatever was judged before: numbers are text before they are
      looked up, or equal numbers have one text. A fact of a name is always of one kind.
  I2  Only a breach of a soft check is overridden, and the record names the override.

Not here: the rules (risk.checks, risk.further).
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from counterseal.kernel.model import Detail
from counterseal.kernel.money import exact_text, normalized
from counterseal.policy.desk_limits import Breach, CheckRow, FurtherCheck
from counterseal.risk.facts import OverrideInForce
from counterseal.risk.model import Check, CheckEffect, CheckName

_KEPT: Final = 8_192
Fact = Decimal | int | str | None
"""A number, flag or word of a check; None reads `unknown`."""

_NO_FACTS: Final[Mapping[str, Fact]] = MappingProxyType({})


@lru_cache(maxsize=_KEPT)
def _detail(name: str, value: str) -> Detail:
    return Detail(name=name, value=value[:400])


@lru_cache(maxsize=_KEPT)
def _made(
    name: CheckName | FurtherCheck,
    passed: bool,
    skipped: bool,
    effect: CheckEffect,
    message: str,
    facts: tuple[str, ...],
    values: tuple[str, ...],
) -> Check:
    return Check(
        name=name,
        passed=passed,
        skipped=skipped,
        effect=effect,
        message=message,
        details=tuple([_detail(*told) for told in zip(facts, values, strict=True)]),
    )


def _text(value: Fact) -> str:
    """An exact number with the zeros that it has, `unknown` for None."""
    if isinstance(value, Decimal):
        return exact_text(value)
    return "unknown" if value is None else str(value)


def check_of(name: CheckName, passed: bool, message: str, **facts: Fact) -> Check:
    """The record of one of the fourteen."""
    values = tuple([_text(value) for value in facts.values()])
    return _made(name, passed, False, _REFUSE, message, tuple(facts), values)


def skipped_check(name: CheckName | FurtherCheck, message: str) -> Check:
    """The record of a check that did not run."""
    return _made(name, False, True, CheckEffect.REFUSE, message, (), ())


class Verdict(StrEnum):
    """What a further check found; UNKNOWN means that a fact is missing."""

    HOLDS = "holds"
    BREACH = "breach"
    UNKNOWN = "unknown"
    NOT_ASKED = "not_asked"


Found = tuple[Verdict, str, Mapping[str, Fact]]
"""Outcome of a further check before the policy says what it does: verdict, message, facts."""

_HOLDS, _BREACH, _UNKNOWN, _NOT_ASKED = Verdict
_REFUSE = CheckEffect.REFUSE


def held(holds: bool | None, message: str, **facts: Fact) -> Found:
    """A finding; None means that a fact is missing."""
    return (_UNKNOWN if holds is None else _HOLDS if holds else _BREACH, message, facts)


def not_asked(message: str) -> Found:
    """The finding that the check has nothing to judge."""
    return (_NOT_ASKED, message, _NO_FACTS)


@lru_cache(maxsize=_KEPT)
def _told(
    name: FurtherCheck,
    passed: bool,
    effect: CheckEffect,
    message: str,
    facts: tuple[str, ...],
    values: tuple[Fact, ...],
) -> Check:
    """A further check's record; equal numbers have one text here, whatever zeros they came with."""
    plain = [_text(normalized(v) if isinstance(v, Decimal) else v) for v in values]
    return _made(name, passed, False, effect, message, facts, tuple(plain))


def recorded(
    name: FurtherCheck, row: CheckRow, found: Found, overrides: Iterable[OverrideInForce]
) -> Check:
    """The record of a further check: by the policy's row, and by an override of a soft breach."""
    verdict, message, facts = found
    if verdict is _NOT_ASKED:
        return skipped_check(name, message)
    passed, effect = verdict is _HOLDS, _REFUSE
    if not passed:
        effect, used = _effect(name, row, verdict, overrides)
        facts = {**facts, **used}
    return _told(name, passed, effect, message, tuple(facts), tuple(facts.values()))


def _effect(
    name: FurtherCheck, row: CheckRow, verdict: Verdict, overrides: Iterable[OverrideInForce]
) -> tuple[CheckEffect, Mapping[str, Fact]]:
    """What a check that does not hold does, and what an override adds to its facts."""
    if verdict is Verdict.UNKNOWN:
        return (CheckEffect.WARN if row.on_unknown is Breach.WARN else _REFUSE), _NO_FACTS
    used = next((o for o in overrides if row.soft and o.check is name), None)
    if used is not None:
        signed = ",".join(used.signed_by)
        return CheckEffect.OVERRIDDEN, {"override": used.override_id, "override_by": signed}
    return (CheckEffect.WARN if row.on_breach is Breach.WARN else _REFUSE), _NO_FACTS
