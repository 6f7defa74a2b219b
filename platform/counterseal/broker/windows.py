"""The piece of the market that an order meets, when it is not a quote.

Job: hold the prints of one second, or one bar, as an order meets them, with what is left of them.

Invariants
  I1  A window holds only prints of one second, or one bar, that began after the order's place.
  I2  Nothing is taken twice: what earlier fills took of a print or bar stands beside it.

Not here: cutting windows out of a tape (broker.walk), the models (broker.tape, broker.bars).
Source: trading reference parts 2, 5.2 and 5.3.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.kernel.money import NonNegative, Price, Quantity

PRINTS_MAX: Final = 2_000
"""More prints of one contract in one second are refused; the most seen in a real one is 317."""


class PrintSnapshot(DomainModel):
    """One print as an order met it.

    Attributes:
        row: Line of the tape file, the header being 1.
        at: Stamp (UTC, whole second; the true instant lies within the second after it).
        contracts: Printed in this deal.
        volume_before: Contracts of this instrument printed earlier on the tape.
        taken: Contracts of this print that earlier paper fills took.
    """

    row: int = Field(ge=1)
    at: UtcDatetime
    price: Price
    contracts: int = Field(ge=1)
    volume_before: int = Field(ge=0)
    taken: NonNegative = Decimal(0)


class TapeWindow(DomainModel):
    """The prints of one second that reach an order, and how the order stands before them.

    Attributes:
        lot_id: Names the second; later fills find by it what is left.
        after_row: The order has met every row up to this one; 0 before the first.
        rests: Whether the market was at or beyond the order's limit since its place, so that it
            waits in the queue at its price; an order that does not rest takes.
        queue_at_arrival: Contracts assumed ahead at the order's place.
        queue_ahead: Contracts of these still ahead when the second begins.
        prints: In file order; empty while the tape has nothing for the order.
    """

    kind: Literal["tape"] = "tape"
    symbol: Name
    source: Name
    lot_id: Name
    after_row: int = Field(default=0, ge=0)
    rests: bool = False
    queue_at_arrival: NonNegative = Decimal(0)
    queue_ahead: NonNegative = Decimal(0)
    prints: tuple[PrintSnapshot, ...] = Field(default=(), max_length=PRINTS_MAX)

    @model_validator(mode="after")
    def _one_second_in_order(self) -> Self:
        rows = [deal.row for deal in self.prints]
        if rows != sorted(set(rows)) or any(row <= self.after_row for row in rows):
            raise ValueError("rows ascend and lie behind what the order has met")
        if len({deal.at for deal in self.prints}) > 1:
            raise ValueError("a window holds the prints of one second")
        if any(deal.taken > deal.contracts for deal in self.prints):
            raise ValueError("more was taken of a print than it had")
        return self


class BarWindow(DomainModel):
    """One bar that an order meets.

    Attributes:
        lot_id: Names the bar; later fills find by it what is left.
        starts_at: First instant of the bar (UTC). seconds: its length.
        open, high, low, close: Quote units. volume: contracts.
        taken: Contracts that earlier paper fills took.
        pair_stop: Stop price of the order's sibling: the stop that would close the same position;
            None without one.
    """

    kind: Literal["bar"] = "bar"
    symbol: Name
    source: Name
    lot_id: Name
    starts_at: UtcDatetime
    seconds: int = Field(ge=1, le=86_400)
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
    taken: NonNegative = Decimal(0)
    pair_stop: Price | None = None

    @model_validator(mode="after")
    def _is_a_bar(self) -> Self:
        inside = (self.open, self.close)
        if self.low > min(inside) or self.high < max(inside):
            raise ValueError("open and close lie between low and high")
        if self.taken > self.volume:
            raise ValueError("more was taken of a bar than it had")
        return self

    @property
    def ends_at(self) -> UtcDatetime:
        """The first instant after the bar (UTC): when its prices are known."""
        return self.starts_at + timedelta(seconds=self.seconds)


MarketWindow = Annotated[TapeWindow | BarWindow, Field(discriminator="kind")]
"""What an order meets beside the quote; its kind tells which."""


class PrintUse(DomainModel):
    """What a fill took of one print.

    Attributes:
        contracts: Taken by this fill; never more than printed less what was taken before.
        printed: Contracts of the print.
        how: `taken` by an order that takes, `through` a resting limit, `touched` it.
    """

    row: int = Field(ge=1)
    at: UtcDatetime
    price: Price
    contracts: Quantity
    printed: int = Field(ge=1)
    how: Name
