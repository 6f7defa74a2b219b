"""The sorted map of a log's streams: where each one ended, provable one by one.

Job: build the map over the ends of all streams, and make and check proofs that a stream ended there
or that there was no such stream.

A stream's leaf is the canonical JSON of its key, the `stream_seq` and the hex leaf hash of its last
record; the tree over the leaves, sorted by key, is that of RFC 6962.

Invariants
  I1  A proof of an end holds for that stream, end, index, size and root only.
  I2  A proof of absence names the neighbours around the key; no present stream has one.
  I3  An empty map proves nothing: no checker accepts it.

Not here: whether the map says what the log says (audit.snapshots): an entry is proved against a
root that somebody stated.
Source: design part "evidence pack", completeness; sparse proofs as in RFC 9162 part 2.1.3.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from counterseal.audit.merkle import Tree, check_inclusion, leaf_hash, leaf_hashes
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError

_KEY: Final = b"\x03"
_NEIGHBOURS: Final = 2


class StreamEnd(NamedTuple):
    """The last record of one stream.

    Attributes:
        stream: Its name.
        stream_seq: Place of its last record in it, from 1.
        head: Hex leaf hash of that record.
    """

    stream: str
    stream_seq: int
    head: str


class MapLeaf(NamedTuple):
    """What the map says of one stream, without its name.

    Attributes:
        key: Hex `stream_key`.
        seq: Place of its last record, from 1.
        head: Hex leaf hash of that record.
    """

    key: str
    seq: int
    head: str

    @property
    def body(self) -> bytes:
        """The bytes that are hashed: canonical JSON."""
        return canonical_bytes({"head": self.head, "key": self.key, "seq": self.seq})


@dataclass(frozen=True, slots=True)
class MapEntry:
    """A leaf of the map and its proof.

    Attributes:
        index: Place of the leaf, from 0, in the order of the keys.
        leaf: The leaf.
        path: Sibling hashes from the leaf upward.
    """

    index: int
    leaf: MapLeaf
    path: tuple[bytes, ...]


def stream_key(stream: str) -> bytes:
    """SHA-256 of 0x03 and the stream's name in UTF-8."""
    return hashlib.sha256(_KEY + stream.encode()).digest()


def leaf_of(end: StreamEnd) -> MapLeaf:
    """The leaf of one stream."""
    return MapLeaf(stream_key(end.stream).hex(), end.stream_seq, end.head)


def map_leaf(end: StreamEnd) -> bytes:
    """The bytes of a stream's leaf: canonical JSON of `head`, `key` and `seq`."""
    return leaf_of(end).body


class StreamMap:
    """The map over the ends of some streams.

    Args:
        ends: One for each stream, in any order.

    Raises:
        InputError: `STREAM_TWICE` when a stream has two ends; `NOT_CANONICAL` for a place that no
            record can have.
    """

    __slots__ = ("_leaves", "_tree")

    def __init__(self, ends: Iterable[StreamEnd]) -> None:
        self._leaves = sorted(map(leaf_of, ends))
        for one, other in pairwise(self._leaves):
            if one.key == other.key:
                raise InputError("STREAM_TWICE", "a stream ends once", got=one.key)
        self._tree = Tree(leaf_hashes(leaf.body for leaf in self._leaves))

    @property
    def size(self) -> int:
        """Streams in the map."""
        return len(self._leaves)

    @property
    def root(self) -> bytes:
        """Root over all leaves."""
        return self._tree.root()

    def present(self, stream: str) -> MapEntry:
        """The proof of where a stream ends.

        Raises:
            InputError: `STREAM_UNKNOWN` when the map does not have it.
        """
        at = self._place(stream)
        if not self._is_at(at, stream):
            raise InputError("STREAM_UNKNOWN", "no such stream in the map", got=stream)
        return self._entry(at)

    def absent(self, stream: str) -> tuple[MapEntry, ...]:
        """The proof that a stream is not in the map: its neighbours, one at an end of the map.

        Raises:
            InputError: `STREAM_KNOWN` when the map has it.
        """
        at = self._place(stream)
        if self._is_at(at, stream):
            raise InputError("STREAM_KNOWN", "the stream is in the map", got=stream)
        return tuple(self._entry(n) for n in (at - 1, at) if 0 <= n < self.size)

    def _place(self, stream: str) -> int:
        """Where the stream's key is, or would be."""
        return bisect_left(self._leaves, stream_key(stream).hex(), key=_key_of)

    def _is_at(self, index: int, stream: str) -> bool:
        return index < self.size and self._leaves[index].key == stream_key(stream).hex()

    def _entry(self, index: int) -> MapEntry:
        return MapEntry(index, self._leaves[index], self._tree.inclusion_path(index))


def _key_of(leaf: MapLeaf) -> str:
    return leaf.key


def check_entry(end: StreamEnd, entry: MapEntry, size: int, root: bytes) -> bool:
    """Whether an entry proves that a stream ended there.

    Args:
        end: What is claimed of the stream.
        entry: Its proof.
        size: Streams in the map, as stated with the root.
        root: Root of the map.
    """
    return entry.leaf == leaf_of(end) and _is_in_map(entry, size, root)


def check_absence(stream: str, entries: Sequence[MapEntry], size: int, root: bytes) -> bool:
    """Whether entries prove that there is no such stream in the map.

    Args:
        stream: Its name.
        entries: Its neighbours in the order of the keys, both or the one at an end of the map.
        size: As for `check_entry`.
        root: As for `check_entry`.
    """
    key = stream_key(stream).hex()
    if not all(_is_in_map(entry, size, root) for entry in entries):
        return False
    if len(entries) == _NEIGHBOURS:
        low, high = entries
        return high.index == low.index + 1 and low.leaf.key < key < high.leaf.key
    if len(entries) != 1:
        return False
    only = entries[0]
    before_all = only.index == 0 and key < only.leaf.key
    return before_all or (only.index == size - 1 and only.leaf.key < key)


def _is_in_map(entry: MapEntry, size: int, root: bytes) -> bool:
    try:
        leaf = leaf_hash(entry.leaf.body)
    except InputError:  # a number or text that no map can hold
        return False
    return check_inclusion(entry.index, size, leaf, entry.path, root)
