"""Proofs from tiles are the proofs of the whole tree, and read little of it."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import Tree, check_consistency, check_inclusion, leaf_hash
from counterseal.audit.receipt import make_receipt, prove_growth
from counterseal.audit.tiles import TiledTree, full_tiles, tile_path, tile_width
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.log_builder import ORIGIN, SIGNER

LEAVES = [leaf_hash(b"record-%d" % n) for n in range(5_000)]
WHOLE = Tree(LEAVES)


class Shelf:
    """Full tiles as they are stored: added as the log grows, never changed."""

    def __init__(self, height: int, *sizes: int) -> None:
        self.height = height
        self.full: dict[tuple[int, int], list[bytes]] = {}
        self.asked: list[tuple[int, int, int]] = []
        for old, new in zip((0, *sizes), sizes, strict=False):
            self.grow(old, new)

    def grow(self, old: int, new: int) -> None:
        level = 0
        while full_tiles(level, new, self.height):
            for number in range(
                full_tiles(level, old, self.height), full_tiles(level, new, self.height)
            ):
                assert (level, number) not in self.full
                self.full[level, number] = self.below(level, number, 1 << self.height)
            level += 1

    def below(self, level: int, number: int, width: int) -> list[bytes]:
        """Leaf hashes, or roots of full tiles: nothing else is hashed upward."""
        first = number << self.height
        if level == 0:
            return LEAVES[first : first + width]
        return [Tree(self.full[level - 1, n]).root() for n in range(first, first + width)]

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        self.asked.append((level, number, width))
        if width < 1 << self.height:
            return self.below(level, number, width)
        return self.full.get((level, number), [])


heights = st.integers(1, 4)
sizes = st.integers(1, 5_000)


@given(heights, sizes, st.data())
@settings(max_examples=150, deadline=None)
def test_i1_proofs_from_tiles_are_those_of_all_leaves(
    height: int, size: int, data: st.DataObject
) -> None:
    """TX-K7: narrow tiles, so that many levels are met; also about an older size."""
    shelf = Shelf(height, *sorted({data.draw(st.integers(0, size)), size}))
    tree = TiledTree(size, shelf, height)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    smaller = data.draw(st.integers(index + 1, size))

    assert tree.size == size
    assert tree.root() == WHOLE.root(size)
    assert tree.root(old) == WHOLE.root(old)
    assert tree.inclusion_path(index) == WHOLE.inclusion_path(index, size)
    assert tree.inclusion_path(index, smaller) == WHOLE.inclusion_path(index, smaller)
    assert tree.consistency_path(old) == WHOLE.consistency_path(old, size)


def test_i1_every_record_of_every_small_size_is_proved() -> None:
    """TX-K7: exhaustively around the widths of two levels."""
    for size in range(1, 70):
        tree = TiledTree(size, Shelf(2, size), 2)
        for index in range(size):
            assert tree.inclusion_path(index) == WHOLE.inclusion_path(index, size)
        for old in range(1, size + 1):
            assert tree.consistency_path(old) == WHOLE.consistency_path(old, size)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 4_999])
def test_i1_tiles_of_256_prove_what_is_accepted(size: int) -> None:
    """TX-K4: the width that is stored, around its edges."""
    tree = TiledTree(size, Shelf(8, size))
    for index in {0, size // 3, size - 1}:
        path = tree.inclusion_path(index)
        assert check_inclusion(index, size, LEAVES[index], path, tree.root())
        old = index + 1
        proof = tree.consistency_path(old)
        assert check_consistency(old, size, WHOLE.root(old), tree.root(), proof)


@given(heights, sizes, st.data())
@settings(max_examples=100, deadline=None)
def test_i2_growth_in_steps_stores_the_tiles_of_growth_at_once(
    height: int, size: int, data: st.DataObject
) -> None:
    """TX-K4: each full tile once, and the same ones."""
    steps = sorted({*data.draw(st.lists(st.integers(0, size), max_size=6)), size})
    assert Shelf(height, *steps).full == Shelf(height, size).full


@given(sizes, st.data())
@settings(max_examples=100, deadline=None)
def test_i3_a_proof_reads_at_most_two_tiles_a_level(size: int, data: st.DataObject) -> None:
    """TX-K4: its own, and the one at the right edge."""
    shelf = Shelf(3, size)
    TiledTree(size, shelf, 3).inclusion_path(data.draw(st.integers(0, size - 1)))
    levels = [level for level, _, _ in shelf.asked]
    assert max(map(levels.count, levels)) <= 2
    assert len(set(shelf.asked)) == len(shelf.asked)


def test_widths_are_those_of_the_public_format() -> None:
    """TX-K4: the example of C2SP tlog-tiles, a log of 70,000 records."""
    assert [full_tiles(level, 70_000) for level in range(3)] == [273, 1, 0]
    assert tile_width(0, 272, 70_000) == 256
    assert tile_width(0, 273, 70_000) == 112
    assert tile_width(0, 274, 70_000) == 0
    assert (tile_width(1, 0, 70_000), tile_width(1, 1, 70_000)) == (256, 17)
    assert (tile_width(2, 0, 70_000), tile_width(3, 0, 70_000)) == (1, 0)
    assert (tile_width(0, 0, 256), tile_width(1, 0, 256), tile_width(0, 1, 256)) == (256, 1, 0)


@pytest.mark.parametrize(
    ("level", "number", "width", "name"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 7, 256, "tile/0/007"),
        (1, 999, 256, "tile/1/999"),
        (1, 1_000, 256, "tile/1/x001/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (0, 273, 112, "tile/0/273.p/112"),
        (2, 1_234_067, 1, "tile/2/x001/x234/067.p/1"),
    ],
)
def test_names_are_those_of_the_public_format(
    level: int, number: int, width: int, name: str
) -> None:
    """TX-K4: C2SP tlog-tiles, three digits a group, `x` in front of all but the last."""
    assert tile_path(level, number, width) == name


def signed(size: int) -> str:
    return sign_checkpoint(Checkpoint(ORIGIN, size, WHOLE.root(size)), SIGNER)


@pytest.mark.parametrize("spoiled", [(0, 9), (1, 1), (2, 0)])
def test_no_proof_comes_from_a_false_tile(spoiled: tuple[int, int]) -> None:
    """TX-K7, receipt I3: refused, not handed out; a record whose path avoids it has its proof."""
    size, index, note = 600, 9 * 8 + 3, signed(600)
    shelf = Shelf(3, size)
    honest = make_receipt(TiledTree(size, shelf, 3), index, LEAVES[index], note)
    assert honest.path == WHOLE.inclusion_path(index, size)

    shelf.full[spoiled] = [leaf_hash(b"false"), *shelf.full[spoiled][1:]]
    with pytest.raises(IntegrityError, match="TILE_DIFFERS"):
        make_receipt(TiledTree(size, shelf, 3), index, LEAVES[index], note)
    if spoiled == (0, 9):
        assert make_receipt(TiledTree(size, shelf, 3), 0, LEAVES[0], note).index == 0
    with pytest.raises(IntegrityError, match="TILE_DIFFERS"):
        prove_growth(TiledTree(size, shelf, 3), index, note)


def test_a_missing_or_short_tile_is_told_by_its_name() -> None:
    """TX-K7: never a proof with a gap."""
    shelf = Shelf(8, 600)
    for left in ([], LEAVES[256:300]):
        shelf.full[0, 1] = left
        with pytest.raises(IntegrityError, match="TILE_DIFFERS") as caught:
            TiledTree(600, shelf).inclusion_path(300)
        assert caught.value.field == "tile/0/001"
        assert TiledTree(600, shelf).subtree(0, 3) == LEAVES[3]


def test_paths_outside_the_size_are_refused() -> None:
    """TX-K7: also where leaves lie behind it."""
    tree = TiledTree(600, Shelf(8, 700))
    for ask in (
        lambda: tree.inclusion_path(600),
        lambda: tree.inclusion_path(0, 601),
        lambda: tree.consistency_path(601),
        lambda: tree.root(601),
    ):
        with pytest.raises(InputError, match="PROOF_RANGE"):
            ask()


def test_growth_is_proved_to_who_kept_an_older_checkpoint() -> None:
    """TX-K5: in the form that witnesses are asked in."""
    asked = prove_growth(WHOLE, 300, signed(600))
    assert asked.text.startswith("old 300\n")
    assert asked.text.endswith(signed(600))
    assert check_consistency(300, 600, WHOLE.root(300), WHOLE.root(600), asked.proof)
    assert prove_growth(WHOLE, 600, signed(600)).proof == ()
    for old in (0, 601):
        with pytest.raises(InputError, match="PROOF_RANGE"):
            prove_growth(WHOLE, old, signed(600))
