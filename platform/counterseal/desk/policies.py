"""Use cases: bring a policy into force.

Job: check a policy, put it to the vote, take signed votes, and activate what two people approved.

Invariants
  I1  Every step of the gate is a record, and so is its failure, with the counterexample.
  I2  A vote is judged by the rules in force, and recorded with their answer.
  I3  An activation carries the texts and both votes: it is believed from the log alone.
  I4  Checks run before the writer's lock is taken; what they rest on is compared under it.

Not here: the checks (policy.gate_checks), the decisions (policy.gate), files (storage).
Source: governance part 4 (activation gate, N2 to N5); part 8, tests 9 and 19.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from counterseal.desk.bench import Bench
from counterseal.desk.commands import Command, Done, Outcome
from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.desk.people import key_of, person_of, stranger_among
from counterseal.desk.policy_votes import ballots_of, read_vote, selves_at
from counterseal.desk.ports import Reader, newest_of
from counterseal.desk.recorder import Decide
from counterseal.desk.records import barred_from
from counterseal.identity.people import Person
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import (
    Actor,
    Detail,
    Document,
    Event,
    Refusal,
    Signature,
    Subject,
    details,
    refuse,
)
from counterseal.policy.authorize import Action
from counterseal.policy.bundle import bundle_hash, hash_files
from counterseal.policy.counterfactual import DiffReport
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, judge, with_evaluation
from counterseal.policy.gate import Selves, check_vote, decide_activation, decide_proposal
from counterseal.policy.gate_checks import GateReport, PolicyDraft, check_draft
from counterseal.policy.proposal import (
    CheckResult,
    GateStep,
    PolicyProposal,
    PolicyVote,
    vote_statement,
)
from counterseal.policy.question import (
    BundleFacts,
    PersonFacts,
    Question,
    RuleAction,
    Voting,
    question,
)
from counterseal.policy.words import Meaning

STREAM: Final = "policies"
DIFF_DECISIONS: Final = 1_000
"""How many of the newest recorded decisions a proposal is held against."""
FLIPS_TOLD: Final = 30
"""Flips that the record of a step names; the hash covers all of them."""


class Policies:
    """The life cycle of policies in one home."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def check(self, draft: PolicyDraft) -> GateReport:
        """Run the four steps over a draft; nothing is written."""
        with self._bench.store.reader() as reader:
            return check_draft(draft, newest_evaluations(reader), self._in_force(reader))

    def propose(
        self, draft: PolicyDraft, author_ids: Sequence[str], actor: Actor, *, key: str
    ) -> Outcome:
        """Check a draft and put it to the vote; the outcome names the proposal.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `AUTHOR_UNKNOWN`, and those of
        `policy.gate.decide_proposal`: a step that failed says by what.
        """
        with self._bench.store.reader() as reader:
            barred = barred_from(reader, actor, Action.PROPOSE_POLICY)
        report = GateReport(refusal=barred) if barred is not None else self.check(draft)

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.PROPOSE_POLICY) or stranger_among(
                reader, author_ids
            )
            if barred is not None:
                return barred
            proposal = decide_proposal(
                self._bench.ids.new("ppr", key, now),
                draft,
                report,
                author_ids=author_ids,
                proposer_id=actor.id,
                in_force=self._in_force(reader, now),
                now=now,
            )
            if isinstance(proposal, Refusal):
                return proposal
            return _proposed(proposal, report.diff)

        asked: dict[str, Json] = {
            "version": draft.version,
            "bundle": bundle_hash(hash_files(draft.files)),
            "authors": sorted(author_ids),
        }
        return self._run("policies.propose", asked, actor, key, decide)

    def statement(
        self, proposal_id: str, actor: Actor, now: datetime, *, key_id: str | None = None
    ) -> dict[str, Json] | Refusal:
        """What the actor signs to vote for a proposal, by their newest key or the named one.

        Refusals: `NOT_FOUND`, `KEY_NOT_ENROLLED`.
        """
        with self._bench.store.reader() as reader:
            proposal = reader.get(PolicyProposal, proposal_id)
            key = key_of(reader, actor.id, key_id=key_id)
        if proposal is None:
            return _unknown(proposal_id)
        if key is None:
            return refuse("KEY_NOT_ENROLLED", "no key of this person", person=actor.id)
        return vote_statement(proposal, actor.id, key.key_id, self._bench.origin, now)

    def vote(self, proposal_id: str, signature: Signature, actor: Actor, *, key: str) -> Outcome:
        """Take one signed vote; the outcome names it.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE` and other codes of the rules in force,
        those of `policy.gate.check_vote` and of `desk.policy_votes.read_vote`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            proposal = reader.get(PolicyProposal, proposal_id)
            person = person_of(reader, actor)
            if proposal is None:
                return _unknown(proposal_id)
            if isinstance(person, Refusal):
                return person
            return self._voted(reader, proposal, person, signature, now)

        asked: dict[str, Json] = {"proposal": proposal_id, "signature": signature.digest}
        return self._run("policies.vote", asked, actor, key, decide)

    def activate(
        self,
        proposal_id: str,
        actor: Actor,
        *,
        key: str,
        effective_from: datetime | None = None,
    ) -> Outcome:
        """Bring a proposal into force, now or from later on; the outcome names the bundle.

        Refusals: `NOT_FOUND`, `PERSON_DISABLED`, `ROLE`, `PROPOSAL_CLOSED`, and those of
        `policy.gate.decide_activation`.
        """

        def decide(reader: Reader, now: datetime) -> Done | Refusal:
            barred = barred_from(reader, actor, Action.APPROVE_POLICY)
            proposal = reader.get(PolicyProposal, proposal_id)
            if barred is not None:
                return barred
            if proposal is None:
                return _unknown(proposal_id)
            if any(a.proposal_id == proposal_id for a in reader.find(PolicyActivation)):
                return refuse("PROPOSAL_CLOSED", "the proposal is activated already")
            begins = now if effective_from is None else effective_from
            counted = decide_activation(
                proposal,
                ballots_of(reader, proposal, self._bench.origin),
                actor.id,
                in_force=self._in_force(reader, now),
                selves=selves_at(reader, proposal, now),
                effective_from=begins,
                now=now,
            )
            if isinstance(counted, Refusal):
                return counted
            return _activated(proposal, counted, begins)

        begins = None if effective_from is None else utc_text(effective_from)
        asked: dict[str, Json] = {"proposal": proposal_id, "effective_from": begins}
        return self._run("policies.activate", asked, actor, key, decide)

    def _voted(
        self,
        reader: Reader,
        proposal: PolicyProposal,
        person: Person,
        signature: Signature,
        now: datetime,
    ) -> Done | Refusal:
        bundle, selves = self._bench.bundle, selves_at(reader, proposal, now)
        earlier = reader.find(PolicyVote, proposal_id=proposal.proposal_id)
        evaluation = judge(
            proposal.proposal_id,
            vote_question(proposal, earlier, person, selves),
            bundle.rules,
            bundle_hash=bundle.bundle_hash,
            now=now,
        )
        voter, now_in_force = person.person_id, self._in_force(reader, now)
        refusal = check_vote(
            proposal, earlier, voter, in_force=now_in_force, selves=selves, now=now
        ) or _rule_refusal(evaluation)
        if refusal is not None:
            return with_evaluation(refusal, evaluation)
        life = timedelta(seconds=bundle.approval.nonce_ttl_seconds)
        origin = self._bench.origin
        vote = read_vote(reader, proposal, signature, voter, origin=origin, life=life, now=now)
        if isinstance(vote, Refusal):
            return with_evaluation(vote, evaluation)
        event = _event("policy.approved", "policies.vote", proposal, (vote, evaluation))
        signed = event.amended(signature=signature, meaning=Meaning.APPROVED_POLICY.value)
        return Done(subject_id=vote.vote_id, events=(signed,))

    def _in_force(self, reader: Reader, now: datetime | None = None) -> str:
        """Hash of the bundle that counts at an instant; that of this desk before any activation."""
        at = self._bench.recorder.now() if now is None else now
        active = in_force(reader.find(PolicyActivation), at)
        return self._bench.bundle.bundle_hash if active is None else active.bundle_hash

    def _run(
        self, name: str, asked: dict[str, Json], actor: Actor, key: str, decide: Decide
    ) -> Outcome:
        command = Command(
            name=name, actor=actor, key=key, stream=STREAM, payload_digest=digest(asked)
        )
        return self._bench.recorder.run(command, decide)


def newest_evaluations(reader: Reader, count: int = DIFF_DECISIONS) -> tuple[PolicyEvaluation, ...]:
    """The newest recorded decisions, oldest of them first."""
    found = newest_of(reader, PolicyEvaluation, "evaluated_at", count)
    return tuple(reversed(found))


def vote_question(
    proposal: PolicyProposal, earlier: Sequence[PolicyVote], voter: Person, selves: Selves
) -> Question:
    """May this person approve this policy?"""
    return question(
        PersonFacts(
            person_id=voter.person_id,
            tenant=voter.tenant,
            roles=tuple(sorted(voter.held_roles())),
            active=voter.active,
        ),
        RuleAction.APPROVE_POLICY,
        BundleFacts(
            bundle_hash=proposal.bundle_hash,
            authors=proposal.author_ids,
            approved_by=tuple(vote.person_id for vote in earlier),
        ),
        Voting(acting_as=tuple(sorted(selves(voter.person_id)))),
    )


def _rule_refusal(evaluation: PolicyEvaluation) -> Refusal | None:
    """What the rules in force say against a vote, with all of their reasons."""
    if evaluation.verdict is Verdict.ALLOW:
        return None
    codes = evaluation.codes
    return refuse(codes[0], "the rules in force refuse this vote").amended(codes=codes)


def _unknown(proposal_id: str) -> Refusal:
    return refuse("NOT_FOUND", "no such proposal", proposal=proposal_id)


def _proposed(proposal: PolicyProposal, diff: DiffReport | None) -> Done:
    steps = [
        _event("policy.checked", "policies.propose", proposal, ()).amended(
            facts=_step_facts(result, diff)
        )
        for result in proposal.checks
    ]
    last = _event("policy.proposed", "policies.propose", proposal, (proposal,))
    return Done(subject_id=proposal.proposal_id, events=(*steps, last))


def _step_facts(result: CheckResult, diff: DiffReport | None) -> tuple[Detail, ...]:
    told = details(
        step=result.step.value,
        checked=result.checked,
        found=result.found,
        result=result.result_hash,
    )
    if result.step is not GateStep.DIFF or diff is None:
        return told
    flips = {
        f"flip-{n}": f"{f.action} of {f.subject} by {f.principal}: {f.recorded} -> {f.now}"
        for n, f in enumerate(diff.flips[:FLIPS_TOLD], start=1)
    }
    return (*told, *details(**flips))


def _activated(
    proposal: PolicyProposal, votes: Sequence[PolicyVote], effective_from: datetime
) -> Done:
    activation = PolicyActivation(
        bundle_hash=proposal.bundle_hash,
        version=proposal.version,
        files=proposal.files,
        activated_by=tuple(vote.person_id for vote in votes),
        bootstrap=False,
        effective_from=effective_from,
        author_ids=proposal.author_ids,
        proposal_id=proposal.proposal_id,
        signatures=tuple(vote.signature for vote in votes),
    )
    event = _event("policy.activated", "policies.activate", proposal, (activation,))
    return Done(subject_id=activation.bundle_hash, events=(event,))


def _event(
    kind: str, action: str, proposal: PolicyProposal, documents: tuple[Document, ...]
) -> Event:
    return Event(
        type=kind,
        stream=STREAM,
        subject=Subject(type=PolicyProposal.KIND, id=proposal.proposal_id),
        action=action,
        documents=documents,
    )
