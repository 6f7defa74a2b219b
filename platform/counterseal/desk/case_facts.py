"""What is read beside a case: who is one person, who acts for whom, which versions came before.

Job: gather the facts of a case for decisions and rechecks.

Invariants
  I1  Links come from every key and from every grant that was active at any time of the case.
  I2  Nothing is left out because it looks wrong: whether it holds is for the decision to say. Only
      a key that two people's signatures did not put into force is no key.

Not here: the decisions (approvals), the case itself (desk.approvals).
Source: governance rules 2.3, 2.5 and 2.6.
"""

from datetime import datetime

from counterseal.approvals.authorization import GovernedCase
from counterseal.approvals.carrying import VERSIONS_MAX, CaseVersion
from counterseal.approvals.delegation import Delegated, DelegationGrant, links_of_grants
from counterseal.approvals.history import CaseFacts
from counterseal.approvals.independence import Candidate, PersonLink, links_of_keys
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.approvals.statement import AuthFacts, Reviewer
from counterseal.desk.people import enrolled_key, enrolled_keys, key_of, person_of
from counterseal.desk.ports import Reader, once
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.kernel.model import Actor, Refusal, refuse
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.params import VoidRow


def decisions_of(reader: Reader, request_id: str) -> tuple[ApprovalDecision, ...]:
    """The decisions of one version, in sequence."""
    found = reader.find(ApprovalDecision, approval_request_id=request_id)
    return tuple(sorted(found, key=lambda d: d.sequence))


def governed(
    request: ApprovalRequest, decisions: tuple[ApprovalDecision, ...], bundle: PolicyBundle
) -> GovernedCase:
    """The case as the rules are asked about its end, where nobody's other names matter."""
    return GovernedCase(request=request, decisions=decisions, bundle=bundle, links=())


def earlier_versions(reader: Reader, request: ApprovalRequest) -> tuple[CaseVersion, ...]:
    """The versions that a request amended, newest first; ends where one is missing."""
    found: list[CaseVersion] = []
    wanted = request.supersedes
    while wanted is not None and len(found) < VERSIONS_MAX:
        before = reader.get(ApprovalRequest, wanted)
        if before is None:
            break
        found.append(CaseVersion(request=before, decisions=decisions_of(reader, wanted)))
        wanted = before.supersedes
    return tuple(found)


def shared_facts(reader: Reader) -> CaseFacts:
    """What the rechecks of all cases have in common."""
    return CaseFacts(person_keys=enrolled_keys(reader), grants=reader.find(DelegationGrant))


def case_facts(
    reader: Reader,
    request: ApprovalRequest,
    matrix: tuple[VoidRow, ...] | None,
    shared: CaseFacts | None = None,
) -> CaseFacts:
    """What the recheck of a case needs; `matrix` of the bundle that it is pinned to, if known."""
    earlier = earlier_versions(reader, request)
    facts = shared or _own_facts(reader, request, earlier)
    return facts.amended(earlier=earlier, matrix=matrix)


def _own_facts(
    reader: Reader, request: ApprovalRequest, earlier: tuple[CaseVersion, ...]
) -> CaseFacts:
    """The same as `shared_facts`, for what one case names only."""
    grants = reader.find(DelegationGrant)
    decisions = [
        *decisions_of(reader, request.approval_request_id),
        *(decision for version in earlier for decision in version.decisions),
    ]
    wanted = {*(d.key_id for d in decisions), *(g.key_id for g in grants)}
    return CaseFacts(person_keys=enrolled_keys(reader, wanted), grants=grants)


def links_of_case(reader: Reader, since: datetime, now: datetime) -> tuple[PersonLink, ...]:
    """Who is one person with whom, in a case that began at `since` and goes on at `now`."""
    return (
        *once(reader, "links_of_keys", lambda: links_of_keys(reader.find(PersonKey))),
        *links_of_grants(reader.find(DelegationGrant), since, now),
    )


def candidates(
    reader: Reader, tenant: str, strategy_id: str, now: datetime
) -> tuple[Candidate, ...]:
    """Everybody who could review a strategy in a tenant, with the roles that reach it.

    The key class is that of the best key that counts (0 = none).
    """
    keys = sorted(reader.find(PersonKey), key=lambda k: k.key_class)
    classes = {k.person_id: k.key_class for k in keys if k.counts_at(now)}
    return tuple(
        Candidate(
            person_id=p.person_id,
            roles=tuple(sorted(p.roles_for(strategy_id))),
            key_class=classes.get(p.person_id, 0),
        )
        for p in reader.find(Person, tenant=tenant)
        if p.active
    )


def delegated_under(reader: Reader, grant_id: str | None) -> Delegated | Refusal | None:
    """The grant that somebody wants to act under; None without one, `GRANT_INVALID` if unknown."""
    if grant_id is None:
        return None
    grant = reader.get(DelegationGrant, grant_id)
    delegator = None if grant is None else reader.get(Person, grant.delegator)
    if grant is None or delegator is None:
        return refuse("GRANT_INVALID", "no such grant", grant=grant_id)
    return Delegated(grant=grant, delegator=delegator, key=enrolled_key(reader, grant.key_id))


def auth_facts(actor: Actor) -> AuthFacts:
    """How the actor re-authenticated, as statements say it."""
    return AuthFacts(iss=actor.issuer, auth_time=actor.auth_time, acr=actor.acr, amr=actor.amr)


def reviewer_of(
    reader: Reader,
    actor: Actor,
    scheme: str,
    grant_id: str | None = None,
    key_id: str | None = None,
) -> Reviewer | Refusal:
    """Who decides, with which key, in whose name.

    The key is the named one when it is the actor's own and counts, and otherwise the actor's newest
    of the scheme, which a signature by any other key then does not fit.

    Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `GRANT_INVALID`.
    """
    person = person_of(reader, actor)
    delegated = delegated_under(reader, grant_id)
    if isinstance(person, Refusal):
        return person
    if isinstance(delegated, Refusal):
        return delegated
    own = key_of(reader, actor.id, scheme, key_id) or key_of(reader, actor.id, scheme)
    return Reviewer(person=person, key=own, auth=auth_facts(actor), delegated=delegated)
