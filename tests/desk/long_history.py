"""A past of many ended cases, as it lies in the tables."""

from collections.abc import Mapping
from datetime import timedelta

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, RequestStatus
from counterseal.broker.model import Fill
from counterseal.desk.commands import CommandRecord
from counterseal.desk.views.research import PROPOSED
from counterseal.kernel.model import Document
from counterseal.oms.model import Order, OutboxEntry
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.model import SignalRecord
from tests.world import START, World

KINDS: Mapping[type[Document], Mapping[str, object]] = {
    Order: {"source_signal_id": "a", "approval_request_id": "a"},
    OutboxEntry: {},
    Fill: {},
    RiskEvaluation: {},
    SignalRecord: {"received_at": START - timedelta(days=1)},
    CommandRecord: {},
    ApprovalRequest: {"status": RequestStatus.EXPIRED, "signal_id": "a"},
    ApprovalDecision: {"approval_request_id": "a"},
}
"""What is copied, and what a copy has otherwise: it belongs to no case of now."""


def lengthen(world: World, count: int, first: int = 0) -> None:
    """So many copies of the one order's documents, each before it by its key."""
    with world.store.transaction() as work:
        for kind, changes in KINDS.items():
            one, *_ = work.find(kind, **({"name": PROPOSED} if kind is CommandRecord else {}))
            keys = (f"a_{number:04}" for number in range(first, first + count))
            old = [one.amended(**{kind.KEY: key}, **changes) for key in keys]
            work.store_all(kind.KIND, [document.json_value() for document in old])
