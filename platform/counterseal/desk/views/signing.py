"""Who may sign an open proposal about a key, a role or a policy.

Job: name the people whose signature an open proposal waits for, and tell others why not theirs.

Invariants
  I1  Whoever is named may sign now by the checks that the signing itself makes; whoever is not is
      told why by the same checks.
  I2  A proposal outside its time waits for nobody; so does a policy with all its votes.

Not here: the signing (desk.proposals, desk.policies), activation of a policy.
Source: governance parts 3 and 5 (two people for keys and roles) and 4 (votes for a policy).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from counterseal.desk.installation import PolicyActivation
from counterseal.desk.policies import vote_question
from counterseal.desk.policy_votes import selves_at
from counterseal.desk.ports import Reader
from counterseal.desk.views.standing import Register
from counterseal.identity.acts import Act, EnrolKey, action_of, subject_of
from counterseal.identity.people import Person, check_signers
from counterseal.identity.proposals import PeopleProposal, ProposalStatus, proposed_act
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
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


class SignatureAsked(DomainModel):
    """An open proposal as one person stands to it.

    Attributes:
        signed_by: Who signed it, in that order.
        codes: Why the person may not sign it now; empty when they may.
    """

    due: SignatureDue
    signed_by: tuple[Name, ...]
    codes: tuple[Name, ...]


def signatures_due(reader: Reader, register: Register, now: datetime) -> tuple[SignatureDue, ...]:
    """Open proposals in their time, each with the people who may sign it next, sorted."""
    people = (_due(register, one, now) for one in _open_acts(reader, now))
    policies = (_votes_due(reader, register, one, now) for one in _open_policies(reader, now))
    return (*people, *policies)


def signatures_asked(
    reader: Reader, register: Register, person: Person, now: datetime
) -> tuple[SignatureAsked, ...]:
    """The same as a person stands to each; people of other tenants are neither told nor named."""
    own = {who for who, one in register.people.items() if one.tenant == person.tenant}
    found: list[SignatureAsked] = []
    for act in _open_acts(reader, now):
        if act.person_id in own:
            signed = signers_of(register, act)
            barred = _barred(register, proposed_act(act), signed, person, now)
            codes = () if barred is None else barred.codes
            found.append(_asked(_due(register, act, now), signed, codes, own))
    for policy in _open_policies(reader, now):
        votes = reader.find(PolicyVote, proposal_id=policy.proposal_id)
        codes = _vote_codes(register, policy, votes, person, selves_at(reader, policy, now), now)
        voters = [v.person_id for v in sorted(votes, key=lambda v: (v.voted_at, v.vote_id))]
        found.append(_asked(_votes_due(reader, register, policy, now), voters, codes, own))
    return tuple(found)


def signers_of(register: Register, proposal: PeopleProposal) -> tuple[str, ...]:
    """Who signed a proposal about a key or a role; of a new key its owner."""
    owners = {key.key_id: key.person_id for key in register.all_keys}
    act = proposed_act(proposal)
    if isinstance(act, EnrolKey):
        owners.setdefault(act.key.key_id, act.key.person_id)
    return tuple(owners[s.key_id] for s in proposal.signatures if s.key_id in owners)


def _asked(
    due: SignatureDue, signers: Iterable[str], codes: Sequence[str], own: Collection[str]
) -> SignatureAsked:
    named = tuple(one for one in due.eligible if one in own)
    signed = tuple(dict.fromkeys(one for one in signers if one in own))
    return SignatureAsked(due=due.amended(eligible=named), signed_by=signed, codes=tuple(codes))


def _open_acts(reader: Reader, now: datetime) -> Iterator[PeopleProposal]:
    for one in reader.find(PeopleProposal, status=ProposalStatus.OPEN.value):
        if one.opened_at <= now < one.expires_at:
            yield one


def _open_policies(reader: Reader, now: datetime) -> Iterator[PolicyProposal]:
    activated = {activation.proposal_id for activation in reader.find(PolicyActivation)}
    for one in reader.find(PolicyProposal):
        if one.proposal_id not in activated and one.open_at(now):
            yield one


def _votes_due(
    reader: Reader, register: Register, proposal: PolicyProposal, now: datetime
) -> SignatureDue:
    votes = reader.find(PolicyVote, proposal_id=proposal.proposal_id)
    selves = selves_at(reader, proposal, now)
    wanted = register.people.values() if len(votes) < VOTES else ()
    free = (p for p in wanted if not _vote_codes(register, proposal, votes, p, selves, now))
    return SignatureDue(
        proposal_id=proposal.proposal_id,
        noun="policies",
        kind=POLICY,
        about=proposal.version,
        eligible=tuple(sorted(person.person_id for person in free)),
        since=proposal.proposed_at,
        until=proposal.expires_at,
    )


def _vote_codes(
    register: Register,
    proposal: PolicyProposal,
    earlier: Sequence[PolicyVote],
    person: Person,
    selves: Selves,
    now: datetime,
) -> tuple[str, ...]:
    """Why a person may not vote for a policy; what the rules in force say comes last."""
    bundle = register.bundle
    who, law = person.person_id, bundle.bundle_hash
    barred = check_vote(proposal, earlier, who, in_force=law, selves=selves, now=now)
    if barred is not None:
        return barred.codes
    if not register.keys.get(who):
        return (_no_key(who).code,)
    asked = vote_question(proposal, earlier, person, selves)
    judged = judge(proposal.proposal_id, asked, bundle.rules, bundle_hash=law, now=now)
    return () if judged.verdict is Verdict.ALLOW else judged.codes


def _due(register: Register, proposal: PeopleProposal, now: datetime) -> SignatureDue:
    act, signed = proposed_act(proposal), signers_of(register, proposal)
    people = register.people.values()
    names = [p.person_id for p in people if _barred(register, act, signed, p, now) is None]
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


def _barred(
    register: Register, act: Act, signed: Sequence[str], person: Person, now: datetime
) -> Refusal | None:
    """Why a person may not decide on an act about a key or a role that these people signed."""
    who, about = person.person_id, subject_of(act)
    subject = register.people.get(about)
    deciding = [register.people[one] for one in signed if one != about]
    if subject is None:
        return refuse("NOT_FOUND", "no such person", person=about)
    if person in deciding:
        return refuse("ALREADY_SIGNED", "a key signs once", person=who)
    barred = check_signers(action_of(act), subject, (*deciding, person), complete=False)
    keyed = any(key.counts_at(now) for key in register.keys.get(who, ()))
    return barred if barred is not None or keyed else _no_key(who)


def _no_key(person_id: str) -> Refusal:
    return refuse("KEY_NOT_ENROLLED", "no key of this person", person=person_id)
