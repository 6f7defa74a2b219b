"""What no policy may allow, tried on every request of a small universe.

Job: ask the rules about each request that a few people can make, and name what they allow and
must not.

A check over a small universe, not a proof: it holds for the people, sets, sizes, states, hashes
and ages listed here, and for nothing beyond them.

Invariants
  I1  What must be refused is said here in Python, apart from the rules that are checked.
  I2  An error of the engine, or no decision, is a violation: nothing counts as refused by accident.
  I3  The universe follows from the parameters: sizes stand around the thresholds, ages around the
      longest one.

Not here: the rules (policies/approval), named cases (policy.cases), what follows (policy.gate).
Source: governance part 4 (assurance, the eight invariants; N5).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.kernel.model import DomainModel, Text
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.cedar import Evaluation, evaluate_all
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import (
    BEYOND,
    UNLIMITED,
    PersonFacts,
    Question,
    RequestFacts,
    Reviewing,
    RuleAction,
    Submitting,
    authority_limit,
    minor_units,
    question,
)
from counterseal.policy.words import Role, Stage

WORDS: Final = "a check over a small universe, not a proof"
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
}
"""Seven people: tenant, roles, and who else they are (delegation, a shared key)."""
_REVIEWED: Final = ((), ("researcher",), ("generalist",), ("researcher", "risk"))
_STATES: Final = (
    "pending_review",
    "research_approved",
    "approved_for_paper_simulation",
    "rejected",
)
_REVIEWS: Final = frozenset({RuleAction.APPROVE, RuleAction.REJECT, RuleAction.ASK_DATA})
_OPEN: Final = frozenset(_STATES[:2])
_GOOD, _BAD = "hash-a", "hash-b"
_CHUNK: Final = 4096


class Asked(NamedTuple):
    """One request of the universe, as facts."""

    person: PersonFacts
    action: RuleAction
    request: RequestFacts
    context: Reviewing | Submitting


class Violation(DomainModel):
    """An invariant that the rules do not keep.

    Attributes:
        invariant: Its number; 0 = the engine failed.
        count: In how many requests.
        example: The first of them, in words.
    """

    invariant: int = Field(ge=0)
    sentence: Text
    count: int = Field(ge=1)
    example: Text


class SweepReport(DomainModel):
    """What a sweep found.

    Attributes:
        asked: Requests tried; `allowed` of them were allowed.
    """

    asked: int = Field(ge=0)
    allowed: int = Field(ge=0)
    violations: tuple[Violation, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was found in a universe that is not empty."""
        return self.asked > 0 and not self.violations


class Invariant(NamedTuple):
    """What must be refused, as a sentence and as a test of the facts."""

    sentence: str
    forbidden: Callable[[Asked], bool]


def invariants(params: ApprovalParameters) -> tuple[Invariant, ...]:
    """The eight; thresholds come from the parameters, never from the context that is asked."""
    threshold, oldest = compliance_from(params), params.auth_age_max_seconds
    return (
        Invariant("nobody reviews an own request", _own_review),
        Invariant("nobody decides twice on one request", _second_review),
        Invariant("research comes before risk, and both before compliance", _out_of_order),
        Invariant(
            "nothing is submitted from the threshold up without compliance",
            lambda asked: (
                asked.action is RuleAction.SUBMIT
                and asked.request.notional >= threshold
                and Stage.COMPLIANCE not in asked.request.stages_done
            ),
        ),
        Invariant("what is decided is the payload that was requested", _other_payload),
        Invariant(
            "nobody acts in another tenant",
            lambda asked: asked.person.tenant != asked.request.tenant,
        ),
        Invariant(
            "a review follows a fresh authentication",
            lambda asked: (
                isinstance(asked.context, Reviewing) and not 0 <= asked.context.auth_age_s <= oldest
            ),
        ),
        Invariant("only an open case is reviewed, only an approved one submitted", _closed),
    )


def sweep(bundle: PolicyBundle, *, every: int = 1) -> SweepReport:
    """Ask everything.

    Args:
        bundle: Rules and parameters.
        every: 1 for the whole universe; n asks every n-th request, a sample.
    """
    params, told = bundle.approval, _Told()
    rules = invariants(params)
    requests = universe(params, every)
    while chunk := list(islice(requests, _CHUNK)):
        answers = evaluate_all(bundle.rules, [one for _, one in chunk])
        for (asked, _), answer in zip(chunk, answers, strict=True):
            told.judge(asked, answer, rules)
    return told.report(rules)


def universe(params: ApprovalParameters, every: int = 1) -> Iterator[tuple[Asked, Question]]:
    """Every request, or every n-th, and how the rules are asked; neighbours share entities."""
    people = _people(params)
    contexts = {person.person_id: _contexts(person, params) for person in people}
    place = 0
    for request, person in product(_requests(params), people):
        told = contexts[person.person_id]
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


class _Told:
    """Counts, and the first example of each kind."""

    def __init__(self) -> None:
        self._asked = self._allowed = 0
        self._counts: dict[int, int] = {}
        self._examples: dict[int, str] = {}

    def judge(self, asked: Asked, answer: Evaluation, rules: Sequence[Invariant]) -> None:
        """Take one answer."""
        self._asked += 1
        self._allowed += answer.allowed
        if answer.errors:
            self._found(0, asked, answer)
        elif answer.allowed:
            for number, rule in enumerate(rules, start=1):
                if rule.forbidden(asked):
                    self._found(number, asked, answer)

    def _found(self, number: int, asked: Asked, answer: Evaluation) -> None:
        self._counts[number] = self._counts.get(number, 0) + 1
        if number not in self._examples:
            self._examples[number] = in_words(asked, answer)

    def report(self, rules: Sequence[Invariant]) -> SweepReport:
        """What was found, by number."""
        sentences = ["the engine decides every request", *(rule.sentence for rule in rules)]
        return SweepReport(
            asked=self._asked,
            allowed=self._allowed,
            violations=tuple(
                Violation(
                    invariant=number,
                    sentence=sentences[number],
                    count=count,
                    example=self._examples[number],
                )
                for number, count in sorted(self._counts.items())
            ),
        )


def in_words(asked: Asked, answer: Evaluation) -> str:
    """One request and its answer, for people."""
    person, request, context = asked.person, asked.request, asked.context
    stage = f" at stage {context.stage}" if isinstance(context, Reviewing) else ""
    same = [i for i in context.acting_as if i != person.person_id]
    facts = [
        f"{person.person_id} of {person.tenant}"
        + (f" (the same person as {', '.join(same)})" if same else ""),
        f"{asked.action.value}{stage}",
        f"requested by {request.requester} of {request.tenant}",
        f"state {request.state}",
        f"done {_listed(request.stages_done)} of {_listed(request.stages_required)}",
        f"reviewed by {_listed(request.reviewed_by)}",
        f"notional {request.notional} minor units",
        "payload as requested" if context.payload_hash == request.payload_hash else "other payload",
    ]
    if isinstance(context, Reviewing):
        facts.append(f"authenticated {context.auth_age_s} s ago")
        facts += ["escalated"] if context.escalated else []
    verdict = f"allowed by {_listed(answer.rule_ids)}" if answer.allowed else "not decided"
    return "; ".join([*facts, verdict, *answer.errors[:1]])[:2000]


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"


def _self(asked: Asked) -> frozenset[str]:
    return frozenset({asked.person.person_id, *asked.context.acting_as})


def _own_review(asked: Asked) -> bool:
    return asked.action in _REVIEWS and asked.request.requester in _self(asked)


def _second_review(asked: Asked) -> bool:
    return asked.action in _REVIEWS and not _self(asked).isdisjoint(asked.request.reviewed_by)


def _out_of_order(asked: Asked) -> bool:
    if asked.action is not RuleAction.APPROVE or not isinstance(asked.context, Reviewing):
        return False
    before = tuple(Stage)[: tuple(Stage).index(Stage(asked.context.stage))]
    return not set(before) <= set(asked.request.stages_done)


def _other_payload(asked: Asked) -> bool:
    return asked.context.payload_hash != asked.request.payload_hash


def _closed(asked: Asked) -> bool:
    if asked.action is RuleAction.SUBMIT:
        return asked.request.state != "approved_for_paper_simulation"
    return asked.request.state not in _OPEN


def _people(params: ApprovalParameters) -> tuple[PersonFacts, ...]:
    return tuple(
        PersonFacts(
            person_id=name,
            tenant=tenant,
            roles=roles,
            limit=authority_limit(roles, params),
        )
        for name, (tenant, roles, _) in _PEOPLE.items()
    )


def _requests(params: ApprovalParameters) -> Iterator[RequestFacts]:
    """Requests; the last size pretends that the host forgot a stage, and must not pass for it."""
    threshold = min(compliance_from(params), BEYOND - 1)
    subsets = [tuple(s for n, s in enumerate(Stage) if bits >> n & 1) for bits in range(8)]
    two, three = tuple(Stage)[:2], tuple(Stage)
    sizes = ((1, two), (threshold - 1, two), (threshold, three), (threshold + 1, two))
    for number, (done, reviewed, (size, required), state) in enumerate(
        product(subsets, _REVIEWED, sizes, _STATES)
    ):
        yield RequestFacts(
            request_id=f"request-{number}",
            tenant=_OWN,
            requester="requester",
            strategy="strategy",
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
