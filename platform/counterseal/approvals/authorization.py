"""Cases as questions to the rules.

Job: compute the facts that the rules cannot see (closures, counts, ages, money in whole units)
and have the rules decide who may act on a case, and when.

Invariants
  I1  Facts come from documents, the verified login and the clock, never from what is asked for;
      only the hashes that a reviewer signed are taken from the statement.
  I2  The question for a button is the question for the commit, without a statement.
  I3  A role that does not reach the case's strategy lends neither a seat nor its authority.

Not here: the rules (policies/approval); signatures, nonces and statements
(approvals.review_checks); the quorum recomputed from signatures (approvals.execution).
Source: governance rules 2.5, 2.10 and 4.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from counterseal.approvals.escalation import escalate_at, roles_at
from counterseal.approvals.expiry import execution_end, is_expired
from counterseal.approvals.independence import PersonLink, closure
from counterseal.approvals.model import UNDER_REVIEW, ApprovalDecision, ApprovalRequest
from counterseal.approvals.reasons import ReasonCode
from counterseal.approvals.statement import DecisionStatement, Reviewer, due_stage
from counterseal.identity.people import Person
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import NonNegative
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.evaluation import PolicyEvaluation, judge
from counterseal.policy.params import ApprovalParameters, StageRule
from counterseal.policy.question import (
    NOTHING,
    Closing,
    Context,
    PersonFacts,
    Question,
    RequestFacts,
    Reviewing,
    RuleAction,
    Submitting,
    question,
)
from counterseal.policy.units import (
    UNLIMITED,
    authority_limit,
    minor_units,
    notional_units,
    whole_seconds,
)
from counterseal.policy.words import DecisionWord, Role, Stage

_ACTIONS: Final = {
    DecisionWord.RESEARCH_APPROVED: RuleAction.APPROVE,
    DecisionWord.APPROVED_FOR_PAPER: RuleAction.APPROVE,
    DecisionWord.REJECTED: RuleAction.REJECT,
    DecisionWord.NEEDS_DATA: RuleAction.ASK_DATA,
}


class GovernedCase(DomainModel):
    """A request, what was decided on it, and the law.

    Attributes:
        decisions: All decisions of this version, in sequence.
        links: Ids that are one person.
    """

    request: ApprovalRequest
    decisions: tuple[ApprovalDecision, ...]
    bundle: PolicyBundle
    links: tuple[PersonLink, ...]


class SubmitFacts(DomainModel):
    """What a submit adds to a case.

    Attributes:
        notional: Of the intent at the market, in the payload's currency.
        session_ends_at: End of the trading session, when it bounds the approval.
    """

    submitter: Person
    notional: NonNegative
    session_ends_at: UtcDatetime | None = None


def stage_of_word(
    request: ApprovalRequest, word: DecisionWord, params: ApprovalParameters
) -> StageRule | None:
    """The stage that a decision word is for.

    The due one when the word fits it or ends the case, else the first required one that the word
    fits; None when no required stage has the word.
    """
    due, own = due_stage(request, params), params.for_strategy(request.payload.strategy_id)
    if _ACTIONS[word] is not RuleAction.APPROVE:
        return due
    named = [own.stage(stage) for stage in request.stages_required]
    fitting = [rule for rule in named if rule is not None and rule.decision == word]
    return due if due in fitting else next(iter(fitting), None)


def review_question(
    case: GovernedCase,
    reviewer: Reviewer,
    word: DecisionWord,
    statement: DecisionStatement | None,
    now: datetime,
) -> Question:
    """May the reviewer give this decision now?

    Without a statement nothing is signed yet: the case's own hashes are asked about.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question.
    """
    request, params = case.request, case.bundle.approval
    rule = stage_of_word(request, word, params)
    stage = None if rule is None else rule.id
    key = reviewer.key
    context = Reviewing(
        stage=NOTHING if stage is None else stage,
        stage_count=_approvals(case.decisions, stage),
        stage_need=0 if rule is None else rule.quorum,
        acting_as=_people(closure(reviewer.person.person_id, case.links)),
        payload_hash=request.request_hash if statement is None else statement.payload_hash,
        policy_hash=_policy_now(case, now),
        evidence_hash=(
            request.payload.evidence_pack_hash
            if statement is None
            else statement.evidence_pack_hash
        ),
        auth_age_s=whole_seconds(now - reviewer.auth.auth_time),
        auth_age_max_s=params.auth_age_max_seconds,
        acr=reviewer.auth.acr,
        acr_required=params.acr_required,
        key_class=0 if key is None else key.key_class,
        key_class_min=0 if rule is None else rule.key_class_min,
        review_open=request.status not in UNDER_REVIEW
        or not is_expired(request, case.decisions, now),
        escalated=now >= escalate_at(request, params),
        fallback_roles=() if rule is None else rule.fallback_roles,
    )
    notional = notional_units(request.payload.notional, request.payload.currency, params)
    facts = _request(case, notional, request.stages_done, request.stages_required)
    open_to = set(params.reviewer_roles())
    if rule is not None and _ACTIONS[word] is RuleAction.APPROVE:
        open_to = set(roles_at(rule, request, params, now))
    return question(_acting(case, reviewer, open_to), _ACTIONS[word], facts, context)


def submit_question(case: GovernedCase, told: SubmitFacts, now: datetime) -> Question:
    """May the submitter turn the approval into an order now?

    Stages are counted from the decisions, and asked for the larger of both notionals: the stored
    state of the request approves nothing.

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question.
    """
    request, payload = case.request, case.request.payload
    params = case.bundle.approval.for_strategy(payload.strategy_id)
    notional = max(payload.notional, told.notional)
    rules = params.required_stages(notional, payload.currency, payload.strategy_id)
    done = [rule.id for rule in rules if _approvals(case.decisions, rule.id) >= rule.quorum]
    context = Submitting(
        acting_as=_people(closure(told.submitter.person_id, case.links)),
        payload_hash=request.request_hash,
        policy_hash=_policy_now(case, now),
        evidence_hash=payload.evidence_pack_hash,
        compliance_from=_compliance_from(params),
        distinct_submitter=params.distinct_submitter,
        execution_open=_execution_open(case, told.session_ends_at, now),
    )
    units = notional_units(notional, payload.currency, params)
    facts = _request(case, units, done, [rule.id for rule in rules])
    return question(_person(told.submitter, params), RuleAction.SUBMIT, facts, context)


def closing_question(
    case: GovernedCase, actor: Person, action: RuleAction, now: datetime
) -> Question:
    """May the actor withdraw or revoke now?

    Raises:
        PolicyError: `POLICY_ERROR` when the facts do not fit a question.
    """
    request, params = case.request, case.bundle.approval
    notional = notional_units(request.payload.notional, request.payload.currency, params)
    facts = _request(case, notional, request.stages_done, request.stages_required)
    context: Context = Closing(policy_hash=_policy_now(case, now))
    return question(_person(actor, params), action, facts, context)


def judged(case: GovernedCase, asked: Question, now: datetime) -> PolicyEvaluation:
    """The answer of the case's rules, as a record."""
    return judge(
        case.request.approval_request_id,
        asked,
        case.bundle.rules,
        bundle_hash=case.bundle.bundle_hash,
        now=now,
    )


def reason_codes(evaluation: PolicyEvaluation) -> list[ReasonCode]:
    """Why the rules said no; a reason that this room does not know counts as an error of theirs."""
    known = set(ReasonCode)
    return [ReasonCode(c) if c in known else ReasonCode.POLICY_ERROR for c in evaluation.codes]


def _approvals(decisions: Sequence[ApprovalDecision], stage: Stage | None) -> int:
    return sum(1 for d in decisions if d.approves and d.stage == stage)


def _policy_now(case: GovernedCase, now: datetime) -> str:
    return case.bundle.bundle_hash if case.bundle.in_force(now) else NOTHING


def _people(ids: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))


def _person(person: Person, params: ApprovalParameters) -> PersonFacts:
    held = person.held_roles()
    return PersonFacts(
        person_id=person.person_id,
        tenant=person.tenant,
        roles=tuple(sorted(held)),
        active=person.active,
        limit=authority_limit(held, params),
    )


def _acting(case: GovernedCase, reviewer: Reviewer, open_to: set[Role]) -> PersonFacts:
    """The reviewer with the roles that count: the own ones or the delegator's.

    Under a grant the lower authority counts, of those two that have one, and the limits to
    strategies of both.
    """
    own, facts = (_reaching(case, p, open_to) for p in (reviewer.person, reviewer.authority))
    limits = [limit for limit in (own.limit, facts.limit) if limit]
    return own.amended(
        roles=facts.roles,
        limit=min(limits, default=0),
        strategies=own.strategies or facts.strategies,
    )


def _reaching(case: GovernedCase, person: Person, open_to: set[Role]) -> PersonFacts:
    """A person with the roles that reach the case's strategy.

    Where none of those may act here, but another one could, all stay, with the strategies that it
    is limited to: the rules then name the limit, and not a lack of roles.
    """
    params, strategy = case.bundle.approval, case.request.payload.strategy_id
    reaching, facts = person.roles_for(strategy), _person(person, params)
    shut_out = person.held_roles() & open_to if not reaching & open_to else ()
    if shut_out:
        named = {s for role in shut_out for s in person.strategies_of(role)}
        return facts.amended(strategies=tuple(sorted(named)))
    return facts.amended(roles=tuple(sorted(reaching)), limit=authority_limit(reaching, params))


def _request(
    case: GovernedCase, notional: int, done: Sequence[Stage], required: Sequence[Stage]
) -> RequestFacts:
    request, payload = case.request, case.request.payload
    return RequestFacts(
        request_id=request.approval_request_id,
        tenant=request.tenant,
        requester=payload.requester_id,
        strategy=payload.strategy_id,
        notional=notional,
        state=request.status,
        payload_hash=payload.digest,
        policy_hash=payload.policy_bundle_hash,
        evidence_hash=payload.evidence_pack_hash,
        authors=_people(frozenset({*payload.author_ids, *case.bundle.author_ids})),
        reviewed_by=_people(frozenset(d.reviewer_id for d in case.decisions)),
        stages_done=tuple(done),
        stages_required=tuple(required),
    )


def _compliance_from(params: ApprovalParameters) -> int:
    rule = params.stage(Stage.COMPLIANCE)
    if rule is None:
        return UNLIMITED
    threshold = rule.required_from_notional
    return 0 if threshold is None else minor_units(threshold)


def _execution_open(case: GovernedCase, session_ends_at: datetime | None, now: datetime) -> bool:
    end = execution_end(
        case.request,
        case.decisions,
        bundle_expires_at=case.bundle.expires_at,
        session_ends_at=session_ends_at,
    )
    stored = case.request.execution_valid_until
    return end is not None and now < end and (stored is None or now < stored)
