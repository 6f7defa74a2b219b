"""The steps of an inclusion proof as people follow them."""

from hypothesis import given
from hypothesis import strategies as st

from counterseal.audit.merkle import inclusion_path, leaf_hash, root
from counterseal.desk.views.inclusion import inclusion_steps


@given(st.integers(1, 40), st.data())
def test_i1_the_steps_of_a_true_path_end_in_the_root(size: int, data: st.DataObject) -> None:
    """UI-21, RFC 9162: what is recomputed step by step is the root of the tree."""
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(str(place).encode()) for place in range(size)]
    path, top = inclusion_path(leaves, index), root(leaves)

    told = inclusion_steps(index, size, leaves[index], path, top)

    assert told.holds
    assert (told.steps[-1].node if told.steps else told.leaf) == top.hex()
    other = inclusion_steps(index, size, leaf_hash(b"another"), path, top)
    assert not other.holds
    assert (other.steps[-1].node if other.steps else other.leaf) != top.hex()
