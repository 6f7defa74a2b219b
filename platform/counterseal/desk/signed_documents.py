"""Every document that a person signs, checked as it stands in the log.

Job: say why a recorded document is not what people signed, given what the log said before it.

Invariants
  I1  What was signed once is never another thing later: a key, role or delegation may end, and
      nothing else of it may change.
  I2  What two people must sign names two different people, each with a signature of their own.

Not here: keys and roles back to the founding (identity.recheck), decisions (desk.signed_cases),
overrides and locks (desk.signed_risk), which records carry documents (desk.signed_log).
Source: governance rules, parts 2.9, 3 and 5; audit-log design, part "verify".
"""

from collections.abc import Mapping
from functools import singledispatchmethod

from pydantic import ValidationError

from counterseal.approvals.delegation import KIND as GRANT
from counterseal.approvals.delegation import DelegationGrant, GrantStatus, grant_statement
from counterseal.audit.retention import Purge, PurgeStatus
from counterseal.audit.rollback import Rollback, rollback_statement
from counterseal.desk.discrepancies import AccountLock
from counterseal.desk.installation import PolicyActivation
from counterseal.desk.purging import KIND as PURGE
from counterseal.desk.purging import purge_statement
from counterseal.desk.rollbacks import KIND as ROLLBACK
from counterseal.desk.signed_ground import ANOTHER, SignedGround
from counterseal.desk.signed_risk import lock_problem, override_problem
from counterseal.identity.access_reviews import AccessClaim, AccessReview, review_statement
from counterseal.identity.acts import ATTEST, ActTerms, EnrolKey, act_in
from counterseal.identity.attestations import (
    ControlAttestation,
    ControlClaim,
    attestation_statement,
)
from counterseal.identity.dsse import signed_payload, statement_in
from counterseal.identity.keys import KeyStatus, PersonKey
from counterseal.identity.mandate import KIND as MANDATE
from counterseal.identity.mandate import SubmitMandate, mandate_statement
from counterseal.identity.people import SIGNERS, Person, RoleGrant
from counterseal.identity.proposals import PeopleProposal, signature_problem
from counterseal.kernel.canonical import Json, canonical_bytes, digest, parse_json
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import Document, Signature
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.proposal import KIND as POLICY
from counterseal.policy.proposal import PolicyVote
from counterseal.risk.override import RiskOverride


class SignedSoFar(SignedGround):
    """What the log said before a place: fed with its documents in order.

    Attributes:
        delegations, overrides, locks: The last version of each, by id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.delegations: dict[str, DelegationGrant] = {}
        self.overrides: dict[str, RiskOverride] = {}
        self.locks: dict[str, AccountLock] = {}
        self._votes: dict[str, dict[str, Signature]] = {}
        self._policies: dict[str, str] = {}

    @singledispatchmethod
    def problem(self, document: Document) -> str:
        """Why a document is not what people signed; empty when it is, or when nobody signs it.

        Keys and roles are compared with their earlier versions alone: `identity.recheck` judges
        them when all are known.

        Raises:
            InputError: when its envelope holds no such statement.
            IntegrityError: the same.
            ValidationError: the same.
        """
        del document
        return ""

    @problem.register
    def _person(self, person: Person) -> str:
        self.people[person.person_id] = person
        return ""

    @problem.register
    def _key(self, key: PersonKey) -> str:
        before = self.person_keys.setdefault(key.key_id, key)
        if before is key:
            return ""
        if _unended(before) != _unended(key):
            return ANOTHER
        if before.revoked_at is not None and key != before:
            return "it had ended before"
        self.person_keys[key.key_id] = key
        return ""

    @problem.register
    def _role(self, grant: RoleGrant) -> str:
        before = self.roles.setdefault(grant.grant_id, grant)
        ended = before.ended_at is not None
        if before.amended(ended_at=None, ended_by=None) != grant.amended(
            ended_at=None, ended_by=None
        ):
            return ANOTHER
        if ended and grant != before:
            return "it had ended before"
        self.roles[grant.grant_id] = grant
        return ""

    @problem.register
    def _delegation(self, grant: DelegationGrant) -> str:
        before = self.delegations.get(grant.grant_id)
        stated = grant_statement(grant)
        problem = self.signed(GRANT, grant.signature, grant.delegator, stated, grant.issued_at)
        if before is not None and grant_statement(before) != stated:
            problem = problem or ANOTHER
        if before is not None and before.status is GrantStatus.ENDED and grant != before:
            problem = problem or "it had ended before"
        if not problem:
            self.delegations[grant.grant_id] = grant
        return problem

    @problem.register
    def _proposal(self, proposal: PeopleProposal) -> str:
        if not proposal.signatures:
            return "nobody signed it"
        act = act_in(proposal.signatures[0])
        stated = _object(proposal.statement)
        for signature in proposal.signatures:
            if isinstance(act, EnrolKey) and signature.key_id == act.key.key_id:
                problem = signature_problem(signature, act.key, proposal.kind, proposal.statement)
            else:
                key = self.person_keys.get(signature.key_id)
                owner = "" if key is None else key.person_id
                problem = self.signed(proposal.kind, signature, owner, stated)
            if problem:
                return problem
        return ""

    @problem.register
    def _mandate(self, mandate: SubmitMandate) -> str:
        if mandate.signature is not None and mandate.signature.key_id != mandate.key_id:
            return "another key signed"
        stated, at = mandate_statement(mandate), mandate.issued_at
        return self.signed(MANDATE, mandate.signature, mandate.person_id, stated, at)

    @problem.register
    def _access_review(self, review: AccessReview) -> str:
        stated = statement_in(signed_payload(review.signature, ATTEST))
        told = {name: stated.get(name) for name in ActTerms.model_fields}
        claim = AccessClaim(
            terms=ActTerms.model_validate_json(canonical_bytes(told)),  # type: ignore[arg-type]  # parsed JSON
            list_digest=review.list_digest,
            people_count=review.people_count,
        )
        if (claim.terms.nonce, claim.terms.tenant) != (review.review_id, review.tenant):
            return "another review was signed"
        return self.here(claim.terms.log_origin) or self.signed(
            ATTEST, review.signature, review.attested_by, review_statement(claim)
        )

    @problem.register
    def _attestation(self, word: ControlAttestation) -> str:
        stated = statement_in(signed_payload(word.signature, ATTEST))
        told = {name: stated.get(name) for name in ActTerms.model_fields}
        kept = {name: value for name, value in word if name in ControlClaim.model_fields}
        terms = ActTerms.model_validate_json(canonical_bytes(told))  # type: ignore[arg-type]  # parsed JSON
        if (terms.nonce, terms.tenant) != (word.attestation_id, word.tenant):
            return "another word was signed"
        claim = ControlClaim(terms=terms, **kept)
        problem = self.here(terms.log_origin) or self.signed(
            ATTEST, word.signature, word.attested_by, attestation_statement(claim)
        )
        return problem or self.barred(word.attested_by, *allowed_roles(Action.ATTEST_CONTROL))

    @problem.register
    def _vote(self, vote: PolicyVote) -> str:
        stated = statement_in(signed_payload(vote.signature, POLICY))
        told = {
            "kind": POLICY,
            "proposal_id": vote.proposal_id,
            "policy_bundle_hash": vote.bundle_hash,
            "diff_hash": vote.diff_hash,
            "meaning": vote.meaning.value,
            "person": vote.person_id,
            "key_id": vote.key_id,
        }
        if any(stated.get(name) != value for name, value in told.items()):
            return "another vote was signed"
        problem = self.here(stated.get("log_origin")) or self.signed(
            POLICY,
            vote.signature,
            vote.person_id,
            stated,  # type: ignore[arg-type]  # parsed JSON
        )
        if not problem:
            cast = self._votes.setdefault(f"{vote.proposal_id} {vote.bundle_hash}", {})
            cast[vote.person_id] = vote.signature
        return problem

    @problem.register
    def _activation(self, policy: PolicyActivation) -> str:
        known = self._policies.setdefault(policy.bundle_hash, policy.digest)
        if known != policy.digest:
            return ANOTHER
        if policy.bootstrap:
            first = next(iter(self._policies)) == policy.bundle_hash
            return "" if first else "two people did not vote for it"
        cast = self._votes.get(f"{policy.proposal_id} {policy.bundle_hash}", {})
        voted = {name for name, vote in cast.items() if vote in policy.signatures}
        enough = len(voted) == SIGNERS == len(policy.signatures)
        return "" if enough and voted == set(policy.activated_by) else "two people did not vote"

    @problem.register
    def _purge(self, purge: Purge) -> str:
        ranges: list[Json] = [one.json_value() for one in purge.ranges]
        plan: Json = {"purge": purge.purge_id, "policy": purge.policy_digest, "ranges": ranges}
        if digest(plan) != purge.plan_digest:
            return "its plan is another one"
        for one in purge.approvals:
            stated = purge_statement(purge, one.person_id, one.signature.key_id)
            problem = self.signed(PURGE, one.signature, one.person_id, stated)
            if problem:
                return problem
        consenting = {one.person_id for one in purge.approvals}
        missing = purge.status is PurgeStatus.PURGED and len(consenting) != SIGNERS
        return "two people did not agree to it" if missing else ""

    @problem.register
    def _rollback(self, rollback: Rollback) -> str:
        for one in rollback.approvals:
            stated = rollback_statement(rollback, one.person_id, one.signature.key_id)
            problem = self.signed(ROLLBACK, one.signature, one.person_id, stated)
            if problem:
                return problem
        missing = len({one.person_id for one in rollback.approvals}) != SIGNERS
        return "two people did not declare it" if missing else ""

    @problem.register
    def _override(self, override: RiskOverride) -> str:
        before = self.overrides.get(override.override_id)
        problem = override_problem(self, before, override)
        if not problem:
            self.overrides[override.override_id] = override
        return problem

    @problem.register
    def _lock(self, lock: AccountLock) -> str:
        before = self.locks.get(lock.account_id)
        if lock == before:
            return ""
        problem = lock_problem(self, before, lock)
        if not problem:
            self.locks[lock.account_id] = lock
        return problem


def problem_of(known: SignedSoFar, document: Document) -> str:
    """`SignedSoFar.problem`, with what cannot be read told as a problem too."""
    try:
        return known.problem(document)
    except (InputError, IntegrityError) as error:
        return error.message
    except ValidationError:
        return "what was signed is no statement of its kind"


def _unended(key: PersonKey) -> PersonKey:
    return key.amended(status=KeyStatus.ACTIVE, revoked_at=None, revoked_reason="")


def _object(text: str) -> Mapping[str, Json]:
    value = parse_json(text.encode())
    return value if isinstance(value, Mapping) else {}
