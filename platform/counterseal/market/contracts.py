"""Contract terms as dated configuration.

Job: read specs, fees, tax, margins and closures from a policy document, and split an exposure.

Invariants
  I1  Each root stands once; TX-equivalents and multipliers keep 1 : 1/4 : 1/20.
  I2  Margins of one date keep the same ratios; a date not covered is unknown.
  I3  An allocation's actual exposure and residual add up to the target.

Not here: the numbers themselves (policies/contracts), sessions (market.sessions).
Source: features TX-A4, TX-A5; trading parts 1.1 and 1.2.
"""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.kernel.money import EXACT, Currency, Exact, NonNegative, Quantity, quantized
from counterseal.market.instruments import ContractRoot, Future, contract_root, taifex_future

SYMBOL_GROUP: Final = "TAIEX_FUTURES"
UNITS: Final = {ContractRoot.TX: 20, ContractRoot.MTX: 5, ContractRoot.TMF: 1}
"""Size of each contract in TMF: 1 TX = 4 MTX = 20 TMF (TX-A4)."""


class TaxRounding(StrEnum):
    """How the tax of one contract becomes whole TWD."""

    HALF_UP = "half_up"


class ContractSpec(DomainModel):
    """Terms of one contract.

    Attributes:
        multiplier: TWD per point.
        tick: Points.
        fee_transaction, fee_clearing, fee_settlement: TWD per contract.
        tax_rate: Share of the notional, per side.
    """

    root: ContractRoot
    trading_code: Name
    multiplier: Quantity
    tick: Quantity
    tx_equivalent: Quantity
    fee_transaction: NonNegative
    fee_clearing: NonNegative
    fee_settlement: NonNegative
    tax_rate: NonNegative


class MarginRow(DomainModel):
    """Margins of one contract in TWD, valid from and to both days inclusive."""

    root: ContractRoot
    valid_from: date
    valid_to: date
    clearing: Quantity
    maintenance: Quantity
    initial: Quantity


class Closure(DomainModel):
    """A day on which the base calendar says open and the exchange was closed."""

    day: date
    reason: Text
    source: Text


class ContractTable(DomainModel):
    """The contract document: one row per root, margins, closures.

    Attributes:
        tax_min: Least tax per contract and side in TWD.
    """

    schema_version: Name
    source: Text
    currency: Currency
    tax_rounding: TaxRounding
    tax_min: NonNegative
    contracts: tuple[ContractSpec, ...] = Field(min_length=1, max_length=50)
    margins: tuple[MarginRow, ...] = Field(default=(), max_length=2000)
    closures: tuple[Closure, ...] = Field(default=(), max_length=2000)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        _check_specs(self.contracts)
        _check_margins(self.margins)
        return self

    def spec(self, root: ContractRoot | None) -> ContractSpec | None:
        """Terms of a root, or None when there are none."""
        return next((spec for spec in self.contracts if spec.root == root), None)

    def future(self, symbol: str) -> Future:
        """The future of a symbol with the table's numbers.

        Raises:
            InputError: `SYMBOL_UNKNOWN` without known root, month or terms.
        """
        spec = self.spec(contract_root(symbol))
        if spec is None:
            raise InputError("SYMBOL_UNKNOWN", "no contract terms", field="symbol", got=symbol)
        return taifex_future(
            symbol, multiplier=spec.multiplier, tick=spec.tick, tx_equivalent=spec.tx_equivalent
        )

    def tax(self, spec: ContractSpec, price: Decimal) -> Decimal:
        """Tax in whole TWD per contract and side at a price in points; half up, least `tax_min`."""
        exact = EXACT.multiply(EXACT.multiply(abs(price), spec.multiplier), spec.tax_rate)
        return max(quantized(exact, 0), self.tax_min)


class Allocation(DomainModel):
    """An exposure split over contracts, in TX-equivalents."""

    target: NonNegative
    tx: int = Field(ge=0)
    mtx: int = Field(ge=0)
    tmf: int = Field(ge=0)
    actual: NonNegative
    residual: Exact


def _check_specs(specs: tuple[ContractSpec, ...]) -> None:
    by_root = {spec.root: spec for spec in specs}
    if len(by_root) != len(specs):
        raise ValueError("a root stands twice")
    for spec in specs:
        if spec.tx_equivalent * 20 != UNITS[spec.root]:
            raise ValueError(f"TX-equivalent of {spec.root} is not {UNITS[spec.root]}/20")
        if (
            spec.multiplier * 20
            != specs[0].multiplier * 20 * UNITS[spec.root] / UNITS[specs[0].root]
        ):
            raise ValueError(f"multiplier of {spec.root} breaks 1 : 1/4 : 1/20")


def _check_margins(rows: tuple[MarginRow, ...]) -> None:
    last: dict[ContractRoot, date] = {}
    units: dict[tuple[date, date], tuple[Decimal, ...]] = {}
    for row in sorted(rows, key=lambda row: row.valid_from):
        if row.valid_to < row.valid_from or last.get(row.root, date.min) >= row.valid_from:
            raise ValueError(f"margins of {row.root} overlap or end before they start")
        last[row.root] = row.valid_to
        size = UNITS[row.root]
        unit = (row.clearing / size, row.maintenance / size, row.initial / size)
        if units.setdefault((row.valid_from, row.valid_to), unit) != unit:
            raise ValueError(f"margins from {row.valid_from} break 1 : 1/4 : 1/20")


def margin_on(rows: tuple[MarginRow, ...], root: ContractRoot, day: date) -> MarginRow | None:
    """The margin row that covers a day, or None: unknown, never the nearest row."""
    return next((r for r in rows if r.root == root and r.valid_from <= day <= r.valid_to), None)


def allocate_exposure(target: Decimal) -> Allocation:
    """Split a target in TX-equivalents into TX, then MTX, then TMF (TX-A5).

    Units of 0.05 are rounded half to even, so the residual is at most 0.025 either way.

    Raises:
        InputError: `TARGET_NEGATIVE`.
    """
    if target < 0:
        raise InputError("TARGET_NEGATIVE", "exposure is unsigned", field="target", got=target)
    units = int(EXACT.multiply(target, Decimal(20)).to_integral_value(ROUND_HALF_EVEN))
    tx, rest = divmod(units, UNITS[ContractRoot.TX])
    mtx, tmf = divmod(rest, UNITS[ContractRoot.MTX])
    actual = Decimal(units * 5) / 100
    return Allocation(
        target=target,
        tx=tx,
        mtx=mtx,
        tmf=tmf,
        actual=actual,
        residual=EXACT.subtract(target, actual),
    )
