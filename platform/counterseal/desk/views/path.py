"""How far cases came since an instant, from signal to fill.

Job: count what came in, was asked, approved, ordered and filled, for one line of a page.

Invariants
  I1  A number counts stored documents of one moment, and only those that count as one's own.

Not here: which documents are one's own (ui), time-outs and outbox (views.reliability).
Source: ui page map, Home.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import Field

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.broker.model import Fill
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.ids import uuid7_id
from counterseal.kernel.model import Document
from counterseal.oms.model import Order
from counterseal.signals.model import SignalRecord

D = TypeVar("D", bound=Document)
_NO_TAIL = bytes(10)
_APPROVED = frozenset({RequestStatus.APPROVED_FOR_PAPER, RequestStatus.CONSUMED})


class LateReader(Protocol):
    """Gives what came last without reading all that came before."""

    def since(self, kind: type[D], name: str, least: str) -> tuple[D, ...]:
        """Documents whose field `name` is not below a text; MUST be fast for their key."""


class PathCounts(PaperView):
    """Counts since an instant (UTC).

    Attributes:
        approved: Of the requests since then, those that may be or were submitted.
        filled: Orders with a fill since then.
    """

    since: UtcDatetime
    signals: int = Field(ge=0)
    requests: int = Field(ge=0)
    approved: int = Field(ge=0)
    orders: int = Field(ge=0)
    filled: int = Field(ge=0)


def path_since(
    reader: LateReader, since: datetime, is_own: Callable[[Document], bool]
) -> PathCounts:
    """How far own cases came since an instant (UTC)."""
    requests = reader.since(ApprovalRequest, ApprovalRequest.KEY, _first("apr", since))
    fills = reader.since(Fill, Fill.KEY, _first("fil", since))
    orders = reader.since(Order, Order.KEY, _first("ord", since))
    signals = reader.since(SignalRecord, "received_at", utc_text(since))
    asked = [one for one in requests if is_own(one)]
    return PathCounts(
        since=since,
        signals=sum(map(is_own, signals)),
        requests=len(asked),
        approved=sum(one.status in _APPROVED for one in asked),
        orders=sum(map(is_own, orders)),
        filled=len({fill.order_id for fill in fills if is_own(fill)}),
    )


def _first(prefix: str, at: datetime) -> str:
    """The lowest id of an instant: ids are ordered by time."""
    return uuid7_id(prefix, at, _NO_TAIL)
