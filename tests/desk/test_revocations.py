"""Taking an approval back, signed, on the real store."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus, ReviewNonce
from counterseal.approvals.review_checks import SignedReview
from counterseal.desk.revocations import PreparedRevocation, SignedRevocation
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Refusal
from counterseal.policy.words import DecisionWord
from tests.world import NONE, World

REASON = "the data behind it was wrong"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def prepared(
    world: World, request_id: str, name: str = "risk", reason: str = REASON
) -> PreparedRevocation:
    answer = world.desk.revocations.prepare(request_id, reason, world.actor(name), key=world.key())
    assert answer.prepared is not None, answer.refusal
    return answer.prepared


def signed(
    world: World,
    made: PreparedRevocation,
    name: str = "risk",
    *,
    kind: str = "revoke",
    changes: Mapping[str, Json] | None = None,
) -> SignedRevocation:
    statement = {**made.statement.json_value(), **(changes or {})}
    return made.signed(sign_statement(world.private_key(name), kind, statement, f"key-of-{name}"))


def revoked(
    world: World, request_id: str, revocation: SignedRevocation, name: str = "risk"
) -> Refusal | None:
    return world.desk.revocations.revoke(
        request_id, revocation, world.actor(name), key=world.key()
    ).refusal


def status(world: World, request_id: str) -> RequestStatus:
    with world.store.reader() as reader:
        found = reader.get(ApprovalRequest, request_id)
    assert found is not None
    return found.status


@pytest.mark.parametrize("name", ["researcher", "risk", "compliance"])
def test_a_signer_or_compliance_revokes_and_nothing_can_be_submitted(
    world: World, name: str
) -> None:
    """Governance 2.1: each signer, and compliance that did not sign; the record holds all of it."""
    request_id = world.approved()
    made = prepared(world, request_id, name)
    assert revoked(world, request_id, signed(world, made, name), name) is None
    assert status(world, request_id) is RequestStatus.REVOKED
    refused = world.submitted(request_id).refusal
    assert refused is not None
    assert "TERMINAL" in refused.codes
    record = orjson.loads(world.log()[-2].body)
    assert (record["type"], record["meaning"]) == ("approval.revoked", "revoked")
    with world.store.reader() as reader:
        opening = reader.opened(record["reason"]["text"])
    assert opening is not None
    assert opening.word("text") == REASON
    assert record["approver_sig"]["payload_type"].endswith("revoke.v1+json")
    [nonce] = record["after"]["documents"]["review_nonces"]
    assert nonce["used_at"] == record["occurred_at"]
    assert world.verdict().outcome == "ok"


def test_half_an_approval_can_be_revoked_and_a_pending_request_cannot(world: World) -> None:
    """Governance 2.1: from research_approved and approved only."""
    request_id = world.requested()
    early = world.desk.revocations.prepare(
        request_id, REASON, world.actor("compliance"), key=world.key()
    )
    assert early.refusal is not None
    assert early.refusal.code == "NOT_PENDING"
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    made = prepared(world, request_id, "researcher")
    assert revoked(world, request_id, signed(world, made, "researcher"), "researcher") is None
    assert status(world, request_id) is RequestStatus.REVOKED


@pytest.mark.parametrize(
    ("name", "reason", "code"),
    [
        ("quant", REASON, "ROLE"),
        ("operator", REASON, "ROLE"),
        ("officer-1", REASON, "ROLE"),
        ("risk", "short", "REASON_TOO_SHORT"),
    ],
)
def test_others_and_short_reasons_are_refused_before_anything_is_signed(
    world: World, name: str, reason: str, code: str
) -> None:
    """Governance 2.1, TX-F20: requester, operator, officer; a reason of ten characters."""
    request_id = world.approved()
    answer = world.desk.revocations.prepare(request_id, reason, world.actor(name), key=world.key())
    assert answer.refusal is not None
    assert code in answer.refusal.codes
    assert status(world, request_id) is RequestStatus.APPROVED_FOR_PAPER


def test_a_spent_approval_and_an_unknown_one_cannot_be_revoked(world: World) -> None:
    """Governance 2.1: consumed is terminal; TX-F10 not found."""
    request_id = world.approved()
    made = prepared(world, request_id)
    world.done(world.submitted(request_id))
    refused = revoked(world, request_id, signed(world, made))
    assert refused is not None
    assert "TERMINAL" in refused.codes
    missing = revoked(world, "apr_none", signed(world, made))
    assert missing is not None
    assert missing.code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"request_version": 2}, "SNAPSHOT_CHANGED"),
        ({"payload_hash": NONE}, "SNAPSHOT_CHANGED"),
        ({"comment_hash": NONE}, "SNAPSHOT_CHANGED"),
        ({"meaning": "rejected"}, "SNAPSHOT_CHANGED"),
        ({"paper_only": False}, "SNAPSHOT_CHANGED"),
        ({"nonce": "non_other"}, "NONCE_USED"),
        ({"extra": "word"}, "SNAPSHOT_CHANGED"),
    ],
)
def test_a_statement_that_was_not_prepared_word_for_word_is_refused(
    world: World, changes: Mapping[str, Json], code: str
) -> None:
    """Governance 2.9: any change needs a new signature."""
    request_id = world.approved()
    made = prepared(world, request_id)
    refused = revoked(world, request_id, signed(world, made, changes=changes))
    assert refused is not None
    assert refused.codes == (code,)
    assert revoked(world, request_id, signed(world, made)) is None


def test_another_key_kind_reason_or_person_is_refused(world: World) -> None:
    """Governance 2.9, TX-Z17: the key is the login's own, the reason the signed one."""
    request_id = world.approved()
    made = prepared(world, request_id)

    def code(revocation: SignedRevocation, name: str = "risk") -> tuple[str, ...]:
        refused = revoked(world, request_id, revocation, name)
        assert refused is not None
        return refused.codes

    assert code(signed(world, made, "compliance")) == ("KEY_NOT_ENROLLED",)
    foreign = signed(world, made)
    stolen = foreign.signature.amended(key_id="key-of-compliance")
    assert code(foreign.amended(signature=stolen), "compliance") == ("SIGNATURE_INVALID",)
    assert code(signed(world, made, kind="withdraw")) == ("SIGNATURE_INVALID",)
    assert code(foreign.amended(reason="another good reason")) == ("SNAPSHOT_CHANGED",)
    assert code(signed(world, made, "compliance"), "compliance") == ("NONCE_USED",)
    assert status(world, request_id) is RequestStatus.APPROVED_FOR_PAPER


def test_a_statement_is_used_once_and_in_time(world: World) -> None:
    """Governance 2.9: nonce of 300 s, half-open; a fresh login is asked for as well."""
    request_id = world.approved()
    made = prepared(world, request_id)
    world.after(300)
    late = revoked(world, request_id, signed(world, made))
    assert late is not None
    assert late.codes == ("NONCE_USED",)
    fresh = prepared(world, request_id)
    assert revoked(world, request_id, signed(world, fresh)) is None
    again = revoked(world, request_id, signed(world, fresh))
    assert again is not None
    assert again.codes == ("TERMINAL", "NONCE_USED")


def test_an_old_login_signs_nothing(world: World) -> None:
    """Governance 3: re-authenticated within 120 s, from both sides."""
    request_id = world.approved()
    actor = world.actor("risk")
    made = prepared(world, request_id)
    world.after(121)
    late = world.desk.revocations.revoke(
        request_id, signed(world, made), actor, key=world.key()
    ).refusal
    assert late is not None
    assert late.codes == ("REAUTH_REQUIRED",)
    moved = revoked(world, request_id, signed(world, made))
    assert moved is not None
    assert moved.codes == ("SNAPSHOT_CHANGED",)


def test_a_decision_that_was_prepared_for_a_review_is_no_revocation(world: World) -> None:
    """Governance 2.9: a statement of one kind never serves as another, whatever its envelope."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    review = world.desk.approvals.prepare(
        request_id,
        DecisionWord.REJECTED,
        REASON,
        world.actor("compliance"),
        shown_hash=NONE,
        key=world.key(),
    ).prepared
    assert review is not None
    statement = review.statement.json_value()
    key, name = world.private_key("compliance"), "key-of-compliance"
    dressed = SignedRevocation(
        reason=REASON,
        comment_salt=review.comment_salt,
        signature=sign_statement(key, "revoke", statement, name),
    )
    refused = revoked(world, request_id, dressed, "compliance")
    assert refused is not None
    assert refused.codes == ("SNAPSHOT_CHANGED",)


def test_a_revocation_that_was_prepared_is_no_review(world: World) -> None:
    """Governance 2.9: the other way round."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    made = prepared(world, request_id, "compliance")
    statement = made.statement.json_value()
    key = world.private_key("compliance")
    dressed = SignedReview(
        decision=DecisionWord.APPROVED_FOR_PAPER,
        reason=made.reason,
        comment_salt=made.comment_salt,
        signature=sign_statement(key, "decision", statement, "key-of-compliance"),
    )
    refused = world.desk.approvals.review(
        request_id, dressed, world.actor("compliance"), key=world.key()
    ).refusal
    assert refused is not None
    assert "SIGNATURE_INVALID" in refused.codes


def test_the_same_preparation_again_gives_the_same_statement(world: World) -> None:
    """TX-G9: an idempotency key gives the first answer; one nonce is stored."""
    request_id = world.approved()
    actor = world.actor("risk")
    first = world.desk.revocations.prepare(request_id, REASON, actor, key="once")
    again = world.desk.revocations.prepare(request_id, REASON, actor, key="once")
    assert first == again
    with world.store.reader() as reader:
        nonces = reader.find(ReviewNonce, approval_request_id=request_id, person_id="risk")
    assert len([n for n in nonces if n.used_at is None]) == 1


def test_who_has_several_keys_names_the_one_that_signs(world: World) -> None:
    """Governance part 3: the statement is for that key; for no other person's, and no lost one."""
    request_id, actor = world.approved(), world.actor("risk")
    prepare = world.desk.revocations.prepare
    own = prepare(request_id, REASON, actor, key="own", key_id="key-of-risk").prepared
    assert own is not None
    assert own.statement.key_id == "key-of-risk"
    assert revoked(world, request_id, signed(world, own)) is None
    other = world.approved()
    refusal = prepare(other, REASON, actor, key="other", key_id="key-of-quant").refusal
    assert refusal is not None
    assert refusal.codes == ("KEY_NOT_ENROLLED",)
