"""What can be forged of people in a log, by whoever has every secret of the server."""

import base64
import json
from collections.abc import Callable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.approvals.delegation import DelegationGrant
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, decision_chain_hash
from counterseal.identity.dsse import public_key_text, sign_statement, statement_digest
from counterseal.identity.keys import KeyStatus, PersonKey
from counterseal.identity.mandate import SubmitMandate
from counterseal.identity.people import Person, Role, RoleGrant
from counterseal.identity.proposals import PeopleProposal
from counterseal.kernel.canonical import parse_json
from counterseal.policy.words import DecisionWord, Stage
from counterseal.risk.override import OverrideStatus, RiskOverride, override_statement
from tests.storage.forger import Documents, Forger, only
from tests.world import START, World

MALLORY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
"""A key pair of the attacker's own."""


class Ground(NamedTuple):
    """A world whose people acted for a day.

    Attributes:
        plain: A request that two reviewers approved, each alone.
        refused: One that the second reviewer rejected.
        batches: Requests of two ceremonies.
        under_grant: One that a delegate approved.
    """

    world: World
    plain: str
    refused: str
    batches: tuple[tuple[str, str], tuple[str, str]]
    under_grant: str


def decision_at(forger: Forger, place: int) -> ApprovalDecision:
    [told] = forger.carries(place)[ApprovalDecision.KIND]
    return ApprovalDecision.model_validate_json(json.dumps(told))


def decided(forger: Forger, request_id: str, nth: int = -1) -> int:
    """Place of the record of a decision on a request, the last one without a number."""
    return forger.find(ApprovalDecision, nth, approval_request_id=request_id)


def put(forger: Forger, place: int, decision: ApprovalDecision) -> int:
    """A decision in the place of another, its hash and the head of its case fitting again."""
    whole = decision.amended(decision_hash=decision_chain_hash(decision))

    def change(documents: Documents) -> None:
        documents[ApprovalDecision.KIND] = [dict(whole.json_value())]
        for request in documents[ApprovalRequest.KIND]:
            request["latest_chain_hash"] = whole.decision_hash

    signature = whole.signature if whole.batch is None else whole.batch.signature
    return forger.edit(place, change, approver_sig=signature.json_value())


def resigned(decision: ApprovalDecision, key_id: str, **words: object) -> ApprovalDecision:
    """The decision with other words, under a statement that the attacker signs."""
    stated = parse_json(base64.b64decode(decision.signature.payload))
    assert isinstance(stated, dict)
    stated |= {"key_id": key_id, **words}
    return decision.amended(
        key_id=key_id,
        signature=sign_statement(MALLORY, "decision", stated, key_id),
        statement_digest=statement_digest("decision", stated),
    )


def mallorys_key(person_id: str) -> PersonKey:
    return PersonKey(
        key_id="key-of-mallory",
        person_id=person_id,
        public_key=public_key_text(MALLORY),
        key_class=1,
        enrolled_by=("officer-1", "officer-2"),
        effective_at=START,
    )


def a_random_signature(forger: Forger, ground: Ground) -> tuple[int, str]:
    place = decided(forger, ground.plain)
    decision = decision_at(forger, place)
    noise = base64.b64encode(bytes(range(64))).decode()
    signature = decision.signature.amended(signature=noise)
    return put(forger, place, decision.amended(signature=signature)), "decision:"


def a_signature_by_another_key(forger: Forger, ground: Ground) -> tuple[int, str]:
    place = decided(forger, ground.plain)
    decision = decision_at(forger, place)
    return put(forger, place, resigned(decision, decision.key_id)), "decision:"


def a_key_of_the_attacker(forger: Forger, ground: Ground) -> tuple[int, str]:
    place = decided(forger, ground.plain)
    put(forger, place, resigned(decision_at(forger, place), "key-of-mallory"))
    like = forger.find(PersonKey, 0, person_id="risk")
    told = only(PersonKey, mallorys_key("risk"))
    return forger.insert(like + 1, like, told), "key:key-of-mallory"


def a_key_by_one_officer(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    place = forger.find(PersonKey, 0, person_id="compliance")

    def change(documents: Documents) -> None:
        for key in documents[PersonKey.KIND]:
            signatures = key["signatures"]
            assert isinstance(signatures, list)
            key["signatures"] = [signatures[0], *signatures[2:]]

    return forger.edit(place, change), "key:key-of-compliance"


def another_public_key(forger: Forger, ground: Ground) -> tuple[int, str]:
    """The next version of an enrolled key has the attacker's public key in it."""
    del ground
    like = forger.find(PersonKey, 0, person_id="compliance")
    swapped = mallorys_key("compliance").amended(key_id="key-of-compliance")
    return forger.insert(like + 1, like, only(PersonKey, swapped)), "key:key-of-compliance"


def an_ended_key_that_counts_again(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    ended = forger.find(PersonKey, person_id="risk", status=KeyStatus.REVOKED.value)
    began = forger.carries(forger.find(PersonKey, 0, person_id="risk"))[PersonKey.KIND]
    return forger.insert(ended + 1, ended, only(PersonKey, *began)), "key:key-of-risk"


def another_word(forger: Forger, ground: Ground) -> tuple[int, str]:
    """A rejection that reads as an approval."""
    place = decided(forger, ground.refused)
    word = DecisionWord.APPROVED_FOR_PAPER
    return put(forger, place, decision_at(forger, place).amended(decision=word)), "decision:"


def another_reviewer(forger: Forger, ground: Ground) -> tuple[int, str]:
    place = decided(forger, ground.plain)
    changed = decision_at(forger, place).amended(reviewer_id="compliance")
    return put(forger, place, changed), "decision:"


def another_payload(forger: Forger, ground: Ground) -> tuple[int, str]:
    """The order is larger than what was approved; every hash of the server's fits."""
    place = decided(forger, ground.plain)

    def change(documents: Documents) -> None:
        [told] = documents[ApprovalRequest.KIND]
        request = ApprovalRequest.model_validate_json(json.dumps(told))
        payload = request.payload.amended(request_reason="something else")
        documents[ApprovalRequest.KIND] = [
            dict(request.amended(payload=payload, request_hash=payload.digest).json_value())
        ]

    return forger.edit(place, change), "decision:"


def a_rejection_left_out(forger: Forger, ground: Ground) -> tuple[int, str]:
    """The first decision of a case vanishes; the second was signed on top of it."""
    gone = decided(forger, ground.refused, 0)
    place = decided(forger, ground.refused, 1)
    del forger.rows[gone]
    return place - 1, "decision:"


def a_role_by_nobody(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    like = forger.find(RoleGrant)
    grant = RoleGrant(
        grant_id="act_forged",
        person_id="author",
        role=Role.RISK_REVIEWER,
        granted_by=("officer-1", "officer-2"),
        granted_at=START,
    )
    return forger.insert(like + 1, like, only(RoleGrant, grant)), "grant:act_forged"


def a_role_by_one_person(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    place = forger.find(RoleGrant, 0, person_id="operator")

    def change(documents: Documents) -> None:
        for grant in documents[RoleGrant.KIND]:
            signatures = grant["signatures"]
            assert isinstance(signatures, list)
            grant["signatures"] = [signatures[0], signatures[0]]

    return forger.edit(place, change), "grant:"


def a_role_that_only_the_person_shows(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    place = len(forger.rows)
    like = forger.find(Person, person_id="author")
    [told] = forger.carries(like)[Person.KIND]
    more = told | {"roles": [Role.RISK_REVIEWER.value]}
    return forger.insert(place, like, only(Person, more)), "person:author"


def a_key_that_had_ended(forger: Forger, ground: Ground) -> tuple[int, str]:
    """A stolen key signs after its end, with a time before it."""
    place = decided(forger, ground.under_grant)
    ended = forger.find(PersonKey, person_id="risk", status=KeyStatus.REVOKED.value)
    return forger.move(ended, place) + 1, "decision:"


def a_leaf_of_another_batch(forger: Forger, ground: Ground) -> tuple[int, str]:
    one, two = ground.batches
    place, other = decided(forger, one[0]), decided(forger, two[0])
    path = decision_at(forger, other).batch
    return put(forger, place, decision_at(forger, place).amended(batch=path)), "decision:"


def a_leaf_at_another_place(forger: Forger, ground: Ground) -> tuple[int, str]:
    place = decided(forger, ground.batches[0][0])
    decision = decision_at(forger, place)
    assert decision.batch is not None
    moved = decision.batch.amended(index=1 - decision.batch.index)
    return put(forger, place, decision.amended(batch=moved)), "decision:"


def a_delegate_without_a_grant(forger: Forger, ground: Ground) -> tuple[int, str]:
    del forger.rows[forger.find(DelegationGrant)]
    return decided(forger, ground.under_grant, 0), "decision:"


def a_wider_delegation(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground

    def change(documents: Documents) -> None:
        documents[DelegationGrant.KIND][0]["stages"] = [Stage.RESEARCH.value, Stage.RISK.value]

    return forger.edit(forger.find(DelegationGrant), change), "delegation:"


def a_wider_mandate(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground

    def change(documents: Documents) -> None:
        documents[SubmitMandate.KIND][0]["orders_max"] = 10_000

    return forger.edit(forger.find(SubmitMandate), change), "mandate:"


def a_proposal_that_one_person_signed_for_two(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    place = forger.find(PeopleProposal)

    def change(documents: Documents) -> None:
        [told] = documents[PeopleProposal.KIND]
        signatures = told["signatures"]
        assert isinstance(signatures, list)
        signatures[1] = signatures[0] | {"key_id": "key-of-officer-2"}

    return forger.edit(place, change), "proposal:"


def override_at(forger: Forger, place: int) -> RiskOverride:
    [told] = forger.carries(place)[RiskOverride.KIND]
    return RiskOverride.model_validate_json(json.dumps(told))


def granted(forger: Forger) -> int:
    """Place of the record that put the override into force."""
    return forger.find(RiskOverride, status=OverrideStatus.IN_FORCE.value)


def an_override_that_nobody_signed(forger: Forger, ground: Ground) -> tuple[int, str]:
    """A record that never was, with two signatures of the attacker's over fitting terms."""
    del ground
    like = granted(forger)
    override = override_at(forger, like)
    terms = override.terms.amended(override_id="ovr_forged")
    forged = override.amended(
        override_id="ovr_forged",
        terms=terms,
        signatures=tuple(
            sign_statement(MALLORY, "override", override_statement(terms), f"key-of-{name}")
            for name in override.signed_by
        ),
    )
    return forger.insert(like, like, only(RiskOverride, forged)), "override:ovr_forged"


def a_longer_override(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    place = granted(forger)
    override = override_at(forger, place)
    terms = override.terms.amended(expires_at=override.terms.expires_at.replace(year=2099))
    return forger.edit(place, only(RiskOverride, override.amended(terms=terms))), "override:"


def an_override_by_one_person(forger: Forger, ground: Ground) -> tuple[int, str]:
    """The first signature, twice; the second person is named all the same."""
    del ground
    place = granted(forger)
    override = override_at(forger, place)
    twice = override.amended(signatures=(override.signatures[0],) * 2)
    signature = twice.signatures[0].json_value()
    return forger.edit(place, only(RiskOverride, twice), approver_sig=signature), "override:"


def an_override_that_waits_for_nobody(forger: Forger, ground: Ground) -> tuple[int, str]:
    """One signature, and a word that says that it counts."""
    del ground
    place = forger.find(RiskOverride, status=OverrideStatus.OPEN.value)
    word = OverrideStatus.IN_FORCE
    forged = override_at(forger, place).amended(status=word)
    return forger.insert(place + 1, place, only(RiskOverride, forged)), "override:"


def an_ended_override_that_counts_again(forger: Forger, ground: Ground) -> tuple[int, str]:
    del ground
    ended = forger.find(RiskOverride, status=OverrideStatus.ENDED.value)
    again = only(RiskOverride, override_at(forger, granted(forger)))
    return forger.insert(ended + 1, ended, again), "override:"


Forgery = Callable[[Forger, Ground], tuple[int, str]]
FORGERIES: tuple[Forgery, ...] = (
    a_random_signature,
    a_signature_by_another_key,
    a_key_of_the_attacker,
    a_key_by_one_officer,
    another_public_key,
    an_ended_key_that_counts_again,
    another_word,
    another_reviewer,
    another_payload,
    a_rejection_left_out,
    a_role_by_nobody,
    a_role_by_one_person,
    a_role_that_only_the_person_shows,
    a_key_that_had_ended,
    a_leaf_of_another_batch,
    a_leaf_at_another_place,
    a_delegate_without_a_grant,
    a_wider_delegation,
    a_wider_mandate,
    a_proposal_that_one_person_signed_for_two,
    an_override_that_nobody_signed,
    a_longer_override,
    an_override_by_one_person,
    an_override_that_waits_for_nobody,
    an_ended_override_that_counts_again,
)
