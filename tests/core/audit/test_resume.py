"""Going on from where a verification ended: what it saves, what it sees, what it says it skips."""

from collections.abc import Iterable

import pytest
from pydantic import ValidationError

from counterseal.audit.keys import first_ring
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix, check_prefix
from counterseal.audit.verdict import Attacker, Finding, Outcome, Standing, Verdict
from counterseal.audit.verify import (
    Evidence,
    StoredCheckpoint,
    head_of_note,
    head_of_prefix,
    verify_log,
    verify_onward,
)
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log, edited, rechained
from tests.core.audit.test_verify import forged_log

LOG = a_log((3, 2, 2, 4))
PINNED = Evidence(SIGNER.key)


def upto(size: int) -> VerifiedPrefix:
    """The state after the checkpoint of this size."""
    kept = [c for c in LOG.checkpoints if c.size <= size]
    found = verify_onward(None, LOG.rows[:size], kept, PINNED)
    assert found.prefix is not None
    return found.prefix


def onward(
    rows: Iterable[StoredRow],
    after: VerifiedPrefix,
    checkpoints: Iterable[StoredCheckpoint] = tuple(LOG.checkpoints),
) -> Verdict:
    return verify_onward(after, rows, checkpoints, PINNED).verdict


def first(verdict: Verdict) -> tuple[int, Finding]:
    assert verdict.exit_status == 1
    assert verdict.first_bad is not None
    return verdict.first_bad.seq, verdict.first_bad.code


@pytest.mark.parametrize("size", [3, 5, 7, 11])
def test_i5_going_on_comes_to_the_same_root_and_state_as_reading_all(size: int) -> None:
    """TX-K5: only the last old record and the new ones are given."""
    after = upto(size)
    found = verify_onward(after, LOG.rows[size - 1 :], LOG.checkpoints, PINNED)
    whole = verify_log(LOG.rows, LOG.checkpoints, PINNED)
    assert found.verdict.outcome is Outcome.OK
    assert found.verdict.root == whole.root
    assert found.verdict.totals.read_from == size
    assert found.verdict.totals.size == 11
    assert found.verdict.totals.streams == whole.totals.streams
    assert found.prefix == upto(11)


def test_i5_what_was_not_read_again_is_said() -> None:
    """TX-K5: the state is an outside head, and no more than that."""
    verdict = onward(LOG.rows[6:], upto(7))
    told = {v.attacker: v for v in verdict.attackers}
    for attacker in (Attacker.A1, Attacker.A2):
        assert told[attacker].verdict is Standing.EXCLUDED
        assert "records before 7 were verified earlier" in told[attacker].because[0]
    assert told[Attacker.A3B].bound_seq == 6
    assert told[Attacker.A6].verdict is Standing.NOT_EXCLUDED


def test_i5_an_old_record_changed_afterwards_is_seen_in_full_and_never_called_read() -> None:
    """TX-K5: the bound of going on, from both sides."""
    rows = [LOG.rows[0]._replace(type="forged.type"), *LOG.rows[1:]]
    assert onward(rows[6:], upto(7)).totals.read_from == 7
    assert verify_log(rows, LOG.checkpoints, PINNED).exit_status == 1


def test_i5_a_prefix_rewritten_with_the_stolen_key_is_found() -> None:
    """TX-K7: nothing but the remembered tree can be extended."""
    forged = forged_log(SIGNER)
    after = upto(5)
    assert verify_log(forged.rows, forged.checkpoints, PINNED).findings_count == 0
    assert first(onward(forged.rows[4:], after, forged.checkpoints))[0] == 4
    hidden = [LOG.rows[4], *forged.rows[5:]]
    assert onward(hidden, after, forged.checkpoints).exit_status == 1


@pytest.mark.parametrize("left", range(5))
def test_i5_a_log_cut_below_the_state_is_found(left: int) -> None:
    """TX-K7, TX-Z9."""
    rows = [row for row in LOG.rows[:left] if row.seq >= 4]
    kept = [c for c in LOG.checkpoints if c.size <= left]
    assert first(onward(rows, upto(5), kept)) == (4, Finding.SHORTER_THAN_REMEMBERED)


def test_i5_the_last_verified_record_must_still_be_there_unchanged() -> None:
    """TX-K4, TX-K7."""
    after = upto(5)
    other = edited(LOG.rows[4], {"meaning": "other"})
    assert first(onward([other, *LOG.rows[5:]], after)) == (4, Finding.FORK_AT_SIZE)
    assert first(onward(LOG.rows[5:], after)) == (4, Finding.SEQ_GAP)


@pytest.mark.parametrize("seq", range(5, 11))
def test_i5_a_changed_missing_or_added_new_record_is_found(seq: int) -> None:
    """TX-K4, TX-K7."""
    after, rows = upto(5), list(LOG.rows[4:])
    at = seq - 4
    changed = [*rows[:at], edited(rows[at], {"meaning": "other"}), *rows[at + 1 :]]
    assert first(onward(changed, after))[0] == (seq if seq < 10 else 7)
    assert onward([*rows[:at], *rows[at + 1 :]], after).exit_status == 1
    assert onward([*rows[: at + 1], rows[at], *rows[at + 1 :]], after).exit_status == 1
    anew = rechained([*LOG.rows[:seq], edited(LOG.rows[seq], {"meaning": "other"})])
    assert onward(anew[4:], after).exit_status == 1


def test_nothing_new_leaves_the_state_as_it_is() -> None:
    """TX-K5."""
    found = verify_onward(upto(11), LOG.rows[10:], LOG.checkpoints, PINNED)
    assert found.verdict.outcome is Outcome.OK
    assert found.prefix == upto(11)


def test_records_behind_the_newest_checkpoint_are_read_again_next_time() -> None:
    """TX-K5."""
    found = verify_onward(upto(3), LOG.rows[2:9], LOG.checkpoints[:3], PINNED)
    assert found.verdict.totals.unsealed == 2
    assert found.prefix is not None
    assert found.prefix.size == 7


def test_no_state_comes_from_a_tampered_an_unsigned_or_an_unpinned_log() -> None:
    """TX-K5."""
    broken = [edited(LOG.rows[0], {"meaning": "other"}), *LOG.rows[1:]]
    assert verify_onward(None, broken, LOG.checkpoints, PINNED).prefix is None
    assert verify_onward(None, LOG.rows, [], PINNED).prefix is None
    assert verify_onward(None, LOG.rows, LOG.checkpoints, Evidence()).prefix is None
    stranger = Evidence(NoteSigner(ORIGIN, bytes(32)).key)
    assert verify_onward(None, LOG.rows, LOG.checkpoints, stranger).prefix is None


def test_i1_a_state_whose_peaks_lead_elsewhere_is_refused() -> None:
    """TX-K4: nobody can put another tree behind a signed root."""
    state = upto(7)
    for change in (
        {"peaks": state.peaks[:-1]},
        {"peaks": (*state.peaks[:-1], "0" * 64)},
        {"size": 6},
        {"root": "0" * 64},
    ):
        with pytest.raises(ValidationError):
            state.amended(**change)
    again = VerifiedPrefix.model_validate_json(state.model_dump_json())
    assert again == state
    assert head_of_prefix(again).root == bytes.fromhex(state.root)


def test_i2_a_state_that_the_pinned_key_did_not_sign_is_refused() -> None:
    """TX-K7."""
    state, older = upto(7), upto(5)
    check_prefix(state, first_ring(SIGNER.key))
    with pytest.raises(InputError, match="STATE_DIFFERS"):
        check_prefix(state.amended(checkpoint=older.checkpoint), first_ring(SIGNER.key))
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        check_prefix(state, first_ring(NoteSigner(ORIGIN, bytes(32)).key))
    with pytest.raises(InputError, match="KEY_UNKNOWN"):
        verify_onward(state, LOG.rows[6:], LOG.checkpoints, Evidence())


def test_a_state_and_a_head_of_another_log_are_refused_together() -> None:
    """TX-K5."""
    other = "counterseal.example/log2"
    foreign = a_log(origin=other, signer=NoteSigner(other, bytes(32)))
    evidence = Evidence(SIGNER.key, (head_of_note(foreign.checkpoint, None),))
    with pytest.raises(InputError, match="ORIGINS_DIFFER"):
        verify_onward(upto(7), LOG.rows[6:], LOG.checkpoints, evidence)
