"""One proof for many records of a tree.

Job: make, write, read and check the hashes that lead from some leaves to the root.

The hashes are those of the largest subtrees without a leaf of ours, from left to right. A range of
records needs as many as two paths, however long it is; scattered ones share what they have in
common.

Invariants
  I1  Every set of leaves of every tree has one proof, and it leads to the root.
  I2  A proof is refused when a leaf or hash was altered, left out, added or moved.
  I3  Leaves and hashes are taken one by one as they come: memory does not grow with either.
  I4  The text of a proof has one spelling.

Not here: one record alone (merkle, receipt), what the root is worth (checkpoint).
Source: RFC 6962 part 2.1 (subtrees, right edge).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NoReturn

from counterseal.audit.checkpoint import SIZE_MAX
from counterseal.audit.merkle import HASH_SIZE, Frontier, node_hash
from counterseal.audit.note import decode_base64, encode_base64
from counterseal.kernel.errors import InputError

FIRST_LINE: Final = "counterseal-multiproof/1"
_SIZE: Final = re.compile(r"size ([1-9][0-9]{0,18})", re.ASCII)
_HASH_TEXT: Final = 44
_LINE_MAX: Final = 80

Node = Callable[[int, int], bytes]
"""Root over the leaves from the first number up to the second, such as `ProofTree.span`.

Asked for perfect subtrees and for the right edge only.
"""


def _malformed(message: str, got: object = None) -> NoReturn:
    raise InputError("PROOF_MALFORMED", message, field="proof", got=got)


class Prover:
    """Makes a proof while leaves of ours go by, and works out the root that it leads to.

    Args:
        size: Leaves of the tree.
        node: Gives what is not ours.

    Raises:
        InputError: `PROOF_RANGE` for an empty tree, or one that no log can have.
    """

    __slots__ = ("_at", "_node", "_peaks", "_size")

    def __init__(self, size: int, node: Node) -> None:
        if not 0 < size <= SIZE_MAX:
            raise InputError("PROOF_RANGE", "an empty tree proves nothing", field="size", got=size)
        self._size, self._node, self._at = size, node, 0
        self._peaks: list[bytes] = []

    def take(self, index: int, leaves: Sequence[bytes]) -> Sequence[bytes]:
        """Add leaves of ours that follow each other; the hashes that stand in front of them.

        Args:
            index: Place of the first, behind those before.
            leaves: Their hashes, recomputed from the records' bytes.

        Raises:
            InputError: `PROOF_RANGE` for a place that the tree does not have, or out of order;
                `PROOF_MALFORMED` for what is no hash.
        """
        if not self._at <= index < index + len(leaves) <= self._size:
            raise InputError("PROOF_RANGE", "no such leaves, or out of order", got=index)
        if any(len(leaf) != HASH_SIZE for leaf in leaves):
            _malformed("a hash has 32 bytes")
        before = self._filled(index) if index > self._at else ()
        edge = Frontier(self._at, self._peaks)
        edge.extend(leaves)
        self._at, self._peaks = edge.size, list(edge.peaks)
        return before

    def finish(self) -> Sequence[bytes]:
        """The hashes of the proof behind the last leaf of ours; errors of `take`."""
        return self._filled(self._size)

    def root(self) -> bytes:
        """The root, once it is finished."""
        result = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            result = node_hash(left, result)
        return result

    def _filled(self, end: int) -> Sequence[bytes]:
        """Add what is not ours up to a place: the fewest subtrees of the tree that fill it."""
        found: list[bytes] = []
        while self._at < end:
            behind = self._subtree_end(end)
            found.append(self._node(self._at, behind))
            self._add(behind - self._at, found[-1])
        return found

    def _subtree_end(self, end: int) -> int:
        """End of the largest subtree that begins here and does not pass a place."""
        low, size = self._at, self._size
        width = low & -low or 1 << size.bit_length()
        while min(low + width, size) > end:
            width >>= 1
        return min(low + width, size)

    def _add(self, width: int, value: bytes) -> None:
        """Add a subtree; one that is not perfect is the right edge, behind which nothing comes."""
        if len(value) != HASH_SIZE:
            _malformed("a hash has 32 bytes", len(value))
        at, peaks = self._at, self._peaks
        self._at += width
        while at & width:
            value = node_hash(peaks.pop(), value)
            at, width = at ^ width, width << 1
        peaks.append(value)


def multiproof_root(
    size: int, leaves: Iterable[tuple[int, bytes]], hashes: Iterable[bytes]
) -> bytes:
    """The root that leaves and hashes lead to.

    Args:
        size: Leaves of the tree.
        leaves: Index and hash of each of ours, ascending; the hashes recomputed from bytes.
        hashes: Of the proof, all of which have to be used.

    Raises:
        InputError: `PROOF_MALFORMED` when they do not fit together; `PROOF_RANGE`.
    """
    given = iter(hashes)

    def node(_low: int, _high: int) -> bytes:
        value = next(given, None)
        if value is None:
            _malformed("fewer hashes than the proof needs")
        return value

    prover = Prover(size, node)
    for index, leaf in leaves:
        prover.take(index, (leaf,))
    prover.finish()
    if next(given, None) is not None:
        _malformed("more hashes than the proof needs")
    return prover.root()


def check_multiproof(
    size: int, leaves: Iterable[tuple[int, bytes]], hashes: Iterable[bytes], root_hash: bytes
) -> bool:
    """Whether leaves and hashes lead to the root; False also for what cannot be a proof.

    Raises:
        InputError: what the leaves or hashes raise themselves while they are taken.
    """
    try:
        return multiproof_root(size, leaves, hashes) == root_hash
    except InputError as error:
        if error.code not in {"PROOF_MALFORMED", "PROOF_RANGE"}:
            raise
        return False


def proof_lines(size: int, hashes: Iterable[bytes]) -> Iterator[bytes]:
    """The file of a proof, line by line: what it is, the size, then one hash a line (base64)."""
    yield f"{FIRST_LINE}\nsize {size}\n".encode()
    yield from hash_lines(hashes)


def hash_lines(hashes: Iterable[bytes]) -> Iterator[bytes]:
    """Hashes as the lines of a proof."""
    return (f"{encode_base64(value)}\n".encode() for value in hashes)


def read_proof(lines: Iterable[bytes]) -> tuple[int, Iterator[bytes]]:
    """Size and hashes of a file; the hashes are read as they are taken.

    Args:
        lines: With their newlines, as a binary file gives them.

    Raises:
        InputError: `PROOF_MALFORMED` or `BASE64_INVALID`, also while the hashes are taken.
    """
    texts = map(_line, lines)
    size = _SIZE.fullmatch(next(texts, "")) if next(texts, "") == FIRST_LINE else None
    if size is None or int(size[1]) > SIZE_MAX:
        _malformed("expected the first line and a size")
    return int(size[1]), map(_hash, texts)


def _line(line: bytes) -> str:
    if not line.endswith(b"\n") or len(line) > _LINE_MAX or not line.isascii():
        _malformed("a line is short, ASCII and ends with a newline", line[:_LINE_MAX])
    return line[:-1].decode()


def _hash(text: str) -> bytes:
    if len(text) != _HASH_TEXT:
        _malformed("expected a hash in base64", text)
    return decode_base64(text, "proof")
