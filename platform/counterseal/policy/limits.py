"""Numeric limits of the paper desk, and how settings may tighten them.

Job: hold the risk limits and apply overrides from settings that only ever make them stricter.

Invariants
  I1  An override never loosens a limit: `tightened(l, o)` is at most `l` in every field.
  I2  A contract root without a row has size limit zero.

Not here: the checks (risk), limits of the further checks (policy.desk_limits), the live and mode
flags (policy.safety).
Source: features TX-A2, TX-A6, TX-H5 to TX-H14; policies/risk.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import NonNegative, exact_text, normalized, parse_exact
from counterseal.policy.desk_limits import DeskLimits

SETTING_OF_LIMIT: Final[Mapping[str, str]] = {
    "MAX_TX_EQUIVALENT_EXPOSURE": "max_tx_equivalent_exposure",
    "MAX_DAILY_LOSS_TWD": "daily_loss_max_twd",
    "STALE_QUOTE_SECONDS": "stale_quote_seconds",
}
"""Settings that may tighten a limit, and the limit's field."""


class OrderSizeMax(DomainModel):
    """Largest order of one contract root, in contracts."""

    contract_root: Name
    quantity_max: NonNegative


class RiskLimits(DomainModel):
    """All limits: exposure and position in TX-equivalents, money in TWD, deviation a fraction.

    Attributes:
        desk: The checks beyond the fourteen; a document without this part switches none of them on.
    """

    schema_version: int = Field(ge=1, le=1)
    max_tx_equivalent_exposure: NonNegative
    stale_quote_seconds: NonNegative
    price_deviation_max: NonNegative
    order_size_max: tuple[OrderSizeMax, ...] = Field(max_length=1000)
    margin_per_tx_twd: NonNegative
    margin_max_twd: NonNegative
    daily_loss_max_twd: NonNegative
    position_max_tx_equivalent: NonNegative
    kill_switch: bool
    heartbeat_max_age_seconds: NonNegative
    desk: DeskLimits = DeskLimits()

    @cached_property
    def _told(self) -> str:
        return digest(self.json_value())

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the canonical bytes, computed once for each document read."""
        return self._told

    @model_validator(mode="after")
    def _unique_roots(self) -> Self:
        roots = [row.contract_root for row in self.order_size_max]
        if len(roots) != len(set(roots)):
            raise ValueError("order_size_max names a contract root twice")
        return self

    def order_size_limit(self, contract_root: str | None) -> Decimal:
        """Largest order of a root in contracts; zero for an unknown root or one without a row."""
        for row in self.order_size_max:
            if row.contract_root == contract_root:
                return row.quantity_max
        return Decimal(0)


def tightened(limits: RiskLimits, overrides: Mapping[str, str]) -> RiskLimits:
    """The limits after settings tightened them; names outside `SETTING_OF_LIMIT` are ignored.

    Raises:
        InputError: `LIMIT_LOOSENED` when a setting exceeds the policy's limit, `BAD_LIMIT`
            when it is no exact number of zero or more.
    """
    changes = {
        SETTING_OF_LIMIT[name]: _stricter(limits, name, text)
        for name, text in overrides.items()
        if name in SETTING_OF_LIMIT
    }
    return limits.amended(**changes)


def _stricter(limits: RiskLimits, name: str, text: str) -> Decimal:
    try:
        value = normalized(parse_exact(text))
    except ValueError as error:
        raise InputError("BAD_LIMIT", str(error), field=name, got=text) from None
    if value < 0:
        raise InputError("BAD_LIMIT", "a limit is zero or more", field=name, got=text)
    bound = Decimal(str(getattr(limits, SETTING_OF_LIMIT[name])))
    if value > bound:
        raise InputError(
            "LIMIT_LOOSENED",
            "a setting may only tighten what the policy allows",
            field=name,
            expected=f"at most {exact_text(bound)}",
            got=text,
        )
    return value
