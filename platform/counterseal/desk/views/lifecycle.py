"""How long each step of an order took, and whose step it was.

Job: the steps of one order as spans of time since its intent.

Invariants
  I1  Each span begins where the one before it ended; the first begins and ends at the intent.
  I2  A step that is stamped before the one before it has no length; nothing runs backwards.

Not here: which step is legal (oms), how spans are drawn (ui).
Source: TX-I2, TX-I5; ui part 3 (order lifecycle).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import Field

from counterseal.kernel.model import DomainModel
from counterseal.oms.model import OrderEvent
from counterseal.oms.states import OrderEventType

_E: Final = OrderEventType
_MILLISECOND: Final = timedelta(milliseconds=1)


class StepOwner(StrEnum):
    """Who takes a step."""

    DESK = "desk"
    RISK = "risk"
    OMS = "oms"
    BROKER = "broker"


OWNERS: Final[Mapping[OrderEventType, StepOwner]] = MappingProxyType(
    {
        _E.CREATE: StepOwner.DESK,
        _E.RISK_APPROVE: StepOwner.RISK,
        _E.RISK_REJECT: StepOwner.RISK,
        _E.SUBMIT: StepOwner.OMS,
        _E.CANCEL_REQUEST: StepOwner.OMS,
        _E.REPLACE_REQUESTED: StepOwner.OMS,
        _E.EXPIRE: StepOwner.OMS,
        _E.MARK_UNKNOWN: StepOwner.OMS,
        _E.RECONCILED: StepOwner.OMS,
        _E.ACKNOWLEDGE: StepOwner.BROKER,
        _E.TRIGGERED: StepOwner.BROKER,
        _E.PARTIAL_FILL: StepOwner.BROKER,
        _E.FILL: StepOwner.BROKER,
        _E.LATE_FILL: StepOwner.BROKER,
        _E.CANCEL: StepOwner.BROKER,
        _E.CANCEL_REFUSED: StepOwner.BROKER,
        _E.REPLACED: StepOwner.BROKER,
        _E.REPLACE_REFUSED: StepOwner.BROKER,
        _E.REJECT: StepOwner.BROKER,
    }
)
"""Whose step each event is."""


class StepSpan(DomainModel):
    """One step: it lasted from the step before it until it was recorded.

    Attributes:
        from_ms, to_ms: Whole milliseconds since the intent, rounded down.
    """

    sequence: int = Field(ge=1)
    event: OrderEventType
    owner: StepOwner
    from_ms: int = Field(ge=0)
    to_ms: int = Field(ge=0)

    @property
    def took_ms(self) -> int:
        """Milliseconds since the step before."""
        return self.to_ms - self.from_ms


def order_spans(events: Iterable[OrderEvent]) -> tuple[StepSpan, ...]:
    """The steps of one order in their order; empty for an order without any."""
    ordered = sorted(events, key=lambda one: one.sequence)
    spans: list[StepSpan] = []
    reached = 0
    for one in ordered:
        at = max((one.at - ordered[0].at) // _MILLISECOND, reached)
        told = {"sequence": one.sequence, "event": one.event, "owner": OWNERS[one.event]}
        spans.append(StepSpan.model_validate({**told, "from_ms": reached, "to_ms": at}))
        reached = at
    return tuple(spans)
