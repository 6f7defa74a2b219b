"""The Merkle tree of the log.

Job: hash leaves and nodes, keep the tree's edge, make and check proofs.

Invariants
  I1  A leaf is never duplicated or padded: the root of n leaves follows RFC 6962 for every n.
  I2  A proof made here is accepted, and one changed in any hash, size or index is refused.
  I3  Tree size zero proves nothing: no checker accepts it.

Not here: signatures (audit.note), what a leaf contains (audit.record), hashes that are stored
(audit.tiles).
Source: RFC 6962 part 2.1, RFC 9162 parts 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Final

from counterseal.kernel.errors import InputError

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""

ZERO_HASH: Final = bytes(HASH_SIZE)
"""Stands where a first record has no predecessor."""

PROOF_LENGTH_MAX: Final = 63
"""Hashes in the longest proof that is read."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(body: bytes) -> bytes:
    """SHA-256 of 0x00 and the stored bytes of a record."""
    return hashlib.sha256(_LEAF + body).digest()


def leaf_hashes(bodies: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, from one that has begun: a fifth cheaper."""
    begin = hashlib.sha256(_LEAF).copy
    hashes: list[bytes] = []
    for body in bodies:
        leaf = begin()
        leaf.update(body)
        hashes.append(leaf.digest())
    return hashes


def _paired(hashes: Sequence[bytes]) -> list[bytes]:
    """Parents of neighbours; a last one without a neighbour has none."""
    sha256 = hashlib.sha256
    pairs = zip(hashes[::2], hashes[1::2], strict=False)
    return [sha256(_NODE + left + right).digest() for left, right in pairs]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and two child hashes."""
    return hashlib.sha256(_NODE + left + right).digest()


class Frontier:
    """The right edge of a growing tree: enough to append and to know the root.

    Args:
        size: Leaves so far.
        peaks: Roots of the perfect subtrees, largest first; one per one-bit of `size`.

    Raises:
        InputError: `FRONTIER_INVALID` when the peaks do not fit the size.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self._size = size
        self._peaks = list(peaks)
        if size < 0 or len(self._peaks) != size.bit_count():
            raise InputError("FRONTIER_INVALID", "one peak per one-bit of the size", got=size)
        if any(len(peak) != HASH_SIZE for peak in self._peaks):
            raise InputError("FRONTIER_INVALID", "a peak has 32 bytes")

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, largest first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        index = self._size
        while index & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            index >>= 1
        self._peaks.append(leaf)
        self._size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order: the same as `append` for each, a level at a time."""
        row = list(leaves)
        size = self._size + len(row)
        edge: list[bytes] = []
        index = self._size
        while row:
            if index & 1:
                row.insert(0, self._peaks.pop())
            if len(row) & 1:
                edge.append(row.pop())
            row = _paired(row)
            index >>= 1
        self._peaks.extend(reversed(edge))
        self._size = size

    def root(self) -> bytes:
        """Root of all leaves so far; `EMPTY_ROOT` for none."""
        if not self._peaks:
            return EMPTY_ROOT
        result = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            result = node_hash(left, result)
        return result


class ProofTree(ABC):
    """Roots and proofs over hashes that somebody keeps: in memory (`Tree`), or in tiles."""

    __slots__ = ("_edge", "_edge_size")

    def __init__(self) -> None:
        self._edge: list[bytes] = []
        self._edge_size = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """Leaves so far."""

    @abstractmethod
    def subtree(self, level: int, index: int) -> bytes:
        """Root of the perfect subtree over the leaves from `index << level`, `1 << level` many.

        Asked only for subtrees whose leaves all lie below `size`; level 0 is the leaf hash.
        """

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` leaves, by default of all.

        Raises:
            InputError: `PROOF_RANGE` for a size that the tree does not have.
        """
        size = self._bounded(self.size if size is None else size)
        return EMPTY_ROOT if size == 0 else self._right_edge(size)[-1]

    def inclusion_path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Sibling hashes from the leaf upward, in the tree of the first `size` leaves.

        Raises:
            InputError: `PROOF_RANGE` unless 0 <= index < size.
        """
        size = self._bounded(self.size if size is None else size)
        if not 0 <= index < size:
            raise InputError("PROOF_RANGE", "no such leaf", field="index", got=index)
        return self._path(0, index, size)

    def _path(self, level: int, index: int, size: int) -> tuple[bytes, ...]:
        """Siblings of a node and of all above it, in the tree of the first `size` leaves."""
        path: list[bytes] = []
        edge, last = self._right_edge(size), size - 1 >> level
        while last:
            sibling = index ^ 1
            if sibling < last:
                path.append(self.subtree(level, sibling))
            elif sibling == last:
                path.append(edge[level])
            level, index, last = level + 1, index >> 1, last >> 1
        return tuple(path)

    def _right_edge(self, size: int) -> list[bytes]:
        """The last node of every level, leaf to root, in the tree of the first `size` leaves.

        Kept for the size that was asked for last: leaves never change.
        """
        if size != self._edge_size:
            last = size - 1
            edge = [self.subtree(0, last)]
            while last:
                if last & 1:
                    edge.append(node_hash(self.subtree(len(edge) - 1, last - 1), edge[-1]))
                else:
                    edge.append(edge[-1])
                last >>= 1
            self._edge, self._edge_size = edge, size
        return self._edge

    def consistency_path(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Proof that the first `old` leaves are a prefix of the first `new`; empty when equal.

        Raises:
            InputError: `PROOF_RANGE` unless 0 < old <= new.
        """
        new = self._bounded(self.size if new is None else new)
        if not 0 < old <= new:
            raise InputError("PROOF_RANGE", "need 0 < old <= new", field="old", got=old)
        path: list[bytes] = []
        low, high, whole = 0, new, True
        while high != old:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self.span(middle, high))
                high = middle
            else:
                path.append(self.span(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self.span(low, high))
        return tuple(reversed(path))

    def _bounded(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise InputError("PROOF_RANGE", "no such tree size", field="size", got=size)
        return size

    def span(self, low: int, high: int) -> bytes:
        """Root over the leaves `low` <= index < `high`: a perfect subtree, or the right edge.

        `low` is a multiple of the smallest power of two that is not below the width.
        """
        width = high - low
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self.subtree(level, low >> level)
        middle = low + _split(width)
        return node_hash(self.span(low, middle), self.span(middle, high))


class Tree(ProofTree):
    """Every hash of a growing tree, kept by level: proofs without re-hashing (64 bytes a leaf).

    Args:
        leaves: Leaf hashes in order.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        super().__init__()
        self._levels: list[list[bytes]] = [[]]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return len(self._levels[0])

    def subtree(self, level: int, index: int) -> bytes:
        """Root of a perfect subtree: kept, not computed."""
        return self._levels[level][index]

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash and every subtree that it completes."""
        level = 0
        self._levels[0].append(leaf)
        while len(self._levels[level]) % 2 == 0:
            left, right = self._levels[level][-2:]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node_hash(left, right))

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order: the same as `append` for each, a level at a time."""
        self._levels[0].extend(leaves)
        level = 0
        while len(self._levels[level]) > 1:
            if level + 1 == len(self._levels):
                self._levels.append([])
            below, above = self._levels[level], self._levels[level + 1]
            above.extend(_paired(below[2 * len(above) :]))
            level += 1


def _split(width: int) -> int:
    """Largest power of two below `width` (which is at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def root(leaves: Iterable[bytes]) -> bytes:
    """Root over leaf hashes; `EMPTY_ROOT` for none."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Sibling hashes from a leaf upward (builds the tree; keep a `Tree` to ask often).

    Raises:
        InputError: `PROOF_RANGE` when there is no such leaf.
    """
    return Tree(leaves).inclusion_path(index)


def consistency_path(leaves: Sequence[bytes], old: int) -> tuple[bytes, ...]:
    """Proof that the first `old` leaves are a prefix of all (keep a `Tree` to ask often).

    Raises:
        InputError: `PROOF_RANGE` unless 0 < old <= number of leaves.
    """
    return Tree(leaves).consistency_path(old)


def check_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], root_hash: bytes
) -> bool:
    """Whether the path leads from the leaf hash at `index` to the root of `size` leaves."""
    if not 0 <= index < size:
        return False
    if any(len(value) != HASH_SIZE for value in (leaf, root_hash, *path)):
        return False
    at, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and result == root_hash


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the tree of `old` leaves is a prefix of the tree of `new` leaves.

    Lengths of the hashes are checked where they are parsed, not here. `old` zero is refused:
    whoever starts from nothing decides that in front of this check.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if not path:
        return False
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    return _climb(at, last, hashes) == (old_root, new_root)


def _climb(at: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Roots that a consistency proof leads to, or None when its length does not fit."""
    first = second = hashes[0]
    for value in hashes[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            first, second = node_hash(value, first), node_hash(value, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, value)
        at, last = at >> 1, last >> 1
    return (first, second) if last == 0 else None
