"""A bundle's own tests: named cases, and what the rules must say to each.

Job: read the cases strictly, ask the rules, and name every difference and every rule without one.

Invariants
  I1  A case expects a verdict, exactly these rules and exactly these codes: one more is a failure.
  I2  A case says only what is special about it; what it leaves out stands in facts that all share.
  I3  A permit that no case sees allow, or a forbid that no case sees refuse, is a flaw.

Not here: YAML (storage.policy_files), the universe that nobody wrote down (policy.universe).
Source: governance part 4 (activation gate, step 2); policies/approval/*/tests.yaml.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.policy.bundle import RuleText, read_document
from counterseal.policy.cedar import Evaluation, evaluate_all, read_rules
from counterseal.policy.question import (
    BundleFacts,
    Closing,
    Context,
    Granting,
    PersonFacts,
    Question,
    RequestFacts,
    Resource,
    Reviewing,
    RuleAction,
    Submitting,
    TenantFacts,
    Voting,
    question,
)

CASES_FILE: Final = "tests.yaml"


class CaseFacts(DomainModel):
    """Everything that a case may speak of; the action picks what is asked.

    Attributes:
        person: Who asks.
        owner: Whose key or grant it is.
    """

    person: PersonFacts
    owner: PersonFacts
    request: RequestFacts
    tenant: TenantFacts
    bundle: BundleFacts
    reviewing: Reviewing
    submitting: Submitting
    closing: Closing
    granting: Granting
    voting: Voting


class Expected(DomainModel):
    """What must be said: one of two verdicts, with every rule and code that it names.

    Attributes:
        allowed: Permits, when the answer must be yes; None = it must be no.
        refused: Forbids, when it must be no; empty where nothing gives the right; None = yes.
        codes: Why not.
    """

    allowed: tuple[Name, ...] | None = Field(default=None, min_length=1, max_length=50)
    refused: tuple[Name, ...] | None = Field(default=None, max_length=50)
    codes: tuple[Name, ...] = Field(default=(), max_length=50)

    @model_validator(mode="after")
    def _one_verdict(self) -> Self:
        if (self.allowed is None) == (self.refused is None):
            raise ValueError("a case is either allowed or refused")
        if (self.refused is None) == bool(self.codes):
            raise ValueError("codes say why something is refused")
        return self

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of the verdict, sorted."""
        return tuple(sorted(self.allowed or self.refused or ()))

    def met_by(self, answer: Evaluation) -> bool:
        """Whether the answer says exactly this, without any complaint of the engine."""
        said = (answer.allowed, answer.rule_ids, answer.codes, answer.errors)
        return said == (self.refused is None, self.rules, tuple(sorted(self.codes)), ())


class Case(DomainModel):
    """One named case."""

    name: Text
    action: RuleAction
    facts: CaseFacts
    expect: Expected

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        try:
            self.question()
        except PolicyError as error:
            raise ValueError(f"{self.name}: {error.message}") from None
        return self

    def question(self) -> Question:
        """What the rules are asked.

        Raises:
            PolicyError: `POLICY_ERROR` for facts that are no question; a stored case is one.
        """
        resource, context = _asked(self.action, self.facts)
        return question(self.facts.person, self.action, resource, context)


class CaseFile(DomainModel):
    """The whole document, each case with all of its facts."""

    schema_version: int = Field(ge=1, le=1)
    cases: tuple[Case, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [case.name for case in self.cases]
        if len(names) != len(set(names)):
            raise ValueError("two cases have one name")
        return self


class CaseFailure(DomainModel):
    """A case that came out otherwise, in words."""

    name: Text
    expected: Text
    got: Text


def read_cases(document: Json, path: str) -> CaseFile:
    """The cases of a parsed document.

    Args:
        document: `{schema_version, given, scenes, cases}`: the facts that all cases share, named
            changes of them, and cases, each with a scene or none and changes `with` its own. A
            fact that no model has is refused like any unknown key.
        path: Names the document in errors.

    Raises:
        PolicyError: `POLICY_UNKNOWN_KEY` or `POLICY_INVALID`.
    """
    told = dict(_mapping(document, "the document", path))
    given = _mapping(told.pop("given", None), "given", path)
    scenes = _mapping(told.pop("scenes", {}), "scenes", path)
    cases = told.get("cases")
    if not isinstance(cases, list):
        raise PolicyError("POLICY_INVALID", f"{path}: cases are a list", field=path)
    told["cases"] = [_whole(case, given, scenes, path) for case in cases]
    return read_document(CaseFile, told, path)


def run_cases(text: RuleText, cases: Sequence[Case]) -> tuple[CaseFailure, ...]:
    """Cases that the rules answer otherwise than expected, in order."""
    answers = evaluate_all(text, [case.question() for case in cases])
    return tuple(
        CaseFailure(name=case.name, expected=_expectation(case.expect), got=_answer(answer))
        for case, answer in zip(cases, answers, strict=True)
        if not case.expect.met_by(answer)
    )


def uncovered(text: RuleText, cases: Sequence[Case]) -> tuple[str, ...]:
    """Ids of rules that no case expects, in the order of the text.

    Raises:
        PolicyError: see `policy.cedar.read_rules`.
    """
    seen = {rule for case in cases for rule in case.expect.rules}
    return tuple(rule.id for rule in read_rules(text) if rule.id not in seen)


def _asked(action: RuleAction, facts: CaseFacts) -> tuple[Resource, Context | None]:
    asked: Mapping[RuleAction, tuple[Resource, Context | None]] = {
        RuleAction.SUBMIT: (facts.request, facts.submitting),
        RuleAction.REVOKE: (facts.request, facts.closing),
        RuleAction.WITHDRAW: (facts.request, facts.closing),
        RuleAction.EXPORT: (facts.tenant, None),
        RuleAction.ENROL_KEY: (facts.owner, None),
        RuleAction.GRANT: (facts.owner, facts.granting),
        RuleAction.APPROVE_POLICY: (facts.bundle, facts.voting),
    }
    return asked.get(action, (facts.request, facts.reviewing))


def _whole(
    case: Json, given: Mapping[str, Json], scenes: Mapping[str, Json], path: str
) -> Mapping[str, Json]:
    """A case with its facts in the place of the words that name them.

    Raises:
        PolicyError: `POLICY_INVALID`, `POLICY_UNKNOWN_KEY`.
    """
    told = dict(_mapping(case, "a case", path))
    facts = given
    scene = told.pop("scene", None)
    if scene is not None:
        named = scenes.get(scene) if isinstance(scene, str) else None
        facts = _changed(facts, _mapping(named, f"scene {scene}", path))
    facts = _changed(facts, _mapping(told.pop("with", {}), "with", path))
    if "facts" in told:
        raise PolicyError("POLICY_UNKNOWN_KEY", f"{path}: facts stand in `with`", field=path)
    return {**told, "facts": facts}


def _changed(facts: Mapping[str, Json], changes: Mapping[str, Json]) -> Mapping[str, Json]:
    return {**facts, **{name: _merged(facts.get(name), changes[name]) for name in changes}}


def _merged(shared: Json, own: Json) -> Json:
    return {**shared, **own} if isinstance(shared, Mapping) and isinstance(own, Mapping) else own


def _mapping(value: Json, what: str, path: str) -> Mapping[str, Json]:
    """The value, when it is a mapping.

    Raises:
        PolicyError: `POLICY_INVALID`.
    """
    if not isinstance(value, Mapping):
        raise PolicyError("POLICY_INVALID", f"{path}: {what} is no mapping", field=path)
    return value


def said(*, allowed: bool, rules: Sequence[str], codes: Sequence[str]) -> str:
    """A verdict in words, with the rules and codes behind it."""
    named = (("by", rules), ("with", codes))
    parts = [f"{word} {', '.join(ids)}" for word, ids in named if ids]
    return " ".join(["allowed" if allowed else "refused", *parts])


def _expectation(told: Expected) -> str:
    return said(allowed=told.refused is None, rules=told.rules, codes=sorted(told.codes))


def _answer(answer: Evaluation) -> str:
    words = said(allowed=answer.allowed, rules=answer.rule_ids, codes=answer.codes)
    return "; ".join([words, *answer.errors])[:2000]
