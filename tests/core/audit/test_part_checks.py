"""Checks of one part of a log that only one shape of log needs: what it goes on from, and where."""

import pytest

from counterseal.audit.accounts import Accounts
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.keys import rotation_text
from counterseal.audit.note import NoteSigner
from counterseal.audit.outside import OutsideEvidence
from counterseal.audit.part import Part, Verification, verify_part
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Finding
from counterseal.audit.verify import Evidence, StoredCheckpoint, verify_log, verify_onward
from tests.core.audit.keeper import Keeper, a_signer, signed
from tests.core.audit.log_builder import ORIGIN, SIGNER, a_log

LOG = a_log((3, 2, 2))
PINNED = Evidence(SIGNER.key)


def sealed(keeper: Keeper, signer: NoteSigner = SIGNER) -> StoredCheckpoint:
    """A checkpoint of all that the keeper wrote so far."""
    head = Checkpoint(ORIGIN, keeper.head.size, keeper.head.root)
    return StoredCheckpoint(keeper.head.size, sign_checkpoint(head, signer))


def codes(found: Verification) -> set[tuple[int, Finding]]:
    return {(one.seq, one.code) for one in found.verdict.findings}


def test_i2_the_record_that_is_read_again_is_accounted_for_once() -> None:
    """TX-K5: a hold, the last record of one verification and the first of the next."""
    keeper = Keeper()
    keeper.hold("case:one")
    first = sealed(keeper)
    begun = verify_onward(None, keeper.rows, [first], PINNED)
    assert begun.prefix is not None
    size = begun.prefix.size
    keeper.case("case:one", "ann")
    keeper.release()
    notes = [first, sealed(keeper)]
    whole = verify_onward(None, keeper.rows, notes, PINNED)
    found = verify_onward(begun.prefix, keeper.rows[size - 1 :], notes, PINNED)
    assert (codes(found), found.prefix) == (set(), whole.prefix)
    assert found.verdict.records is not None
    assert found.verdict.records.present == len(keeper.rows) - size


@pytest.mark.parametrize("number", [None, "5", 5.5])
def test_a_number_of_another_type_behind_a_state_is_named(number: object) -> None:
    """A1: a hostile file stops no verification, one that goes on included."""
    after = verify_onward(None, LOG.rows[:5], LOG.checkpoints[:2], PINNED).prefix
    odd = StoredRow(**{**LOG.rows[5]._asdict(), "seq": number})
    found = verify_onward(after, [LOG.rows[4], odd, LOG.rows[6]], LOG.checkpoints, PINNED)
    assert (5, Finding.COLUMN_MISMATCH) in codes(found)


def test_a_row_below_the_first_place_is_counted_as_every_row_is() -> None:
    """A1: only the record that is read again is not counted again."""
    row = StoredRow(**{**LOG.rows[0]._asdict(), "seq": -1})
    verdict = verify_log([row, *LOG.rows], LOG.checkpoints, PINNED)
    assert verdict.exit_status == 1
    assert verdict.records is not None
    assert verdict.records.present == len(LOG.rows) + 1


def test_a_log_that_names_no_origin_or_a_stream_by_a_number_gives_no_state() -> None:
    """A2: every body is gone, so that only columns are left, and they hold anything."""
    gone = [row._replace(body=b"") for row in LOG.rows]
    nameless = verify_onward(None, gone, LOG.checkpoints, Evidence())
    assert (nameless.verdict.origin, nameless.prefix) == (None, None)
    first = a_log((1, 1))
    for stream in (5, None):
        rows = [StoredRow(**{**first.rows[0]._asdict(), "stream": stream, "body": b""})]
        found = verify_onward(None, rows, first.checkpoints[:1], PINNED)
        assert found.prefix is None
        assert codes(found) == {(0, Finding.PURGE_UNACCOUNTED)}


def test_a_note_kept_beside_the_log_is_compared_with_it() -> None:
    """A5, A6: its end proves nothing, but its root is that of the log or of another one."""
    other = sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), SIGNER)
    for note, expected in (
        (LOG.checkpoints[1].note, set()),
        (other, {(0, Finding.FORK_AT_SIZE)}),
    ):
        evidence = Evidence(SIGNER.key, outside=OutsideEvidence(kept=(note,)))
        found = verify_onward(None, LOG.rows, LOG.checkpoints, evidence)
        assert codes(found) == expected


def test_no_state_comes_from_a_seal_that_nothing_shows_to_be_older_than_its_revocation() -> None:
    """A5: nothing is contradicted, but the newest checkpoint counts for nothing either."""
    keeper = Keeper()
    old = keeper.signers[-1]
    keeper.rotate()
    note = sealed(keeper, old)
    counts = verify_onward(None, keeper.rows, [note], PINNED)
    assert counts.prefix is not None
    keeper.revoke()
    found = verify_onward(None, keeper.rows, [note], PINNED)
    assert (codes(found), found.prefix) == (set(), None)
    assert found.verdict.totals.checkpoints_valid == 0


def test_i2_the_accounts_are_closed_behind_the_last_part_alone() -> None:
    """A2, TX-K7: what one name lets go, a later one may account for."""
    rows = [*LOG.rows[:4], LOG.rows[4]._replace(body=b""), *LOG.rows[5:]]

    def found(*, is_last: bool) -> Verification:
        part = Part(Accounts(personal=False), SIGNER.key, is_last=is_last)
        return verify_part(part, rows, LOG.checkpoints, PINNED)

    assert codes(found(is_last=True)) == {(4, Finding.PURGE_UNACCOUNTED)}
    open_still = found(is_last=False)
    assert codes(open_still) == set()
    assert (open_still.verdict.records, open_still.verdict.pii) == (None, None)


def test_a_change_of_keys_that_the_old_one_did_not_sign_is_named_at_its_record() -> None:
    """A4: whoever writes the record has no key; no checkpoint need follow it."""
    keeper = Keeper()
    new = a_signer(1)
    text = rotation_text(SIGNER.key, new.key, keeper.head.size + 1)
    keeper.change("key.rotated", new, signed(text, new))
    found = verify_onward(None, keeper.rows, [sealed(keeper)], PINNED)
    assert {seq for seq, _ in codes(found)} == {keeper.head.size - 1}
    assert found.prefix is None
