"""Fees and tax of a fill.

Job: turn stated rates into fee lines. Pure.

Invariants
  I1  Costs are linear in contracts: any split of a fill costs the same.
  I2  Tax is rounded per contract to whole currency units, half up, never below the minimum.
  I3  Every line names its rate, its rounding and the date of its rule.

Not here: the rates themselves (market, policies), booking (portfolio.ledger).
Source: trading reference 1.1 and 5.3.
"""

from decimal import Decimal

from counterseal.broker.model import FeeLine
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import EXACT, Currency, NonNegative, quantized


class CostRates(DomainModel):
    """Rates of one contract on one day.

    Attributes:
        transaction, clearing, commission: Currency per contract and side.
        settlement: Currency per contract at the final settlement, instead of the other fees.
        tax_rate: Fraction of the notional per side.
        tax_min: Least tax per contract.
        rule_date: `YYYY-MM-DD` from which the rates are valid.
    """

    transaction: NonNegative
    clearing: NonNegative
    commission: NonNegative = Decimal(0)
    settlement: NonNegative = Decimal(0)
    tax_rate: NonNegative
    tax_min: NonNegative = Decimal(1)
    currency: Currency = Currency.TWD
    rule_date: Name


def tax_per_contract(rates: CostRates, price: Decimal, multiplier: Decimal) -> Decimal:
    """Whole currency units, half up, at least the minimum; zero when the rate is zero."""
    if not rates.tax_rate:
        return Decimal(0)
    notional = EXACT.multiply(abs(price), multiplier)
    return max(rates.tax_min, quantized(EXACT.multiply(notional, rates.tax_rate), 0))


def fee_lines(
    rates: CostRates, *, quantity: Decimal, price: Decimal, multiplier: Decimal
) -> tuple[FeeLine, ...]:
    """All costs of one side of a trade, lines of zero left out.

    Args:
        rates: Rates of the contract.
        quantity: Contracts, above zero.
        price: Quote units.
        multiplier: Currency units per point and contract.
    """
    parts = (
        ("transaction", rates.transaction),
        ("clearing", rates.clearing),
        ("commission", rates.commission),
    )
    fees = (_line(rates, kind, quantity, each, each) for kind, each in parts if each)
    return (*fees, *_tax_line(rates, quantity, price, multiplier))


def settlement_lines(
    rates: CostRates, *, quantity: Decimal, price: Decimal, multiplier: Decimal
) -> tuple[FeeLine, ...]:
    """Costs of a final settlement: its fee, and the tax once more (unverified: 1.1, [M]).

    Args:
        rates: Rates of the contract.
        quantity: Contracts settled, above zero.
        price: Final settlement price in quote units.
        multiplier: Currency units per point and contract.
    """
    each = rates.settlement
    fees = (_line(rates, "settlement", quantity, each, each),) if each else ()
    return (*fees, *_tax_line(rates, quantity, price, multiplier))


def _tax_line(
    rates: CostRates, quantity: Decimal, price: Decimal, multiplier: Decimal
) -> tuple[FeeLine, ...]:
    each = tax_per_contract(rates, price, multiplier)
    if not each:
        return ()
    return (_line(rates, "tax", quantity, each, rates.tax_rate, "half_up_per_contract"),)


def _line(
    rates: CostRates,
    kind: str,
    quantity: Decimal,
    each: Decimal,
    rate: Decimal,
    rounding: str = "none",
) -> FeeLine:
    return FeeLine(
        kind=kind,
        amount=EXACT.multiply(quantity, each),
        currency=rates.currency,
        rate=rate,
        rule_date=rates.rule_date,
        rounding=rounding,
    )
