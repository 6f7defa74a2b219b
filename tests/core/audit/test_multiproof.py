"""One proof for many records (TX-K7)."""

from collections.abc import Iterator
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.multiproof import (
    Prover,
    check_multiproof,
    multiproof_root,
    proof_lines,
    read_proof,
)
from counterseal.kernel.errors import InputError

LEAVES = [leaf_hash(b"record-%d" % n) for n in range(300)]
TREE = Tree(LEAVES)
OTHER = leaf_hash(b"another")

Case = tuple[int, list[int]]


@st.composite
def cases(draw: st.DrawFn, least: int = 0) -> Case:
    size = draw(st.integers(max(1, least), 300))
    chosen = draw(st.sets(st.integers(0, size - 1), min_size=least))
    return size, sorted(chosen)


def proof_of(size: int, chosen: list[int]) -> list[bytes]:
    prover = Prover(size, Tree(LEAVES[:size]).span)
    before = [one for n in chosen for one in prover.take(n, [LEAVES[n]])]
    return [*before, *prover.finish()]


def walked(low: int, high: int, chosen: set[int], tree: Tree) -> Iterator[bytes]:
    """The walk as the format describes it."""
    if not any(low <= one < high for one in chosen):
        yield tree.span(low, high)
    elif high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        yield from walked(low, middle, chosen, tree)
        yield from walked(middle, high, chosen, tree)


def own(chosen: list[int]) -> list[tuple[int, bytes]]:
    return [(n, LEAVES[n]) for n in chosen]


def codes(error: pytest.ExceptionInfo[InputError]) -> str:
    return error.value.code


@given(cases())
@settings(max_examples=150)
def test_i1_any_leaves_of_any_tree_have_a_proof_that_leads_to_the_root(case: Case) -> None:
    """Multiproof I1, and the order of the hashes is that of the walk from the left."""
    size, chosen = case
    tree = Tree(LEAVES[:size])
    proof = proof_of(size, chosen)

    assert proof == list(walked(0, size, set(chosen), tree))
    assert multiproof_root(size, own(chosen), proof) == tree.root()


@given(cases())
@settings(max_examples=100)
def test_i1_runs_of_leaves_give_the_same_proof_as_one_after_the_other(case: Case) -> None:
    """Multiproof I1: records that follow each other are added at once."""
    size, chosen = case
    prover, proof, tree = Prover(size, Tree(LEAVES[:size]).span), list[bytes](), Tree(LEAVES[:size])
    starts = [n for n in chosen if n - 1 not in chosen]
    for start in starts:
        end = next(n for n in range(start, size + 1) if n not in chosen)
        proof += prover.take(start, LEAVES[start:end])
    proof += prover.finish()

    assert proof == proof_of(size, chosen)
    assert prover.root() == tree.root()


def test_i1_every_set_of_leaves_of_every_small_tree_is_proved() -> None:
    """Multiproof I1: all 2,046 sets of trees of up to ten leaves."""
    for size in range(1, 11):
        root = Tree(LEAVES[:size]).root()
        for bits in range(1 << size):
            chosen = [n for n in range(size) if bits >> n & 1]
            assert check_multiproof(size, own(chosen), proof_of(size, chosen), root)


@given(cases(least=1), st.data())
@settings(max_examples=150)
def test_i2_an_altered_leaf_is_refused(case: Case, data: st.DataObject) -> None:
    """Multiproof I2: another hash, another place, one leaf more or fewer."""
    size, chosen = case
    root, proof, leaves = Tree(LEAVES[:size]).root(), proof_of(size, chosen), own(chosen)
    at = data.draw(st.integers(0, len(leaves) - 1))
    place, leaf = leaves[at]
    moved = data.draw(st.integers(0, size + 1).filter(lambda n: n != place))
    swaps = [
        [*leaves[:at], (place, OTHER), *leaves[at + 1 :]],
        [*leaves[:at], (moved, leaf), *leaves[at + 1 :]],
        [*leaves[:at], *leaves[at + 1 :]],
        [*leaves[: at + 1], *leaves[at:]],
    ]

    assert check_multiproof(size, leaves, proof, root)
    assert not any(check_multiproof(size, swap, proof, root) for swap in swaps)


@given(cases(), st.data())
@settings(max_examples=150)
def test_i2_an_altered_hash_is_refused(case: Case, data: st.DataObject) -> None:
    """Multiproof I2: changed, left out, added, exchanged, cut short."""
    size, chosen = case
    root, proof, leaves = Tree(LEAVES[:size]).root(), proof_of(size, chosen), own(chosen)
    at = data.draw(st.integers(0, len(proof)))
    altered = [[*proof[:at], OTHER, *proof[at:]]]
    if at < len(proof):
        altered += [
            [*proof[:at], OTHER, *proof[at + 1 :]],
            [*proof[:at], *proof[at + 1 :]],
            [*proof[:at], proof[at][:31], *proof[at + 1 :]],
        ]
    if at > 0 and at < len(proof):
        altered.append([*proof[: at - 1], proof[at], proof[at - 1], *proof[at + 1 :]])

    assert not any(check_multiproof(size, leaves, one, root) for one in altered)


def test_i2_an_empty_tree_proves_nothing() -> None:
    """Multiproof I2: what a size is worth says the checkpoint; there is none of nothing."""
    assert not check_multiproof(0, [], [], TREE.root())
    assert not check_multiproof(-1, [], [], TREE.root())


def test_i3_leaves_and_hashes_are_taken_as_they_come() -> None:
    """Multiproof I3: no leaf is asked for before the hashes in front of it are used."""
    told: list[str] = []

    def leaves() -> Iterator[tuple[int, bytes]]:
        for n in (2, 6):
            told.append(f"leaf {n}")
            yield n, LEAVES[n]

    def hashes() -> Iterator[bytes]:
        for n, value in enumerate(proof_of(8, [2, 6])):
            told.append(f"hash {n}")
            yield value

    assert multiproof_root(8, leaves(), hashes()) == Tree(LEAVES[:8]).root()
    assert told == ["leaf 2", "hash 0", "leaf 6", "hash 1", "hash 2", "hash 3"]


def test_i3_a_run_of_records_needs_few_hashes() -> None:
    """Multiproof I3: two paths, not one for each record; all records need none."""
    assert len(proof_of(300, list(range(17, 280)))) <= 2 * 9
    assert proof_of(300, list(range(300))) == []
    assert proof_of(300, []) == [TREE.root()]


@pytest.mark.parametrize("chosen", [[3, 2], [2, 2], [300], [-1]])
def test_places_that_the_tree_does_not_have_are_refused(chosen: list[int]) -> None:
    """Multiproof: in making and in checking."""
    prover = Prover(300, TREE.span)
    with pytest.raises(InputError) as made:
        [prover.take(n, [OTHER]) for n in chosen]
    with pytest.raises(InputError) as checked:
        multiproof_root(300, [(n, OTHER) for n in chosen], repeat(OTHER))
    assert (codes(made), codes(checked)) == ("PROOF_RANGE", "PROOF_RANGE")


@given(cases())
@settings(max_examples=50)
def test_i4_the_text_of_a_proof_reads_back(case: Case) -> None:
    """Multiproof I4."""
    size, chosen = case
    proof = proof_of(size, chosen)

    read = read_proof(b"".join(proof_lines(size, proof)).splitlines(keepends=True))

    assert (read[0], list(read[1])) == (size, proof)


GOOD = b"".join(proof_lines(8, proof_of(8, [2]))).splitlines(keepends=True)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        GOOD[:1],
        GOOD[1:],
        [b"counterseal-multiproof/2\n", *GOOD[1:]],
        [GOOD[0], b"size 08\n", *GOOD[2:]],
        [GOOD[0], b"size 0\n", *GOOD[2:]],
        [GOOD[0], b"size +8\n", *GOOD[2:]],
        [GOOD[0], b"size 9223372036854775808\n", *GOOD[2:]],
        [*GOOD, b"\n"],
        [*GOOD, b"AAAA\n"],
        [*GOOD[:-1], GOOD[-1][:-1]],
        [*GOOD[:-1], GOOD[-1][:-1] + b"\r\n"],
        [*GOOD[:-1], b" " + GOOD[-1]],
        [*GOOD[:-1], GOOD[-1].replace(b"=", b"")],
        [*GOOD[:-1], GOOD[-1].replace(b"=", b"\xc3")],
        [*GOOD[:-1], b"_" * 43 + b"=\n"],
        [*GOOD[:-1], b"A" * 42 + b"B=\n"],
        [*GOOD[:-1], b"A" * 10_000 + b"\n"],
    ],
)
def test_i4_any_other_spelling_is_refused(lines: list[bytes]) -> None:
    """Multiproof I4: header, size, length, padding, line ends, stray bits."""
    with pytest.raises(InputError) as refused:
        list(read_proof(lines)[1])
    assert codes(refused) in {"PROOF_MALFORMED", "BASE64_INVALID"}
