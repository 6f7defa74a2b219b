"""What can be traded, as one tagged union.

Job: name an instrument with the numbers that price and size it.

Invariants
  I1  An instrument's kind decides its fields; an unknown kind is refused.
  I2  A symbol maps to one TAIFEX root or to none: options and other products never pass as futures.

Not here: fees and margins (market.contracts), quotes (market.quotes).
Source: features TX-A4, TX-A6; trading part 1.1.
"""

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import Currency, Quantity

InstrumentSymbol = Name
"""Printable ASCII without blanks, such as `TXF202606`."""

ContractMonth = Annotated[str, StringConstraints(pattern=r"^\d{4}(0[1-9]|1[0-2])(W[1-5])?$")]
"""`202108`, or `202107W4` for a weekly contract."""

_SYMBOL: Final = re.compile(r"(TXF|TX|MXF|MTX|TMF)(\d{4}(?:0[1-9]|1[0-2])(?:W[1-5])?)?", re.ASCII)


class ContractRoot(StrEnum):
    """The three index futures, as data files name them."""

    TX = "TX"
    MTX = "MTX"
    TMF = "TMF"


_ROOTS: Final = {
    "TXF": ContractRoot.TX,
    "TX": ContractRoot.TX,
    "MXF": ContractRoot.MTX,
    "MTX": ContractRoot.MTX,
    "TMF": ContractRoot.TMF,
}


class OptionRight(StrEnum):
    """Right of an option's holder."""

    CALL = "call"
    PUT = "put"


class Future(DomainModel):
    """An index future of TAIFEX.

    Attributes:
        multiplier: Currency per index point.
        tick: Smallest price step in index points.
        tx_equivalent: Size of one contract in TX contracts.
    """

    kind: Literal["future"] = "future"
    symbol: InstrumentSymbol
    root: ContractRoot
    month: ContractMonth
    multiplier: Quantity
    tick: Quantity
    tx_equivalent: Quantity
    currency: Currency = Currency.TWD


class Equity(DomainModel):
    """A share; `tick` in the currency."""

    kind: Literal["equity"] = "equity"
    symbol: InstrumentSymbol
    venue: Name
    tick: Quantity
    currency: Currency


class Option(DomainModel):
    """An option, keyed by underlying, expiry, right and strike (strike in the quote unit)."""

    kind: Literal["option"] = "option"
    symbol: InstrumentSymbol
    underlying: InstrumentSymbol
    expiry: date
    right: OptionRight
    strike: Quantity
    multiplier: Quantity
    tick: Quantity
    currency: Currency


class FxPair(DomainModel):
    """One unit of `base` priced in `currency`."""

    kind: Literal["fx"] = "fx"
    symbol: InstrumentSymbol
    base: Currency
    currency: Currency
    tick: Quantity


Instrument = Annotated[Future | Equity | Option | FxPair, Field(discriminator="kind")]
"""Any instrument; `kind` tells which."""


def contract_root(symbol: str) -> ContractRoot | None:
    """Root of a TAIFEX future: `TXF202606` and `TX` give TX; None for `TXO` or `XYZ`."""
    match = _SYMBOL.fullmatch(symbol)
    return None if match is None else _ROOTS[match[1]]


def contract_month(symbol: str) -> str | None:
    """Month part of a symbol, or None for a bare product or an unknown symbol."""
    match = _SYMBOL.fullmatch(symbol)
    return None if match is None else match[2]


def taifex_future(
    symbol: str, *, multiplier: Decimal, tick: Decimal, tx_equivalent: Decimal
) -> Future:
    """A future from its symbol and the numbers of its contract (TWD per point, points, TX).

    Raises:
        InputError: `SYMBOL_UNKNOWN` when the symbol has no known root or no month.
    """
    root, month = contract_root(symbol), contract_month(symbol)
    if root is None or month is None:
        raise InputError(
            "SYMBOL_UNKNOWN",
            "not a TAIFEX future with a month",
            field="symbol",
            expected="such as TXF202606 or MXF202107W4",
            got=symbol,
        )
    return Future(
        symbol=symbol,
        root=root,
        month=month,
        multiplier=multiplier,
        tick=tick,
        tx_equivalent=tx_equivalent,
    )
