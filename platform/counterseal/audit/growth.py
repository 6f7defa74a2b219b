"""What grew behind a signed tree.

Job: prove from a tree's edge and the leaves behind it that the larger tree begins with the smaller.

Whoever appends keeps the edge alone, so that memory stays the same however long the log is.

Invariants
  I1  The proof equals the one made from all leaves, for every pair of sizes.

Not here: proofs about older sizes (`merkle.Tree`).
Source: RFC 6962 part 2.1.2: hashes left of the old size are peaks, the others lie wholly behind it.
"""

from collections.abc import Sequence

from counterseal.audit.merkle import Frontier, root


def growth_path(old: Frontier, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Consistency proof from a tree's size to that size and the leaves behind it.

    Args:
        old: The edge of the smaller tree; of size zero there is nothing to prove.
        leaves: Leaf hashes that follow it, in order.

    Returns:
        The proof; empty when either is empty.
    """
    if not old.size or not leaves:
        return ()
    start, peaks = old.size, list(old.peaks)
    path: list[bytes] = []
    low, high = 0, start + len(leaves)
    while high != start:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if start <= middle:
            path.append(root(leaves[middle - start : high - start]))
            high = middle
        else:
            path.append(peaks.pop(0))
            low = middle
    return tuple(reversed([*path, *peaks] if low else path))
