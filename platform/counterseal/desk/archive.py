"""What the keeping of records asks of the log.

Job: the port to stored rows and openings, and what follows from a pass over them.

Invariants
  I1  A row is read from its bytes; one whose bytes are gone says nothing any more.
  I2  What a purge lets go takes along only documents of its own cases: every other document whose
      last version it held is carried forward.

Not here: who may hold, erase and purge (desk.records, desk.purging), tables (storage.archive).
Source: design part "privacy, retention, legal hold".
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, ReviewNonce
from counterseal.audit.accounts import Accounts
from counterseal.audit.keys import KeyRecord
from counterseal.audit.privacy import commitments_of
from counterseal.audit.purges import is_purged
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.retention import (
    CASE_PREFIX,
    Hold,
    LoggedRow,
    Purge,
    PurgedRange,
    Versions,
)
from counterseal.audit.stream_map import StreamEnd
from counterseal.broker.lots_taken import LotTaken
from counterseal.broker.model import Fill
from counterseal.desk.commands import DocumentName
from counterseal.desk.documents import DOCUMENTS
from counterseal.desk.ports import Reader
from counterseal.kernel.clock import parse_utc
from counterseal.oms.model import ExecutionReport, Order, OrderEvent, OutboxEntry
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.risk.model import RiskEvaluation
from counterseal.signals.intent import PaperOrderIntent

CASE_KINDS: Final = frozenset(
    kind.KIND
    for kind in (
        ApprovalRequest,
        ApprovalDecision,
        ReviewNonce,
        PolicyEvaluation,
        PaperOrderIntent,
        RiskEvaluation,
        Order,
        OrderEvent,
        ExecutionReport,
        OutboxEntry,
        Fill,
        LotTaken,
    )
)
"""Documents that go with their case; keys, accounts and commands outlive it."""

_KEYS: Final[Mapping[str, str]] = {kind.KIND: kind.KEY for kind in DOCUMENTS}


class Archive(Protocol):
    """The log as it is stored, and what stands beside it.

    MUST read what is committed when it is called. MUST NOT change anything but by `carry_out`.
    """

    def rows(self) -> Iterator[StoredRow]:
        """Every row in order of `seq`, as stored."""

    def newest_in(self, stream: str) -> Iterator[StoredRow]:
        """Rows of one stream, as stored, the newest first."""

    def stream_ends(self, covers: int) -> Iterator[StreamEnd]:
        """The end of every stream within the first `covers` records, in any order.

        MUST take each head from the stored bytes, and from the column only where a purge took them.

        Raises:
            IntegrityError: `COLUMN_MISMATCH` when a record has neither bytes nor a leaf hash.
        """

    def commitments(self, person_id: str) -> tuple[str, ...]:
        """What is kept about a person, whether or not it can be opened here."""

    def carry_out(self, purge: Purge) -> int:
        """Empty the bodies that a recorded purge names; again has no effect.

        Returns:
            How many bodies went now.

        Raises:
            IntegrityError: `PURGE_REFUSED` when the log does not hold such a purge.
        """

    def scrub(self) -> None:
        """Overwrite what an erasure or purge left in journals.

        Raises:
            AdapterError: `DATABASE_BUSY`, retriable.
        """


class Leftovers(NamedTuple):
    """What a purge means beside the log.

    Attributes:
        carried: Documents that are recorded anew, in the order of their first record.
        dropped: Documents that go with their case.
        commitments: Personal data that the purged records committed to.
    """

    carried: tuple[DocumentName, ...]
    dropped: tuple[DocumentName, ...]
    commitments: tuple[str, ...]


def logged(row: StoredRow) -> LoggedRow:
    """What retention needs of a row."""
    return LoggedRow(row.seq, row.stream, row.type, recorded_at(row), present=not is_purged(row))


def versions_of(reader: Reader) -> Versions:
    """Which case took the place of which; of those whose newer version is still there."""
    return {
        f"{CASE_PREFIX}{request.approval_request_id}": f"{CASE_PREFIX}{request.supersedes}"
        for request in reader.find(ApprovalRequest)
        if request.supersedes is not None
    }


def recorded_at(row: StoredRow) -> datetime:
    """When a row was recorded (UTC)."""
    return parse_utc(row.recorded_at)


def key_records(rows: Iterable[StoredRow]) -> tuple[KeyRecord, ...]:
    """What the log says about its keys; a record that cannot be read says nothing."""
    accounts = Accounts(personal=False)
    accounts.take(tuple(rows))
    return accounts.key_records


def held_commitments(rows: Iterable[StoredRow], holds: Iterable[Hold]) -> frozenset[str]:
    """Commitments in records that an active hold covers."""
    active = [hold for hold in holds if hold.active]
    return frozenset(
        commitment
        for row in rows
        if not is_purged(row) and any(hold.covers(row.stream) for hold in active)
        for commitment in commitments_of(load_canonical(row.body))
    )


def leftovers(rows: Iterable[StoredRow], ranges: Iterable[PurgedRange]) -> Leftovers:
    """What a purge of these ranges carries forward, drops and forgets."""
    going = {(r.stream, seq) for r in ranges for seq in range(r.first, r.last + 1)}
    last_gone: dict[tuple[str, str], bool] = {}
    stays: set[tuple[str, str]] = set()
    commitments: list[str] = []
    for row in rows:
        if is_purged(row):
            continue
        record, gone = load_canonical(row.body), (row.stream, row.seq) in going
        names = _named(record)
        last_gone.update(dict.fromkeys(names, gone))
        if gone:
            commitments += commitments_of(record)
        else:
            stays.update(names)
    lost = [name for name, gone in last_gone.items() if gone]
    dropped = [n for n in lost if n[0] in CASE_KINDS and n not in stays]
    return Leftovers(
        carried=_documents(n for n in lost if n not in set(dropped)),
        dropped=_documents(dropped),
        commitments=tuple(commitments),
    )


def _documents(names: Iterable[tuple[str, str]]) -> tuple[DocumentName, ...]:
    return tuple(DocumentName(kind=kind, key=key) for kind, key in names)


def _named(record: Mapping[str, object]) -> list[tuple[str, str]]:
    """Kind and key of every document that a record carries."""
    grouped = _object(_object(record.get("after")).get("documents"))
    return [
        (kind, str(_object(value).get(_KEYS[kind])))
        for kind, values in grouped.items()
        for value in (values if isinstance(values, list) and kind in _KEYS else ())
    ]


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
