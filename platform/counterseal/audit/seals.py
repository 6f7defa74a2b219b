"""Checkpoints and remembered heads against the tree that the bytes lead to.

Job: tell which stored checkpoints hold, and how far the remembered heads agree.

Every stored checkpoint's root is compared. Signatures cost a hundred times as much, and a signed
root commits to every root before it: when the bytes lead to the root of a verified checkpoint, an
earlier checkpoint with the root that the same bytes lead to says nothing new, whoever signed it.
So the newest signatures are verified until enough hold, and any whose root differs: there it
matters whether the log's key signed another tree, or somebody wrote a note of their own.

Invariants
  I1  A checkpoint is valid only when its root is that of the bytes and a verified signature covers
      it: its own, or that of a later valid checkpoint.
  I2  A checkpoint that disagrees with the bytes is never excused from its signature.

Not here: reading the rows (audit.walk).
Source: design part "verify"; RFC 6962 consistency.
"""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from counterseal.audit.findings import Findings
from counterseal.audit.keys import KeyRing, SealStanding, seal_standing
from counterseal.audit.verdict import Finding
from counterseal.audit.walk import Walk
from counterseal.kernel.errors import InputError, IntegrityError


class RememberedHead(NamedTuple):
    """A size and root kept outside the database.

    Attributes:
        source: Where it was kept, such as `expect`, `anchor`, `signer-state`.
    """

    origin: str
    size: int
    root: bytes
    source: str


class StoredCheckpoint(NamedTuple):
    """A row of the checkpoint table: its size column and the signed note."""

    size: int
    note: str


class ReadSeal(NamedTuple):
    """A stored checkpoint that could be read: the row, and what its note says."""

    stored: StoredCheckpoint
    told: Checkpoint


class Seals(NamedTuple):
    """What became of the stored checkpoints.

    Attributes:
        seen: All that were given.
        valid: Those that hold, ascending by size.
        verified: How many of them have a signature that was verified.
    """

    seen: int
    valid: Sequence[ReadSeal] = ()
    verified: int = 0

    @property
    def sealed(self) -> int:
        """Records under the largest one that holds."""
        return self.valid[-1].told.size if self.valid else 0


_BY_SIZE: Final = attrgetter("told.size")


def read_seals(
    stored: Iterable[StoredCheckpoint], findings: Findings
) -> tuple[int, list[ReadSeal]]:
    """How many there are, and those that could be read, ascending by size."""
    seen, read = 0, []
    for row in stored:
        seen += 1
        size = row.size if type(row.size) is int else 0
        try:
            told = read_checkpoint(row.note if type(row.note) is str else "")
        except InputError:
            findings.add(max(size - 1, 0), Finding.NOT_CANONICAL, f"checkpoint:{size}")
            continue
        if told.size != row.size:
            findings.add(max(size - 1, 0), Finding.COLUMN_MISMATCH, f"checkpoint:{size}")
        read.append(ReadSeal(row, told))
    return seen, sorted(read, key=_BY_SIZE)


def judge_seals(
    seen: int,
    read: Sequence[ReadSeal],
    walk: Walk,
    findings: Findings,
    ring: KeyRing | None,
    signatures: int | None = None,
    seen_outside: Collection[int] = (),
) -> Seals:
    """Compare checkpoints with the bytes that were read.

    Args:
        seen: How many were stored.
        read: Those that could be read, ascending by size.
        walk: The finished pass.
        findings: Where contradictions go.
        ring: The keys from the pinned one on; without it no signature counts, and roots are claims.
        signatures: Of how many of the newest the signature must hold; None for all.
        seen_outside: Sizes of the log that outsiders saw; what a revoked key signed counts only
            when it was seen before.
    """
    if ring is None:
        return Seals(seen, _agreeing(read, walk, findings))
    good: list[ReadSeal] = []
    verified = 0
    for seal in reversed(read):
        agrees = _agrees(seal.told, walk)
        if agrees and signatures is not None and verified >= max(signatures, 1):
            good.append(seal)
        elif _signed(seal, ring, findings, seen_outside):
            verified += agrees
            good.append(seal)
    return Seals(seen, _agreeing(good[::-1], walk, findings), verified)


def _agrees(told: Checkpoint, walk: Walk) -> bool:
    return walk.roots.get(told.size) == told.root and walk.origin in (None, told.origin)


def _signed(
    seal: ReadSeal, ring: KeyRing, findings: Findings, seen_outside: Collection[int]
) -> bool:
    size = seal.stored.size if type(seal.stored.size) is int else 0
    try:
        standing = seal_standing(ring, seal.stored.note, size, seen_outside)
    except IntegrityError as error:
        findings.add(max(size - 1, 0), Finding(error.code), f"checkpoint:{size}")
        return False
    if standing in {SealStanding.KEY_REVOKED, SealStanding.KEY_UNKNOWN}:
        findings.add(max(size - 1, 0), Finding(standing.value), f"checkpoint:{size}")
    return standing is SealStanding.COUNTS


def _agreeing(good: Iterable[ReadSeal], walk: Walk, findings: Findings) -> list[ReadSeal]:
    """The checkpoints whose root the bytes lead to; the others are named."""
    valid: list[ReadSeal] = []
    by_size: dict[int, bytes] = {}
    trusted, agreed = 0, True
    for seal in good:
        told = seal.told
        layer, last = f"checkpoint:{told.size}", max(told.size - 1, 0)
        if by_size.setdefault(told.size, told.root) != told.root:
            findings.add(last, Finding.FORK_AT_SIZE, layer)
        elif walk.origin is not None and told.origin != walk.origin:
            findings.add(last, Finding.COLUMN_MISMATCH, layer)
        elif told.size > walk.end:
            findings.add(walk.end, Finding.SHORTER_THAN_REMEMBERED, layer)
        elif walk.roots.get(told.size) == told.root:
            trusted = told.size
            valid.append(seal)
        elif agreed and told.size in walk.roots:
            agreed = False
            findings.add(findings.lowest(trusted, told.size), Finding.ROOT_MISMATCH, layer)
    return valid


def judge_heads(heads: Iterable[RememberedHead], walk: Walk, findings: Findings) -> int | None:
    """Size of the largest remembered head that agrees, None when none was given."""
    reach: int | None = None
    for head in sorted(heads, key=attrgetter("size")):
        layer = f"{head.source}:{head.size}"
        reach = reach or 0
        if head.size > walk.end:
            findings.add(walk.end, Finding.SHORTER_THAN_REMEMBERED, layer)
        elif walk.roots.get(head.size) == head.root:
            reach = head.size
        elif head.size in walk.roots:
            findings.add(findings.lowest(reach, head.size), Finding.FORK_AT_SIZE, layer)
    return reach
