"""What is due together.

Job: hold the ids that one execution run works through, and which attempt has them.

Not here: claiming and executing (desk.dispatch).
Source: workflow part 3.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name


class BatchStatus(StrEnum):
    """Where a batch stands."""

    CLAIMED = "claimed"
    DONE = "done"


class Batch(Document):
    """Approved requests that one attempt submits under one mandate.

    Attributes:
        attempt: Counts from 1; the fencing token of a run.
        lease_until: From then on (half-open) another attempt may take the batch.
    """

    KIND: ClassVar[str] = "batches"
    KEY: ClassVar[str] = "batch_id"

    batch_id: Name
    mandate_id: Name
    request_ids: tuple[Name, ...] = Field(min_length=1, max_length=500)
    attempt: int = Field(ge=1)
    status: BatchStatus
    claimed_at: UtcDatetime
    lease_until: UtcDatetime
