"""Where the content of packs comes from.

Job: the port to a home's log, and to what outsiders said about it.

Not here: tables and folders (storage.evidence_source).
"""

from collections.abc import Collection, Iterator
from typing import Protocol

from counterseal.audit.merkle import ProofTree
from counterseal.audit.privacy import Opening
from counterseal.audit.record import StoredRow
from counterseal.audit.stream_map import StreamEnd


class PackSource(Protocol):
    """One log as of one moment.

    MUST give the same answers until the pack is written. MUST stream rows: none is kept.
    """

    @property
    def note(self) -> str:
        """The newest signed checkpoint, with every cosignature that is kept of it."""

    def tree(self, size: int) -> ProofTree:
        """The tree of the first records; its hashes are not trusted."""

    def rows(self, start: int, end: int) -> Iterator[StoredRow]:
        """Records `start` <= seq < `end`, in order."""

    def in_streams(self, streams: Collection[str]) -> Iterator[StoredRow]:
        """Records of some streams, however many, in order of `seq`."""

    def record_of(self, event_id: str) -> StoredRow | None:
        """The record of an event, or None."""

    def stream_ends(self, covers: int) -> Iterator[StreamEnd]:
        """The end of every stream within the first records, from stored bytes."""

    def answered_by(self, request_id: str) -> Collection[str]:
        """Requests that answer a request which had been sent back for data."""

    def log_key(self) -> str:
        """The log's first verifier key, as its installation published it (C2SP vkey)."""

    def openings(self) -> Collection[Opening]:
        """What opens personal data here."""

    def trust_policy(self) -> bytes | None:
        """The home's own policy about witnesses (C2SP tlog-policy), or None."""

    def outside(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Evidence from outside that speaks of this size or a smaller one, by file name."""
