"""What people see of each stored record: what was stored, and what was expected.

Job: check one record after the other from its bytes and from those before it.

Invariants
  I1  Expected hashes come from the bytes of the rows; stored ones are only compared.
  I2  Whatever a cell holds, the answer is a record that does not hold, never an exception.
  I3  What a recorded purge emptied is checked by its place and its kept hash.

Not here: what the log as a whole comes to (desk.views.integrity), the verifier (audit.verify).
Source: feature TX-K4.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from counterseal.audit.accounts import standings
from counterseal.audit.merkle import ZERO_HASH, leaf_hash
from counterseal.audit.purges import RecordState, kept_leaf
from counterseal.audit.record import RECORD_FIELDS, StoredRow, load_canonical
from counterseal.desk.views.marks import unsafe_flags
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel

_COLUMNS: Final = tuple(name for name in StoredRow._fields if name not in {"leaf_hash", "body"})
_TEXT_SHOWN_MAX: Final = 200


class EventCheck(DomainModel):
    """One stored record against what it should be.

    Attributes:
        workflow: The stream: one governed case and what follows from it, or a system stream.
        expected_previous_hash: Leaf hash of the record before, from its bytes.
        expected_event_hash: Leaf hash of this record's bytes.
        event_hash_valid: The stored hash is that one, and the columns are what the bytes say.
        workflow_continuity_valid: It follows the last record by number, and the last of its stream
            by number and hash.
        duplicate_audit_id: An earlier record carries the same id.
        purged: Its bytes went by a recorded purge: what is left is its place and its hash, which
            stand in the chain.
        paper_only: No document in it says anything but paper.
    """

    seq: int
    audit_id: str
    workflow: str
    stored_previous_hash: str
    expected_previous_hash: str
    stored_event_hash: str
    expected_event_hash: str
    previous_hash_valid: bool
    event_hash_valid: bool
    workflow_continuity_valid: bool
    duplicate_audit_id: bool
    paper_only: bool
    verified: bool
    purged: bool = False

    @property
    def missing_hash(self) -> bool:
        """Whether a stored hash is absent."""
        return not (self.stored_previous_hash and self.stored_event_hash)

    @property
    def chain_valid(self) -> bool:
        """Whether hashes, order and id hold."""
        held = self.previous_hash_valid and self.event_hash_valid
        return held and self.workflow_continuity_valid and not self.duplicate_audit_id


class _End(NamedTuple):
    """End of the log or of one stream: the last number, and the hash of the last bytes."""

    number: int
    leaf: str = ZERO_HASH.hex()


class _Walk:
    """Rows one after the other, each against what came before it."""

    def __init__(self, purged: Collection[int]) -> None:
        self._purged = purged
        self._log = _End(-1)
        self._streams: dict[str, _End] = {}
        self._ids: set[str] = set()

    def check(self, row: StoredRow) -> EventCheck:
        purged = row.seq in self._purged
        body = row.body if type(row.body) is bytes else b""
        leaf = (kept_leaf(row) if purged else leaf_hash(body)).hex()
        value = _columns(row) if purged else fields_of(body)
        stream, audit_id = shown_text(row.stream), shown_text(row.event_id)
        end, before = self._streams.get(stream, _End(0)), self._log
        held = {
            "previous_hash_valid": row.prev == value.get("prev") == before.leaf,
            "event_hash_valid": row.leaf_hash == leaf and _columns_hold(row, value),
            "workflow_continuity_valid": row.seq == before.number + 1
            and row.stream_seq == value.get("stream_seq") == end.number + 1
            and row.stream_prev == value.get("stream_prev") == end.leaf,
            "paper_only": purged or (bool(value) and not unsafe_flags(value)),
        }
        repeated = audit_id in self._ids
        self._ids.add(audit_id)
        self._log = _End(_number(row.seq, before.number + 1), leaf)
        self._streams[stream] = _End(_number(row.stream_seq, end.number + 1), leaf)
        return EventCheck(
            seq=self._log.number,
            audit_id=audit_id,
            workflow=stream,
            stored_previous_hash=shown_text(row.prev),
            expected_previous_hash=before.leaf,
            stored_event_hash=shown_text(row.leaf_hash),
            expected_event_hash=leaf,
            duplicate_audit_id=repeated,
            verified=all(held.values()) and not repeated,
            purged=purged,
            **held,
        )


def check_events(rows: Iterable[StoredRow]) -> tuple[EventCheck, ...]:
    """Every row in the order given, checked from its bytes and the rows before."""
    kept = tuple(rows)
    walk = _Walk(_purged(kept))
    return tuple(walk.check(row) for row in kept)


def _purged(rows: tuple[StoredRow, ...]) -> frozenset[int]:
    """Places of emptied records that a recorded purge names."""
    if all(row.body for row in rows):
        return frozenset()
    told = standings(rows)
    return frozenset(one.seq for one in told if one.state is RecordState.PURGED)


def _number(cell: object, expected: int) -> int:
    return cell if type(cell) is int else expected


def shown_text(cell: object) -> str:
    """A cell as people read it: at most 200 characters, empty for none."""
    return "" if cell is None else str(cell)[:_TEXT_SHOWN_MAX]


def fields_of(body: bytes) -> dict[str, object]:
    """The record's fields; none when the bytes are no record."""
    try:
        value = load_canonical(body)
    except InputError:
        return {}
    return value if value.keys() == RECORD_FIELDS else {}


def _columns(row: StoredRow) -> dict[str, object]:
    """What the columns of a purged row say; nothing is left to compare them with."""
    told = row._asdict()
    return {name: told[name] for name in _COLUMNS}


def _columns_hold(row: StoredRow, value: dict[str, object]) -> bool:
    told = row._asdict()
    return bool(value) and all(value[name] == told[name] for name in _COLUMNS)
