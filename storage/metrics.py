"""Ratios over the returns of an account.

Job: ask the metrics library for what is customary to say about a series of daily returns.

Invariants
  I1  Money comes in exact and ratios go out as exact text; floats live in here only.
  I2  A ratio that is not defined for the days at hand is None, never zero or infinite.

This module loads the library and pandas: who only looks does not import it.

Not here: the equity that the returns come from (portfolio.curve), any claim of performance.
Source: architecture part 6; empyrical-reloaded 0.7.1.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import empyrical  # type: ignore[import-untyped]  # it ships no types
import numpy as np

from counterseal.kernel.model import AlwaysTrue, DomainModel
from counterseal.kernel.money import Exact, quantized

RATIO_PLACES: Final = 6
DAYS_MIN: Final = 2
"""Fewer returns have no spread."""


class Ratios(DomainModel):
    """Ratios of daily returns, 252 days a year, without a risk-free rate; half up to 6 places.

    Attributes:
        days: Returns that were counted.
        max_drawdown: Deepest fall from a peak as a fraction, zero or below.
    """

    days: int
    annual_return: Exact | None
    annual_volatility: Exact | None
    sharpe: Exact | None
    sortino: Exact | None
    max_drawdown: Exact | None
    simulated: AlwaysTrue = True
    performance_claim: bool = False


def ratios(opening: Decimal, closings: Sequence[Decimal]) -> Ratios:
    """Ratios of an account from its opening cash and its equity at the end of each trading day.

    Args:
        opening: Currency of the account.
        closings: The same currency, oldest day first; a return over equity of zero or less is
            not defined, and with it nothing is.
    """
    equity = [opening, *closings]
    returns = np.array([float(b / a) - 1 for a, b in zip(equity, closings, strict=False) if a > 0])
    if len(returns) < DAYS_MIN or len(returns) < len(closings):
        return _told(len(returns), (None,) * 5)
    return _told(
        len(returns),
        (
            empyrical.annual_return(returns),
            empyrical.annual_volatility(returns),
            empyrical.sharpe_ratio(returns),
            empyrical.sortino_ratio(returns),
            empyrical.max_drawdown(returns),
        ),
    )


def _told(days: int, values: Sequence[float | None]) -> Ratios:
    names = ("annual_return", "annual_volatility", "sharpe", "sortino", "max_drawdown")
    told = {name: _exact(value) for name, value in zip(names, values, strict=True)}
    return Ratios.model_validate({"days": days, **told})


def _exact(value: float | None) -> Decimal | None:
    if value is None or not math.isfinite(value):
        return None
    return quantized(Decimal(repr(float(value))), RATIO_PLACES)
