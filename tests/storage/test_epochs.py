"""A rolled-back log as an auditor sees it: lost by declaration, or tampered with."""

from collections.abc import Sequence

import pytest

from counterseal.audit.epochs import rollbacks_of, verify_epochs
from counterseal.audit.note import VerifierKey
from counterseal.audit.record import StoredRow
from counterseal.audit.rollback import Rollback, renamed_key
from counterseal.audit.verdict import Attacker, Finding, LostRange, Outcome, Standing, Verdict
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    StoredCheckpoint,
    head_of_signer,
    verify_log,
)
from counterseal.kernel.errors import InputError
from storage.home_keys import open_log_key
from storage.home_reader import read_home
from storage.signers import read_state
from tests.ground import Ground
from tests.household import ORIGIN
from tests.storage.recovery_room import NEXT, approved, beat, recovered, restored

__all__ = ["restored"]


@pytest.fixture
def declared(restored: Ground) -> Rollback:
    """The declaration; two records stand behind it."""
    rollback = approved(restored, "ann", "bob")
    recovered(restored, rollback)
    beat(restored, "after-1", "after-2")
    return rollback


def stored(ground: Ground) -> tuple[list[StoredRow], Sequence[StoredCheckpoint]]:
    with read_home(ground.settings) as reader:
        return list(reader.records()), reader.checkpoints()


def first_key(ground: Ground) -> VerifierKey:
    return renamed_key(open_log_key(ground.settings).key, ORIGIN)


def signer_head(ground: Ground) -> RememberedHead:
    return head_of_signer(read_state(ground.settings.counterseal_signer_state, NEXT))


def judged(ground: Ground, *heads: RememberedHead) -> Verdict:
    rows, notes = stored(ground)
    evidence = Evidence(log_key=first_key(ground), heads=(signer_head(ground), *heads))
    return verify_epochs(rows, notes, evidence, rollbacks_of(rows)).verdict


def old_head(rollback: Rollback, size: int, root: str) -> RememberedHead:
    return RememberedHead(rollback.old_origin, size, bytes.fromhex(root), "expect")


def test_a_declared_rollback_is_named_as_lost_and_all_else_holds(
    restored: Ground, declared: Rollback
) -> None:
    """Epochs I1, I2: with the first key pinned and the signer's memory as outside head."""
    found = judged(restored)
    assert (found.outcome, found.exit_status, found.findings) == (Outcome.OK, 0, ())
    first, end = declared.lost
    assert found.lost == (
        LostRange(origin=ORIGIN, first=first, end=end, declared=declared.restored.size),
    )
    assert end - first == 3
    assert found.origin == NEXT
    assert (found.totals.size, found.totals.unsealed) == (declared.restored.size + 3, 0)
    assert found.totals.read_from == 0
    assert found.records is not None
    assert (found.records.present, found.records.missing) == (found.totals.size, 0)
    standing = {one.attacker: one.verdict for one in found.attackers}
    assert standing[Attacker.A3B] is Standing.EXCLUDED


def test_the_head_that_was_signed_last_is_explained_by_the_declaration(
    restored: Ground, declared: Rollback
) -> None:
    """Epochs I2: an auditor who kept it is told what became of it, and of every smaller one."""
    signed, kept = declared.signed, declared.kept
    for size, root in ((signed.size, signed.root), (kept.size, kept.root)):
        assert judged(restored, old_head(declared, size, root)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("more", "changed", "code"),
    [
        (1, False, Finding.SHORTER_THAN_REMEMBERED),
        (0, True, Finding.FORK_AT_SIZE),
    ],
)
def test_a_head_beyond_or_beside_the_declared_one_is_a_contradiction(
    restored: Ground, declared: Rollback, more: int, changed: bool, code: Finding
) -> None:
    """Epochs I2: nobody may declare less than what was signed."""
    root = "0" * 64 if changed else declared.signed.root
    found = judged(restored, old_head(declared, declared.signed.size + more, root))
    assert found.exit_status == 1
    assert [one.code for one in found.findings] == [code]


def test_a_fork_of_what_was_kept_is_found_under_the_old_name(
    restored: Ground, declared: Rollback
) -> None:
    """Epochs I1: the old name's records are held against its heads."""
    found = judged(restored, old_head(declared, declared.kept.size, "0" * 64))
    assert found.outcome is Outcome.TAMPERED
    assert found.exit_status == 1
    assert found.first_bad is not None
    assert found.first_bad.seq < declared.kept.size


def test_an_edited_record_is_found_before_and_behind_the_declaration(
    restored: Ground, declared: Rollback
) -> None:
    """Epochs I1: one flipped byte, under either name."""
    rows, notes = stored(restored)
    evidence = Evidence(log_key=first_key(restored), heads=(signer_head(restored),))
    rollbacks = rollbacks_of(rows)
    for place in (2, declared.restored.size + 1):
        row = rows[place]
        spoilt = row._replace(body=row.body.replace(b"2026", b"2025", 1))
        changed = [*rows[:place], spoilt, *rows[place + 1 :]]
        found = verify_epochs(changed, notes, evidence, rollbacks).verdict
        assert found.exit_status == 1


def test_a_declaration_that_overstates_or_that_nobody_signed_is_refused(
    restored: Ground, declared: Rollback
) -> None:
    """Rollback I3: the old name's own signature stands under the lost head."""
    rows, notes = stored(restored)
    evidence = Evidence(log_key=first_key(restored), heads=(signer_head(restored),))
    (true,) = rollbacks_of(rows)
    more = true.amended(signed=true.signed.amended(size=true.signed.size + 5))
    broken = true.amended(checkpoint=true.checkpoint[:-4])
    for rollback in (more, broken):
        found = verify_epochs(rows, notes, evidence, (rollback,)).verdict
        assert [one.code for one in found.findings] == [Finding.SIG_INVALID]
    assert true.amended(first_checkpoint="") == declared
    early = true.amended(kept=true.kept.amended(root="0" * 64))
    found = verify_epochs(rows, notes, evidence, (early,)).verdict
    assert [one.code for one in found.findings] == [Finding.ROOT_MISMATCH]


def test_a_forged_seam_is_refused(restored: Ground, declared: Rollback) -> None:
    """Epochs: the next name must have signed the very head that it goes on from."""
    rows, notes = stored(restored)
    evidence = Evidence(log_key=first_key(restored))
    (true,) = rollbacks_of(rows)
    for note in ("", declared.checkpoint):
        forged = true.amended(first_checkpoint=note)
        found = verify_epochs(rows, notes, evidence, (forged,)).verdict
        assert [one.code for one in found.findings] == [Finding.SIG_INVALID]
        assert (found.exit_status, found.totals.size) == (1, declared.restored.size)


def test_without_declarations_it_is_the_plain_verification(restored: Ground) -> None:
    """Epochs I3; and a rolled-back log needs a pinned key."""
    rows, notes = stored(restored)
    evidence = Evidence(log_key=first_key(restored))
    found = verify_epochs(rows, notes, evidence, ())
    assert found.verdict == verify_log(rows, notes, evidence)
    assert found.verdict.lost == ()


def test_a_hidden_declaration_or_a_missing_key_stops_the_verdict(
    restored: Ground, declared: Rollback
) -> None:
    """Epochs I2: without its declaration the next name is a contradiction."""
    rows, notes = stored(restored)
    plain = verify_log(rows, notes, Evidence(log_key=first_key(restored)))
    assert plain.outcome is Outcome.TAMPERED
    with pytest.raises(InputError, match="KEY_UNKNOWN"):
        verify_epochs(rows, notes, Evidence(), rollbacks_of(rows))
    assert declared.epoch == 1
