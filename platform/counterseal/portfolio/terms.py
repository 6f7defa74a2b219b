"""How the books of one account are kept.

Job: the stated choices that decide which profit the statement shows and when it becomes cash.

Invariants
  I1  Every choice is written into the account when it is opened: a statement never guesses.

Not here: what follows from them (lots, settlement, books, valuation).
Source: trading reference parts 6 and 7.
"""

from enum import StrEnum
from typing import Final

from counterseal.kernel.model import DomainModel


class LotMethod(StrEnum):
    """Which lot a closing trade takes first: the oldest, or the youngest."""

    FIFO = "FIFO"
    LIFO = "LIFO"


class ProfitBasis(StrEnum):
    """Which realized profit ledger, account and statement use; both are always known."""

    AVERAGE_COST = "AVERAGE_COST"
    LOTS = "LOTS"


class DailySettlement(StrEnum):
    """What a daily settlement price does to an open future.

    UNREALIZED leaves the open profit open: the settlement is recorded, no cash moves. CASH pays it
    each trading day, and the position is carried at the settlement price from then on.
    """

    UNREALIZED = "UNREALIZED"
    CASH = "CASH"


class BookTerms(DomainModel):
    """The choices of one account; the defaults are FIFO lots beside profit by average cost."""

    lot_method: LotMethod = LotMethod.FIFO
    profit_by: ProfitBasis = ProfitBasis.AVERAGE_COST
    daily_settlement: DailySettlement = DailySettlement.UNREALIZED


DEFAULT_TERMS: Final = BookTerms()
