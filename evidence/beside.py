"""What stands around the records of a pack.

Job: gather from records that go by what further files are made from, and make those files.

Invariants
  I1  What is gathered is bounded by claims, stated limits and openings, not by the records.
  I2  Only openings of commitments that the shown records hold are handed out.

Not here: records and proofs (pack), renderings.
Source: design part "evidence pack".
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

import orjson

from counterseal.audit.privacy import Opening, commitments_of
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.retention import CASE_PREFIX
from counterseal.desk.installation import PolicyActivation
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.model import parse_document
from evidence.claims import documents_of
from evidence.model import PackFile, StreamClaim
from evidence.source import PackSource

CASES_MAX: Final = 200
"""Most cases that are named for renderings: a file or more is made of each."""

_COMMITS: Final = b'"pii":["'
_LAW: Final = ("system", "policies")
_ACTIVATED: Final = "policy.activated"


class Gathered:
    """What the records of a pack tell about further files, one after the other.

    Args:
        claims: Of cases, whose last records get a receipt.
        openings: Whether commitments are looked for.

    Attributes:
        heads: Leaf hash of the last record of each claimed case, by its `seq`.
        commitments: To personal data, in the records that are shown.
    """

    def __init__(self, claims: Iterable[StreamClaim], *, openings: bool) -> None:
        self._ends = {claim.stream: claim for claim in claims}
        self._openings = openings
        self._cases: dict[str, None] = {}
        self.heads: dict[int, bytes] = {}
        self.commitments: set[str] = set()

    @property
    def cases(self) -> tuple[str, ...] | None:
        """Ids of requests in the order of their first record; None when there are too many."""
        return tuple(self._cases) if len(self._cases) <= CASES_MAX else None

    def take(self, rows: Sequence[StoredRow], leaves: Sequence[bytes]) -> None:
        """Look at records and their leaf hashes.

        Raises:
            IntegrityError: `MAP_MISMATCH` when a case does not end as it is claimed to.
            InputError: `NOT_CANONICAL`.
        """
        if len(self._cases) <= CASES_MAX:
            streams = (row.stream for row in rows if row.stream.startswith(CASE_PREFIX))
            for stream in streams:
                self._cases.setdefault(stream.removeprefix(CASE_PREFIX))
        for row, leaf in zip(rows, leaves, strict=True) if self._ends else ():
            claim = self._ends.get(row.stream)
            if claim is not None and claim.to == row.stream_seq:
                self._end(row, leaf, claim)
        for row in rows if self._openings else ():
            if _COMMITS in row.body:
                self.commitments.update(commitments_of(load_canonical(row.body)))

    def _end(self, row: StoredRow, leaf: bytes, claim: StreamClaim) -> None:
        if claim.head != leaf.hex():
            raise IntegrityError("MAP_MISMATCH", "a stream ends otherwise", got=row.stream)
        self.heads[row.seq] = leaf


def opening_lines(openings: Iterable[Opening], wanted: Collection[str]) -> Iterator[bytes]:
    """Openings as lines, in the order of their commitments."""
    for one in sorted(openings, key=lambda opening: opening.commitment):
        if one.commitment in wanted:
            yield canonical_bytes(one.json_value()) + b"\n"


def policy_files(source: PackSource) -> Iterator[PackFile]:
    """The texts of every policy that was in force, as their activations carry them."""
    seen: set[str] = set()
    for row in source.in_streams(_LAW):
        told = documents_of(row, PolicyActivation.KIND) if row.type == _ACTIVATED else ()
        for one in told:
            activation = parse_document(PolicyActivation, orjson.dumps(one))
            folder = activation.version
            if folder in seen:
                folder = f"{folder}-{activation.bundle_hash.removeprefix('sha256:')[:8]}"
            if folder not in seen:
                seen.add(folder)
                yield from _texts(folder, activation)


def _texts(folder: str, activation: PolicyActivation) -> Sequence[PackFile]:
    return [
        PackFile(f"data/policies/{folder}/{PurePosixPath(path).as_posix()}", [content])
        for path, content in sorted(activation.contents.items())
    ]
