"""An auditor pins the first key and walks to the key of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from counterseal.audit.keys import (
    HEADER,
    OVERLAP,
    KeyRecord,
    SealStanding,
    check_key_change,
    first_ring,
    revocation_text,
    rotation_text,
    seal_standing,
    walk_keys,
)
from counterseal.audit.note import NoteSigner
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Refusal
from tests.core.audit.keeper import Keeper, a_signer, signed
from tests.core.audit.log_builder import ORIGIN, SIGNER

ONE, TWO = a_signer(101), a_signer(102)
COUNTS, UNATTESTED = SealStanding.COUNTS, SealStanding.UNATTESTED
UNKNOWN, REVOKED = SealStanding.KEY_UNKNOWN, SealStanding.KEY_REVOKED


def rotated(
    seq: int, old: NoteSigner, new: NoteSigner, *by: NoteSigner, until: int | None = None
) -> KeyRecord:
    text = rotation_text(old.key, new.key, seq + OVERLAP if until is None else until)
    return KeyRecord(seq, "key.rotated", signed(text, *(by or (old, new))))


def revoked(seq: int, gone: NoteSigner, by: NoteSigner, *signers: NoteSigner) -> KeyRecord:
    text = revocation_text(gone.key, by.key, "stolen")
    return KeyRecord(seq, "key.revoked", signed(text, *(signers or (by,))))


def codes(*records: KeyRecord) -> list[tuple[int, str]]:
    return [(found.seq, found.code.value) for found in walk_keys(SIGNER.key, records)[1]]


def test_one_key_counts_for_every_size_until_it_is_rotated() -> None:
    """Design 6: the auditor pins the first vkey."""
    ring = first_ring(SIGNER.key)
    assert ring.standing(SIGNER.key, 0) is COUNTS
    assert ring.standing(SIGNER.key, 10**9) is COUNTS
    assert ring.standing(ONE.key, 1) is UNKNOWN


def test_both_keys_count_in_the_overlap_and_only_the_new_one_behind_it() -> None:
    """Design 6: signed by old and new; both sides of both bounds."""
    ring, found = walk_keys(SIGNER.key, [rotated(10, SIGNER, ONE, until=15)])
    assert found == ()
    assert ring.current == ONE.key
    assert [ring.standing(ONE.key, size) for size in (10, 11)] == [UNKNOWN, COUNTS]
    assert [ring.standing(SIGNER.key, size) for size in (15, 16)] == [COUNTS, UNKNOWN]


def test_a_revoked_key_signs_nothing_over_its_revocation() -> None:
    """Design 6: earlier checkpoints count only when something attests that they existed."""
    ring, found = walk_keys(
        SIGNER.key, [rotated(10, SIGNER, ONE, until=15), revoked(12, SIGNER, ONE)]
    )
    assert found == ()
    assert ring.standing(SIGNER.key, 13) is REVOKED
    assert ring.standing(SIGNER.key, 12) is UNATTESTED
    assert ring.standing(SIGNER.key, 12, seen=[11]) is UNATTESTED
    assert ring.standing(SIGNER.key, 12, seen=[12]) is COUNTS
    assert ring.standing(SIGNER.key, 12, seen=[10**6]) is UNATTESTED
    assert ring.standing(ONE.key, 13) is COUNTS


@pytest.mark.parametrize("by", [(SIGNER,), (ONE,)], ids=["old alone", "new alone"])
def test_i1_a_rotation_needs_both_signatures(by: tuple[NoteSigner, ...]) -> None:
    """Design 6: missing signature is KEY_UNKNOWN, and the old key stays in force."""
    record = rotated(3, SIGNER, ONE, *by)
    assert codes(record) == [(3, "KEY_UNKNOWN")]
    assert walk_keys(SIGNER.key, [record])[0].current == SIGNER.key


def test_i1_changes_in_the_wrong_order_are_refused() -> None:
    """Design 6: each rotation follows the key in force."""
    first, second = rotated(3, SIGNER, ONE), rotated(5, ONE, TWO)
    assert codes(first, second) == []
    assert codes(second._replace(seq=3), first._replace(seq=5)) == [
        (3, "KEY_UNKNOWN"),
    ]
    assert codes(second) == [(5, "KEY_UNKNOWN")]


def test_i2_a_revoked_key_never_comes_back() -> None:
    """Design 6: KEY_REVOKED for a rotation to it, from it, and a second revocation."""
    begun = (rotated(3, SIGNER, ONE), revoked(4, SIGNER, ONE))
    assert codes(*begun, rotated(5, ONE, SIGNER)) == [(5, "KEY_REVOKED")]
    assert codes(*begun, rotated(5, SIGNER, TWO)) == [(5, "KEY_REVOKED")]
    assert codes(*begun, revoked(5, SIGNER, ONE)) == [(5, "KEY_REVOKED")]


def test_a_key_does_not_revoke_itself_nor_a_stranger() -> None:
    """Design 6: a lost key in force needs a new epoch."""
    assert codes(revoked(3, SIGNER, SIGNER)) == [(3, "KEY_UNKNOWN")]
    assert codes(revoked(3, TWO, SIGNER)) == [(3, "KEY_UNKNOWN")]
    assert codes(rotated(3, SIGNER, ONE), revoked(4, SIGNER, ONE, SIGNER)) == [(4, "KEY_UNKNOWN")]


def test_another_first_key_is_unknown() -> None:
    """Design 9: a log founded under another key than the pinned one."""
    assert codes(KeyRecord(0, "installation.created", ONE.key.text)) == [(0, "KEY_UNKNOWN")]
    assert codes(KeyRecord(7, "installation.created", SIGNER.key.text)) == [(7, "KEY_UNKNOWN")]
    assert codes(KeyRecord(0, "installation.created", SIGNER.key.text)) == []


def test_a_changed_statement_is_a_bad_signature() -> None:
    """Design 4: a bad line under a known pair refuses the note."""
    record = rotated(3, SIGNER, ONE)
    forged = record._replace(text=record.text.replace(f"until {3 + OVERLAP}", "until 900"))
    assert codes(forged) == [(3, "SIG_INVALID")]


@pytest.mark.parametrize("until", [3, 3 + 1 + OVERLAP + 1, -1])
def test_the_overlap_is_bounded(until: int) -> None:
    """Design 6: the old key cannot keep itself in force."""
    assert codes(rotated(3, SIGNER, ONE, until=until)) == [(3, "KEY_UNKNOWN")]
    assert codes(rotated(3, SIGNER, ONE, until=4)) == []
    assert codes(rotated(3, SIGNER, ONE, until=4 + OVERLAP)) == []


def test_another_log_s_keys_do_not_enter() -> None:
    """Design 6: the name of a log key is the origin."""
    foreign = NoteSigner("other.example/log", bytes([7]) * 32)
    assert codes(rotated(3, SIGNER, foreign)) == [(3, "KEY_UNKNOWN")]


@pytest.mark.parametrize("text", ["", "words", f"{HEADER}\n\n", signed("a\nb\n", SIGNER)])
def test_i4_an_unreadable_change_is_named_and_passed_over(text: str) -> None:
    """Design 9: stable codes, no crash."""
    bad = KeyRecord(3, "key.rotated", text)
    assert codes(bad, rotated(4, SIGNER, ONE)) == [(3, "KEY_UNKNOWN")]


def test_i3_a_statement_is_no_checkpoint() -> None:
    """Design 6: the log key signs nothing that could pass as a tree."""
    with pytest.raises(InputError):
        read_checkpoint(rotated(3, SIGNER, ONE).text)


def test_a_statement_of_the_other_kind_is_refused() -> None:
    """Design 6: type and statement agree."""
    assert codes(rotated(3, SIGNER, ONE)._replace(type="key.revoked")) == [(3, "KEY_UNKNOWN")]


def test_a_change_that_an_auditor_would_refuse_is_refused_before_it_is_recorded() -> None:
    """Design 6, KEY_UNKNOWN and the accepted neighbour."""
    assert isinstance(check_key_change(SIGNER.key, [rotated(3, ONE, TWO)]), Refusal)
    ring = check_key_change(SIGNER.key, [rotated(3, SIGNER, ONE)])
    assert not isinstance(ring, Refusal)
    assert ring.current == ONE.key


def test_a_checkpoint_is_worth_its_best_line() -> None:
    """Design 6: overlapping checkpoints carry two lines; SIG_INVALID and KEY_UNKNOWN beside."""
    ring, _ = walk_keys(SIGNER.key, [rotated(3, SIGNER, ONE, until=4), revoked(5, SIGNER, ONE)])
    seal = Checkpoint(ORIGIN, 7, bytes(32))
    old, both, none = (signed(seal.text, *by) for by in ((SIGNER,), (SIGNER, ONE), (TWO,)))
    assert seal_standing(ring, both, 7) is COUNTS
    assert seal_standing(ring, old, 7) is REVOKED
    assert seal_standing(ring, old, 4) is UNATTESTED
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        seal_standing(ring, none, 7)
    with pytest.raises(IntegrityError, match="SIG_INVALID"):
        seal_standing(ring, both.replace("\n7\n", "\n8\n"), 8)


def test_the_log_itself_tells_its_keys() -> None:
    """Design 6: the key list lives in the log."""
    keeper = Keeper()
    keeper.rotate()
    keeper.rotate()
    keeper.revoke()
    ring = keeper.ring()
    assert ring.keys == tuple(signer.key for signer in keeper.signers)
    assert all(key.name == ORIGIN for key in ring.keys)


@given(acts=st.lists(st.sampled_from(["rotate", "revoke", "case"]), max_size=12), data=st.data())
def test_i4_dropping_one_change_never_hides_that_it_is_gone(
    acts: list[str], data: st.DataObject
) -> None:
    """Design 6: property over random sequences; a rotation left out breaks every later step."""
    keeper = Keeper()
    for act in acts:
        if act == "case":
            keeper.case("case:one", "ann")
        else:
            getattr(keeper, act)()
    records = keeper.accounts().key_records
    ring, found = walk_keys(SIGNER.key, records)
    assert found == ()
    assert ring.current == keeper.signers[-1].key
    last = max((n for n, r in enumerate(records) if r.type == "key.rotated"), default=0)
    places = [n for n, r in enumerate(records) if r.type == "key.rotated" and n < last]
    if places:
        gone = data.draw(st.sampled_from(places))
        shown = [r for n, r in enumerate(records) if n != gone]
        other, odd = walk_keys(SIGNER.key, shown)
        assert odd
        assert other.current != ring.current
