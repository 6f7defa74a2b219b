"""Amounts and ages as the rules compare them.

Job: make whole numbers of money and time, each rounded to the side that allows less.

Invariants
  I1  Every number lies within what engine and log carry exactly.
  I2  An amount that no finite limit covers never equals an unlimited authority's.
  I3  A fraction never makes an age look fresher.

Not here: the questions that carry them (policy.question), exact amounts (kernel.money).
Source: governance rule 4; policies/approval/*/approval.cedarschema.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Final

from pydantic import Field

from counterseal.policy.params import ApprovalParameters
from counterseal.policy.words import Role

LONG_MAX: Final = 2**53 - 1
"""Largest whole number: what canonical JSON carries, well inside Cedar's 64 bits."""
UNLIMITED: Final = LONG_MAX
"""The authority of somebody whom the policy sets no limit."""
BEYOND: Final = LONG_MAX - 1
"""A notional that no finite limit covers."""
MINOR_UNITS: Final = 100

Long = Annotated[int, Field(ge=-LONG_MAX, le=LONG_MAX)]
"""A whole number that both engine and log carry exactly."""


def minor_units(amount: Decimal) -> int:
    """An amount in minor units, rounded down; `BEYOND` for what no finite limit covers."""
    whole = (amount * MINOR_UNITS).to_integral_value(ROUND_FLOOR)
    return int(min(whole, Decimal(BEYOND)))


def notional_units(notional: Decimal, currency: str, params: ApprovalParameters) -> int:
    """A request's notional in minor units of the threshold currency.

    Another currency is not converted: it counts as `BEYOND`, so that it needs every stage and an
    unlimited authority.
    """
    return minor_units(notional) if currency == params.threshold_currency else BEYOND


def authority_limit(roles: Iterable[Role], params: ApprovalParameters) -> int:
    """The highest notional, in minor units, that somebody with these roles may approve.

    A role that the policy gives no authority has none: 0.
    """
    held = set(roles)
    limits = [row.notional_max for row in params.authority if row.role in held]
    if any(limit is None for limit in limits):
        return UNLIMITED
    return max((minor_units(limit) for limit in limits if limit is not None), default=0)


def whole_seconds(age: timedelta) -> int:
    """Seconds, rounded away from zero: a fraction never makes an age look fresher."""
    second = timedelta(seconds=1)
    return -(-age // second) if age >= timedelta(0) else age // second
