"""Roots from the leaves that are shown and one hash for every other part (RFC 6962, part 2.1)."""

import hashlib
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.verify import FoundError, trees

SIZE_MAX = 70


def leaf(place: int) -> bytes:
    return hashlib.sha256(b"\0%d" % place).digest()


def tree(low: int, high: int) -> bytes:
    """RFC 6962, part 2.1, word by word."""
    if high - low == 1:
        return leaf(low)
    split = 1
    while split * 2 < high - low:
        split *= 2
    return hashlib.sha256(b"\1" + tree(low, low + split) + tree(low + split, high)).digest()


def others(low: int, high: int, known: set[int]) -> Iterator[bytes]:
    """The hash of every largest part without a known leaf, from left to right."""
    if not known & set(range(low, high)):
        yield tree(low, high)
    elif high - low > 1:
        split = 1
        while split * 2 < high - low:
            split *= 2
        yield from others(low, low + split, known)
        yield from others(low + split, high, known)


def root(size: int, places: Sequence[int], hashes: Sequence[bytes]) -> bytes:
    leaves = b"".join(map(leaf, places))
    blocks = dict(trees.blocks_of(places, leaves))
    return trees.root_of(size, places, leaves, iter(hashes), blocks)


@st.composite
def shown(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A size, and the places that are shown: often runs of them."""
    size = draw(st.integers(1, SIZE_MAX))
    ranges = draw(st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=4))
    return size, sorted({place for low, high in ranges for place in range(low, high)})


@pytest.fixture(params=[(1, 64), (4, 4), (1 << 16, 2), (1 << 16, 64)], autouse=True, scope="module")
def _run(request: pytest.FixtureRequest) -> Iterator[None]:
    """How long runs and blocks are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "RUN", request.param[0])
        patch.setattr(trees, "BLOCK", request.param[1])
        yield


@given(shown())
def test_whatever_is_shown_leads_to_the_one_root(case: tuple[int, list[int]]) -> None:
    """Part 8: one multiproof, whatever the runs and gaps, and however long a run is."""
    size, places = case
    hashes = list(others(0, size, set(places)))
    assert root(size, places, hashes) == tree(0, size)


@given(shown())
def test_blocks_are_parts_of_the_tree_without_a_gap(case: tuple[int, list[int]]) -> None:
    """Each is told by where it begins, and each that can be is told once."""
    _, places = case
    size, known = trees.BLOCK, set(places)
    told = trees.blocks_of(places, b"".join(map(leaf, places)))
    full = [at for at in range(0, SIZE_MAX, size) if known.issuperset(range(at, at + size))]
    assert told == [(at, tree(at, at + size)) for at in full]


@given(shown(), st.data())
def test_a_hash_too_many_or_too_few_is_no_proof(
    case: tuple[int, list[int]], data: st.DataObject
) -> None:
    """PROOF_MALFORMED."""
    size, places = case
    hashes = list(others(0, size, set(places)))
    with pytest.raises(FoundError, match="left over"):
        root(size, places, [*hashes, leaf(0)])
    if hashes:
        hashes.pop(data.draw(st.integers(0, len(hashes) - 1)))
        with pytest.raises(FoundError, match="are missing"):
            root(size, places, hashes)


@pytest.mark.parametrize("places", [[1, 0], [2, 2], [0, 1, 1], [0, 8]])
def test_places_ascend_and_lie_in_the_tree(places: list[int]) -> None:
    """SEQ_ORDER: a record twice, out of order, or behind the checkpoint."""
    with pytest.raises(FoundError, match="SEQ_ORDER"):
        root(8, places, [])
