"""Exercises on who is believed and what comes into force, without a store.

Job: put a provider's claims and an unapproved policy before the decisions, and say what came.

Invariants
  I1  Each exercise has a case that must pass beside those that must be refused.

Not here: an identity provider itself, which only a home that uses one has met (storage.home_facts).
Source: TX-L1:rbac_abac_enforced, TX-L2:centralized_risk_limits_enabled, TX-L7.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from counterseal.identity.oidc import Claims, Judged, judge_claims
from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import Signature
from counterseal.policy.access import AccessRules, IssuerRule
from counterseal.policy.gate import Ballot, decide_activation
from counterseal.policy.manifest import PolicyManifest, check_manifest, entry_of
from counterseal.policy.proposal import (
    CheckResult,
    GateStep,
    PolicyProposal,
    PolicyVote,
    policy_texts,
)
from counterseal.readiness.model import Exercise, Exercised

_AT: Final = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_NOTHING: Final = digest(None)
_CLIENT: Final = "probe"
_RULES: Final = AccessRules(
    issuers=(IssuerRule(issuer="https://provider.example", client_id=_CLIENT),)
)
_CLAIMS: Final = Claims(
    issuer="https://provider.example",
    subject="probe",
    audience=(_CLIENT,),
    issued_at=_AT,
    expires_at=_AT + _HOUR,
    nonce="probe",
    verified=True,
    token_digest=_NOTHING,
)
_COUNTS: Final = "they count"
_LISTED: Final = "as listed"
_IN_FORCE: Final = "in force"
_AUTHOR: Final = "author"
_VERSION: Final = "probe"
_FILES: Final = {"approval/probe/params.yaml": b"probe: 1\n"}


def law_exercises() -> tuple[Exercised, ...]:
    """What the decisions about tokens and policies answer."""
    return (_foreign_token(), _unapproved_policy())


def _foreign_token() -> Exercised:
    """A provider's good claims count; with one thing wrong they do not."""
    wrong = (
        (_CLAIMS.amended(audience=("another",)), "AUDIENCE_WRONG"),
        (_CLAIMS.amended(issuer="https://another.example"), "ISSUER_UNKNOWN"),
        (_CLAIMS.amended(nonce="another"), "NONCE_WRONG"),
        (_CLAIMS.amended(issued_at=_AT - _HOUR, expires_at=_AT), "TOKEN_EXPIRED"),
        (_CLAIMS.amended(verified=False), "TOKEN_INVALID"),
    )
    good, answers = _judged(_CLAIMS), [_judged(claims) for claims, _ in wrong]
    told = f"good claims: {good}; with one thing wrong: {', '.join(answers)}"
    passed = good == _COUNTS and answers == [code for _, code in wrong]
    return Exercised(name=Exercise.FOREIGN_TOKEN_REFUSED, passed=passed, evidence=told)


def _judged(claims: Claims) -> str:
    judged = judge_claims(claims, _RULES, _AT, nonce="probe")
    return _COUNTS if isinstance(judged, Judged) else judged.code


def _unapproved_policy() -> Exercised:
    """A changed file is found, and a policy comes into force by two other people's votes only."""
    changed = _found(dict.fromkeys(_FILES, b"probe: 2\n"))
    same = _found(_FILES)
    refused = [_activated(*names) for names in ((), ("p",), ("p", "p"), ("p", _AUTHOR))]
    voted = _activated("p", "q")
    told = (
        f"a changed file: {changed}; votes of nobody, one, one twice, one and the author:"
        f" {', '.join(refused)}; of two others: {voted}"
    )
    passed = (same, changed, voted) == (_LISTED, "POLICY_HASH_MISMATCH", _IN_FORCE)
    passed = passed and set(refused) == {"VOTES_MISSING"}
    return Exercised(name=Exercise.MANIFEST_SIGNED, passed=passed, evidence=told)


def _found(files: dict[str, bytes]) -> str:
    manifest = PolicyManifest(versions=(entry_of(_VERSION, _FILES, _AUTHOR, _AT),))
    try:
        check_manifest(manifest, _VERSION, files)
    except PolicyError as error:
        return error.code
    return _LISTED


def _activated(*voters: str) -> str:
    proposal = _proposal()
    answer = decide_activation(
        proposal,
        [Ballot(_vote(proposal, voter, place), valid=True) for place, voter in enumerate(voters)],
        "activator",
        in_force=proposal.replaces,
        selves=lambda person: frozenset({person}),
        effective_from=_AT,
        now=_AT,
    )
    return _IN_FORCE if isinstance(answer, tuple) else answer.code


def _proposal() -> PolicyProposal:
    checks = tuple(
        CheckResult(step=step, checked=1, found=0, result_hash=_NOTHING) for step in GateStep
    )
    return PolicyProposal(
        proposal_id="probe",
        bundle_hash=entry_of(_VERSION, _FILES, _AUTHOR, _AT).bundle_hash,
        version=_VERSION,
        files=policy_texts(_FILES),
        author_ids=(_AUTHOR,),
        replaces=_NOTHING,
        checks=checks,
        diff_hash=_NOTHING,
        proposed_by=_AUTHOR,
        proposed_at=_AT,
        expires_at=_AT + _HOUR,
    )


def _vote(proposal: PolicyProposal, voter: str, place: int) -> PolicyVote:
    unread = Signature(payload_type="none", payload="", key_id=voter, scheme="none", signature="")
    return PolicyVote(
        vote_id=f"vote-{place}",
        proposal_id=proposal.proposal_id,
        bundle_hash=proposal.bundle_hash,
        diff_hash=proposal.diff_hash,
        person_id=voter,
        key_id=voter,
        voted_at=_AT,
        signature=unread,
    )
