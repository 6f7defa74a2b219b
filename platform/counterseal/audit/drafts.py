"""A draft on its way into the log.

Job: write a checked draft as one member a line, and make the body of its record by splicing.

What waits was checked when it entered the outbox and is bound there; so its bytes go into the body
as they are, and nothing is parsed and encoded a second time.

Invariants
  I1  The lines joined are the canonical bytes of the draft.
  I2  A spliced body equals the canonical bytes of the draft with the sequencer's fields added.
  I3  Lines of any other format are refused: other names, another order, more or fewer.

Not here: how a body is read (audit.record), who binds what waits (storage).
Source: RFC 8785 (members sorted by name; a newline never stands inside a string).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, cast

import orjson

from counterseal.audit.record import (
    BODY_BYTES_MAX,
    DRAFT_FIELDS,
    RECORD_FIELDS,
    SEAL_FIELDS,
    ClockReading,
)
from counterseal.audit.record_format import (
    DRAFT_FORMAT,
    RECORD_VERSION,
    check_names,
    check_values,
)
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError

_NAMES: Final = tuple(sorted(DRAFT_FIELDS))
_FORMAT: Final = re.compile(
    rb"\{%b\}" % rb",\n".join(rb'("%b":[^\n]*)' % name.encode() for name in _NAMES)
)
_COLUMNS: Final = ("event_id", "occurred_at", "stream", "type")
_PLACES: Final = tuple(_NAMES.index(name) + 1 for name in _COLUMNS)
_VERSION: Final = b'"v":%d' % RECORD_VERSION
_SEATS: Final = tuple(sorted(RECORD_FIELDS).index(name) for name in sorted(SEAL_FIELDS))
"""Where among all members each one stands that the sequencer adds."""


class WaitingDraft(NamedTuple):
    """A draft on its way.

    Attributes:
        lines: A match of the whole; its groups are the members, name and value, in the order of
            the names.
        event_id, occurred_at, stream, type: What the columns repeat.
    """

    lines: re.Match[bytes]
    event_id: str
    occurred_at: str
    stream: str
    type: str

    @property
    def content(self) -> bytes:
        """As `draft_bytes` wrote it."""
        return self.lines.string


def draft_bytes(draft: Mapping[str, object]) -> bytes:
    """What the outbox stores of a draft, checked, in the business transaction.

    Raises:
        InputError: `RECORD_FIELDS`, `RECORD_INVALID` or `NOT_CANONICAL`.
    """
    return DraftWriter().written(draft)


class DraftWriter:
    """Writes drafts that follow each other, as `draft_bytes` writes each.

    A member that is the same text as in the draft before, or the same object, was checked there and
    has its line already: who acts, in which case, under which policy and key.
    """

    def __init__(self) -> None:
        self._before: dict[str, object] = {}
        self._lines: dict[str, bytes] = {}

    def written(self, draft: Mapping[str, object]) -> bytes:
        """The lines of a draft that is not changed afterwards.

        Raises:
            InputError: as `draft_bytes`; the writer goes on with what came before then.
        """
        check_names(draft, DRAFT_FIELDS)
        before = self._before
        fresh = {
            name: value
            for name, value in draft.items()
            if value is not (known := before.get(name, before))
            and not (type(value) is type(known) is str and value == known)
        }
        check_values(fresh, {name: DRAFT_FORMAT[name] for name in fresh})
        self._lines |= {name: _line(name, value) for name, value in fresh.items()}
        before |= fresh
        return _joined(self._lines[name] for name in _NAMES)


def _line(name: str, value: object) -> bytes:
    return b'"%b":%b' % (name.encode(), canonical_bytes(cast("Json", value)))


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"{%b}" % b",\n".join(lines)


def read_draft(content: bytes) -> WaitingDraft:
    """The draft that `draft_bytes` wrote; whoever asks knows that the bytes are those.

    Raises:
        InputError: `NOT_CANONICAL` for what has another format.
    """
    lines = _FORMAT.fullmatch(content)
    if lines is None:
        raise InputError("NOT_CANONICAL", "these are not the lines of a draft")
    try:
        told = orjson.loads(b"{%b,%b,%b,%b}" % lines.group(*_PLACES))
    except orjson.JSONDecodeError:
        raise InputError("NOT_CANONICAL", "these are not the lines of a draft") from None
    return WaitingDraft(lines, *told.values())


def lined(draft: Mapping[str, object]) -> WaitingDraft:
    """A draft whose values were not checked.

    Raises:
        InputError: `RECORD_FIELDS` or `NOT_CANONICAL`.
    """
    check_names(draft, DRAFT_FIELDS)
    return read_draft(_joined(_line(name, draft[name]) for name in _NAMES))


class Sealing:
    """What the sequencer adds to the records of one group.

    Args:
        origin: The log's name, the first line of its checkpoints.
        recorded_at: UTC, read by the sequencer inside its lock.
        clock: Quality of that time.
    """

    def __init__(self, origin: str, recorded_at: datetime, clock: ClockReading) -> None:
        self._clock = b'"clock":' + canonical_bytes(cast("Json", clock))
        self._origin = b'"origin":' + canonical_bytes(origin)
        self._recorded_at = b'"recorded_at":' + canonical_bytes(utc_text(recorded_at))

    def body(
        self, draft: WaitingDraft, *, seq: int, prev: str, stream_seq: int, stream_prev: str
    ) -> bytes:
        """Canonical body bytes of a draft in its place.

        Args:
            draft: As it waited.
            seq: Zero-based place in the log.
            prev: Hex leaf hash of the record before; zeros at 0.
            stream_seq: One-based place in the stream.
            stream_prev: Hex leaf hash of the stream's record before; zeros at 1.

        Raises:
            InputError: `RECORD_TOO_LONG` beyond 65,535 bytes.
        """
        added = (
            self._clock,
            self._origin,
            b'"prev":"%b"' % prev.encode(),
            self._recorded_at,
            b'"seq":%d' % seq,
            b'"stream_prev":"%b"' % stream_prev.encode(),
            b'"stream_seq":%d' % stream_seq,
            _VERSION,
        )
        members = list(draft.lines.groups())
        for seat, member in zip(_SEATS, added, strict=True):
            members.insert(seat, member)
        body = b"{%b}" % b",".join(members)
        if len(body) > BODY_BYTES_MAX:
            raise InputError(
                "RECORD_TOO_LONG",
                "store large values by digest",
                expected="65535 bytes",
                got=len(body),
            )
        return body
