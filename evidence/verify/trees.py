"""Roots and paths of RFC 6962 trees."""
# ruff: noqa: PLR2004 - lengths of public formats

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

from evidence.verify.base import found, sha

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


RUN = 1 << 16
"""Leaves without a gap that are hashed in one go; more would only take memory."""


BLOCK = 64
"""Leaves without a gap that whoever hashed them joins at once, where their places allow it."""


def root_of(
    size: int,
    places: Sequence[int],
    leaves: bytes,
    hashes: Iterator[bytes],
    blocks: Mapping[int, bytes],
) -> bytes:
    """Root over all records: known leaves at their places, and for every other part one hash.

    `blocks` are roots of leaves that were joined before, as `blocks_of` tells them.
    """
    for before, after in pairwise(places):
        if after <= before:
            found("SEQ_ORDER", f"seq {after}", "numbers do not ascend, or stand twice")
    if places and places[-1] >= size:
        found("SEQ_ORDER", f"seq {places[-1]}", f"behind the {size} records of the checkpoint")

    def block(place: int, first: int, last: int) -> bytes:
        end = first + BLOCK
        known = blocks.get(place) if end <= last else None
        return known or whole(leaves[32 * first : 32 * min(end, last)])

    def walk(low: int, high: int, first: int, last: int) -> bytes:
        if first == last:
            return next(hashes, b"") or found("PROOF_MALFORMED", "data/proof", "hashes are missing")
        if last - first == high - low <= RUN:
            starts = range(first, last, BLOCK)
            return whole(b"".join(block(low - first + at, at, last) for at in starts))
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        between = bisect_left(places, middle, first, last)
        return sha(b"\1", walk(low, middle, first, between), walk(middle, high, between, last))

    root = walk(0, size, 0, len(places))
    if next(hashes, None) is not None:
        found("PROOF_MALFORMED", "data/proof", "hashes are left over")
    return root


def blocks_of(places: Sequence[int], leaves: bytes) -> list[tuple[int, bytes]]:
    """Roots of blocks without a gap, each with the place that it begins at."""
    found, at = list[tuple[int, bytes]](), 0
    while at + BLOCK <= len(places):
        place = places[at]
        if place % BLOCK == 0 and places[at + BLOCK - 1] - place == BLOCK - 1:
            found.append((place, whole(leaves[32 * at : 32 * (at + BLOCK)])))
        at = bisect_left(places, place - place % BLOCK + BLOCK, at + 1)
    return found


def whole(leaves: bytes) -> bytes:
    """Root of leaves that no other stands between, 32 bytes each."""
    while len(leaves) > 32:
        paired = len(leaves) & ~63
        level = [sha(b"\1", leaves[at : at + 64]) for at in range(0, paired, 64)]
        leaves = b"".join((*level, leaves[paired:]))
    return leaves


def climbed(index: int, last: int, first: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Two roots that a path leads to (RFC 9162 2.1.3.2, 2.1.4.2); None when its length is wrong."""
    old = new = first
    for one in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            old, new = sha(b"\1", one, old), sha(b"\1", one, new)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = sha(b"\1", new, one)
        index, last = index >> 1, last >> 1
    return (old, new) if last == 0 else None


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """Whether a path leads from a leaf to the root of `size` leaves."""
    roots = climbed(index, size - 1, leaf, path) if 0 <= index < size else None
    return roots is not None and roots[1] == root


def extends(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """Whether the first `old` of `new` leaves are those of the old root; 0 < old < new."""
    hashes = [old_root, *path] if old & (old - 1) == 0 else path
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    return bool(path) and climbed(index, last, hashes[0], hashes[1:]) == (old_root, new_root)
