"""Many decisions under one signature, each provable alone."""

import ast
import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from counterseal.approvals.batch import (
    SHARED,
    BatchStatement,
    build_batch,
    ceremony_holds,
    check_batch,
    in_order,
    key_signature,
    leaf_envelope,
    prove_leaf,
    statement_of,
    verify_leaf,
)
from counterseal.approvals.model import BatchNonce, BatchPath
from counterseal.approvals.review_checks import SignedReview
from counterseal.approvals.statement import AuthFacts, DecisionStatement, Reviewer
from counterseal.identity.dsse import sign_statement, signed_bytes
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Signature
from counterseal.policy.params import BULK_COUNT_MAX
from counterseal.policy.words import DecisionWord, Meaning, Role, Stage
from tests.core.approvals import world

ROOT = Path(__file__).parents[3]
KEY = world.key_of("rex")
ENDS = world.NOW + timedelta(minutes=5)
sizes = st.integers(1, BULK_COUNT_MAX)
patient = settings(deadline=None)
"""The first example of a size makes that many signatures and proofs."""


@cache
def statements(size: int) -> tuple[DecisionStatement, ...]:
    auth = AuthFacts(iss="counterseal:local", auth_time=world.NOW, acr="mfa", amr=("pwd",))
    reviewer = Reviewer(person=world.person("rex"), key=KEY, auth=auth)
    desk = world.Desk()
    word, at = DecisionWord.RESEARCH_APPROVED, world.NOW
    one = desk.statement(reviewer, word, "non_0", at, world.REASON)
    return tuple(
        one.amended(
            request_id=f"apr_{n:02}", approval_decision_id=f"dec_{n:02}", nonce=f"non_{n:02}"
        )
        for n in range(size)
    )


def batch_of(members: Sequence[DecisionStatement], **changes: object) -> BatchStatement:
    built = build_batch(members, nonce="non_batch", issued_at=world.NOW, expires_at=ENDS)
    return built.amended(**changes)


@cache
def whole(size: int) -> BatchStatement:
    return batch_of(statements(size))


def signed(batch: BatchStatement, key: Ed25519PrivateKey | None = None) -> Signature:
    return sign_statement(
        key or world.private_key("rex"), "batch", batch.json_value(), batch.key_id
    )


def review(statement: DecisionStatement, batch: BatchPath) -> SignedReview:
    return SignedReview(
        decision=statement.decision,
        reason=world.REASON,
        comment_salt=world.SALT,
        signature=leaf_envelope(statement),
        batch=batch,
    )


@cache
def proven(size: int) -> tuple[SignedReview, ...]:
    members = statements(size)
    signature = signed(batch_of(members))
    return tuple(review(s, prove_leaf(signature, members, s.request_id)) for s in members)


def refused(record: SignedReview) -> bool:
    try:
        statement_of(record, KEY)
    except IntegrityError:
        return True
    return False


def flipped(text: str, place: int) -> str:
    """Base64 text whose content differs in one bit."""
    content = bytearray(base64.b64decode(text))
    content[place // 8 % len(content)] ^= 1 << place % 8
    return base64.b64encode(bytes(content)).decode()


@settings(patient, max_examples=50)
@given(sizes, st.data())
def test_i2_what_is_signed_does_not_depend_on_the_order_of_the_requests(
    size: int, data: st.DataObject
) -> None:
    """N12: sorted request ids, so one ceremony has one statement."""
    members = data.draw(st.permutations(statements(size)))
    batch = batch_of(members)

    assert batch == whole(size)
    assert list(batch.request_ids) == sorted(s.request_id for s in members)
    assert in_order(members) == statements(size)
    assert check_batch(signed(batch), KEY, members) == batch


@pytest.mark.parametrize("size", range(1, BULK_COUNT_MAX + 1))
def test_every_decision_of_a_batch_proves_itself_alone(size: int) -> None:
    """N12: one signature over N decisions, and each verifies without the others."""
    for statement, record in zip(statements(size), proven(size), strict=True):
        assert statement_of(record, KEY) == statement
        assert record.signature.signature == ""
        assert record.batch is not None
        assert key_signature(record) == record.batch.signature
        assert len(record.batch.path) <= 5


@patient
@given(sizes, st.integers(0, BULK_COUNT_MAX), st.integers(0, 40_000))
def test_i1_any_changed_bit_of_the_statement_is_refused(size: int, leaf: int, place: int) -> None:
    """N12: the leaf is the whole signed message of the decision."""
    record = proven(size)[leaf % size]
    payload = flipped(record.signature.payload, place)
    assert refused(record.amended(signature=record.signature.amended(payload=payload)))


@patient
@given(sizes, st.integers(0, BULK_COUNT_MAX), st.integers(0, 40_000))
def test_i1_any_changed_bit_of_the_batch_or_its_signature_is_refused(
    size: int, leaf: int, place: int
) -> None:
    """N12: count, root, request ids and the rest are what the reviewer's key signed."""
    record = proven(size)[leaf % size]
    assert record.batch is not None
    made = record.batch.signature
    for part in ("payload", "signature"):
        changed = made.amended(**{part: flipped(dict(made)[part], place)})
        assert refused(record.amended(batch=record.batch.amended(signature=changed)))


@patient
@given(st.integers(2, BULK_COUNT_MAX), st.integers(0, BULK_COUNT_MAX), st.integers(0, 2_000))
def test_i1_any_changed_bit_of_the_path_is_refused(size: int, leaf: int, place: int) -> None:
    """N12: siblings in their order, none more and none less."""
    record = proven(size)[leaf % size]
    path = record.batch
    assert path is not None
    at = place % len(path.path)
    content = bytearray(bytes.fromhex(path.path[at]))
    content[place // 8 % 32] ^= 1 << place % 8
    bent = (*path.path[:at], bytes(content).hex(), *path.path[at + 1 :])
    others = (bent, path.path[1:], (*path.path[:4], "0" * 64), path.path[::-1])
    for other in others:
        assert other == path.path or refused(record.amended(batch=path.amended(path=other)))


@patient
@given(sizes, st.integers(0, BULK_COUNT_MAX), st.integers(0, 30), sizes)
def test_i1_another_place_or_size_is_refused(size: int, leaf: int, index: int, other: int) -> None:
    """N12: a proof holds at its own index of its own size only."""
    record = proven(size)[leaf % size]
    path = record.batch
    assert path is not None
    bent = path.amended(index=index, size=other)
    assert bent == path or refused(record.amended(batch=bent))


@patient
@given(st.integers(2, BULK_COUNT_MAX), st.data())
def test_i1_two_decisions_cannot_change_places(size: int, data: st.DataObject) -> None:
    """N12: the path of one decision proves no other."""
    first, second = data.draw(
        st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)
    )
    records = proven(size)
    assert refused(records[first].amended(batch=records[second].batch))


def test_i3_a_leaf_without_the_signature_of_its_batch_proves_nothing() -> None:
    """Governance 8.10: a batch leaf alone is refused."""
    statement, record = statements(3)[1], proven(3)[1]
    assert record.batch is not None
    unsigned = record.batch.signature.amended(signature="")

    assert refused(record.amended(batch=None))
    assert refused(record.amended(batch=record.batch.amended(signature=unsigned)))
    assert not refused(record)
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
        verify_leaf(statement, record.batch.amended(signature=unsigned), KEY)


def test_i3_a_leaf_of_another_batch_is_refused() -> None:
    """N12: also where both batches are the reviewer's, over the same requests."""
    members = statements(4)
    other = tuple(
        s.amended(decision=DecisionWord.REJECTED, meaning=Meaning.REJECTED) for s in members
    )
    signature = signed(batch_of(other))
    for place, statement in enumerate(members):
        foreign = prove_leaf(signature, other, statement.request_id)
        own_path = prove_leaf(signature, members, statement.request_id)
        assert refused(review(statement, foreign))
        assert refused(review(statement, own_path))
        assert not refused(review(other[place], foreign))


def test_i3_neither_kind_of_statement_passes_for_the_other() -> None:
    """Governance 8.10: another kind's type is refused, whoever signed it."""
    members, record = statements(2), proven(2)[0]
    statement, path = members[0], record.batch
    assert path is not None
    batch = path.signature
    alone = sign_statement(
        world.private_key("rex"), "decision", statement.json_value(), statement.key_id
    )
    as_batch = sign_statement(
        world.private_key("rex"), "batch", statement.json_value(), statement.key_id
    )
    as_decision = sign_statement(
        world.private_key("rex"), "decision", batch_of(members).json_value(), statement.key_id
    )

    assert statement_of(record.amended(signature=alone, batch=None), KEY) == statement
    for forged in (batch, as_batch, as_decision):
        assert refused(record.amended(signature=forged, batch=None))
        assert refused(record.amended(signature=forged))
    for forged in (alone, as_batch, as_decision):
        assert refused(record.amended(batch=path.amended(signature=forged)))
    relabelled = batch.amended(payload_type=alone.payload_type)
    assert refused(record.amended(signature=relabelled, batch=None))


def test_i3_a_decision_has_one_proof_not_two() -> None:
    """N12: a leaf that is signed itself as well is neither form."""
    members, record = statements(2), proven(2)[0]
    alone = sign_statement(
        world.private_key("rex"), "decision", members[0].json_value(), members[0].key_id
    )
    assert refused(record.amended(signature=alone))
    for name, value in (("key_id", "key_kai"), ("scheme", SignatureScheme.SSHSIG.value)):
        assert refused(record.amended(signature=record.signature.amended(**{name: value})))


def test_a_batch_that_another_key_signed_is_refused() -> None:
    """N1: the registered key alone counts, never the envelope's word."""
    members = statements(2)
    batch = batch_of(members)
    foreign = signed(batch, world.private_key("kai"))
    renamed = sign_statement(world.private_key("rex"), "batch", batch.json_value(), "key_kai")
    for signature in (foreign, renamed):
        assert refused(review(members[0], prove_leaf(signature, members, members[0].request_id)))
    path = prove_leaf(foreign, members, members[0].request_id)
    with pytest.raises(IntegrityError):
        statement_of(review(members[0], path), world.key_of("kai"))


OTHER: Mapping[str, object] = {
    "log_origin": "other/log",
    "tenant": "other",
    "policy_bundle_hash": "sha256:" + "b" * 64,
    "stage": Stage.RISK,
    "decision": DecisionWord.NEEDS_DATA,
    "meaning": Meaning.AUTHORISED_PAPER,
    "person": "kai",
    "role": Role.COMPLIANCE_REVIEWER,
    "on_behalf_of": "kai",
    "grant_id": "grant_1",
    "auth": AuthFacts(iss="other", auth_time=world.NOW, acr="mfa", amr=()),
    "key_id": "key_other",
    "key_class": 2,
    "scheme": SignatureScheme.SSHSIG,
}


@pytest.mark.parametrize("name", OTHER)
def test_i4_decisions_of_two_kinds_are_not_signed_together(name: str) -> None:
    """Governance 2.7: same stage, verdict, bundle and reviewer."""
    first, second = statements(2)
    with pytest.raises(InputError, match="BULK_MIXED") as caught:
        batch_of((first, second.amended(**{name: OTHER[name]})))
    assert caught.value.field == name


@pytest.mark.parametrize("name", OTHER)
def test_i4_a_signed_batch_that_says_something_else_than_its_leaf_is_refused(name: str) -> None:
    """N12: even when the reviewer's key signed the contradiction."""
    members = statements(3)
    bent = batch_of(members, **{name: OTHER[name]})
    for statement in members:
        path = prove_leaf(signed(bent), members, statement.request_id)
        assert refused(review(statement, path))


def test_every_shared_field_is_tried() -> None:
    """N12: a field that both statements come to share is compared, and has its test above."""
    assert set(SHARED) == OTHER.keys() | {"paper_only", "approval_for_live"}


def test_twenty_five_decisions_are_a_batch_and_twenty_six_are_not() -> None:
    """Governance 2.7: at most 25, or what the policy says; never none."""
    most = statements(BULK_COUNT_MAX)
    assert batch_of(most).count == 25
    one_more = (*most, most[0].amended(request_id="apr_99"))
    for members, limit in ((one_more, 25), (one_more, 30), ((), 25), (most[:3], 2)):
        with pytest.raises((InputError, ValidationError), match=r"BULK_LIMIT|count"):
            build_batch(members, nonce="n", issued_at=world.NOW, expires_at=ENDS, count_max=limit)


def test_two_decisions_on_one_request_are_no_batch() -> None:
    """N12: one decision a request, so that the sorted ids name the leaves."""
    first, _ = statements(2)
    with pytest.raises(InputError, match="BULK_MIXED"):
        batch_of((first, first.amended(nonce="non_other")))
    for ids in (("b", "a"), ("a", "a"), ("a",)):
        with pytest.raises(ValidationError):
            batch_of(statements(2), request_ids=ids)


def test_a_batch_is_checked_as_a_whole_by_who_has_all_of_it() -> None:
    """N12: all decisions, none missing, none added, none changed."""
    members = statements(5)
    signature = signed(batch_of(members))
    assert check_batch(signature, KEY, members[::-1]).count == 5
    added = (*members, statements(6)[5])
    changed = (*members[:4], members[4].amended(nonce="non_other"))
    for others in (members[:4], added, changed):
        with pytest.raises(IntegrityError, match="SIGNATURE_INVALID"):
            check_batch(signature, KEY, others)
    with pytest.raises(InputError, match="PROOF_RANGE"):
        prove_leaf(signature, members, "apr_99")


def test_the_root_is_that_of_the_signed_messages() -> None:
    """RFC 6962 2.1: leaf SHA-256(0x00 || DSSE PAE of the decision), computed here by hand."""
    from hashlib import sha256  # noqa: PLC0415 - the test's own arithmetic

    members = statements(3)
    leaves = [sha256(b"\x00" + signed_bytes("decision", s.json_value())).digest() for s in members]
    pair = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    assert batch_of(members).root == "sha256:" + sha256(b"\x01" + pair + leaves[2]).hexdigest()


def test_a_ceremony_holds_for_its_one_statement_its_person_and_its_minutes() -> None:
    """Governance 2.4: nonce bound to person and statement; valid while now < end."""
    record = proven(3)[0]
    path = record.batch
    assert path is not None
    nonce = BatchNonce(
        nonce="non_batch",
        person_id="rex",
        issued_at=world.NOW,
        expires_at=ENDS,
        statement=canonical_bytes(batch_of(statements(3)).json_value()).decode(),
    )
    last = ENDS - timedelta(microseconds=1)
    assert ceremony_holds(None, None, "rex", world.NOW)
    assert ceremony_holds(path, nonce, "rex", world.NOW)
    assert ceremony_holds(path, nonce, "rex", last)
    assert not ceremony_holds(path, None, "rex", world.NOW)
    assert not ceremony_holds(path, nonce, "kai", world.NOW)
    assert not ceremony_holds(path, nonce, "rex", ENDS)
    assert not ceremony_holds(path, nonce, "rex", world.NOW - timedelta(microseconds=1))
    other = proven(4)[0].batch
    assert not ceremony_holds(other, nonce, "rex", world.NOW)
    broken = path.amended(signature=path.signature.amended(payload="@"))
    assert not ceremony_holds(broken, nonce.amended(statement=""), "rex", world.NOW)


def test_every_verifier_asks_the_one_function() -> None:
    """N12: nobody but `statement_of` reads a decision's signature, so nobody forgets batches."""
    users = {
        path.relative_to(ROOT).as_posix()
        for room in ("platform", "storage", "flows", "ui")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name | ast.alias)
        and {"read_statement", "decision_in"} & {getattr(node, "id", ""), getattr(node, "name", "")}
    }
    home = "platform/counterseal/approvals"
    assert users == {f"{home}/batch.py", f"{home}/statement.py"}
