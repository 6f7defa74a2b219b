"""The requests of a small universe, for those who ask the rules about all of them.

Job: list every request that a few people can make, each as facts and as the rules are asked.

Invariants
  I1  The universe follows from the parameters: sizes stand around the thresholds, ages around the
      longest one.
  I2  A sample is every n-th request of the universe, in its order.

Not here: what must be refused of it (policy.sweep).
Source: governance part 4 (assurance; N5).
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple

from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import (
    PersonFacts,
    Question,
    RequestFacts,
    Reviewing,
    RuleAction,
    Submitting,
    question,
)
from counterseal.policy.units import BEYOND, UNLIMITED, authority_limit, minor_units
from counterseal.policy.words import Role, Stage

_OWN, _OTHER = "tenant-a", "tenant-b"
_REVIEWERS: Final = (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER)
_ALL: Final = (*_REVIEWERS, Role.OPERATOR)
_PEOPLE: Final[Mapping[str, tuple[str, tuple[Role, ...], tuple[str, ...]]]] = {
    "requester": (_OWN, _ALL, ()),
    "researcher": (_OWN, (Role.RESEARCH_REVIEWER,), ()),
    "risk": (_OWN, (Role.RISK_REVIEWER,), ()),
    "compliance": (_OWN, (Role.COMPLIANCE_REVIEWER,), ()),
    "generalist": (_OWN, _ALL, ()),
    "alias": (_OWN, _ALL, ("requester", "researcher")),
    "stranger": (_OTHER, _ALL, ()),
    "limited": (_OWN, _ALL, ()),
}
"""Eight people: tenant, roles, and who else they are (delegation, a shared key)."""
_LIMITED: Final[Mapping[str, tuple[str, ...]]] = {"limited": ("elsewhere",)}
"""Strategies that somebody's roles are limited to: none that anybody asks about."""
_STRATEGY: Final = "strategy"
_REVIEWED: Final = ((), ("researcher",), ("generalist",), ("researcher", "risk"))
_STATES: Final = (
    "pending_review",
    "research_approved",
    "approved_for_paper_simulation",
    "rejected",
)
_GOOD, _BAD = "hash-a", "hash-b"


class Asked(NamedTuple):
    """One request of the universe, as facts."""

    person: PersonFacts
    action: RuleAction
    request: RequestFacts
    context: Reviewing | Submitting


def universe(params: ApprovalParameters, every: int = 1) -> Iterator[tuple[Asked, Question]]:
    """Every request, or every n-th, and how the rules are asked; neighbours share entities."""
    people = _people(params)
    contexts = {
        (person.person_id, strategy): _contexts(person, params.for_strategy(strategy))
        for person, strategy in product(people, _strategies(params))
    }
    place = 0
    for request, person in product(_requests(params), people):
        told = contexts[person.person_id, request.strategy]
        wanted = told[-place % every :: every]
        place += len(told)
        if wanted:
            entities = question(person, RuleAction.WITHDRAW, request).entities
        for action, context, text in wanted:
            asked = Asked(person, action, request, context)
            yield (
                asked,
                Question(
                    principal=person.ref,
                    action=action,
                    resource=request.ref,
                    entities=entities,
                    context=text,
                ),
            )


def compliance_from(params: ApprovalParameters) -> int:
    """From which notional compliance reviews, in minor units; `UNLIMITED` without such a stage."""
    rule = params.stage(Stage.COMPLIANCE)
    if rule is None:
        return UNLIMITED
    return 0 if rule.required_from_notional is None else minor_units(rule.required_from_notional)


def _people(params: ApprovalParameters) -> tuple[PersonFacts, ...]:
    return tuple(
        PersonFacts(
            person_id=name,
            tenant=tenant,
            roles=roles,
            limit=authority_limit(roles, params),
            strategies=_LIMITED.get(name, ()),
        )
        for name, (tenant, roles, _) in _PEOPLE.items()
    )


def _strategies(params: ApprovalParameters) -> tuple[str, ...]:
    """One without needs of its own, and the first that needs compliance whatever the size."""
    needs = (n.strategy for n in params.strategy_needs if n.stage is Stage.COMPLIANCE)
    first = next(needs, None)
    return (_STRATEGY,) if first is None else (_STRATEGY, first)


def _requests(params: ApprovalParameters) -> Iterator[RequestFacts]:
    """Requests; the last size pretends that the host forgot a stage, and must not pass for it.

    So does the size of a strategy that needs compliance always.
    """
    threshold = min(compliance_from(params.for_strategy(_STRATEGY)), BEYOND - 1)
    subsets = [tuple(s for n, s in enumerate(Stage) if bits >> n & 1) for bits in range(8)]
    two, three = tuple(Stage)[:2], tuple(Stage)
    sizes = ((1, two), (threshold - 1, two), (threshold, three), (threshold + 1, two))
    kinds = [(_STRATEGY, size, required) for size, required in sizes]
    kinds += [(named, 1, two) for named in _strategies(params)[1:]]
    for number, (done, reviewed, (strategy, size, required), state) in enumerate(
        product(subsets, _REVIEWED, kinds, _STATES)
    ):
        yield RequestFacts(
            request_id=f"request-{number}",
            tenant=_OWN,
            requester="requester",
            strategy=strategy,
            notional=size,
            state=state,
            payload_hash=_GOOD,
            policy_hash=_GOOD,
            evidence_hash=_GOOD,
            authors=("author",),
            reviewed_by=reviewed,
            stages_done=done,
            stages_required=required,
        )


def _contexts(
    person: PersonFacts, params: ApprovalParameters
) -> list[tuple[RuleAction, Reviewing | Submitting, str]]:
    """What a person may ask about any request: three stages, two payloads, three ages.

    An escalated stage is open to everybody's role, the widest that a policy could open it.
    """
    self_ids = (person.person_id, *_PEOPLE[person.person_id][2])
    oldest = params.auth_age_max_seconds
    stages = [Stage.RESEARCH, Stage.RISK, Stage.COMPLIANCE]
    asked: list[tuple[RuleAction, Reviewing | Submitting]] = [
        (RuleAction.APPROVE, _reviewing(self_ids, stage, payload, age, params))
        for stage, payload, age in product(stages, (_GOOD, _BAD), (-1, oldest, oldest + 1))
    ]
    asked += [
        (RuleAction.APPROVE, _reviewing(self_ids, stage, _GOOD, oldest, params, escalated=True))
        for stage in stages
    ]
    asked += [
        (word, _reviewing(self_ids, Stage.RESEARCH, _GOOD, oldest, params))
        for word in (RuleAction.REJECT, RuleAction.ASK_DATA)
    ]
    asked += [
        (RuleAction.SUBMIT, _submitting(self_ids, payload, params)) for payload in (_GOOD, _BAD)
    ]
    anybody = next(_requests(params))
    return [
        (action, told, question(person, action, anybody, told).context) for action, told in asked
    ]


def _reviewing(
    self_ids: tuple[str, ...],
    stage: Stage,
    payload: str,
    age: int,
    params: ApprovalParameters,
    *,
    escalated: bool = False,
) -> Reviewing:
    rule = params.stage(stage)
    required = params.acr_required
    return Reviewing(
        stage=stage.value,
        stage_count=0,
        stage_need=1 if rule is None else rule.quorum,
        acting_as=self_ids,
        payload_hash=payload,
        policy_hash=_GOOD,
        evidence_hash=_GOOD,
        auth_age_s=age,
        auth_age_max_s=params.auth_age_max_seconds,
        acr=required,
        acr_required=required,
        key_class=3,
        key_class_min=1 if rule is None else rule.key_class_min,
        review_open=True,
        escalated=escalated,
        fallback_roles=_ALL if escalated else () if rule is None else rule.fallback_roles,
    )


def _submitting(self_ids: tuple[str, ...], payload: str, params: ApprovalParameters) -> Submitting:
    return Submitting(
        acting_as=self_ids,
        payload_hash=payload,
        policy_hash=_GOOD,
        evidence_hash=_GOOD,
        compliance_from=compliance_from(params),
        distinct_submitter=params.distinct_submitter,
        execution_open=True,
    )
