"""The record of one answer of the rules.

Job: keep a question with its answer, and ask it again years later.

Invariants
  I1  The record holds everything that the answer depended on, except the bundle, which it names.
  I2  A replay differs by its verdict, its rules or its reasons, never silently: an engine that
      fails gives another verdict.

Not here: where bundles are kept (desk.installation), the list of flips (the gate).
Source: governance invariant 9, N3 and N10.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Sha256, details
from counterseal.policy.bundle import RuleText
from counterseal.policy.cedar import ERROR, UNAVAILABLE, Evaluation, evaluate_all
from counterseal.policy.question import JSON_LENGTH_MAX, EntityRef, Question, RuleAction

RULES_COUNT_MAX = 100


class Verdict(StrEnum):
    """What the rules said; an engine that did not answer is told apart from one that said no."""

    ALLOW = "allow"
    DENY = "deny"
    ERROR = "error"


class PolicyEvaluation(Document):
    """A question to the rules and their answer.

    Attributes:
        subject: What the question was about, such as a request's id.
        entities, context: Canonical JSON text, as the engine read it.
        bundle_hash: Whose rules answered.
        rule_ids: Permits of an allow, forbids of a deny.
        codes: Reasons of the rules, not of the host.
    """

    KIND: ClassVar[str] = "policy_evaluations"
    KEY: ClassVar[str] = "evaluation_id"

    evaluation_id: Name
    subject: Name
    principal: EntityRef
    action: RuleAction
    resource: EntityRef
    entities: str = Field(max_length=JSON_LENGTH_MAX)
    context: str = Field(max_length=JSON_LENGTH_MAX)
    bundle_hash: Sha256
    verdict: Verdict
    rule_ids: tuple[Name, ...] = Field(max_length=RULES_COUNT_MAX)
    codes: tuple[Name, ...] = Field(max_length=RULES_COUNT_MAX)
    engine: Name
    evaluated_at: UtcDatetime

    @property
    def question(self) -> Question:
        """What was asked."""
        return Question(
            principal=self.principal,
            action=self.action,
            resource=self.resource,
            entities=self.entities,
            context=self.context,
        )


class Replay(DomainModel):
    """What the rules say now about a question of the past.

    Attributes:
        differs: Names of what is not as recorded: `verdict`, `rule_ids`, `codes`.
    """

    evaluation_id: Name
    verdict: Verdict
    rule_ids: tuple[Name, ...]
    codes: tuple[Name, ...]
    differs: tuple[Name, ...]

    @property
    def same(self) -> bool:
        """Whether verdict, rules and reasons are as recorded."""
        return not self.differs


def evaluation_of(
    evaluation_id: str,
    subject: str,
    question: Question,
    answer: Evaluation,
    *,
    bundle_hash: str,
    now: UtcDatetime,
) -> PolicyEvaluation:
    """The record of an answer."""
    return PolicyEvaluation(
        evaluation_id=evaluation_id,
        subject=subject,
        **dict(question),
        bundle_hash=bundle_hash,
        verdict=verdict_of(answer),
        rule_ids=answer.rule_ids,
        codes=answer.codes,
        engine=answer.engine,
        evaluated_at=now,
    )


def verdict_of(answer: Evaluation) -> Verdict:
    """Allow, deny, or no answer."""
    if answer.allowed:
        return Verdict.ALLOW
    return Verdict.ERROR if {ERROR, UNAVAILABLE} & set(answer.codes) else Verdict.DENY


def replay(evaluation: PolicyEvaluation, text: RuleText) -> Replay:
    """Ask a recorded question again."""
    return replay_all((evaluation,), text)[0]


def replay_all(evaluations: Sequence[PolicyEvaluation], text: RuleText) -> tuple[Replay, ...]:
    """Ask recorded questions again, in order.

    Under the rules of their own bundle everything must be the same; under others the ones that
    differ are what a change of policy would flip.
    """
    answers = evaluate_all(text, [one.question for one in evaluations])
    return tuple(map(_compared, evaluations, answers))


def _compared(evaluation: PolicyEvaluation, answer: Evaluation) -> Replay:
    verdict = verdict_of(answer)
    pairs = (
        ("verdict", verdict is evaluation.verdict),
        ("rule_ids", answer.rule_ids == evaluation.rule_ids),
        ("codes", answer.codes == evaluation.codes),
    )
    return Replay(
        evaluation_id=evaluation.evaluation_id,
        verdict=verdict,
        rule_ids=answer.rule_ids,
        codes=answer.codes,
        differs=tuple(name for name, same in pairs if not same),
    )


def snapshot_hash(question: Question) -> str:
    """Digest of the entities and the context that a question was asked with."""
    told: dict[str, Json] = {"entities": question.entities, "context": question.context}
    return digest(told)


class JudgedRefusal(Refusal):
    """A refusal with the evaluations behind it; they are recorded with it, in the same event."""

    evaluations: tuple[PolicyEvaluation, ...]


def judge(
    subject: str, question: Question, text: RuleText, *, bundle_hash: str, now: UtcDatetime
) -> PolicyEvaluation:
    """Ask the rules, and record question and answer.

    The record's id follows from its content: the same question at the same instant is one record.
    """
    answer = evaluate_all(text, (question,))[0]
    content: dict[str, Json] = {
        "subject": subject,
        "question": question.json_value(),
        "bundle": bundle_hash,
        "at": utc_text(now),
    }
    named = digest(content).removeprefix("sha256:")
    return evaluation_of(
        f"pev_{named[:32]}", subject, question, answer, bundle_hash=bundle_hash, now=now
    )


def with_evaluation(refusal: Refusal, *evaluations: PolicyEvaluation) -> JudgedRefusal:
    """The refusal, with the rules that said no among its facts."""
    named = ",".join(sorted({i for e in evaluations for i in e.rule_ids if not _allows(e)}))
    told = {**dict(refusal), "details": (*refusal.details, *details(rules=named))}
    return JudgedRefusal(**told, evaluations=evaluations)


def bare(refusal: Refusal) -> Refusal:
    """The refusal alone, as callers get it."""
    return Refusal(**{name: value for name, value in refusal if name in Refusal.model_fields})


def _allows(evaluation: PolicyEvaluation) -> bool:
    return evaluation.verdict is Verdict.ALLOW
