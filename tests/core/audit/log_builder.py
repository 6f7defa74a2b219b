"""Small logs for the tests of the audit room."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from counterseal.audit.chain import Head, StreamHead, extend
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.drafts import draft_bytes, read_draft
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import ClockReading, Draft, StoredRow
from counterseal.audit.snapshots import STREAM, TAKEN, EndsAt, Snapshot, snapshot_of
from counterseal.audit.stream_map import StreamEnd, StreamMap
from counterseal.audit.verify import StoredCheckpoint
from counterseal.kernel.clock import utc_text

ORIGIN = "counterseal.example/log1"
NOW = datetime(2026, 1, 2, 0, 45, tzinfo=UTC)
STEP = timedelta(minutes=10)
CLOCK: ClockReading = {"source": "replay", "max_error_us": 0}
SIGNER = NoteSigner(ORIGIN, bytes(range(32)))
DIGEST = "sha256:" + "ab" * 32


def vectors() -> Path:
    root = Path(__file__).parents[3]
    path = Path(os.environ.get("COUNTERSEAL_TEST_VECTORS", root / "../shared/vectors"))
    assert path.is_dir(), f"published vectors are missing: {path} (set COUNTERSEAL_TEST_VECTORS)"
    return path


def a_draft(number: int = 0, stream: str = "case_1", text: str = "words") -> Draft:
    return {
        "stream": stream,
        "event_id": f"evt_{number:032x}",
        "type": "approval.decided",
        "occurred_at": "2026-01-02T00:45:00.000000Z",
        "actor": {
            "id": "per_1",
            "authn": {
                "issuer": "counterseal:local",
                "amr": ["key", "pwd"],
                "acr": None,
                "auth_time": "2026-01-02T00:40:00.000000Z",
            },
            "session": "ses_1",
        },
        "on_behalf_of": None,
        "action": "paper_execution.intent_created",
        "meaning": "approval",
        "reason": {"code": "WITHIN_LIMITS", "text": text},
        "before": None,
        "after": {"documents": {"approvals": [{"id": "apr_1", "price": "12.5"}]}, "facts": {}},
        "subject": {"type": "approval", "id": "apr_1", "version": 1},
        "policy": {"id": "limits", "version": "1.0", "digest": DIGEST},
        "run": "run_1",
        "step": None,
        "request_id": "req_1",
        "idempotency_key": "key 1",
        "command": DIGEST,
        "pii": [DIGEST],
        "approver_sig": None,
    }


@dataclass
class Log:
    rows: list[StoredRow]
    checkpoints: list[StoredCheckpoint]
    head: Head

    @property
    def checkpoint(self) -> str:
        return self.checkpoints[-1].note


def a_log(
    groups: Iterable[int] = (3, 2, 2),
    times: Iterable[datetime] | None = None,
    origin: str = ORIGIN,
    signer: NoteSigner = SIGNER,
) -> Log:
    log = Log([], [], Head())
    streams: dict[str, StreamHead] = {}
    clock = iter(times) if times is not None else None
    for group in groups:
        first = log.head.size
        drafts = [
            read_draft(draft_bytes(a_draft(n, f"case_{n % 2}")))
            for n in range(first, first + group)
        ]
        at = NOW + timedelta(seconds=first) if clock is None else next(clock)
        added = extend(log.head, streams, drafts, origin=origin, recorded_at=at, clock=CLOCK)
        log.rows += added.rows
        log.head = added.head
        streams |= added.stream_heads
        signed = sign_checkpoint(Checkpoint(origin, log.head.size, log.head.root), signer)
        log.checkpoints.append(StoredCheckpoint(log.head.size, signed))
    return log


def spaced(groups: Sequence[int], instead: Mapping[int, datetime] | None = None) -> Log:
    """A log whose groups lie ten minutes apart; some of them at another time instead."""
    at = {n: NOW + n * STEP for n in range(len(groups))} | dict(instead or {})
    return a_log(groups, times=[at[n] for n in range(len(groups))])


def ends_of(rows: Sequence[StoredRow]) -> EndsAt:
    """Where the streams of a log end, by its rows."""

    def ends_at(covers: int) -> list[StreamEnd]:
        last = {row.stream: row for row in rows[:covers]}
        return [StreamEnd(row.stream, row.stream_seq, row.leaf_hash) for row in last.values()]

    return ends_at


def true_snapshot(rows: Sequence[StoredRow], covers: int | None = None) -> Snapshot:
    """The snapshot of the first records, by default of all."""
    covers = len(rows) if covers is None else covers
    return snapshot_of(StreamMap(ends_of(rows)(covers)), covers)


def with_snapshot(rows: Sequence[StoredRow], at: datetime, **facts: object) -> list[StoredRow]:
    """The log and a record that states these facts of its streams; the true ones by default."""
    stated = facts or true_snapshot(rows)._asdict()
    words = {name: str(value) for name, value in stated.items()}
    change: dict[str, object] = {
        "type": TAKEN,
        "stream": STREAM,
        "event_id": f"evt_{len(rows) + 2**64:032x}",
        "recorded_at": utc_text(at),
        "pii": [],
        "approver_sig": None,
        "after": {"documents": {}, "facts": words},
    }
    return rechained([*rows, edited(rows[-1], change)])


def edited(row: StoredRow, change: Mapping[str, object], *, columns: bool = True) -> StoredRow:
    """The row with other bytes; by default columns and stored hash are made to fit."""
    value = orjson.loads(row.body) | change
    body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if not columns:
        return row._replace(body=body)
    fitting = {name: value[name] for name in StoredRow._fields[:9]}
    return StoredRow(**fitting, leaf_hash=leaf_hash(body).hex(), body=body)


def rechained(rows: Iterable[StoredRow]) -> list[StoredRow]:
    """What an attacker without keys can do: number and link everything anew."""
    out: list[StoredRow] = []
    last = "0" * 64
    ends: dict[str, tuple[int, str]] = {}
    for seq, row in enumerate(rows):
        count, end = ends.get(row.stream, (0, "0" * 64))
        places = {"seq": seq, "prev": last, "stream_seq": count + 1, "stream_prev": end}
        new = edited(row, places)
        last = new.leaf_hash
        ends[row.stream] = (count + 1, last)
        out.append(new)
    return out
