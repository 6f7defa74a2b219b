"""The contract of a signer, on the one in this process and on the one behind a socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.ports import Signer
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage.signers import read_state, replace_state, state_file
from tests.storage.signer_room import KEY, signer_of
from tests.world import ORIGIN

TREE = Tree(leaf_hash(b"record-%d" % n) for n in range(40))


@pytest.fixture(params=["embedded", "process"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Signer]:
    with signer_of(request.param, tmp_path / "signer") as made:
        yield made


def signed(signer: Signer, size: int, lease: int = 0) -> str:
    old = signer.remembered().size
    proof = TREE.consistency_path(old, size) if 0 < old <= size else ()
    return signer.sign_checkpoint(ORIGIN, size, TREE.root(size), proof, lease)


def test_a_signer_signs_what_grows_and_remembers_it(signer: Signer, tmp_path: Path) -> None:
    """TX-K7."""
    for size in (1, 7, 8, 40):
        note = signed(signer, size)
        assert open_checkpoint(note, KEY.key).checkpoint == Checkpoint(
            ORIGIN, size, TREE.root(size)
        )
        assert signer.remembered() == read_state(tmp_path / "signer", ORIGIN)
        assert signer.remembered().size == size


def test_the_same_head_gives_the_same_note_again(signer: Signer) -> None:
    """TX-K7: a crash between signing and storing costs nothing."""
    assert signed(signer, 7) == signed(signer, 7)


def test_never_a_smaller_size_nor_another_root_nor_without_proof(signer: Signer) -> None:
    """TX-K7, TX-Z9: refused with the guard's code, and nothing is remembered of it."""
    signed(signer, 7)
    before = signer.remembered()
    for size, root, code in (
        (6, TREE.root(6), "ROLLBACK"),
        (7, TREE.root(6), "FORK_AT_SIZE"),
        (9, TREE.root(9), "PROOF_INVALID"),
    ):
        with pytest.raises(IntegrityError) as refused:
            signer.sign_checkpoint(ORIGIN, size, root, ())
        assert refused.value.code == code
    with pytest.raises(IntegrityError, match="UNKNOWN_ORIGIN"):
        signer.sign_checkpoint("counterseal.example/other", 9, TREE.root(9), ())
    assert signer.remembered() == before


def test_an_old_leader_gets_nothing_signed(signer: Signer) -> None:
    """TX-K7: the lease is a fence; a lost race is retriable and no broken log."""
    signed(signer, 3, lease=4)
    signed(signer, 5, lease=4)
    signed(signer, 5, lease=6)
    for lease in (0, 4, 5):
        with pytest.raises(AdapterError, match="LEASE_STALE") as refused:
            signed(signer, 8, lease=lease)
        assert refused.value.retriable
    assert (signer.remembered().size, signer.remembered().lease) == (5, 6)
    signed(signer, 8, lease=6)


def test_a_log_that_went_on_under_another_name_is_closed(signer: Signer, tmp_path: Path) -> None:
    """TX-K7: not even the head that was signed last is signed again."""
    note = signed(signer, 7)
    replace_state(
        tmp_path / "signer", signer.remembered().amended(successor="counterseal.example/next")
    )
    with pytest.raises(IntegrityError, match="ORIGIN_CLOSED"):
        signed(signer, 7)
    assert "counterseal.example/test\n7\n" in note


@pytest.mark.parametrize("content", [None, b"", b"{}"], ids=["gone", "empty", "damaged"])
def test_a_lost_memory_signs_nothing(signer: Signer, tmp_path: Path, content: bytes | None) -> None:
    """TX-K7: there is no way back to zero."""
    signed(signer, 7)
    path = state_file(tmp_path / "signer", ORIGIN)
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(IntegrityError, match="SIGNER_STATE_"):
        signer.sign_checkpoint(ORIGIN, 9, TREE.root(9), TREE.consistency_path(7, 9))
    with pytest.raises(IntegrityError, match="SIGNER_STATE_"):
        signer.remembered()


def test_a_memory_that_cannot_be_written_is_retriable_and_signs_nothing(
    signer: Signer, tmp_path: Path
) -> None:
    """TX-K7: durable first, then the signature."""
    signed(signer, 7)
    blocked = state_file(tmp_path / "signer", ORIGIN).with_suffix(".json.new")
    blocked.mkdir()
    with pytest.raises(AdapterError, match="SIGNER_STATE_WRITE") as failed:
        signed(signer, 9)
    assert failed.value.retriable
    assert signer.remembered().size == 7
    blocked.rmdir()
    signed(signer, 9)
