"""The daily settlement price of one contract.

Job: take the volume-weighted mean of the prints of the regular session's last minute.

Invariants
  I1  Only prints from 13:44:00 up to, not including, 13:45:00 Taipei count, each by its contracts.

Not here: days without such prints, where the exchange falls back on quotes; the final settlement.
Source: trading part 1.4.
"""

from collections.abc import Iterable
from datetime import time
from decimal import Decimal
from typing import Final

from counterseal.kernel.money import EXACT, quantized
from counterseal.market.sessions import REGULAR, taipei
from counterseal.market.ticks import Print

LAST_MINUTE: Final = time(13, 44)


def daily_settlement(prints: Iterable[Print]) -> Decimal | None:
    """Settlement price in points, rounded half up to two places.

    Args:
        prints: Outright prints of one contract and one trading day, in any order.

    Returns:
        None when nothing was printed in the last minute.
    """
    total, contracts = Decimal(0), 0
    for deal in prints:
        if LAST_MINUTE <= taipei(deal.at).time() < REGULAR.closes:
            total = EXACT.add(total, EXACT.multiply(deal.price, Decimal(deal.contracts)))
            contracts += deal.contracts
    return quantized(total / contracts, 2) if contracts else None
