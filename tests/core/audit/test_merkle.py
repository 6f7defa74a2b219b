"""The tree follows RFC 6962, and every published vector."""

import base64
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
)
from counterseal.kernel.errors import InputError
from tests.core.audit.log_builder import vectors

CLASSICS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RECORDS = [leaf_hash(b"record-%d" % n) for n in range(7)]


def cases(name: str) -> Iterator[dict[str, object]]:
    with (vectors() / name).open() as lines:
        yield from map(json.loads, lines)


def unpack(value: object) -> bytes:
    return base64.b64decode(str(value or ""))


def unpack_all(value: object) -> list[bytes]:
    return [unpack(v) for v in value] if isinstance(value, list) else []


def reference_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(reference_root(leaves[:k]), reference_root(leaves[k:]))


def test_published_inclusion_vectors_agree() -> None:
    """TX-K7."""
    seen = 0
    for case in cases("rfc6962_inclusion.jsonl"):
        seen += 1
        accepted = check_inclusion(
            int(str(case["leafIdx"])),
            int(str(case["treeSize"])),
            unpack(case["leafHash"]),
            unpack_all(case["proof"]),
            unpack(case["root"]),
        )
        assert accepted is not case["wantErr"], case["name"]
    assert seen >= 94


def test_published_consistency_vectors_agree() -> None:
    """TX-K7."""
    seen = 0
    for case in cases("rfc6962_consistency.jsonl"):
        seen += 1
        accepted = check_consistency(
            int(str(case["size1"])),
            int(str(case["size2"])),
            unpack(case["root1"]),
            unpack(case["root2"]),
            unpack_all(case["proof"]),
        )
        assert accepted is not case["wantErr"], case["name"]
    assert seen >= 84


def test_the_classics_of_rfc_6962_hold() -> None:
    """TX-K7."""
    assert EMPTY_ROOT.hex().startswith("e3b0c442")
    assert leaf_hash(b"").hex().startswith("6e340b9c")
    classic = root(map(leaf_hash, CLASSICS)).hex()
    assert classic.startswith("5dc9da79")
    assert classic.endswith("ff4604328")


def test_known_answers_of_seven_records_hold() -> None:
    """TX-K7."""
    assert RECORDS[0].hex() == "45c7bdcd45db42b418f7c42663fbeb464c9f0a88980cbc31fdddd29d24f724ee"
    assert root(RECORDS[:3]).hex() == (
        "d6a93c4b91bf4b5be4fae77b5be1439df69e7c7c38007eb704c299cd0e1057b1"
    )
    assert base64.b64encode(root(RECORDS)) == b"rEm//C5LXcDmoPx2uAhg0sI5VbhNRT21QRNDcuLFqR8="
    assert [h.hex()[:8] for h in inclusion_path(RECORDS, 4)] == ["a246af2f", "576bfe5a", "089f0418"]
    assert [h.hex()[:8] for h in consistency_path(RECORDS, 3)] == [
        "9ce0ce11",
        "3553e2fd",
        "d075b56a",
        "044bab58",
    ]


@given(st.integers(0, 70))
@settings(max_examples=71, deadline=None)
def test_i1_three_ways_to_the_root_agree(size: int) -> None:
    """TX-K7."""
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    assert root(leaves) == Tree(leaves).root() == reference_root(leaves)


@given(st.integers(1, 40), st.data())
@settings(max_examples=100, deadline=None)
def test_i2_own_proofs_pass_and_changed_ones_fail(size: int, data: st.DataObject) -> None:
    """TX-K7."""
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    tree = Tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    path = list(tree.inclusion_path(index))
    proof = list(tree.consistency_path(old))
    old_root, new_root = tree.root(old), tree.root()

    assert check_inclusion(index, size, leaves[index], path, new_root)
    assert check_consistency(old, size, old_root, new_root, proof)

    assert not check_inclusion(index, size, leaf_hash(b"other"), path, new_root)
    assert not check_inclusion(index, size, leaves[index], [*path, EMPTY_ROOT], new_root)
    assert not check_consistency(old, size, old_root, new_root, [*proof, EMPTY_ROOT])
    assert not check_consistency(old, size, old_root, EMPTY_ROOT, proof)
    if path:
        assert not check_inclusion(index, size, leaves[index], [EMPTY_ROOT, *path[1:]], new_root)
    if proof:
        assert not check_consistency(old, size, old_root, new_root, [EMPTY_ROOT, *proof[1:]])


def test_i3_size_zero_proves_nothing() -> None:
    """TX-K5."""
    assert not check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not check_consistency(0, 7, EMPTY_ROOT, root(RECORDS), [])
    assert not check_inclusion(0, 0, RECORDS[0], [], EMPTY_ROOT)


@pytest.mark.parametrize(
    ("size", "peaks"),
    [(-1, []), (-1, [EMPTY_ROOT]), (1, []), (2, [EMPTY_ROOT] * 2), (1, [b"x"])],
)
def test_a_frontier_refuses_peaks_that_do_not_fit(size: int, peaks: list[bytes]) -> None:
    """TX-K7."""
    with pytest.raises(InputError, match="FRONTIER_INVALID"):
        Frontier(size, peaks)


def test_paths_outside_the_tree_are_refused() -> None:
    """TX-K7."""
    tree = Tree(RECORDS)
    for ask in (
        lambda: tree.inclusion_path(7),
        lambda: tree.inclusion_path(-1),
        lambda: tree.inclusion_path(0, 8),
        lambda: tree.consistency_path(0),
        lambda: tree.consistency_path(8),
        lambda: tree.root(8),
    ):
        with pytest.raises(InputError, match="PROOF_RANGE"):
            ask()


@given(st.integers(0, 70), st.integers(0, 70))
@settings(max_examples=100, deadline=None)
def test_i1_many_leaves_at_once_make_the_tree_of_one_by_one(first: int, more: int) -> None:
    """TX-K4."""
    leaves = [leaf_hash(b"%d" % n) for n in range(first + more)]
    one_by_one, at_once = Frontier(), Frontier()
    for leaf in leaves:
        one_by_one.append(leaf)
    at_once.extend(leaves[:first])
    at_once.extend(leaves[first:])
    assert (at_once.size, at_once.peaks) == (one_by_one.size, one_by_one.peaks)
    assert at_once.root() == one_by_one.root() == reference_root(leaves)

    tree = Tree(leaves[:first])
    tree.extend(leaves[first:])
    slow = Tree()
    for leaf in leaves:
        slow.append(leaf)
    assert tree.root() == slow.root() == at_once.root()
    assert tree.root(first) == reference_root(leaves[:first])


def test_i2_paths_hold_for_every_index_of_every_size_asked_in_any_order() -> None:
    """TX-K4: what is kept for one size is never used for another."""
    leaves = [leaf_hash(b"%d" % n) for n in range(21)]
    tree = Tree(leaves)
    for size in (21, 8, 1, 13, 8, 16, 21, 5):
        top = reference_root(leaves[:size])
        for index in range(size):
            path = tree.inclusion_path(index, size)
            assert check_inclusion(index, size, leaves[index], path, top)
            assert not check_inclusion(index, size, leaf_hash(b"x"), path, top)
    tree.append(leaf_hash(b"21"))
    assert tree.root() == reference_root([*leaves, leaf_hash(b"21")])
