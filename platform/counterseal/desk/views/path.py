"""How far cases came since an instant, from signal to fill.

Job: count what came in, was asked, approved, ordered and filled, for one line of a page.

Invariants
  I1  A number counts stored documents of one moment, and only those that count as one's own.

Not here: which documents are one's own (ui), time-outs and outbox (views.reliability).
Source: ui page map, Home.
"""

from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.broker.model import Fill
from counterseal.desk.ports import Reader, least_id, since_of
from counterseal.desk.views.marks import PaperView
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import Document
from counterseal.oms.model import Order
from counterseal.signals.model import SignalRecord

_APPROVED = frozenset({RequestStatus.APPROVED_FOR_PAPER, RequestStatus.CONSUMED})


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


def path_since(reader: Reader, since: datetime, is_own: Callable[[Document], bool]) -> PathCounts:
    """How far own cases came since an instant (UTC)."""
    requests = since_of(reader, ApprovalRequest, ApprovalRequest.KEY, least_id("apr", since))
    fills = since_of(reader, Fill, Fill.KEY, least_id("fil", since))
    orders = since_of(reader, Order, Order.KEY, least_id("ord", since))
    signals = since_of(reader, SignalRecord, "received_at", utc_text(since))
    asked = [one for one in requests if is_own(one)]
    return PathCounts(
        since=since,
        signals=sum(map(is_own, signals)),
        requests=len(asked),
        approved=sum(one.status in _APPROVED for one in asked),
        orders=sum(map(is_own, orders)),
        filled=len({fill.order_id for fill in fills if is_own(fill)}),
    )
