"""Who may sign an open proposal about a key, a role or a policy.

Job: name the people whose signature an open proposal waits for.

Invariants
  I1  Whoever is named may sign now by the checks that the signing itself makes.
  I2  A proposal outside its time waits for nobody; so does a policy with all its votes.

Not here: the signing (desk.proposals, desk.policies), activation of a policy.
Source: governance parts 3 and 5 (two people for keys and roles) and 4 (votes for a policy).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from counterseal.desk.installation import PolicyActivation
from counterseal.desk.policies import vote_question
from counterseal.desk.policy_votes import selves_at
from counterseal.desk.ports import Reader
from counterseal.desk.views.standing import Register
from counterseal.identity.acts import Act, EnrolKey, action_of, subject_of
from counterseal.identity.people import SIGNERS, Person, check_signers
from counterseal.identity.proposals import PeopleProposal, ProposalStatus, proposed_act
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.evaluation import Verdict, judge
from counterseal.policy.gate import VOTES, Selves, check_vote
from counterseal.policy.proposal import KIND as POLICY
from counterseal.policy.proposal import PolicyProposal, PolicyVote


class SignatureDue(DomainModel):
    """An open proposal and who may sign it; times in UTC, `until` half-open.

    Attributes:
        noun: Of the command line, `people` or `policies`.
        about: The person or the policy version that it is about.
    """

    proposal_id: Name
    noun: Name
    kind: Name
    about: Name
    eligible: tuple[Name, ...]
    since: UtcDatetime
    until: UtcDatetime


def signatures_due(reader: Reader, register: Register, now: datetime) -> tuple[SignatureDue, ...]:
    """Open proposals in their time, each with the people who may sign it next, sorted."""
    found = reader.find(PeopleProposal, status=ProposalStatus.OPEN.value)
    people = (_due(register, p, now) for p in found if p.opened_at <= now < p.expires_at)
    activated = {activation.proposal_id for activation in reader.find(PolicyActivation)}
    waiting = (p for p in reader.find(PolicyProposal) if p.proposal_id not in activated)
    policies = (_votes_due(reader, register, p, now) for p in waiting if p.open_at(now))
    return (*people, *policies)


def _votes_due(
    reader: Reader, register: Register, proposal: PolicyProposal, now: datetime
) -> SignatureDue:
    earlier = reader.find(PolicyVote, proposal_id=proposal.proposal_id)
    selves = selves_at(reader, proposal, now)
    wanted = register.people.values() if len(earlier) < VOTES else ()
    names = [p.person_id for p in wanted if _may_vote(register, proposal, earlier, p, selves, now)]
    return SignatureDue(
        proposal_id=proposal.proposal_id,
        noun="policies",
        kind=POLICY,
        about=proposal.version,
        eligible=tuple(sorted(names)),
        since=proposal.proposed_at,
        until=proposal.expires_at,
    )


def _may_vote(
    register: Register,
    proposal: PolicyProposal,
    earlier: Sequence[PolicyVote],
    person: Person,
    selves: Selves,
    now: datetime,
) -> bool:
    bundle = register.bundle
    who, law = person.person_id, bundle.bundle_hash
    barred = check_vote(proposal, earlier, who, in_force=law, selves=selves, now=now)
    if barred is not None or not register.keys.get(who):
        return False
    asked = vote_question(proposal, earlier, person, selves)
    judged = judge(proposal.proposal_id, asked, bundle.rules, bundle_hash=law, now=now)
    return judged.verdict is Verdict.ALLOW


def _due(register: Register, proposal: PeopleProposal, now: datetime) -> SignatureDue:
    act = proposed_act(proposal)
    owners: Mapping[str, str] = {key.key_id: key.person_id for key in register.all_keys}
    signed = [owners[s.key_id] for s in proposal.signatures if s.key_id in owners]
    deciding = [register.people[i] for i in signed if i != subject_of(act)]
    names = [p.person_id for p in register.people.values() if _may(register, act, deciding, p, now)]
    shown = {signature.key_id for signature in proposal.signatures}
    if isinstance(act, EnrolKey) and act.key.key_id not in shown:
        names.append(act.key.person_id)
    return SignatureDue(
        proposal_id=proposal.proposal_id,
        noun="people",
        kind=proposal.kind,
        about=proposal.person_id,
        eligible=tuple(sorted(names)),
        since=proposal.opened_at,
        until=proposal.expires_at,
    )


def _may(
    register: Register, act: Act, deciding: Sequence[Person], person: Person, now: datetime
) -> bool:
    subject = register.people.get(subject_of(act))
    if subject is None or len(deciding) >= SIGNERS:
        return False
    keyed = any(key.counts_at(now) for key in register.keys.get(person.person_id, ()))
    whole = (*deciding, person)
    return keyed and check_signers(action_of(act), subject, whole, complete=False) is None
