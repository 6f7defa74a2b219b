"""A home as the source of evidence packs.

Job: give records, proofs, ends of streams and outside evidence of one home, as of one moment.

Invariants
  I1  Nothing is changed, and no row is kept: rows are streamed, however many there are.
  I2  Files from outside are handed on byte for byte; what speaks of a larger log is left out.

Not here: what a pack holds (evidence), who may export (counterseal.desk.exports).
Source: design part "evidence pack".
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from counterseal.approvals.model import ApprovalRequest
from counterseal.audit.anchors import read_anchors
from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import ProofTree
from counterseal.audit.privacy import Opening
from counterseal.audit.record import StoredRow
from counterseal.audit.stream_map import StreamEnd
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.model import parse_document
from storage.home_reader import HomeReader
from storage.outside_folder import ANCHOR_SUFFIX, CHECKPOINT_SUFFIX, OutsideFolder
from storage.settings import Settings

STREAMS_MAX: Final = 300
"""Streams that are asked for by name; of more, all records are read and the others passed over."""


class HomeEvidence:
    """One home.

    Args:
        reader: Of the home; its view stays the same.
        settings: Name the folder of outside evidence, if any.
    """

    def __init__(self, reader: HomeReader, settings: Settings) -> None:
        self._reader = reader
        place = settings.counterseal_outside
        self._outside = None if place is None else OutsideFolder(place)

    @cached_property
    def note(self) -> str:
        """The newest signed checkpoint; with its cosignatures, when some are kept.

        Raises:
            InputError: `NOT_FOUND` in a log without one.
        """
        stored = self._reader.newest_checkpoint()
        if stored is None:
            raise InputError("NOT_FOUND", "the log has no checkpoint yet")
        told = read_checkpoint(stored.note)
        for name, content in self.outside(told.size):
            if name.startswith("cosigned/") and read_checkpoint(content) == told:
                return content.decode()
        return stored.note

    def tree(self, size: int) -> ProofTree:
        """The tree of the first records, from its stored tiles."""
        return self._reader.tree(size)

    def rows(self, start: int, end: int) -> Iterator[StoredRow]:
        """Records `start` <= seq < `end`, in order."""
        return self._reader.records(start, end)

    def in_streams(self, streams: Collection[str]) -> Iterator[StoredRow]:
        """Records of some streams, however many, in order of `seq`."""
        if len(streams) <= STREAMS_MAX:
            return self._reader.in_streams(*streams)
        wanted = frozenset(streams)
        return (row for row in self._reader.records() if row.stream in wanted)

    def record_of(self, event_id: str) -> StoredRow | None:
        """The record of an event, or None."""
        return self._reader.record_of(event_id)

    def stream_ends(self, covers: int) -> Iterator[StreamEnd]:
        """The end of every stream within the first records."""
        return self._reader.stream_ends(covers)

    def answered_by(self, request_id: str) -> Collection[str]:
        """Requests that answer a request which had been sent back for data."""
        mark = b'"answers":"%b"' % request_id.encode()
        texts = (text for text in self._reader.texts(ApprovalRequest) if mark in text)
        requests = (parse_document(ApprovalRequest, text) for text in texts)
        return [r.approval_request_id for r in requests if r.payload.answers == request_id]

    def log_key(self) -> str:
        """The log's first key, as the installation published it.

        Raises:
            InputError: `NOT_FOUND` in a home without an installation.
        """
        installation = self._reader.get(Installation, INSTALLATION_ID)
        if installation is None:
            raise InputError("NOT_FOUND", "the home publishes no key of its log")
        return installation.log_vkey

    def openings(self) -> Collection[Opening]:
        """What opens personal data here.

        Raises:
            AdapterError: `DATA_KEYS_FAILED` when there is data, and no place for its keys.
        """
        found = self._reader.openings()
        if found is None:
            raise AdapterError("DATA_KEYS_FAILED", "the keys of personal data are not here")
        return found

    def trust_policy(self) -> bytes | None:
        """The home's own policy about witnesses, or None."""
        folder = self._outside
        return None if folder is None or not folder.policy.exists() else folder.policy.read_bytes()

    def outside(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Evidence from outside that speaks of this size or a smaller one, by file name.

        Raises:
            InputError: when a note or anchor is malformed.
            IntegrityError: `ANCHOR_REWRITTEN`.
        """
        if self._outside is None:
            return
        folder = self._outside
        yield from _notes("cosigned", folder.cosigned, "*.note", size)
        yield from _notes("latest", folder.latest, f"*{CHECKPOINT_SUFFIX}", size)
        for name, content in _notes("stamps", folder.stamps, f"*{CHECKPOINT_SUFFIX}", size):
            yield name, content
            stem = Path(name).name.removesuffix(CHECKPOINT_SUFFIX)
            yield from _files("stamps", folder.stamps, f"{stem}.*.tsr")
        if folder.roots.exists():
            yield folder.roots.name, folder.roots.read_bytes()
        for name, content in _files("anchors", folder.anchors, f"*{ANCHOR_SUFFIX}"):
            if _largest(read_anchors(content).notes) <= size:
                yield name, content


def _files(kind: str, folder: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob(pattern)):
        yield f"{kind}/{path.name}", path.read_bytes()


def _notes(kind: str, folder: Path, pattern: str, size: int) -> Iterator[tuple[str, bytes]]:
    for name, content in _files(kind, folder, pattern):
        if read_checkpoint(content).size <= size:
            yield name, content


def _largest(notes: Sequence[str]) -> int:
    return max((read_checkpoint(note).size for note in notes), default=0)
