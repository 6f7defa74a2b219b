"""The numbers that the risk checks compare with.

Job: one validated set of limits and its digest.

Invariants
  I1  An unknown contract root has the size limit zero.
  I2  Every limit is explicit in the digest: two sets with one digest decide alike.

Not here: where the numbers are read from (policy, storage), what they forbid (risk.checks).
Source: TX-H5 to TX-H14, TX-H17.
"""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import NonNegative


class OrderSizeLimit(DomainModel):
    """Most contracts of one root in one order."""

    root: Name
    contracts_max: NonNegative


DEFAULT_ORDER_SIZES = (
    OrderSizeLimit(root="TX", contracts_max=Decimal(1)),
    OrderSizeLimit(root="MTX", contracts_max=Decimal(4)),
    OrderSizeLimit(root="TMF", contracts_max=Decimal(20)),
)


class RiskPolicy(DomainModel):
    """Limits of one account; each name ends in its unit.

    Attributes:
        price_deviation_max: Fraction of the reference price, 0.02 = 2 %.
        margin_per_tx_twd: Proxy margin for one TX-equivalent; below every real initial margin.
        heartbeat_max_age_seconds: A heartbeat older than this is no heartbeat.
    """

    max_tx_equivalent_exposure: NonNegative = Decimal("0.25")
    stale_quote_seconds: NonNegative = Decimal(3)
    price_deviation_max: NonNegative = Decimal("0.02")
    order_size_max: tuple[OrderSizeLimit, ...] = Field(default=DEFAULT_ORDER_SIZES, max_length=100)
    margin_per_tx_twd: NonNegative = Decimal(200_000)
    margin_max_twd: NonNegative = Decimal(50_000)
    daily_loss_max_twd: NonNegative = Decimal(5_000)
    position_max_tx_equivalent: NonNegative = Decimal("0.25")
    kill_switch: bool = False
    heartbeat_max_age_seconds: NonNegative = Decimal(60)

    def size_max(self, root: str | None) -> Decimal:
        """Most contracts in one order of a root; zero when the root is unknown."""
        return next((s.contracts_max for s in self.order_size_max if s.root == root), Decimal(0))

    @model_validator(mode="after")
    def _each_root_once(self) -> Self:
        roots = [limit.root for limit in self.order_size_max]
        if len(set(roots)) != len(roots):
            raise ValueError("a contract root has one size limit")
        return self
