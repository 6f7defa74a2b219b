"""Positions, cash and P&L again, from the fills alone: exact fractions, no code of ours."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

Fill = Mapping[str, Any]


class Holding(NamedTuple):
    """Signed contracts, what they cost in points, and what was realized in currency."""

    quantity: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)


def after(held: Holding, fill: Fill) -> Holding:
    """Average cost: a fill first closes against the holding at its average, then opens the rest."""
    signed = Fraction(fill["last_quantity"]) * (1 if fill["side"] == "BUY" else -1)
    price, multiplier = Fraction(fill["last_price"]), Fraction(fill["multiplier"])
    against = held.quantity * signed < 0
    closing = min(abs(signed), abs(held.quantity)) * (1 if signed > 0 else -1) if against else 0
    average = held.cost / held.quantity if held.quantity else Fraction(0)
    realized = -closing * (price - average) * multiplier
    return Holding(
        quantity=held.quantity + signed,
        cost=held.cost + closing * average + (signed - closing) * price,
        realized=held.realized + realized,
    )


def replay(fills: Iterable[Fill]) -> dict[str, Holding]:
    """Holdings by symbol after all fills, in their order of time."""
    held: dict[str, Holding] = {}
    for fill in sorted(fills, key=lambda f: str(f["occurred_at"])):
        held[fill["symbol"]] = after(held.get(fill["symbol"], Holding()), fill)
    return held


def costs(fills: Iterable[Fill]) -> Fraction:
    """Fees and tax of all fills, in currency."""
    return sum((Fraction(line["amount"]) for fill in fills for line in fill["fees"]), Fraction(0))


def unrealized(held: Holding, mark: Fraction, multiplier: Fraction) -> Fraction:
    """What a holding would gain at a mark, in currency."""
    return (held.quantity * mark - held.cost) * multiplier
