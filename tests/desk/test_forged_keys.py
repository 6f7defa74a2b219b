"""A key that was only written into the tables signs nothing, whatever the use case."""

from base64 import b64decode
from pathlib import Path

import orjson
import pytest

from counterseal.audit.rollback import LogHead, Rollback, RollbackApproval, rollback_statement
from counterseal.desk.people import enrolled_keys, key_of
from counterseal.desk.rollbacks import check_approvals
from counterseal.identity.dsse import public_key_text
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Role
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord, Stage
from tests.desk.bulk_room import RESEARCH, Room
from tests.desk.casework import codes, drafted, review_under, signed_grant, signed_review
from tests.desk.keeping import YEAR, KeptWorld
from tests.desk.policy_room import PolicyWorld, a_sample_is_enough, refusal
from tests.desk.test_revocations import prepared, revoked, signed
from tests.household import ORIGIN
from tests.world import World

NOT_ENROLLED = "KEY_NOT_ENROLLED"


class Stolen(World):
    """A world in whose tables an attacker puts a public key of their own over a person's."""

    def steal(self, name: str) -> None:
        theirs = public_key_text(super().private_key("mallory"))
        sql = "UPDATE person_keys SET public_key = ? WHERE key_id = ?"
        assert self.forge(sql, theirs, f"key-of-{name}") == 1
        vars(self).setdefault("taken", set()).add(name)

    def private_key(self, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - cryptography's key
        taken = vars(self).get("taken", ())
        return super().private_key("mallory" if name in taken else name)


class StolenKept(Stolen, KeptWorld):
    """The same, where records are kept."""


class StolenPolicy(Stolen, PolicyWorld):
    """The same, where the law changes."""


@pytest.fixture
def world(tmp_path: Path) -> Stolen:
    return Stolen(tmp_path / "home")


def test_the_tables_alone_enrol_nobody(world: Stolen) -> None:
    """Governance 3: a key counts only after a record that two officers signed."""
    with world.store.reader() as reader:
        honest = {key.key_id for key in enrolled_keys(reader)}
        assert honest == {key.key_id for key in reader.find(PersonKey)}
        assert all(key_of(reader, name) for name in ("risk", "officer-1"))
    world.steal("risk")
    with world.store.reader() as reader:
        assert {key.key_id for key in enrolled_keys(reader)} == honest - {"key-of-risk"}
        assert key_of(reader, "risk") is None
    world.steal("officer-2")
    with world.store.reader() as reader:
        assert enrolled_keys(reader) == enrolled_keys(reader, honest) == ()


def test_no_review_and_no_revocation_under_a_forged_key(world: Stolen) -> None:
    """TX-F: refused at commit, also when everything was prepared before the forgery."""
    request_id = world.approved()
    taking_back, waiting = prepared(world, request_id), world.requested()
    world.steal("risk")
    told = revoked(world, request_id, signed(world, taking_back))
    assert told is not None
    assert NOT_ENROLLED in told.codes
    review = signed_review(world, waiting, "researcher", DecisionWord.RESEARCH_APPROVED)
    assert not isinstance(review, Refusal)
    world.steal("researcher")
    forged = review.amended(
        signature=world.signed_by(
            "decision", orjson.loads(b64decode(review.signature.payload)), "researcher"
        )[0]
    )
    outcome = world.desk.approvals.review(
        waiting, forged, world.actor("researcher"), key=world.key()
    )
    assert NOT_ENROLLED in codes(outcome)
    asked = review_under(world, waiting, "researcher", DecisionWord.RESEARCH_APPROVED, None)
    assert NOT_ENROLLED in codes(asked)


def test_no_delegation_under_a_forged_key(world: Stolen) -> None:
    """Governance 2.6: neither made, nor used when the delegator's key is replaced later."""
    draft = drafted(world, "researcher", "risk", Stage.RESEARCH)
    standing = signed_grant(world, drafted(world, "researcher", "compliance", Stage.RESEARCH))
    actor = world.actor("researcher")
    grant = world.done(world.desk.delegations.delegate(standing, actor, key=world.key()))
    world.steal("researcher")
    made = signed_grant(world, draft)
    outcome = world.desk.delegations.delegate(made, world.actor("researcher"), key=world.key())
    assert outcome.refusal is not None
    request_id = world.requested()
    used = review_under(world, request_id, "compliance", DecisionWord.RESEARCH_APPROVED, grant)
    assert "GRANT_INVALID" in codes(used)


def test_no_mandate_under_a_forged_key(world: Stolen) -> None:
    """TX-F: the operator's mandate."""
    world.steal("operator")
    with pytest.raises(AssertionError, match="MANDATE_INVALID"):
        world.mandate()


def test_no_proposal_about_people_under_a_forged_key(world: Stolen) -> None:
    """Governance 3 and 5: roles and keys by two officers whose own keys hold."""
    world.steal("officer-2")
    assert codes(world.granted("author", Role.AUDITOR)) == (NOT_ENROLLED,)
    assert codes(world.enrolled("author")) == (NOT_ENROLLED,)


def test_no_ceremony_over_many_under_a_forged_key(world: Stolen) -> None:
    """Governance 2.8: each leaf, and the batch."""
    room, request_id = Room(world), world.requested()
    shown, base = room.shown(request_id), world.key()
    made = room.prepared("researcher", RESEARCH, shown, key=base).prepared
    world.steal("researcher")
    [item] = room.committed("researcher", made, key=base)
    assert item.refusal is not None
    again = room.prepared("researcher", RESEARCH, shown)
    assert again.prepared is None


def test_no_purge_under_a_forged_key(tmp_path: Path) -> None:
    """Audit log, retention: the consent of two people."""
    world = StolenKept(tmp_path / "home")
    world.done(world.submitted(world.approved()))
    world.after(6.1 * YEAR)
    purge_id = world.done(world.planned())
    world.steal("compliance")
    assert codes(world.approved_by(purge_id, "compliance")) == (NOT_ENROLLED,)


def test_no_vote_under_a_forged_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance 4: votes about the law, and the ones that were recorded before."""
    a_sample_is_enough(monkeypatch)
    world = StolenPolicy(tmp_path / "home")
    world.staffed()
    world.version()
    world.after(1)
    proposal_id = world.done(world.proposed())
    world.done(world.voted(proposal_id, "vera"))
    world.steal("viktor")
    assert refusal(world.voted(proposal_id, "viktor")).code == NOT_ENROLLED


def test_no_rollback_is_declared_under_a_forged_key(world: Stolen) -> None:
    """TX-K: both administrators' own keys, as restored."""
    rollback = Rollback(
        origin=f"{ORIGIN}/epoch-1",
        epoch=1,
        vkey="none",
        old_origin=ORIGIN,
        signed=LogHead(size=9, root="0" * 64),
        checkpoint="none",
        kept=LogHead(size=1, root="0" * 64),
        restored=LogHead(size=1, root="0" * 64),
        reason="the disk died",
        declared_at=world.clock.now(),
    )

    def answer() -> Refusal | None:
        approvals = tuple(
            RollbackApproval(
                person_id=name,
                signature=world.signed_by(
                    "rollback", rollback_statement(rollback, name, f"key-of-{name}"), name
                )[0],
            )
            for name in ("officer-1", "officer-2")
        )
        with world.store.reader() as reader:
            return check_approvals(reader, rollback.amended(approvals=approvals))

    assert answer() is None
    world.steal("officer-2")
    told = answer()
    assert told is not None
    assert told.code == NOT_ENROLLED
