"""Checks of the accounts, and of what is left of one record, that only one shape of log needs."""

from collections.abc import Sequence

import pytest

from counterseal.audit.accounts import (
    TOLD_TYPES,
    Accounts,
    BlockStanding,
    RecordStanding,
    account_for,
    standings,
)
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.keys import KeyRecord
from counterseal.audit.privacy import Opening, PiiState
from counterseal.audit.purges import RecordState
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Finding
from counterseal.audit.verify import Evidence, StoredCheckpoint, verify_log, verify_onward
from tests.core.audit.keeper import Keeper
from tests.core.audit.log_builder import DIGEST, ORIGIN, SIGNER, a_log, edited

OTHER_DIGEST = "sha256:" + "cd" * 32
APPROVALS = [{"person_id": "one"}, {"person_id": "two"}]


def told_row(kind: str, after: object, pii: Sequence[str] = ()) -> StoredRow:
    """A record of its own kind, with columns and hash that fit."""
    row = a_log((1,)).rows[0]
    return edited(row, {"type": kind, "after": after, "pii": list(pii)})


def test_going_on_compares_no_openings() -> None:
    """A2: what was committed to before is not known then, so nothing is said of any."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    notes: list[StoredCheckpoint] = []

    def sealed() -> None:
        head = Checkpoint(ORIGIN, keeper.head.size, keeper.head.root)
        notes.append(StoredCheckpoint(head.size, sign_checkpoint(head, SIGNER)))

    sealed()
    after = verify_onward(None, keeper.rows, notes, Evidence(SIGNER.key)).prefix
    assert after is not None
    keeper.case("case:one", "bob")
    sealed()
    evidence = Evidence(SIGNER.key, openings=())
    found = verify_onward(after, keeper.rows[after.size - 1 :], notes, evidence).verdict
    assert (found.findings, found.pii) == ((), None)
    whole = verify_onward(None, keeper.rows, notes, evidence).verdict
    assert {one.code for one in whole.findings} == {Finding.PII_MISSING}


@pytest.mark.parametrize("body", [None, "text", 5])
def test_a_row_without_bytes_is_accounted_for_as_one_that_is_missing(body: object) -> None:
    """A1: whatever a hostile file holds there, with personal data followed or not."""
    odd = StoredRow(**{**a_log((3,)).rows[2]._asdict(), "body": body})
    rows = [*a_log((3,)).rows[:2], odd]
    assert account_for(rows).report(3).records.missing == 1
    found = verify_log(rows, (), Evidence(openings=()))
    assert (2, Finding.COLUMN_MISMATCH) in {(one.seq, one.code) for one in found.findings}


def test_only_a_record_of_its_kind_puts_a_policy_in_force() -> None:
    """A2: a purge under a digest that stands in any other record is not accounted for."""
    activation = {"documents": {"policy_activations": [{"bundle_hash": OTHER_DIGEST}]}}
    ranges = [{"stream": "case_0", "first": 0, "last": 0}]
    purge = {"approvals": APPROVALS, "policy_digest": OTHER_DIGEST, "ranges": ranges}
    purged = told_row("retention.purged", {"documents": {"purges": [purge]}})._replace(seq=2)
    gone = a_log((1,)).rows[0]._replace(body=b"")
    for kind, missing in (("policy.activated", 0), ("approval.decided", 1)):
        told = told_row(kind, activation, (DIGEST,))._replace(seq=1)
        assert account_for([gone, told, purged]).report(3).records.missing == missing


@pytest.mark.parametrize("after", [None, "x", 5, [], [{"documents": {}}]])
def test_a_key_record_whose_state_is_no_object_says_nothing(after: object) -> None:
    """A1: a hostile record crashes nothing, and is refused where keys are walked."""
    accounts = account_for([told_row("key.rotated", after)])
    assert accounts.key_records == (KeyRecord(0, "key.rotated", ""),)
    assert len(accounts.walk(SIGNER.key).irregularities) == 1


def test_what_the_next_verification_is_told_is_every_record_of_its_kinds_and_no_other() -> None:
    """TX-K5: keys, holds, purges, policies and erasures; not who committed to what."""
    keeper = Keeper()
    keeper.case("case:one", "ann")
    keeper.hold("case:two")
    keeper.rotate()
    keeper.erase("ann")
    keeper.case("case:one", "bob")
    expected = [(row.seq, row.type, row.body) for row in keeper.rows if row.type in TOLD_TYPES]
    told = [(one.seq, one.type, one.body.encode()) for one in keeper.accounts().told]
    assert told == expected
    assert [kind for _, kind, _ in told][-3:] == ["hold.placed", "key.rotated", "pii.erased"]
    again = Accounts(personal=False, after=keeper.accounts().told)
    assert again.told == keeper.accounts().told
    assert again.walk(SIGNER.key) == keeper.accounts().walk(SIGNER.key)


def shown(keeper: Keeper) -> tuple[Opening, ...]:
    return tuple(keeper.openings.values())


def test_each_block_of_a_record_is_shown_withheld_erased_or_missing() -> None:
    """Invariant 4: to who holds the openings, and to who does not."""
    keeper = Keeper()
    kept = keeper.case("case:one", "ann")
    gone = keeper.case("case:two", "bob")
    ann, bob = shown(keeper)
    keeper.erase("bob")

    def blocks(openings: Sequence[Opening] | None) -> list[BlockStanding]:
        found = standings(keeper.rows, openings)
        return [*found[kept].blocks, *found[gone].blocks]

    erased = BlockStanding(
        commitment=bob.commitment, state=PiiState.ERASED, erased_by=keeper.head.size - 1
    )
    for openings, state in (
        (None, PiiState.WITHHELD),
        ([ann], PiiState.OPENED),
        ([], PiiState.MISSING),
        ([ann.amended(salt="11" * 16)], PiiState.MISSING),
    ):
        one = BlockStanding(commitment=ann.commitment, state=state)
        assert blocks(openings) == [one, erased]


def test_a_purged_record_names_its_purge_and_one_that_is_still_there_none() -> None:
    """Invariant 4: purged, held, present or missing, each by its own record."""
    keeper = Keeper()
    one = keeper.case("case:one", "ann")
    for _ in range(30):
        keeper.case("case:two", "bob")
    purge = keeper.purge()
    assert purge is not None
    by = keeper.head.size - 1
    keeper.hold("case:two")
    found = standings(keeper.rows)
    assert found[one] == RecordStanding(seq=one, state=RecordState.PURGED, purged_by=by)
    assert {found[seq].state for seq in (by - 1, by)} == {RecordState.HELD, RecordState.PRESENT}
    assert [standing.seq for standing in found] == list(range(len(keeper.rows)))

    kept = keeper.rows[one - 1]
    back = [*keeper.rows[:one], edited(kept, {"seq": one, "stream": "case:one"})]
    still = standings([*back, *keeper.rows[one + 1 :]])[one]
    assert (still.state, still.purged_by) == (RecordState.PRESENT, None)
    empty = [row._replace(body=b"") if row.seq == by - 1 else row for row in keeper.rows]
    assert standings(empty)[by - 1].state is RecordState.MISSING


def test_only_a_record_of_its_kind_purges_for_one_that_is_asked_about() -> None:
    """A2: a purge that stands in any other record lets nothing go."""
    policy = {"documents": {"policy_activations": [{"bundle_hash": DIGEST}]}}
    ranges = [{"stream": "case_0", "first": 0, "last": 0}]
    value = {"approvals": APPROVALS, "policy_digest": DIGEST, "ranges": ranges}
    purge = told_row("retention.purged", {"documents": {"purges": [value]}})._replace(seq=2)
    gone = a_log((1,)).rows[0]._replace(body=b"")
    for kind, state in (
        ("policy.activated", RecordState.PURGED),
        ("approval.decided", RecordState.MISSING),
    ):
        rows = [gone, told_row(kind, policy)._replace(seq=1), purge]
        assert standings(rows)[0].state is state


@pytest.mark.parametrize("body", [None, "text", 5, b"x", b"[]"])
def test_a_row_that_nobody_can_read_stands_without_blocks(body: object) -> None:
    """A1: a hostile file crashes nothing."""
    odd = StoredRow(**{**a_log((1,)).rows[0]._asdict(), "body": body})
    assert standings([odd])[0].blocks == ()
