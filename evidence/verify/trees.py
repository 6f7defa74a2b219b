"""Roots and paths of RFC 6962 trees."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from evidence.verify.base import found, sha

if TYPE_CHECKING:
    from collections.abc import Iterator


def root_of(size: int, leaves: Iterator[tuple[int, bytes]], hashes: Iterator[bytes]) -> bytes:
    """Root over all records: known leaves at their places, and for every other part one hash."""
    following = next(leaves, None)

    def walk(low: int, high: int) -> bytes:
        nonlocal following
        if following is None or following[0] >= high:
            try:
                return next(hashes)
            except StopIteration:
                found("PROOF_MALFORMED", "data/proof", "hashes are missing")
        if high - low == 1:
            leaf, following = following[1], next(leaves, None)
            if following is not None and following[0] <= low:
                found("SEQ_ORDER", f"seq {following[0]}", "numbers do not ascend, or stand twice")
            return leaf
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return hashlib.sha256(b"\1" + walk(low, middle) + walk(middle, high)).digest()

    root = walk(0, size)
    if following is not None:
        found("SEQ_ORDER", f"seq {following[0]}", f"behind the {size} records of the checkpoint")
    if next(hashes, None) is not None:
        found("PROOF_MALFORMED", "data/proof", "hashes are left over")
    return root


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
