"""The offline verifier: each attack, with and without evidence."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import root
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.signer import SignerState
from counterseal.audit.verdict import Attacker, Finding, Outcome, Standing, Verdict
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    StoredCheckpoint,
    head_of_note,
    head_of_signer,
    verify_log,
)
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.log_builder import NOW, ORIGIN, SIGNER, Log, a_log, edited, rechained

LOG = a_log()
PINNED = Evidence(log_key=SIGNER.key)
FULL = Evidence(log_key=SIGNER.key, heads=(head_of_note(LOG.checkpoint, SIGNER.key),))


def verify(
    rows: Sequence[StoredRow],
    evidence: Evidence = FULL,
    checkpoints: Sequence[StoredCheckpoint] = tuple(LOG.checkpoints),
) -> Verdict:
    return verify_log(rows, checkpoints, evidence)


def standing(verdict: Verdict) -> dict[str, Standing]:
    return {v.attacker.value: v.verdict for v in verdict.attackers}


def first(verdict: Verdict) -> tuple[int, Finding]:
    assert verdict.outcome is Outcome.TAMPERED
    assert verdict.exit_status == 1
    assert verdict.first_bad is not None
    return verdict.first_bad.seq, verdict.first_bad.code


def codes(verdict: Verdict) -> set[Finding]:
    return {finding.code for finding in verdict.findings}


def test_an_honest_log_with_pinned_key_and_outside_head_is_ok() -> None:
    """TX-K5."""
    verdict = verify(LOG.rows)
    assert (verdict.outcome, verdict.exit_status) == (Outcome.OK, 0)
    assert verdict.totals.size == 7
    assert verdict.totals.streams == 2
    assert verdict.totals.checkpoints_valid == 3
    assert verdict.totals.unsealed == 0
    assert verdict.root == LOG.head.root.hex()


def test_i1_the_database_alone_is_never_ok() -> None:
    """TX-K5."""
    for required in ((), (Attacker.A1,), (Attacker.A1, Attacker.A2), tuple(Attacker)):
        verdict = verify_log(LOG.rows, LOG.checkpoints, None, required)
        assert (verdict.outcome, verdict.exit_status) == (Outcome.INCONCLUSIVE, 3)


def test_i2_the_evidence_table_holds_row_by_row() -> None:
    """TX-K5."""
    e, no, none = Standing.EXCLUDED, Standing.NOT_EXCLUDED, Standing.NO_EVIDENCE
    names = [a.value for a in Attacker]
    alone = standing(verify(LOG.rows, Evidence()))
    pinned = standing(verify(LOG.rows, PINNED))
    full = verify(LOG.rows)
    assert alone == dict(zip(names, [e, e, *[none] * 7], strict=True))
    assert pinned == dict(zip(names, [e, e, none, none, e, no, none, none, none], strict=True))
    assert standing(full) == dict(zip(names, [e, e, none, e, e, e, no, none, none], strict=True))
    assert {v.bound_seq for v in full.attackers if v.verdict is e} == {6}
    assert verify(LOG.rows, PINNED).exit_status == 3


def test_i2_an_older_head_bounds_what_is_excluded() -> None:
    """TX-K7."""
    old = head_of_note(LOG.checkpoints[0].note, SIGNER.key)
    verdict = verify(LOG.rows, Evidence(SIGNER.key, (old,)))
    bounds = {v.attacker.value: v.bound_seq for v in verdict.attackers}
    assert (bounds["A1"], bounds["A3b"], bounds["A4"], bounds["A5"]) == (6, 2, 6, 2)


def test_i4_an_empty_log_is_nothing_to_verify() -> None:
    """TX-K5."""
    zero = RememberedHead(ORIGIN, 0, root(()), "genesis")
    for evidence in (Evidence(), PINNED, Evidence(heads=(zero,))):
        verdict = verify([], evidence, [])
        assert (verdict.outcome, verdict.exit_status) == (Outcome.NOTHING_TO_VERIFY, 3)


def test_i4_an_emptied_log_is_found_by_any_head() -> None:
    """TX-K5, TX-Z9."""
    assert first(verify([], FULL, [])) == (0, Finding.SHORTER_THAN_REMEMBERED)


def test_i4_a_cut_tail_is_named_by_the_checkpoint_that_stayed() -> None:
    """TX-K7, TX-Z9, AS-6: deleting the last row is found without any outside evidence."""
    verdict = verify(LOG.rows[:-1], Evidence())
    assert first(verdict) == (6, Finding.SHORTER_THAN_REMEMBERED)


@given(st.integers(0, 6))
@settings(max_examples=7, deadline=None)
def test_i4_a_tail_cut_with_its_checkpoints_needs_a_remembered_head(keep: int) -> None:
    """TX-K7, TX-Z9."""
    left = [c for c in LOG.checkpoints if c.size <= keep]
    blind = verify(LOG.rows[:keep], PINNED, left)
    assert blind.findings_count == 0
    assert blind.exit_status == 3
    assert first(verify(LOG.rows[:keep], FULL, left)) == (keep, Finding.SHORTER_THAN_REMEMBERED)


def test_i4_the_signer_state_is_a_remembered_head() -> None:
    """TX-K7."""
    state = SignerState(origin=ORIGIN, size=7, root=LOG.head.root.hex())
    evidence = Evidence(SIGNER.key, (head_of_signer(state),))
    assert verify(LOG.rows, evidence).exit_status == 0
    assert verify(LOG.rows[:5], evidence, LOG.checkpoints[:2]).exit_status == 1


@given(st.integers(0, 6), st.data())
@settings(max_examples=150, deadline=None)
def test_i3_any_changed_byte_is_found_and_named(seq: int, data: st.DataObject) -> None:
    """TX-K4, TX-K7: bytes changed, columns and stored hash left alone."""
    body = bytearray(LOG.rows[seq].body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    rows = list(LOG.rows)
    rows[seq] = rows[seq]._replace(body=bytes(body))

    verdict = verify(rows, Evidence())
    assert first(verdict) == (seq, Finding.COLUMN_MISMATCH)
    assert verdict.first_bad is not None
    assert verdict.first_bad.layer == "column:leaf_hash"


@pytest.mark.parametrize("name", StoredRow._fields[:-1])
@pytest.mark.parametrize("seq", [1, 3, 6])
def test_i3_any_changed_column_is_found_and_named(name: str, seq: int) -> None:
    """TX-K4."""
    rows = list(LOG.rows)
    old = getattr(rows[seq], name)
    new = old + 40 if isinstance(old, int) else f"{old}x"
    rows[seq] = StoredRow(**{**rows[seq]._asdict(), name: new})
    found = verify(rows, Evidence())
    assert Finding.COLUMN_MISMATCH in codes(found)
    assert first(found)[0] == seq


@given(st.integers(0, 5))
@settings(max_examples=6, deadline=None)
def test_i3_an_edit_with_fitting_columns_and_hash_breaks_the_chain_there(seq: int) -> None:
    """TX-K4, AS-6: a middle row edited, its index and stored hash made to fit."""
    rows = list(LOG.rows)
    rows[seq] = edited(rows[seq], {"meaning": "other"})
    assert first(verify(rows, Evidence())) == (seq, Finding.CHAIN_BREAK)


def test_i3_the_last_row_edited_alike_is_caught_by_the_root() -> None:
    """TX-K4."""
    rows = [*LOG.rows[:-1], edited(LOG.rows[-1], {"meaning": "other"})]
    assert first(verify(rows, Evidence())) == (5, Finding.ROOT_MISMATCH)


@pytest.mark.parametrize("seq", range(7))
def test_i3_a_missing_row_is_found_and_named(seq: int) -> None:
    """TX-K7."""
    rows = LOG.rows[:seq] + LOG.rows[seq + 1 :]
    expected = Finding.SHORTER_THAN_REMEMBERED if seq == 6 else Finding.SEQ_GAP
    verdict = verify(rows)
    assert Finding(expected) in codes(verdict)
    assert first(verdict)[0] in {seq, max(seq - 1, 0)}
    if seq < 6:
        assert standing(verdict)["A2"] is Standing.DETECTED
        assert standing(verdict)["A3b"] is not Standing.DETECTED


def test_i3_a_doubled_and_a_swapped_row_are_found() -> None:
    """TX-K4, TX-K5."""
    doubled = verify([*LOG.rows[:3], LOG.rows[2], *LOG.rows[3:]])
    assert Finding.SEQ_DUP in codes(doubled)
    assert doubled.totals.duplicate_event_ids == 1
    swapped = verify([LOG.rows[0], LOG.rows[2], LOG.rows[1], *LOG.rows[3:]])
    assert {Finding.SEQ_GAP, Finding.SEQ_DUP} <= codes(swapped)


def test_i3_an_event_id_used_twice_is_found_even_in_a_sound_chain() -> None:
    """TX-K4."""
    rows = list(LOG.rows)
    rows[4] = edited(rows[4], {"event_id": rows[2].event_id})
    verdict = verify(rechained(rows), Evidence(), [])
    assert first(verdict) == (4, Finding.SEQ_DUP)
    assert verdict.totals.duplicate_event_ids == 1


def test_i3_a_gap_inside_a_stream_is_found_even_in_a_sound_chain() -> None:
    """TX-K4."""
    rows = list(LOG.rows)
    rows[6] = edited(rows[6], {"stream_seq": 9})
    assert first(verify(rows, Evidence(), [])) == (6, Finding.STREAM_GAP)


@given(st.integers(0, 6))
@settings(max_examples=7, deadline=None)
def test_i3_a_recomputed_chain_is_caught_by_the_signed_root(seq: int) -> None:
    """TX-K7: the chain alone is blind to it."""
    rows = list(LOG.rows)
    rows[seq] = edited(rows[seq], {"meaning": "other"})
    forged = rechained(rows)
    assert verify(forged, Evidence(), []).findings_count == 0
    sealed_before = max((c.size for c in LOG.checkpoints if c.size <= seq), default=0)
    verdict = verify(forged, PINNED)
    assert first(verdict) == (sealed_before, Finding.ROOT_MISMATCH)
    assert standing(verdict)["A4"] is Standing.DETECTED


def forged_log(signer: NoteSigner) -> Log:
    forged = rechained(edited(row, {"meaning": "other"}) for row in LOG.rows)
    top = root(bytes.fromhex(row.leaf_hash) for row in forged)
    note = sign_checkpoint(Checkpoint(ORIGIN, 7, top), signer)
    return Log(forged, [StoredCheckpoint(7, note)], LOG.head)


def test_a_log_signed_anew_by_another_key_is_caught_by_the_pinned_one() -> None:
    """TX-K7."""
    forged = forged_log(NoteSigner(ORIGIN, bytes(32)))
    assert verify(forged.rows, Evidence(), forged.checkpoints).exit_status == 3
    verdict = verify(forged.rows, PINNED, forged.checkpoints)
    assert first(verdict)[1] is Finding.KEY_UNKNOWN


def test_a_log_signed_anew_by_the_stolen_key_is_caught_by_the_outside_head() -> None:
    """TX-K7."""
    forged = forged_log(SIGNER)
    assert verify(forged.rows, PINNED, forged.checkpoints).exit_status == 3
    verdict = verify(forged.rows, FULL, forged.checkpoints)
    assert first(verdict)[1] is Finding.FORK_AT_SIZE
    assert standing(verdict)["A5"] is Standing.DETECTED


def test_two_signed_roots_for_one_size_are_a_fork() -> None:
    """TX-K7."""
    verdict = verify(LOG.rows, PINNED, [*LOG.checkpoints, *forged_log(SIGNER).checkpoints])
    assert Finding.FORK_AT_SIZE in codes(verdict)


def test_a_bad_or_unreadable_checkpoint_is_named() -> None:
    """TX-K4."""
    good = LOG.checkpoints[-1]
    for note, size, code in (
        (good.note.replace("\n7\n", "\n8\n"), 8, Finding.SIG_INVALID),
        (good.note.removesuffix("\n"), 7, Finding.NOT_CANONICAL),
        (good.note, 6, Finding.COLUMN_MISMATCH),
    ):
        verdict = verify(LOG.rows, PINNED, [StoredCheckpoint(size, note)])
        assert first(verdict) == (size - 1, code)


def test_records_behind_the_last_checkpoint_are_reported_as_not_covered() -> None:
    """TX-K7."""
    verdict = verify(LOG.rows, PINNED, LOG.checkpoints[:2])
    assert verdict.totals.unsealed == 2
    assert {v.bound_seq for v in verdict.attackers if v.verdict is Standing.EXCLUDED} == {4}


def test_i2_equal_and_backward_times_verify() -> None:
    """TX-Z15: order is the sequence number."""
    log = a_log((1, 1, 1, 1), times=[NOW, NOW, NOW - timedelta(hours=2), NOW])
    head = head_of_note(log.checkpoint, SIGNER.key)
    verdict = verify(log.rows, Evidence(SIGNER.key, (head,)), log.checkpoints)
    assert verdict.outcome is Outcome.OK
    assert verdict.totals.clock_steps_back == 1


def test_a_record_copied_from_another_log_is_found() -> None:
    """TX-K7."""
    other = "counterseal.example/log2"
    foreign = a_log(origin=other, signer=NoteSigner(other, bytes(32)))
    assert verify(foreign.rows, Evidence(), []).origin == other
    assert Finding.COLUMN_MISMATCH in codes(verify(foreign.rows, PINNED, []))
    assert Finding.COLUMN_MISMATCH in codes(verify(LOG.rows, Evidence(), foreign.checkpoints))


def test_evidence_about_several_logs_is_refused() -> None:
    """TX-K5."""
    head = RememberedHead("counterseal.example/log2", 7, LOG.head.root, "anchor")
    with pytest.raises(InputError, match="ORIGINS_DIFFER"):
        verify(LOG.rows, Evidence(SIGNER.key, (head,)))


def test_a_kept_checkpoint_is_verified_under_the_pinned_key() -> None:
    """TX-K7."""
    with pytest.raises(IntegrityError, match="SIG_INVALID"):
        head_of_note(LOG.checkpoint.replace("\n7\n", "\n8\n"), SIGNER.key)
    assert head_of_note(LOG.checkpoint, None).size == 7


@pytest.mark.parametrize(
    "change",
    [
        {"v": True},
        {"v": 2},
        {"seq": True},
        {"stream_seq": True},
        {"more": 1},
        {"clock": None},
        {"clock": {"source": "x", "max_error_us": -1}},
    ],
)
def test_a_record_outside_the_format_is_found(change: dict[str, object]) -> None:
    """TX-K4."""
    rows = [LOG.rows[0], edited(LOG.rows[1], change)._replace(seq=1)]
    verdict = verify(rows, Evidence(), [])
    assert first(verdict) == (1, Finding.NOT_CANONICAL)


@pytest.mark.parametrize("name", StoredRow._fields)
@pytest.mark.parametrize("value", [None, "text", 7, b"bytes"])
def test_i3_a_column_of_another_type_is_found_and_never_crashes(name: str, value: object) -> None:
    """TX-K4: a database file may hold any type in any column."""
    rows = list(LOG.rows)
    rows[1] = StoredRow(**{**rows[1]._asdict(), name: value})
    assert first(verify(rows, Evidence()))[0] in {0, 1}


def test_a_checkpoint_size_of_another_type_is_found() -> None:
    """TX-K4."""
    stored = StoredCheckpoint("7", LOG.checkpoint)  # type: ignore[arg-type] # the attack
    assert first(verify(LOG.rows, PINNED, [stored]))[1] is Finding.COLUMN_MISMATCH


def test_i3_a_contradiction_leaves_nothing_excluded_and_findings_stay_bounded() -> None:
    """TX-K5."""
    log = a_log((150,))
    rows = [row._replace(leaf_hash="0" * 64) for row in log.rows]
    verdict = verify(rows, PINNED, log.checkpoints)
    assert (verdict.findings_count, len(verdict.findings)) == (150, 100)
    assert Standing.EXCLUDED not in standing(verdict).values()
