"""What outsiders say about a log.

Job: open checkpoints that witnesses cosigned, authorities stamped and anchors kept; tell what they
prove, as heads to compare with the log, bounds, and contradictions among themselves.

Invariants
  I1  Nothing counts that no pinned key of the log signed.
  I2  Cosignatures count as witnessed only under the policy's quorum, and at the time at which the
      quorum was complete.
  I3  What lies beside the log proves no end of it: only heads that came from outside do.
  I4  Two roots signed for one size are found from the evidence alone.

Not here: reading the log itself (audit.verify), the token of a stamp (storage.stamping).
Source: design table "evidence, cumulative", rows "witness quorum" and "stamps".
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from counterseal.audit.checkpoint import OpenedCheckpoint, open_checkpoint, read_checkpoint
from counterseal.audit.note import GoodLine, VerifierKey, parse_note
from counterseal.audit.time_windows import Sighting, TimeWindows
from counterseal.audit.trust_policy import TrustPolicy
from counterseal.kernel.errors import IntegrityError

WITNESS_RESOLUTION: Final = timedelta(seconds=1)
"""A cosignature states whole seconds."""


class StampedNote(NamedTuple):
    """A checkpoint under a verified time-stamp.

    Attributes:
        note: Exactly the bytes that were stamped, as text.
        earliest, latest: The authority's time, with its accuracy.
        authority: Who stamped it.
    """

    note: str
    earliest: datetime
    latest: datetime
    authority: str


@dataclass(frozen=True, slots=True)
class OutsideEvidence:
    """Signed notes, by how they came here.

    Attributes:
        kept: Cosigned notes that lie beside the log or in the pack.
        latest: Notes fetched from the witnesses themselves: the largest that each of them holds.
        anchored: Notes from append-only files outside.
        stamps: Verified stamps.
    """

    kept: tuple[str, ...] = ()
    latest: tuple[str, ...] = ()
    anchored: tuple[str, ...] = ()
    stamps: tuple[StampedNote, ...] = ()

    def of(self, origin: str) -> "OutsideEvidence":
        """What is about one log; the rest is about earlier or other logs.

        Raises:
            InputError: when a note or checkpoint is malformed.
        """
        return OutsideEvidence(
            _about(origin, self.kept),
            _about(origin, self.latest),
            _about(origin, self.anchored),
            tuple(s for s in self.stamps if read_checkpoint(s.note).origin == origin),
        )

    def up_to(self, size: int) -> "OutsideEvidence":
        """Without checkpoints beyond a size.

        Raises:
            InputError: when a note or checkpoint is malformed.
        """

        def within(notes: Iterable[str]) -> tuple[str, ...]:
            return tuple(note for note in notes if read_checkpoint(note).size <= size)

        return OutsideEvidence(
            within(self.kept),
            within(self.latest),
            within(self.anchored),
            tuple(s for s in self.stamps if read_checkpoint(s.note).size <= size),
        )


class OutsideHead(NamedTuple):
    """A size and root that the log has to have.

    Attributes:
        source: `kept`, `witness`, `anchor` or `stamp`.
    """

    origin: str
    size: int
    root: bytes
    source: str


class OutsideFinding(NamedTuple):
    """A contradiction, or evidence that does not count.

    Attributes:
        code: `SIG_INVALID`, `KEY_UNKNOWN`, `FORK_AT_SIZE`; or `QUORUM_NOT_MET`, which contradicts
            nothing.
        size: Size of the checkpoint concerned, 0 when it did not open.
        source: As of `OutsideHead`.
    """

    code: str
    size: int
    source: str


class Reached(NamedTuple):
    """A size, and the time (UTC) at which outsiders vouched for it."""

    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OutsideView:
    """What the evidence proves, before it is compared with the log.

    Attributes:
        heads: From outside; the log has to reach and equal each of them (A3b, A4, A5).
        kept: From beside the log; the log has to equal them, but their end proves nothing.
        witnessed: Largest checkpoint under a quorum (A5, A6), None without; its time is that at
            which the quorum was complete.
        latest: Largest size that a quorum of witnesses holds by their own word (A3b), None
            without; all of them said so at that time or later.
        windows: Bounds of recorded times (A7).
        newest: Time of the newest sighting, None without any.
        findings: In the order of the evidence.
    """

    heads: tuple[OutsideHead, ...]
    kept: tuple[OutsideHead, ...]
    witnessed: Reached | None
    latest: Reached | None
    windows: TimeWindows
    newest: datetime | None
    findings: tuple[OutsideFinding, ...]

    def is_stale(self, now: datetime, fresh: timedelta) -> bool:
        """Whether nobody outside saw the log within `fresh` before `now`: `HEARTBEAT_STALE`."""
        return self.newest is None or now - self.newest > fresh


@dataclass(slots=True)
class _Gathering:
    """What the notes so far say."""

    log_keys: Sequence[VerifierKey]
    policy: TrustPolicy
    roots: dict[int, bytes] = field(default_factory=dict)
    findings: list[OutsideFinding] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    witnessed: list[Reached] = field(default_factory=list)

    def open(self, note: str, source: str) -> OpenedCheckpoint | None:
        """The checkpoint of a note under a pinned key; anything else becomes a finding."""
        try:
            opened = open_under(note, self.log_keys, self.policy.witness_keys)
        except IntegrityError as error:
            self.findings.append(OutsideFinding(error.code, 0, source))
            return None
        signed = opened.checkpoint
        if self.roots.setdefault(signed.size, signed.root) != signed.root:
            self.findings.append(OutsideFinding("FORK_AT_SIZE", signed.size, source))
        return opened

    def heads(self, notes: Iterable[str], source: str) -> tuple[OutsideHead, ...]:
        """Heads of notes, with the sighting of each that is under a quorum."""
        heads: list[OutsideHead] = []
        for note in notes:
            opened = self.open(note, source)
            if opened is not None:
                heads.append(_head(opened, source))
                self._witness(opened, source)
        return tuple(heads)

    def _witness(self, opened: OpenedCheckpoint, source: str) -> None:
        if self.policy.quorum is None:
            return
        size = opened.checkpoint.size
        met_at = quorum_time(opened.lines, self.policy)
        if met_at is not None:
            self.witnessed.append(Reached(size, met_at))
            seen = Sighting(size, met_at, met_at + WITNESS_RESOLUTION, "witnesses")
            self.sightings.append(seen)
        elif source == "kept":
            self.findings.append(OutsideFinding("QUORUM_NOT_MET", size, source))


def quorum_time(lines: Sequence[GoodLine], policy: TrustPolicy) -> datetime | None:
    """When a checkpoint's cosignatures became a quorum, UTC, whole seconds; None when they did not.

    The earliest times are counted first, so that a time which only a minority states decides
    nothing.
    """
    cosigned: list[VerifierKey] = []
    timed = [(line.unix_seconds, line.key) for line in lines if line.unix_seconds is not None]
    for seconds, key in sorted(timed, key=lambda pair: pair[0]):
        cosigned.append(key)
        if policy.met_by(cosigned):
            return _utc(seconds)
    return None


def open_under(
    note: str, log_keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> OpenedCheckpoint:
    """Verify a checkpoint under the key of the log that signed it.

    Args:
        note: The signed note.
        log_keys: The log's keys, one or, after rotations, more; all are named as the origin.
        witnesses: Keys of known witnesses.

    Raises:
        InputError: when the note or the checkpoint is malformed.
        IntegrityError: `SIG_INVALID` or `KEY_UNKNOWN`.
    """
    pairs = {(line.name, line.key_id) for line in parse_note(note).lines}
    signing = next((key for key in log_keys if (key.name, key.key_id) in pairs), log_keys[0])
    return open_checkpoint(note, signing, (*log_keys, *witnesses))


def cosigners(
    notes: Iterable[str], size: int, log_keys: Sequence[VerifierKey], policy: TrustPolicy
) -> int:
    """How many known witnesses cosigned the checkpoint of a size; notes of another log are none.

    Raises:
        InputError: when a note or checkpoint is malformed.
    """
    found: set[VerifierKey] = set()
    for note in notes:
        if read_checkpoint(note).size == size:
            with suppress(IntegrityError):
                lines = open_under(note, log_keys, policy.witness_keys).lines
                found |= {line.key for line in lines if line.unix_seconds is not None}
    return len(found)


def view_outside(
    evidence: OutsideEvidence, log_keys: Sequence[VerifierKey], policy: TrustPolicy | None = None
) -> OutsideView:
    """What the evidence proves about one log.

    Args:
        evidence: Notes and stamps of that log, see `OutsideEvidence.of`.
        log_keys: The pinned key, and every key that a walk from it accepts; at least one.
        policy: Known witnesses and their quorum; None trusts no witness.

    Raises:
        InputError: when a note or checkpoint is malformed.
    """
    seen = _Gathering(log_keys, policy or TrustPolicy())
    kept = seen.heads(evidence.kept, "kept")
    heads = seen.heads(evidence.latest, "witness")
    latest = _latest(evidence.latest, seen)
    heads += seen.heads(evidence.anchored, "anchor")
    for stamp in evidence.stamps:
        opened = seen.open(stamp.note, "stamp")
        if opened is not None:
            heads += (_head(opened, "stamp"),)
            size = opened.checkpoint.size
            seen.sightings.append(Sighting(size, stamp.earliest, stamp.latest, "stamp"))
    return OutsideView(
        heads=heads,
        kept=kept,
        witnessed=max(seen.witnessed, default=None),
        latest=latest,
        windows=TimeWindows(seen.sightings),
        newest=max((sighting.latest for sighting in seen.sightings), default=None),
        findings=tuple(seen.findings),
    )


def _latest(notes: Iterable[str], seen: _Gathering) -> Reached | None:
    """Largest size such that the witnesses which hold it, or more, are a quorum."""
    held: dict[VerifierKey, Reached] = {}
    for note in notes:
        try:
            opened = open_under(note, seen.log_keys, seen.policy.witness_keys)
        except IntegrityError:
            continue
        for line in opened.lines:
            if line.unix_seconds is not None:
                told = Reached(opened.checkpoint.size, _utc(line.unix_seconds))
                held[line.key] = max(held.get(line.key, told), told)
    for size in sorted({told.size for told in held.values()}, reverse=True):
        met_at = _held_since(size, held, seen.policy)
        if met_at is not None:
            return Reached(size, met_at)
    if held and seen.policy.quorum is not None:
        largest = max(told.size for told in held.values())
        seen.findings.append(OutsideFinding("QUORUM_NOT_MET", largest, "witness"))
    return None


def _held_since(
    size: int, held: Mapping[VerifierKey, Reached], policy: TrustPolicy
) -> datetime | None:
    """The time since which a quorum said that it holds `size` or more; the latest words first."""
    reached: list[VerifierKey] = []
    for key, told in sorted(held.items(), key=lambda item: item[1].at, reverse=True):
        if told.size >= size:
            reached.append(key)
            if policy.met_by(reached):
                return told.at
    return None


def _about(origin: str, notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(note for note in notes if read_checkpoint(note).origin == origin)


def _head(opened: OpenedCheckpoint, source: str) -> OutsideHead:
    signed = opened.checkpoint
    return OutsideHead(signed.origin, signed.size, signed.root, source)


def _utc(unix_seconds: int) -> datetime:
    """The instant, or the last one that a date can say."""
    try:
        return datetime.fromtimestamp(unix_seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC) - WITNESS_RESOLUTION
