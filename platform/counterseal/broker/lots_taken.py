"""What fills took of the market that they met.

Job: keep beside each quote, second of a tape or bar how much of it is gone. Pure.

Invariants
  I1  It equals the sum over the fills that met it, and is read by one key however many they are.

Not here: how much there was (broker.paper, broker.walk), when it is stored (desk.posting).
Source: TX-J7; trading reference 5.3 (liquidity consumed).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from counterseal.broker.model import Fill
from counterseal.kernel.model import Document, DomainModel, Name
from counterseal.kernel.money import EXACT, NonNegative, Quantity
from counterseal.signals.intent import Side


class TakenPrint(DomainModel):
    """Contracts that are gone of one print of the tape."""

    row: int = Field(ge=1)
    contracts: Quantity


class LotTaken(Document):
    """What is gone of one quote, second or bar.

    Attributes:
        lot_id: The `quote_id` of the fills that took it.
        bought, sold: Contracts that buys and sells took.
        prints: Of a second: how much of which print, by row; empty for quotes and bars.
    """

    KIND: ClassVar[str] = "lots_taken"
    KEY: ClassVar[str] = "lot_id"

    lot_id: Name
    bought: NonNegative = Decimal(0)
    sold: NonNegative = Decimal(0)
    prints: tuple[TakenPrint, ...] = ()


def apply_fill_taken(known: LotTaken | None, fill: Fill) -> LotTaken:
    """What is gone of the fill's lot after it; `known` is what was gone before."""
    before = LotTaken(lot_id=fill.quote_id) if known is None else known
    side = "bought" if fill.side is Side.BUY else "sold"
    rows = dict(taken_rows(known))
    for use in fill.uses:
        rows[use.row] = EXACT.add(rows.get(use.row, Decimal(0)), use.contracts)
    return LotTaken.model_validate(
        {
            **dict(before),
            side: EXACT.add(getattr(before, side), fill.last_quantity),
            "prints": tuple(TakenPrint(row=row, contracts=rows[row]) for row in sorted(rows)),
        }
    )


def taken_side(known: LotTaken | None, side: Side) -> Decimal:
    """Contracts that orders of this side took of a quote."""
    if known is None:
        return Decimal(0)
    return known.bought if side is Side.BUY else known.sold


def taken_rows(known: LotTaken | None) -> Mapping[int, Decimal]:
    """Contracts that are gone of each print, by row."""
    return {} if known is None else {one.row: one.contracts for one in known.prints}


def taken_whole(known: LotTaken | None) -> Mapping[int, Decimal]:
    """Contracts that are gone of a bar, both sides together; a bar has no rows but 0."""
    return {0: Decimal(0) if known is None else EXACT.add(known.bought, known.sold)}
