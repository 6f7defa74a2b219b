"""What no policy may allow, tried on every request of a small universe.

Job: ask the rules about each request that a few people can make, and name what they allow and
must not.

A check over a small universe, not a proof: it holds for the people, sets, sizes, states, hashes
and ages listed in `policy.universe`, and for nothing beyond them.

Invariants
  I1  What must be refused is said here in Python, apart from the rules that are checked.
  I2  An error of the engine, or no decision, is a violation: nothing counts as refused by accident.

Not here: the requests (policy.universe), the rules (policies/approval), named cases (policy.cases),
what follows (policy.gate).
Source: governance part 4 (assurance, its invariants; N5).
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from pydantic import Field

from counterseal.kernel.model import DomainModel, Text
from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.cedar import Evaluation, evaluate_all
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import Reviewing, RuleAction
from counterseal.policy.universe import Asked, compliance_from, universe
from counterseal.policy.words import Stage

WORDS: Final = "a check over a small universe, not a proof"
_REVIEWS: Final = frozenset({RuleAction.APPROVE, RuleAction.REJECT, RuleAction.ASK_DATA})
_OPEN: Final = frozenset({"pending_review", "research_approved"})
_CHUNK: Final = 4096


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
    """All nine; thresholds come from the parameters, never from the context that is asked."""
    threshold, oldest = compliance_from(params), params.auth_age_max_seconds
    strict = {n.strategy for n in params.strategy_needs if n.stage is Stage.COMPLIANCE}
    return (
        Invariant("nobody reviews an own request", _own_review),
        Invariant("nobody decides twice on one request", _second_review),
        Invariant("research comes before risk, and both before compliance", _out_of_order),
        Invariant(
            "nothing is submitted without compliance where size or strategy need it",
            lambda asked: (
                asked.action is RuleAction.SUBMIT
                and (asked.request.notional >= threshold or asked.request.strategy in strict)
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
        Invariant(
            "nobody reviews a strategy that their roles do not reach",
            lambda asked: (
                asked.action in _REVIEWS
                and bool(asked.person.strategies)
                and asked.request.strategy not in asked.person.strategies
            ),
        ),
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
        f"notional {request.notional} minor units of {request.strategy}",
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
