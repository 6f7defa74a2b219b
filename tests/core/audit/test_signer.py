"""The signer as guard: every row of its table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.merkle import EMPTY_ROOT, Tree, leaf_hash
from counterseal.audit.signer import (
    SignerState,
    decide_signing,
    decide_succession,
    genesis_state,
)
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import Refusal
from tests.core.audit.log_builder import ORIGIN

TREE = Tree(leaf_hash(b"record-%d" % n) for n in range(20))


def state_at(size: int) -> SignerState:
    return SignerState(origin=ORIGIN, size=size, root=TREE.root(size).hex())


def code(answer: SignerState | Refusal) -> str:
    assert isinstance(answer, Refusal)
    return answer.code


def test_i3_a_proven_extension_is_signed() -> None:
    """TX-K7."""
    answer = decide_signing(state_at(3), ORIGIN, 7, TREE.root(7), TREE.consistency_path(3, 7))
    assert answer == state_at(7)


def test_the_first_checkpoint_follows_genesis_without_a_proof() -> None:
    """TX-K7."""
    start = genesis_state(ORIGIN)
    assert decide_signing(start, ORIGIN, 7, TREE.root(7), ()) == state_at(7)
    assert decide_signing(start, ORIGIN, 0, EMPTY_ROOT, ()) == start
    assert code(decide_signing(start, ORIGIN, 7, TREE.root(7), (EMPTY_ROOT,))) == "PROOF_INVALID"
    assert code(decide_signing(start, ORIGIN, 0, TREE.root(1), ())) == "FORK_AT_SIZE"


def test_the_same_head_is_signed_again() -> None:
    """TX-K7: covers a crash between signing and storing."""
    assert decide_signing(state_at(7), ORIGIN, 7, TREE.root(7), ()) == state_at(7)


def test_i1_another_root_for_a_signed_size_is_refused() -> None:
    """TX-K7."""
    assert code(decide_signing(state_at(7), ORIGIN, 7, TREE.root(6), ())) == "FORK_AT_SIZE"


@pytest.mark.parametrize("size", [-1, 0, 6])
def test_i2_a_smaller_size_is_refused(size: int) -> None:
    """TX-K7, TX-Z9."""
    root = TREE.root(max(size, 0))
    assert code(decide_signing(state_at(7), ORIGIN, size, root, ())) == "ROLLBACK"


def test_i4_without_a_state_or_for_another_log_nothing_is_signed() -> None:
    """TX-K7."""
    for state, origin in ((None, ORIGIN), (state_at(7), "other"), (genesis_state("other"), ORIGIN)):
        assert code(decide_signing(state, origin, 7, TREE.root(7), ())) == "UNKNOWN_ORIGIN"


@given(st.integers(1, 19), st.integers(1, 20), st.data())
@settings(max_examples=100, deadline=None)
def test_i3_a_larger_size_needs_its_own_proof(old: int, grow: int, data: st.DataObject) -> None:
    """TX-K7."""
    new = min(old + grow, 20)
    proof = list(TREE.consistency_path(old, new))
    at = data.draw(st.integers(0, len(proof) - 1))
    bad = [
        [],
        [*proof, EMPTY_ROOT],
        [*proof[:at], EMPTY_ROOT, *proof[at + 1 :]],
        [*proof[:at], proof[at][:31], *proof[at + 1 :]],
        proof * 64,
    ]
    assert decide_signing(state_at(old), ORIGIN, new, TREE.root(new), proof) == state_at(new)
    for wrong in bad:
        answer = decide_signing(state_at(old), ORIGIN, new, TREE.root(new), wrong)
        assert code(answer) == "PROOF_INVALID"
    short = decide_signing(state_at(old), ORIGIN, new, b"short", proof)
    assert code(short) == "PROOF_INVALID"


@pytest.mark.parametrize(("lease", "refused"), [(4, True), (5, False), (6, False)])
def test_i5_an_old_leader_gets_nothing_signed(lease: int, refused: bool) -> None:
    """TX-K7: not even the head that was signed last; an equal lease is the same leader."""
    state = state_at(7).amended(lease=5)
    same = decide_signing(state, ORIGIN, 7, TREE.root(7), (), lease)
    more = decide_signing(state, ORIGIN, 9, TREE.root(9), TREE.consistency_path(7, 9), lease)
    if refused:
        assert (code(same), code(more)) == ("LEASE_STALE", "LEASE_STALE")
    else:
        assert same == state_at(7).amended(lease=lease)
        assert more == state_at(9).amended(lease=lease)


def test_i6_a_closed_name_never_signs_again_and_its_successor_goes_on() -> None:
    """TX-K7: from the restored head, one epoch later, with proofs as ever."""
    closed, fresh = decide_succession(state_at(9), "counterseal.example/next", 7, TREE.root(7))
    assert closed == state_at(9).amended(successor="counterseal.example/next")
    assert (fresh.origin, fresh.size, fresh.epoch, fresh.lease) == (
        "counterseal.example/next",
        7,
        1,
        0,
    )
    for size in (7, 9, 12):
        answer = decide_signing(closed, ORIGIN, size, TREE.root(size), ())
        assert code(answer) == "ORIGIN_CLOSED"
    path = TREE.consistency_path(7, 9)
    grown = decide_signing(fresh, fresh.origin, 9, TREE.root(9), path)
    assert grown == fresh.amended(size=9, root=TREE.root(9).hex())
    for state, name in ((closed, "other"), (state_at(9), ORIGIN)):
        with pytest.raises(InvariantError):
            decide_succession(state, name, 7, TREE.root(7))
