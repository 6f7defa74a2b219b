"""The order's status in the words of FIX, pending overlays included.

Job: one OrdStatus where several hold at once, and which OrdStatus may follow which.

Invariants
  I1  The status with the higher precedence is told: a pending cancel hides a pending replace, and
      both hide what has been filled.
  I2  Without an overlay, and once cancelled, rejected or expired, the status is the state's word.

Not here: the states (oms.states), how an overlay begins and ends (oms.apply, oms.replace).
Source: FIX 5.0 SP2 appendix D; trading reference 3.2.
"""

from collections.abc import Mapping
from typing import Final

from counterseal.oms.model import Order
from counterseal.oms.states import FIX_STATUS, OrderState

PENDING_CANCEL: Final = "PENDING_CANCEL"
PENDING_REPLACE: Final = "PENDING_REPLACE"

PRECEDENCE: Final[Mapping[str, int]] = {
    PENDING_CANCEL: 12,
    PENDING_REPLACE: 11,
    "FILLED": 8,
    "CANCELED": 5,
    "EXPIRED": 5,
    "PARTIALLY_FILLED": 4,
    "NEW": 2,
    "REJECTED": 2,
    "PENDING_NEW": 2,
}
"""Of several statuses that hold, the one with the highest number is told (tag 39)."""

_WORKING: Final = frozenset({"NEW", "PARTIALLY_FILLED", "FILLED", PENDING_CANCEL, PENDING_REPLACE})

FOLLOWS: Final[Mapping[str, frozenset[str]]] = {
    "PENDING_NEW": frozenset({"NEW", "REJECTED", "PARTIALLY_FILLED", "FILLED"}),
    "NEW": _WORKING | {"REJECTED", "CANCELED", "EXPIRED"},
    "PARTIALLY_FILLED": _WORKING - {"NEW"} | {"CANCELED", "EXPIRED"},
    "FILLED": frozenset({"PARTIALLY_FILLED", "FILLED", PENDING_REPLACE}),
    PENDING_CANCEL: _WORKING | {"CANCELED", "REJECTED", "EXPIRED"},
    PENDING_REPLACE: _WORKING | {"CANCELED", "REJECTED", "EXPIRED"},
    "CANCELED": frozenset(),
    "REJECTED": frozenset(),
    "EXPIRED": frozenset(),
}
"""Which status may follow in the next report of one order; late fills are beside it."""


def fix_status(order: Order) -> str:
    """OrdStatus (tag 39) of the order now; empty for a local state and while it is unknown."""
    own = FIX_STATUS.get(order.state)
    if own is None:
        return ""
    if order.is_terminal and order.state is not OrderState.FILLED:
        return own
    holding = [own]
    holding += [PENDING_CANCEL] if order.cancel_pending else []
    holding += [] if order.pending_replace is None else [PENDING_REPLACE]
    return max(holding, key=PRECEDENCE.__getitem__)
