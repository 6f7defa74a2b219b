"""The list of log keys, kept in the log itself.

Job: state a rotation or revocation for signing, and walk from a pinned key to every later one.

Invariants
  I1  A key enters only by a statement signed by the key in force and by itself.
  I2  A revoked key never comes back, and signs no checkpoint over its revocation.
  I3  A statement can never be read as a checkpoint, nor a checkpoint as a statement.
  I4  A change that does not hold changes nothing: it is named, and the walk goes on without it.

Not here: private keys and their files (storage), people's keys (identity.keys).
Source: design part "keys"; C2SP signed-note.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from pydantic import Field

from counterseal.audit.irregular import IrregularCode, Irregularity
from counterseal.audit.note import ED25519, Note, VerifierKey, open_note, parse_note, parse_vkey
from counterseal.audit.rollback import ROLLED_BACK, Rollback, renamed_key
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Document, Name, Refusal, refuse

HEADER: Final = "counterseal log-key/v1"
OVERLAP: Final = 1_000
"""Records by which a rotated key may still sign alone: as many as one commit may place."""

INSTALLED: Final = "installation.created"
ROTATED: Final = "key.rotated"
REVOKED: Final = "key.revoked"
KEY_TYPES: Final = frozenset({INSTALLED, ROTATED, REVOKED, ROLLED_BACK})
"""Types of the records that tell of log keys."""

_LINES: Final = 6


class LogKeyChange(Document):
    """A recorded change of the log's keys.

    Attributes:
        vkey: The key that enters, or the one that is revoked.
        note: Signed note over `rotation_text` or `revocation_text`.
    """

    KIND: ClassVar[str] = "log_key_changes"
    KEY: ClassVar[str] = "change_id"

    change_id: Name
    vkey: str = Field(max_length=400)
    note: str = Field(max_length=4_000)
    changed_at: UtcDatetime


class KeyRecord(NamedTuple):
    """What one record says about log keys.

    Attributes:
        type: One of `KEY_TYPES`.
        text: The first key's line, the signed note of the change, or the line of the key under the
            log's next name.
    """

    seq: int
    type: str
    text: str


class SealStanding(StrEnum):
    """What a key's signature under a checkpoint is worth, best first."""

    COUNTS = "counts"
    UNATTESTED = "unattested"
    """The key was revoked later, and nothing shows that the checkpoint existed before."""

    KEY_REVOKED = "KEY_REVOKED"
    KEY_UNKNOWN = "KEY_UNKNOWN"


@dataclass(frozen=True, slots=True)
class KeySpan:
    """When one key counts, in sizes of the log.

    Attributes:
        after: The key signs sizes above this one; -1 for the first key.
        until: Largest size that it may sign, None while it is in force.
        revoked: Sequence number of its revocation, or None.
    """

    key: VerifierKey
    after: int
    until: int | None = None
    revoked: int | None = None

    def standing(self, size: int, seen: Collection[int] = ()) -> SealStanding:
        """What the key's signature over a size is worth; see `KeyRing.standing`."""
        if self.revoked is not None and size > self.revoked:
            return SealStanding.KEY_REVOKED
        if size <= self.after or (self.until is not None and size > self.until):
            return SealStanding.KEY_UNKNOWN
        if self.revoked is not None and not any(size <= tree <= self.revoked for tree in seen):
            return SealStanding.UNATTESTED
        return SealStanding.COUNTS


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key that the log has had, oldest first; the last one is in force."""

    spans: tuple[KeySpan, ...]

    @property
    def current(self) -> VerifierKey:
        """The key in force."""
        return self.spans[-1].key

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """All keys, to open a note with; then ask for each one's standing."""
        return tuple(span.key for span in self.spans)

    def span(self, key: VerifierKey) -> KeySpan | None:
        """When a key counts, None for a stranger."""
        return next((span for span in self.spans if span.key == key), None)

    def standing(self, key: VerifierKey, size: int, seen: Collection[int] = ()) -> SealStanding:
        """What a key's good signature under a checkpoint is worth.

        Args:
            key: Who signed.
            size: Size of the checkpoint.
            seen: Sizes of the log that outsiders saw; one that holds the checkpoint, and not yet
                the key's revocation, shows that it existed before.
        """
        span = self.span(key)
        return SealStanding.KEY_UNKNOWN if span is None else span.standing(size, seen)


def seal_standing(ring: KeyRing, note: str, size: int, seen: Collection[int] = ()) -> SealStanding:
    """What the signatures of a stored checkpoint are worth: the best of its good lines.

    Args:
        ring: The walked keys.
        note: The signed note.
        size: Size that it states.
        seen: As for `KeyRing.standing`.

    Raises:
        InputError: when the note is malformed.
        IntegrityError: `SIG_INVALID` for a bad signature under a known key, `KEY_UNKNOWN` when no
            key of the ring signed.
    """
    good = open_note(parse_note(note), ring.keys)
    standings = {ring.standing(line.key, size, seen) for line in good}
    return next(standing for standing in SealStanding if standing in standings)


def first_ring(key: VerifierKey) -> KeyRing:
    """The ring of a log that never changed its key."""
    return KeyRing((KeySpan(key, after=-1),))


def renamed_ring(ring: KeyRing, origin: str) -> KeyRing:
    """The same keys under another name of the log."""
    return KeyRing(tuple(replace(s, key=renamed_key(s.key, origin)) for s in ring.spans))


def rotation_text(old: VerifierKey, new: VerifierKey, until: int) -> str:
    """What both keys sign when one follows the other.

    Args:
        old: The key in force.
        new: Its successor, of the same name.
        until: Largest size that the old key may still sign.
    """
    return f"{HEADER}\nrotated\n{old.name}\n{old.text}\n{new.text}\nuntil {until}\n"


def revocation_text(revoked: VerifierKey, current: VerifierKey, reason: str) -> str:
    """What the key in force signs to revoke an older one; `reason` is a code without blanks."""
    return f"{HEADER}\nrevoked\n{current.name}\n{revoked.text}\n{current.text}\nreason {reason}\n"


_WHERE: Final = {
    INSTALLED: ("installations", "log_vkey"),
    ROLLED_BACK: (Rollback.KIND, "vkey"),
}
"""Document and field of a record that says something about keys."""


def key_record(seq: int, kind: str, after: Mapping[str, object] | None) -> KeyRecord:
    """What a record of one of `KEY_TYPES` says; an empty text when it says nothing readable."""
    name, field = _WHERE.get(kind, (LogKeyChange.KIND, "note"))
    documents = (after or {}).get("documents")
    found = documents.get(name) if isinstance(documents, Mapping) else None
    first = found[0] if isinstance(found, list) and found else None
    text = first.get(field) if isinstance(first, Mapping) else None
    return KeyRecord(seq, kind, text if isinstance(text, str) else "")


class _Refused(Exception):  # noqa: N818 - a step of the walk that does not hold, never leaves it
    def __init__(self, code: IrregularCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def walk_keys(
    pinned: VerifierKey, records: Iterable[KeyRecord]
) -> tuple[KeyRing, tuple[Irregularity, ...]]:
    """From the first key, pinned by the auditor, to the key of every size.

    Args:
        pinned: The first key, from outside the database.
        records: What the log says about keys, in order of `seq`.

    Returns:
        The keys and when they count; and each change that does not hold: `KEY_UNKNOWN` for another
        first key, a wrong predecessor, a missing signature or an unreadable statement,
        `KEY_REVOKED` for a revoked key in the place of a good one, `SIG_INVALID`.
    """
    ring, found = first_ring(pinned), list[Irregularity]()
    for record in records:
        try:
            ring = _next_ring(ring, pinned, record)
        except _Refused as refused:
            found.append(
                Irregularity(seq=record.seq, code=refused.code, layer="keys", message=str(refused))
            )
    return ring, tuple(found)


def _next_ring(ring: KeyRing, pinned: VerifierKey, record: KeyRecord) -> KeyRing:
    if record.type == ROLLED_BACK:
        return _renamed(ring, record.text)
    if record.type == INSTALLED:
        if record.seq != 0 or record.text != pinned.text:
            raise _Refused(IrregularCode.KEY_UNKNOWN, "the log names another first key")
        return ring
    note, kind, keys, told = _statement(record.text)
    if kind != record.type.removeprefix("key.") or any(k.name != ring.current.name for k in keys):
        raise _Refused(IrregularCode.KEY_UNKNOWN, "the statement is about something else")
    if kind == "rotated":
        return _rotated(ring, record.seq, note, keys, told)
    return _revoked(ring, record.seq, note, keys)


def _renamed(ring: KeyRing, text: str) -> KeyRing:
    """The same keys under the log's next name.

    Raises:
        _Refused: when another key than the one in force is named.
    """
    try:
        told = parse_vkey(text)
    except InputError as error:
        raise _Refused(IrregularCode.KEY_UNKNOWN, f"unreadable: {error.message}") from None
    if told != renamed_key(ring.current, told.name):
        raise _Refused(IrregularCode.KEY_UNKNOWN, "the log went on under a key not in force")
    return renamed_ring(ring, told.name)


def _statement(text: str) -> tuple[Note, str, tuple[VerifierKey, VerifierKey], str]:
    """The note, `rotated` or `revoked`, the two keys named, and the word of the last line.

    Raises:
        _Refused: for anything else.
    """
    try:
        note = parse_note(text)
        lines = note.body.split("\n")
        if len(lines) != _LINES + 1 or lines[0] != HEADER:
            raise _Refused(IrregularCode.KEY_UNKNOWN, "no statement about log keys")
        keys = (parse_vkey(lines[3]), parse_vkey(lines[4]))
    except InputError as error:
        raise _Refused(IrregularCode.KEY_UNKNOWN, f"unreadable: {error.message}") from None
    if any(key.name != lines[2] or key.kind != ED25519 for key in keys):
        raise _Refused(IrregularCode.KEY_UNKNOWN, "the keys are not those of this log")
    return note, lines[1], keys, lines[5].partition(" ")[2]


def _rotated(
    ring: KeyRing, seq: int, note: Note, keys: tuple[VerifierKey, VerifierKey], told: str
) -> KeyRing:
    old, new = keys
    known, former = ring.span(new), ring.span(old)
    if known is not None:
        raise _Refused(_stranger(known), "a key that was in force before does not come back")
    if old != ring.current:
        raise _Refused(_stranger(former), "it follows another key than the one in force")
    if not told.isdecimal() or not told.isascii() or not seq < int(told) <= seq + 1 + OVERLAP:
        raise _Refused(IrregularCode.KEY_UNKNOWN, "the overlap is out of bounds")
    _signed_by(note, keys)
    ended = replace(ring.spans[-1], until=int(told))
    return KeyRing((*ring.spans[:-1], ended, KeySpan(new, after=seq)))


def _stranger(span: KeySpan | None) -> IrregularCode:
    revoked = span is not None and span.revoked is not None
    return IrregularCode.KEY_REVOKED if revoked else IrregularCode.KEY_UNKNOWN


def _revoked(ring: KeyRing, seq: int, note: Note, keys: tuple[VerifierKey, VerifierKey]) -> KeyRing:
    gone, by = keys
    span = ring.span(gone)
    if by != ring.current or span is None or gone == by:
        raise _Refused(
            IrregularCode.KEY_UNKNOWN, "only the key in force revokes, and only an older key"
        )
    if span.revoked is not None:
        raise _Refused(IrregularCode.KEY_REVOKED, "the key is revoked already")
    _signed_by(note, (by,))
    marked = replace(span, revoked=seq)
    return KeyRing(tuple(marked if s is span else s for s in ring.spans))


def _signed_by(note: Note, keys: tuple[VerifierKey, ...]) -> None:
    try:
        good = {line.key for line in open_note(note, keys)}
    except IntegrityError as error:
        raise _Refused(IrregularCode(error.code), error.message) from None
    if not good.issuperset(keys):
        raise _Refused(IrregularCode.KEY_UNKNOWN, "a signature is missing")


def check_key_change(pinned: VerifierKey, records: Iterable[KeyRecord]) -> KeyRing | Refusal:
    """The ring behind a change that is about to be recorded as the last of `records`.

    Refusals: `KEY_UNKNOWN`, `KEY_REVOKED`, `SIG_INVALID` as `walk_keys` names them.
    """
    ring, found = walk_keys(pinned, records)
    if found:
        return refuse(found[-1].code, found[-1].message, seq=found[-1].seq)
    return ring
