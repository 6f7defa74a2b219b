"""The order's states and events as tables.

Job: which event is allowed in which state, and the FIX words of each state.

Invariants
  I1  The asked table has 12 states and 12 events; facts from outside are extra events without rows.
  I2  No event of the table leaves FILLED, CANCELLED, REJECTED, EXPIRED or UNKNOWN.

Not here: quantities (oms.apply), the move out of UNKNOWN (oms.outside), overlays (oms.fix).
Source: TX-I1 to TX-I3; FIX 5.0 SP2 tags 39 and 150.
"""

from enum import StrEnum
from typing import Final

from counterseal.kernel.machine import StateTable


class OrderState(StrEnum):
    """Where an order stands. NEW is local (recorded, before risk), not the FIX word New."""

    PENDING = "PENDING"
    NEW = "NEW"
    RISK_CHECKED = "RISK_CHECKED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN_NEEDS_RECONCILIATION = "UNKNOWN_NEEDS_RECONCILIATION"


class OrderEventType(StrEnum):
    """What happens to an order: twelve events of the table, then the facts beside it."""

    CREATE = "CREATE"
    RISK_APPROVE = "RISK_APPROVE"
    RISK_REJECT = "RISK_REJECT"
    SUBMIT = "SUBMIT"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    PARTIAL_FILL = "PARTIAL_FILL"
    FILL = "FILL"
    CANCEL_REQUEST = "CANCEL_REQUEST"
    CANCEL = "CANCEL"
    REJECT = "REJECT"
    EXPIRE = "EXPIRE"
    MARK_UNKNOWN = "MARK_UNKNOWN"
    LATE_FILL = "LATE_FILL"
    CANCEL_REFUSED = "CANCEL_REFUSED"
    REPLACE_REQUESTED = "REPLACE_REQUESTED"
    REPLACED = "REPLACED"
    REPLACE_REFUSED = "REPLACE_REFUSED"
    TRIGGERED = "TRIGGERED"
    RECONCILED = "RECONCILED"


OUTSIDE_FACTS: Final = (
    OrderEventType.LATE_FILL,
    OrderEventType.CANCEL_REFUSED,
    OrderEventType.REPLACE_REQUESTED,
    OrderEventType.REPLACED,
    OrderEventType.REPLACE_REFUSED,
    OrderEventType.TRIGGERED,
    OrderEventType.RECONCILED,
)
"""Facts that arrive whatever the table says; each has its own function."""

LIFECYCLE_EVENTS: Final = tuple(e for e in OrderEventType if e not in OUTSIDE_FACTS)
"""The twelve events of the table."""

TERMINAL_STATES: Final = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED}
)
"""Nothing is working any more."""

OPEN_STATES: Final = tuple(s for s in OrderState if s not in TERMINAL_STATES)
"""Something may still fill."""

_S, _E = OrderState, OrderEventType
_TARGETS: Final = {
    _E.CREATE: _S.NEW,
    _E.RISK_APPROVE: _S.RISK_CHECKED,
    _E.RISK_REJECT: _S.REJECTED,
    _E.SUBMIT: _S.SUBMITTED,
    _E.ACKNOWLEDGE: _S.ACCEPTED,
    _E.PARTIAL_FILL: _S.PARTIALLY_FILLED,
    _E.FILL: _S.FILLED,
    _E.CANCEL_REQUEST: _S.CANCEL_REQUESTED,
    _E.CANCEL: _S.CANCELLED,
    _E.REJECT: _S.REJECTED,
    _E.EXPIRE: _S.EXPIRED,
    _E.MARK_UNKNOWN: _S.UNKNOWN_NEEDS_RECONCILIATION,
}
_ALLOWED: Final = {
    _S.PENDING: (_E.CREATE, _E.RISK_REJECT),
    _S.NEW: (_E.RISK_APPROVE, _E.RISK_REJECT, _E.CANCEL_REQUEST, _E.REJECT, _E.EXPIRE),
    _S.RISK_CHECKED: (_E.SUBMIT, _E.CANCEL_REQUEST, _E.REJECT, _E.EXPIRE),
    _S.SUBMITTED: (_E.ACKNOWLEDGE, _E.CANCEL_REQUEST, _E.REJECT, _E.EXPIRE),
    _S.ACCEPTED: (_E.PARTIAL_FILL, _E.FILL, _E.CANCEL_REQUEST, _E.REJECT, _E.EXPIRE),
    _S.PARTIALLY_FILLED: (_E.PARTIAL_FILL, _E.FILL, _E.CANCEL_REQUEST, _E.EXPIRE),
    _S.CANCEL_REQUESTED: (_E.CANCEL, _E.REJECT, _E.FILL, _E.PARTIAL_FILL),
}

ORDER_TABLE: Final = StateTable(
    "order",
    {
        (state, event): _TARGETS[event]
        for state, events in _ALLOWED.items()
        for event in (*events, _E.MARK_UNKNOWN)
    },
)
"""Table I3; MARK_UNKNOWN from every state that is neither terminal nor unknown already."""

FIX_STATUS: Final = {
    _S.SUBMITTED: "PENDING_NEW",
    _S.ACCEPTED: "NEW",
    _S.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    _S.FILLED: "FILLED",
    _S.CANCEL_REQUESTED: "PENDING_CANCEL",
    _S.CANCELLED: "CANCELED",
    _S.REJECTED: "REJECTED",
    _S.EXPIRED: "EXPIRED",
}
"""OrdStatus (tag 39) in FIX words; states without a word are local or unknown."""

FIX_EXEC_TYPE: Final = {
    _E.SUBMIT: "PENDING_NEW",
    _E.ACKNOWLEDGE: "NEW",
    _E.PARTIAL_FILL: "TRADE",
    _E.FILL: "TRADE",
    _E.LATE_FILL: "TRADE",
    _E.CANCEL_REQUEST: "PENDING_CANCEL",
    _E.CANCEL: "CANCELED",
    _E.REJECT: "REJECTED",
    _E.RISK_REJECT: "REJECTED",
    _E.EXPIRE: "EXPIRED",
    _E.REPLACE_REQUESTED: "PENDING_REPLACE",
    _E.REPLACED: "REPLACED",
    _E.TRIGGERED: "TRIGGERED",
}
"""ExecType (tag 150): why a report was sent. Fills are Trade (F) since FIX 4.3."""
