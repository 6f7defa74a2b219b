"""Checks of the verifier that only one shape of log needs: found as mutants that lived."""

from collections.abc import Callable, Sequence

import pytest

from counterseal.audit import part
from counterseal.audit.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from counterseal.audit.keys import rotation_text
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Finding, Outcome, Verdict
from counterseal.audit.verify import (
    Evidence,
    StoredCheckpoint,
    head_of_note,
    verify_log,
    verify_onward,
)
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.keeper import Keeper, a_signer, signed
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log, edited, rechained
from tests.core.audit.test_fast_verify import compared

Rows = list[StoredRow]


def edit(rows: Rows, at: int) -> None:
    rows[at] = edited(rows[at], {"meaning": "forged"})


def edit_and_chain_anew(rows: Rows, at: int) -> None:
    rows[:] = rechained([*rows[:at], edited(rows[at], {"meaning": "forged"}), *rows[at + 1 :]])


def edit_bytes(rows: Rows, at: int) -> None:
    rows[at] = edited(rows[at], {"meaning": "forged"}, columns=False)


def drop(rows: Rows, at: int) -> None:
    del rows[at]


def drop_and_chain_anew(rows: Rows, at: int) -> None:
    rows[:] = rechained([*rows[:at], *rows[at + 1 :]])


def double(rows: Rows, at: int) -> None:
    rows.insert(at, rows[at])


def double_and_chain_anew(rows: Rows, at: int) -> None:
    rows[:] = rechained([*rows[:at], rows[at], *rows[at:]])


def swap(rows: Rows, at: int) -> None:
    rows[at], rows[at - 1] = rows[at - 1], rows[at]


def copy_from_another_log(rows: Rows, at: int) -> None:
    foreign = edited(rows[at], {"origin": "counterseal.example/other"})
    rows[:] = rechained([*rows[:at], foreign, *rows[at + 1 :]])


def break_a_stream(rows: Rows, at: int) -> None:
    """The record's stream starts anew in a chain that is sound."""
    places = {"stream_seq": 1, "stream_prev": "0" * 64}
    rows[at] = edited(rows[at], places)
    for later in range(at + 1, len(rows)):
        rows[later] = edited(rows[later], {"prev": rows[later - 1].leaf_hash})


TAMPERED: tuple[Callable[[Rows, int], None], ...] = (
    *(edit, edit_and_chain_anew, edit_bytes, drop, drop_and_chain_anew, double),
    *(double_and_chain_anew, swap, copy_from_another_log, break_a_stream),
)


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_i1_where_a_stretch_ends_hides_nothing(
    tamper: Callable[[Rows, int], None], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walk I1: each contradiction lies between two stretches in some of these."""
    monkeypatch.setattr(part, "STRETCH_MAX", width)
    log = a_log((3, 4, 3))
    evidence = Evidence(SIGNER.key, (head_of_note(log.checkpoint, SIGNER.key),))
    for at in range(2, len(log.rows) - 1):
        rows = list(log.rows)
        tamper(rows, at)
        assert compared(rows, evidence, log.checkpoints).outcome == Outcome.TAMPERED
        compared(rows, Evidence(), ())
    assert compared(log.rows, evidence, log.checkpoints).outcome == Outcome.OK


def purged() -> Keeper:
    """A log whose old case was let go by two people."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    keeper.case("case:one", "ann")
    for _ in range(30):
        keeper.case("case:two", "bob")
    assert keeper.purge() is not None
    return keeper


def verified(keeper: Keeper, *signers: NoteSigner, columns: bool = True) -> Verdict:
    """Under a checkpoint of the whole log by these keys, by default the one in force."""
    head = Checkpoint(ORIGIN, keeper.head.size, keeper.head.root)
    notes = [sign_checkpoint(head, signer) for signer in signers or (keeper.signers[-1],)]
    return checked(keeper.rows, notes, columns=columns)


def checked(rows: Sequence[StoredRow], notes: Sequence[str], *, columns: bool = True) -> Verdict:
    stored = [StoredCheckpoint(len(rows), note) for note in notes]
    return verify_log(rows, stored, Evidence(SIGNER.key), columns=columns)


def codes(verdict: Verdict) -> set[tuple[int, Finding]]:
    return {(found.seq, found.code) for found in verdict.findings}


@pytest.mark.parametrize("columns", [True, False])
def test_a_purged_log_has_no_contradiction(columns: bool) -> None:
    """Invariant 4: what was let go keeps its leaf hash, its place and its stream."""
    verdict = verified(purged(), columns=columns)
    assert codes(verdict) == set()
    assert verdict.totals.checkpoints_valid == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"leaf_hash": "00" * 32}, Finding.CHAIN_BREAK),
        ({"stream_seq": 7}, Finding.STREAM_GAP),
        ({"stream_prev": "00" * 32}, Finding.STREAM_GAP),
        ({"prev": "00" * 32}, Finding.CHAIN_BREAK),
    ],
)
def test_a_changed_cell_of_a_purged_row_is_found(change: dict[str, object], code: Finding) -> None:
    """Invariant 4: no bytes are left to compare with, but its neighbours are."""
    keeper = purged()
    gone = next(row.seq for row in reversed(keeper.rows) if not row.body)
    keeper.rows[gone] = StoredRow(**{**keeper.rows[gone]._asdict(), **change})
    assert code in {found.code for found in verified(keeper).findings}


@pytest.mark.parametrize("columns", [True, False])
def test_a_key_before_and_behind_its_time_signs_nothing_that_counts(columns: bool) -> None:
    """Seals I1, design 6: rotated out and revoked keys are told apart, at the record's number."""
    keeper = Keeper()
    old = keeper.signers[-1]
    new = a_signer(1)
    text = rotation_text(old.key, new.key, keeper.head.size + 3)
    keeper.change("key.rotated", new, signed(text, old, new))
    keeper.signers.append(new)
    for _ in range(3):
        keeper.write("desk.noted", "case:one", {})
    last = keeper.head.size - 1
    assert codes(verified(keeper, columns=columns)) == set()
    assert codes(verified(keeper, old, columns=columns)) == {(last, Finding.KEY_UNKNOWN)}
    assert verified(keeper, old, columns=columns).totals.checkpoints_valid == 0
    keeper.revoke()
    last = keeper.head.size - 1
    assert codes(verified(keeper, columns=columns)) == set()
    assert codes(verified(keeper, old, columns=columns)) == {(last, Finding.KEY_REVOKED)}
    assert verified(keeper, old, columns=columns).totals.checkpoints_valid == 0


def test_i2_a_checkpoint_of_another_log_is_not_excused_from_its_signature() -> None:
    """Seals I2: the right root under another name was not signed by the log's key."""
    log = a_log((3, 3))
    other = NoteSigner("counterseal.example/other", bytes(32))
    root = read_checkpoint(log.checkpoints[0].note).root
    foreign = StoredCheckpoint(3, sign_checkpoint(Checkpoint(other.key.name, 3, root), other))
    notes = [foreign, log.checkpoints[1]]
    for signatures in (1, None):
        found = verify_log(log.rows, notes, Evidence(SIGNER.key), signatures=signatures)
        assert codes(found) == {(2, Finding.KEY_UNKNOWN)}


def test_a_log_whose_name_nothing_tells_is_not_accused_of_another() -> None:
    """Verify: hashes alone, and nothing given."""
    log = a_log((3, 3))
    found = verify_log(log.rows, log.checkpoints, Evidence(), columns=False)
    assert (found.origin, codes(found)) == (None, set())


@pytest.mark.parametrize("columns", [True, False])
def test_openings_are_compared_whether_columns_are_or_not(columns: bool) -> None:
    """Invariant 4: what was committed to is read from the bytes in either case."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    note = sign_checkpoint(Checkpoint(ORIGIN, keeper.head.size, keeper.head.root), SIGNER)
    stored = [StoredCheckpoint(keeper.head.size, note)]
    for openings, expected in (
        (tuple(keeper.openings.values()), set()),
        ((), {(keeper.head.size - 1, Finding.PII_MISSING)}),
    ):
        evidence = Evidence(SIGNER.key, openings=openings)
        assert codes(verify_log(keeper.rows, stored, evidence, columns=columns)) == expected


def test_going_on_leaves_older_checkpoints_alone_and_tells_where_it_began() -> None:
    """Resume I5: those below were judged at another time; each other one is seen."""
    log = a_log((2, 2, 2))
    first = verify_onward(None, log.rows[:4], log.checkpoints[:2], Evidence(SIGNER.key))
    assert first.prefix is not None
    assert first.verdict.totals.checkpoints_seen == 2
    found = verify_onward(first.prefix, log.rows[3:], log.checkpoints, Evidence(SIGNER.key))
    totals = found.verdict.totals
    assert codes(found.verdict) == set()
    assert (totals.checkpoints_seen, totals.checkpoints_valid) == (2, 2)
    assert (totals.size, totals.read_from, totals.unsealed) == (6, 4, 0)
    assert found.prefix is not None
    assert found.prefix.size == 6


def test_a_prefix_is_kept_only_of_a_log_without_contradiction_and_with_a_seal() -> None:
    """Resume I1: nothing to go on from else."""
    log = a_log((2, 2))
    pinned = Evidence(SIGNER.key)
    assert verify_onward(None, log.rows, log.checkpoints, pinned).prefix is not None
    assert verify_onward(None, log.rows, [], pinned).prefix is None
    forged = [*log.rows[:3], edited(log.rows[3], {"meaning": "forged"})]
    assert verify_onward(None, forged, log.checkpoints, pinned).prefix is None
    other = NoteSigner(ORIGIN, bytes(32))
    signed_by_other = StoredCheckpoint(
        4, sign_checkpoint(read_checkpoint(log.checkpoints[1].note), other)
    )
    found = verify_onward(None, log.rows, [log.checkpoints[0], signed_by_other], pinned)
    assert found.prefix is None
    later = [*log.rows, edited(log.rows[3], {"seq": 4, "prev": "0" * 64})]
    assert verify_onward(None, later, log.checkpoints, pinned).prefix is None


def test_a_prefix_that_the_key_did_not_sign_is_nothing_to_go_on_from() -> None:
    """Resume I2: a state that somebody wrote is refused before a row is read."""
    log = a_log((2, 2, 2))
    made = verify_onward(None, log.rows[:4], log.checkpoints[:2], Evidence(SIGNER.key)).prefix
    assert made is not None
    other = NoteSigner(ORIGIN, bytes(32))
    note = sign_checkpoint(Checkpoint(ORIGIN, 4, bytes.fromhex(made.root)), other)
    forged = made.amended(checkpoint=note)
    with pytest.raises(IntegrityError):
        verify_onward(forged, log.rows[3:], log.checkpoints, Evidence(SIGNER.key))
    with pytest.raises(InputError, match="KEY_UNKNOWN"):
        verify_onward(made, log.rows[3:], log.checkpoints, Evidence())


def test_the_verdict_counts_every_record_and_commitment_it_read() -> None:
    """Verdict: `records` always, `pii` when openings were compared."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    note = sign_checkpoint(Checkpoint(ORIGIN, keeper.head.size, keeper.head.root), SIGNER)
    stored = [StoredCheckpoint(keeper.head.size, note)]
    bare = verify_log(keeper.rows, stored, Evidence(SIGNER.key))
    assert bare.records is not None
    assert (bare.records.present, bare.pii) == (keeper.head.size, None)
    openings = tuple(keeper.openings.values())
    whole = verify_log(keeper.rows, stored, Evidence(SIGNER.key, openings=openings))
    assert whole.pii is not None
    assert whole.pii.opened == 1
