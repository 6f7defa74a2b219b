"""One record of the log and its bytes.

Job: say what a record holds, and read its canonical bytes strictly.

Invariants
  I1  What is hashed is what is stored: only bytes that encode back to themselves are accepted.
  I2  Unknown, missing and duplicate fields are refused.
  I3  A body has at most 65,535 bytes, so that it fits a tile entry.

Not here: how the bytes come to be (audit.drafts), sequence numbers and predecessors (audit.chain),
meaning of the payload (the other rooms).
Source: RFC 8785; C2SP tlog-tiles (entry length).
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, TypedDict, cast

import orjson

from counterseal.audit.merkle import leaf_hash
from counterseal.audit.record_format import (
    DRAFT_FORMAT,
    SEAL_FORMAT,
    check_names,
    check_values,
)
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError

BODY_BYTES_MAX: Final = 65_535


class ClockReading(TypedDict):
    """Quality of the recorded time: where it came from and its bound of error in microseconds."""

    source: str
    max_error_us: int


class Authentication(TypedDict):
    """How the actor proved who they are; `acr` is null when the issuer states no level."""

    issuer: str
    amr: list[str]
    acr: str | None
    auth_time: str


class RecordActor(TypedDict):
    """Who acted, from the verified login."""

    id: str
    authn: Authentication
    session: str


class Reason(TypedDict):
    """Stable code and words; both empty when there is nothing to explain."""

    code: str
    text: str


class RecordSubject(TypedDict):
    """What the record is about."""

    type: str
    id: str
    version: int


class PolicyReference(TypedDict):
    """The policy bundle in force."""

    id: str
    version: str | int
    digest: str


class Draft(TypedDict):
    """A record before the sequencer places it; JSON values only, times as UTC text with six digits.

    `before` and `after` are values or digests; `command` is the digest of the command's payload;
    `pii` holds one commitment per block, never the block.
    """

    stream: str
    event_id: str
    type: str
    occurred_at: str
    actor: RecordActor
    on_behalf_of: str | None
    action: str
    meaning: str
    reason: Reason
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None
    subject: RecordSubject
    policy: PolicyReference | None
    run: str | None
    step: str | None
    request_id: str | None
    idempotency_key: str | None
    command: str | None
    pii: list[str]
    approver_sig: Mapping[str, Json] | None


class Record(Draft):
    """A sealed record as read from its bytes; a view, the bytes are the truth."""

    v: int
    origin: str
    seq: int
    prev: str
    stream_seq: int
    stream_prev: str
    recorded_at: str
    clock: ClockReading


DRAFT_FIELDS: Final = frozenset(Draft.__annotations__)
SEAL_FIELDS: Final = frozenset(
    {"v", "origin", "seq", "prev", "stream_seq", "stream_prev", "recorded_at", "clock"}
)
RECORD_FIELDS: Final = DRAFT_FIELDS | SEAL_FIELDS


class StoredRow(NamedTuple):
    """A row of the log: columns as a checked index, and the bytes they were made from.

    Attributes:
        prev: Hex leaf hash of the record before, 64 zeros for the first.
        stream_prev: Hex leaf hash of the stream's record before, 64 zeros for the first.
        leaf_hash: Stored hex hash of the body; recomputed by every reader, never trusted.
        body: Canonical bytes.
    """

    seq: int
    prev: str
    stream: str
    stream_seq: int
    stream_prev: str
    event_id: str
    type: str
    occurred_at: str
    recorded_at: str
    leaf_hash: str
    body: bytes


# Outside a string a number follows one of these three; the hit may lie inside a string, so it only
# sends the body to the slow check. One pattern each: a fixed start is found ten times faster.
_SUSPECT_NUMBERS: Final = tuple(
    re.compile(start + rb"-?[0-9](?:[0-9]{15}|[0-9]*[.eE])") for start in (b'":', b",", rb"\[")
)


def _is_suspect(body: bytes) -> bool:
    return not body.isascii() or any(one.search(body) for one in _SUSPECT_NUMBERS)


def load_canonical(body: bytes) -> dict[str, object]:
    """Parse bytes that are canonical JSON of one object, and refuse all others.

    Raises:
        InputError: `NOT_CANONICAL`, also for duplicate keys, floats, integers beyond 2^53 and keys
            beyond ASCII.
    """
    try:
        value = orjson.loads(body)
        same = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == body
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise InputError("NOT_CANONICAL", f"not JSON: {error}") from None
    if not same or not isinstance(value, dict):
        raise InputError("NOT_CANONICAL", "bytes are not the canonical form of one object")
    if _is_suspect(body):
        canonical_bytes(value)
    return value


def parse_record(body: bytes) -> Record:
    """Read a body strictly: canonical, no unknown, duplicate or missing field, each of its type.

    Raises:
        InputError: `RECORD_TOO_LONG`, `NOT_CANONICAL`, `RECORD_FIELDS` or `RECORD_INVALID`.
    """
    if len(body) > BODY_BYTES_MAX:
        raise InputError("RECORD_TOO_LONG", "body beyond 65535 bytes", got=len(body))
    value = load_canonical(body)
    check_names(value, RECORD_FIELDS)
    check_values(value, DRAFT_FORMAT)
    check_values(value, SEAL_FORMAT)
    return cast("Record", value)


def stored_row(body: bytes) -> StoredRow:
    """The row of a sealed body: columns taken from the bytes.

    Raises:
        InputError: as `parse_record`.
    """
    record = parse_record(body)
    return StoredRow(
        seq=record["seq"],
        prev=record["prev"],
        stream=record["stream"],
        stream_seq=record["stream_seq"],
        stream_prev=record["stream_prev"],
        event_id=record["event_id"],
        type=record["type"],
        occurred_at=record["occurred_at"],
        recorded_at=record["recorded_at"],
        leaf_hash=leaf_hash(body).hex(),
        body=body,
    )
