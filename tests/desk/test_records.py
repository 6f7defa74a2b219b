"""Holds, erasures and log keys, through the desk and the real store."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.audit.keys import SealStanding
from counterseal.desk.purging import records_gone
from counterseal.desk.views.history import HistoryAnswer, RecordFacts, history
from counterseal.identity.people import Person
from counterseal.kernel.errors import IntegrityError
from counterseal.policy.counterfactual import replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.words import DecisionWord
from storage.law import activated_rules
from tests.desk.keeping import NEXT, KeptWorld, code
from tests.household import NONE


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    return KeptWorld(tmp_path)


def _files(world: KeptWorld) -> bytes:
    """Every byte that lies in the home's database files."""
    found = world.settings.database_file.parent.glob(f"{world.settings.database_file.name}*")
    return b"".join(path.read_bytes() for path in found)


def test_a_name_enters_the_log_as_a_commitment_only(world: KeptWorld) -> None:
    """Design 7, F12: personal data only by commitment, kept beside the log."""
    world.done(world.named("ann", "Ann-Example"))
    row = world.log()[-1]
    assert b"Ann-Example" not in b"".join(r.body for r in world.log())
    with world.store.reader() as reader:
        person = reader.get(Person, "ann")
    (opening,) = world.archive.openings("ann")
    assert person is not None
    assert person.handle == opening.commitment
    assert opening.holds
    assert opening.commitment.encode() in row.body
    assert world.report().irregularities == ()
    assert world.differences == ()


def test_the_id_as_handle_is_no_personal_data(world: KeptWorld) -> None:
    """Design 7: a pseudonymous id needs no commitment."""
    world.done(world.named("bob", "bob"))
    assert world.archive.openings("bob") == ()


def test_an_erasure_leaves_every_proof_whole(world: KeptWorld) -> None:
    """Design 7: erased bytes are nowhere in the files, roots are unchanged, the log verifies."""
    world.done(world.named("ann", "Ann-Example"))
    before, notes = world.log(), world.notes()
    ((sealed,),) = world.rows("SELECT ciphertext FROM audit_openings")
    assert isinstance(sealed, bytes)
    assert sealed in _files(world)
    world.store.close()
    world.reopen()
    world.done(world.erase("ann"))
    assert sealed not in _files(world)
    assert world.log()[: len(before)] == before
    assert world.notes()[: len(notes)] == notes
    report = world.report()
    assert report.irregularities == ()
    assert report.pii is not None
    assert (report.pii.opened, report.pii.erased) == (0, 1)
    assert world.verdict().outcome == "ok"
    assert world.differences == ()


def test_an_erased_person_is_erased_once(world: KeptWorld) -> None:
    """Design 7: nothing is kept any more."""
    world.done(world.named("ann", "Ann-Example"))
    world.done(world.erase("ann"))
    assert code(world.erase("ann")) == "NOTHING_TO_ERASE"
    assert code(world.erase("nobody")) == "NOTHING_TO_ERASE"


def test_i1_a_hold_blocks_an_erasure_until_it_is_released(world: KeptWorld) -> None:
    """Design 7: hold.placed, hold.released."""
    world.done(world.named("ann", "Ann-Example"))
    hold = world.hold("people")
    assert code(world.erase("ann")) == "HELD"
    world.done(world.records.release(hold, world.actor("compliance"), key=world.key()))
    world.done(world.erase("ann"))
    again = world.records.release(hold, world.actor("compliance"), key=world.key())
    assert code(again) == "HOLD_RELEASED"


def test_only_compliance_holds_and_erases(world: KeptWorld) -> None:
    """Governance 5: role of each action; refusals are recorded."""
    world.done(world.named("ann", "Ann-Example"))
    for name in ("officer-1", "operator", "risk"):
        told = world.records.hold(["*"], "because", world.actor(name), key=world.key())
        erased = world.records.erase("ann", "because", world.actor(name), key=world.key())
        assert (code(told), code(erased)) == ("ROLE", "ROLE")
    stranger = world.records.release("hold", world.actor("compliance"), key=world.key())
    assert code(stranger) == "NOT_FOUND"
    assert world.log()[-1].type == "command.refused"
    assert len(world.archive.openings()) == 1


def test_an_opening_that_is_deleted_behind_the_desk_is_missing(world: KeptWorld) -> None:
    """Design 7: MISSING is a failure, in the account and in the comparison of tables."""
    world.done(world.named("ann", "Ann-Example"))
    world.forge("DELETE FROM audit_openings")
    assert [f.code.value for f in world.report().irregularities] == ["PII_MISSING"]
    assert [d.table for d in world.differences] == ["audit_openings"]


@pytest.mark.parametrize(
    "change",
    [
        "nonce = zeroblob(12)",
        "nonce = x''",
        "ciphertext = zeroblob(30000)",
        "ciphertext = x''",
        "person_id = 'bob'",
    ],
)
def test_an_opening_that_is_changed_behind_the_desk_is_found(world: KeptWorld, change: str) -> None:
    """Design 9: PII_OPENING_MISMATCH; a hostile row is named, not followed."""
    world.done(world.named("ann", "Ann-Example"))
    world.forge(f"UPDATE audit_openings SET {change}")
    codes = {f.code.value for f in world.report().irregularities}
    assert codes == {"PII_OPENING_MISMATCH", "PII_MISSING"}
    found = world.differences
    assert {d.table for d in found} == {"audit_openings"}
    assert {"missing"} < {d.problem for d in found}


def test_the_database_refuses_to_change_an_opening(world: KeptWorld) -> None:
    """Design 3: guards."""
    world.done(world.named("ann", "Ann-Example"))
    refused = pytest.raises(sqlite3.IntegrityError, match="append-only")
    with closing(sqlite3.connect(world.settings.database_file)) as connection, refused:
        connection.execute("UPDATE audit_openings SET person_id = 'bob'")


def test_i3_a_rotation_needs_both_keys_and_is_recorded(world: KeptWorld) -> None:
    """Design 6: signed by old and new."""
    assert code(world.rotated(world.log_key)) == "KEY_UNKNOWN"
    assert code(world.rotated(NEXT)) == "KEY_UNKNOWN"
    world.done(world.rotated(world.log_key, NEXT))
    seq = world.log()[-1].seq
    ring = world.records.keys()
    assert ring.current == NEXT.key
    assert world.standing(world.log_key, seq + 1) is SealStanding.COUNTS
    assert world.standing(NEXT, seq + 1) is SealStanding.COUNTS
    assert world.standing(NEXT, seq) is SealStanding.KEY_UNKNOWN
    assert world.verdict().outcome == "ok"


def test_i3_a_revoked_key_is_walked_as_revoked(world: KeptWorld) -> None:
    """Design 6: KEY_REVOKED behind the revocation."""
    world.done(world.rotated(world.log_key, NEXT))
    text = world.records.revocation(world.log_key.key, "stolen")
    note = world.signed(text, NEXT)
    actor = world.actor("officer-1")
    wrong = world.records.revoke_key(NEXT.key, note, actor, key=world.key())
    assert code(wrong) == "KEY_UNKNOWN"
    world.done(world.records.revoke_key(world.log_key.key, note, actor, key=world.key()))
    size = len(world.log())
    assert world.standing(world.log_key, size) is SealStanding.KEY_REVOKED
    assert world.standing(world.log_key, size - 1) is SealStanding.UNATTESTED
    again = world.records.revoke_key(world.log_key.key, note, actor, key=world.key())
    assert code(again) == "KEY_REVOKED"


def test_only_an_administrator_changes_the_log_key(world: KeptWorld) -> None:
    """Governance 5."""
    note = world.signed(world.records.rotation(NEXT.key), world.log_key, NEXT)
    told = world.records.rotate_key(NEXT.key, note, world.actor("compliance"), key=world.key())
    assert code(told) == "ROLE"


def test_keys_of_a_forged_log_are_not_shown(world: KeptWorld) -> None:
    """Design 6: a change that does not hold is named, never passed over by the desk."""
    world.done(world.rotated(world.log_key, NEXT))
    body = world.log()[-1].body.replace(b"until ", b"until 9")
    world.forge("UPDATE audit_records SET body = ? WHERE type = 'key.rotated'", body)
    with pytest.raises(IntegrityError, match="KEY_UNKNOWN"):
        world.records.keys()


def test_a_reviewer_s_words_lie_beside_the_log(world: KeptWorld) -> None:
    """Design 7: the signed commitment is in the log, the words are not; the case stays verified."""
    request_id = world.approved()
    words = b"checked the evidence and agree with it"
    assert words not in b"".join(row.body for row in world.log())
    shown = _history(world, request_id)
    assert {d.decision_reason for d in shown.decisions} == {words.decode()}
    assert shown.chain.holds
    report = world.report()
    assert report.irregularities == ()
    assert report.pii is not None
    assert report.pii.opened == len(shown.decisions)


def test_an_approval_outlives_the_erasure_of_its_words(world: KeptWorld) -> None:
    """Design 7, TX-F12: signatures and chain hold, the words are gone, the order still goes.

    Governance part 1, row "frozen payload": the payload keeps its hash, and what was decided on it
    can be judged again as before.
    """
    request_id = world.approved()
    frozen = _history(world, request_id).request
    world.done(world.erase("risk"))
    shown = _history(world, request_id)
    assert (shown.request.payload, shown.request.request_hash) == (
        *(frozen.payload, frozen.request_hash),
    )
    with world.store.reader() as reader:
        again = replay_recorded(reader.find(PolicyEvaluation), activated_rules(reader))
        assert (again.replayed > 0, again.differences, records_gone(reader)) == (True, (), 0)
    assert shown.chain.holds
    assert shown.paper_simulation_approved
    told = [d.decision_reason.startswith("sha256:") for d in shown.decisions]
    assert told == [False, True]
    assert world.report().irregularities == ()
    assert world.differences == ()
    world.done(world.submitted(request_id))


def test_words_prepared_under_a_used_key_are_not_shown_to_others(world: KeptWorld) -> None:
    """TX-G9: the key's digest holds no words, and still other words are refused."""
    request_id, key = world.requested(), world.key()
    prepare, word = world.desk.approvals.prepare, DecisionWord.RESEARCH_APPROVED
    actor = world.actor("researcher")
    first = prepare(request_id, word, "these are my words", actor, shown_hash=NONE, key=key)
    again = prepare(request_id, word, "these are my words", actor, shown_hash=NONE, key=key)
    other = prepare(request_id, word, "these are not mine", actor, shown_hash=NONE, key=key)
    assert first == again
    assert first.refusal is None
    assert code(other) == "IDEMPOTENCY_KEY_CONFLICT"


def _history(world: KeptWorld, request_id: str) -> HistoryAnswer:
    facts = RecordFacts(
        append_only=True, hash_chained=True, signed=True, write_once=None, identity_provider=None
    )
    with world.store.reader() as reader:
        shown = history(reader, request_id, world.desk.bench.bundle, facts)
    assert isinstance(shown, HistoryAnswer)
    return shown
