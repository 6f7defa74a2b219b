"""Proofs of growth from the tree's edge alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.growth import growth_path
from counterseal.audit.merkle import Frontier, check_consistency, consistency_path, leaf_hash, root

LEAVES = [leaf_hash(b"record-%d" % n) for n in range(300)]


def edge(size: int) -> Frontier:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    return frontier


def test_i1_every_pair_of_small_sizes_gives_the_proof_made_from_all_leaves() -> None:
    """Growth I1, TX-K7: 1 to 40, exhaustively."""
    for old in range(1, 40):
        for new in range(old + 1, 41):
            expected = consistency_path(LEAVES[:new], old)
            assert growth_path(edge(old), LEAVES[old:new]) == expected


@given(st.integers(1, 299), st.data())
@settings(max_examples=100, deadline=None)
def test_i1_a_proof_of_growth_is_accepted(old: int, data: st.DataObject) -> None:
    """Growth I1: larger sizes, by the checker that auditors use."""
    new = data.draw(st.integers(old + 1, 300))
    path = growth_path(edge(old), LEAVES[old:new])
    assert check_consistency(old, new, root(LEAVES[:old]), root(LEAVES[:new]), path)


def test_nothing_to_prove_gives_no_proof() -> None:
    """Growth: from nothing, and to the same size."""
    assert growth_path(Frontier(), LEAVES) == ()
    assert growth_path(edge(7), []) == ()
