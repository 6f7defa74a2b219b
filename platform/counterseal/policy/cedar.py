"""The one door to the rule engine.

Job: ask the Cedar rules of a bundle one question or many, so that every failure is a denial.

Invariants
  I1  Allowed means: the engine said Allow, without any error, and named a permit.
  I2  Whatever goes wrong (no engine, a fact that does not fit, no decision) is a denial that says
      `POLICY_UNAVAILABLE` or `POLICY_ERROR`, never "just denied" and never an exception.
  I3  Entities and context are checked against the schema at every call.
  I4  A rule is named by its own `@id`, and a forbid by its own `@reason`: rules without them, or
      two of one name, are not loaded.

Not here: questions (policy.question), counting and time (the host), what `lint` adds.
Source: governance rule 4, the eight traps; cedarpy 4.12.2.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeVar

from counterseal.kernel.canonical import parse_json
from counterseal.kernel.errors import CountersealError, PolicyError
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.bundle import RuleText
from counterseal.policy.question import NAMESPACE, Question

if TYPE_CHECKING:
    from cedarpy import AuthzResult, Schema

ENGINE: Final = "cedarpy"
NO_ENGINE: Final = "none"
UNAVAILABLE: Final = "POLICY_UNAVAILABLE"
ERROR: Final = "POLICY_ERROR"
UNNAMED: Final = "ROLE"
"""Reason of a denial that no forbid names: nothing gives the person the right."""
_ERROR_LENGTH_MAX: Final = 400
_ENGINE_FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What an extension module raises; anything else ends the command, with nothing decided."""
_ACTION: Final = f"{NAMESPACE}::Action"

T = TypeVar("T")


class Effect(StrEnum):
    """What a rule does when it applies."""

    PERMIT = "permit"
    FORBID = "forbid"


class Rule(DomainModel):
    """What a rule says of itself.

    Attributes:
        place: The engine's positional name, which moves when a rule is added.
        id, reason: Its annotations; empty when it has none.
    """

    place: Name
    id: str
    effect: Effect
    reason: str


class Evaluation(DomainModel):
    """An answer.

    Attributes:
        rule_ids: Permits when allowed, else the forbids that applied; sorted.
        codes: Why not, sorted; empty when allowed.
        engine: Name and version of what answered; "none" without one.
        errors: What the engine complained of, for operators.
    """

    allowed: bool
    rule_ids: tuple[Name, ...]
    codes: tuple[Name, ...]
    engine: Name
    errors: tuple[str, ...] = ()


def evaluate(text: RuleText, question: Question) -> Evaluation:
    """Ask one question; never raises."""
    return evaluate_all(text, (question,))[0]


def evaluate_all(text: RuleText, questions: Sequence[Question]) -> tuple[Evaluation, ...]:
    """Ask many questions, in order; never raises.

    Neighbours about the same entities share the work of reading them.
    """
    try:
        rules = rules_of(text)
    except CountersealError as error:
        code = error.code if error.code == UNAVAILABLE else ERROR
        return tuple(_failed(code, (str(error),), NO_ENGINE) for _ in questions)
    answers: list[Evaluation] = []
    for entities, group in groupby(questions, key=lambda q: q.entities):
        answers += rules.answers(entities, tuple(group))
    return tuple(answers)


class LoadedRules:
    """Parsed rules and schema, kept for every further question.

    Args:
        text: Rules and schema as written.

    Raises:
        PolicyError: `POLICY_UNAVAILABLE` without the engine, `POLICY_INVALID` for rules or a
            schema that do not parse, or that miss a name or a reason.
    """

    def __init__(self, text: RuleText) -> None:
        rules = read_rules(text)
        flaws = naming_flaws(rules)
        if flaws:
            raise PolicyError("POLICY_INVALID", flaws[0])
        from cedarpy import PolicySet  # noqa: PLC0415 - loaded when first asked

        self._policies = PolicySet.from_str(text.rules)
        self._schema = _schema(text.entity_schema)
        self._rules = {rule.id: rule for rule in rules}
        self._engine = f"{ENGINE}-{version(ENGINE)}"

    def answers(self, entities: str, questions: Sequence[Question]) -> list[Evaluation]:
        """Answers to questions about the same entities."""
        from cedarpy import Entities, is_authorized_batch  # noqa: PLC0415 - loaded already

        try:
            results = is_authorized_batch(
                [_request(one) for one in questions],
                self._policies,
                Entities.from_json_str(entities, self._schema),
                self._schema,
            )
        except _ENGINE_FAILURES as error:
            return [_failed(ERROR, (str(error),), self._engine) for _ in questions]
        if len(results) != len(questions):
            return [_failed(ERROR, ("answers are missing",), self._engine) for _ in questions]
        return [self._judged(result) for result in results]

    def _judged(self, result: "AuthzResult") -> Evaluation:
        """The answer that a result amounts to; anything but a clean Allow is a denial."""
        from cedarpy import Decision  # noqa: PLC0415 - loaded already

        told = result.diagnostics
        errors = tuple(error[:_ERROR_LENGTH_MAX] for error in told.errors)
        ids = told.id_annotations_by_reason
        named = [self._rules.get(ids.get(reason, "")) for reason in told.reasons]
        rules = [rule for rule in named if rule is not None]
        allowed = result.decision is Decision.Allow
        expected = Effect.PERMIT if allowed else Effect.FORBID
        foreign = len(rules) != len(named) or any(rule.effect is not expected for rule in rules)
        if errors or foreign or result.decision is Decision.NoDecision or (allowed and not rules):
            return _failed(ERROR, errors or ("the engine did not decide",), self._engine)
        return _answer(allowed, frozenset(rules), self._engine)


@lru_cache(maxsize=16)
def rules_of(text: RuleText) -> LoadedRules:
    """The rules of a bundle, parsed once.

    Raises:
        PolicyError: see `LoadedRules`; a failure is not remembered.
    """
    return LoadedRules(text)


@lru_cache(maxsize=16)
def read_rules(text: RuleText) -> tuple[Rule, ...]:
    """Every rule, in the order of the text.

    Raises:
        PolicyError: `POLICY_UNAVAILABLE` without the engine, `POLICY_INVALID` for text that does
            not parse or holds a template.
    """
    try:
        from cedarpy import policies_to_json_str  # noqa: PLC0415 - loaded when first asked
    except ImportError as error:
        raise PolicyError(UNAVAILABLE, f"the rule engine cannot be loaded: {error}") from None
    told = parse_json(_parsed(policies_to_json_str, text.rules))
    policies = told.get("staticPolicies") if isinstance(told, dict) else None
    if not isinstance(told, dict) or told.get("templates") or not isinstance(policies, dict):
        raise PolicyError("POLICY_INVALID", "rules are plain policies, without templates")
    places = sorted(policies, key=lambda place: (len(place), place))
    return tuple(_rule(place, policies[place]) for place in places)


def naming_flaws(rules: Sequence[Rule]) -> tuple[str, ...]:
    """What keeps rules from being told apart; the engine's own validator passes all of it."""
    names = [rule.id for rule in rules]
    flaws = ["there is no rule"] if not rules else []
    flaws += [f"{rule.place} has no @id" for rule in rules if not rule.id]
    flaws += [
        f"{rule.id}: the @id is used twice"
        for place, rule in enumerate(rules)
        if rule.id and rule.id in names[:place]
    ]
    flaws += [
        f"{rule.id or rule.place}: a forbid without @reason"
        for rule in rules
        if rule.effect is Effect.FORBID and not rule.reason
    ]
    return tuple(flaws)


def schema_flaws(text: RuleText) -> tuple[str, ...]:
    """Where the rules do not fit the schema, in the engine's words.

    Raises:
        PolicyError: `POLICY_UNAVAILABLE`, or `POLICY_INVALID` for a schema that does not parse.
    """
    try:
        from cedarpy import validate_policies  # noqa: PLC0415 - loaded when first asked
    except ImportError as error:
        raise PolicyError(UNAVAILABLE, f"the rule engine cannot be loaded: {error}") from None
    result = validate_policies(text.rules, _schema(text.entity_schema))
    told = tuple(str(error)[:_ERROR_LENGTH_MAX] for error in result.errors)
    return () if result.validation_passed else told or ("the rules do not fit the schema",)


@lru_cache(maxsize=16)
def _schema(text: str) -> "Schema":
    """A schema, parsed once.

    Raises:
        PolicyError: `POLICY_INVALID`.
    """
    from cedarpy import Schema  # noqa: PLC0415 - loaded when first asked

    return _parsed(Schema.from_str, text)


def _parsed(parse: Callable[[str], T], text: str) -> T:
    """What the engine makes of a text.

    Raises:
        PolicyError: `POLICY_INVALID`, with the engine's words.
    """
    try:
        return parse(text)
    except ValueError as error:
        message = f"the rules do not parse: {error}"[:_ERROR_LENGTH_MAX]
        raise PolicyError("POLICY_INVALID", message) from None


def _rule(place: str, told: object) -> Rule:
    facts = told if isinstance(told, dict) else {}
    notes = facts.get("annotations") or {}
    return Rule(
        place=place,
        id=str(notes.get("id") or ""),
        effect=Effect(str(facts.get("effect"))),
        reason=str(notes.get("reason") or ""),
    )


def _request(question: Question) -> dict[str, object]:
    return {
        "principal": question.principal.json_ref(),
        "action": {"type": _ACTION, "id": question.action.value},
        "resource": question.resource.json_ref(),
        "context": question.context,
    }


@lru_cache(maxsize=1_024)
def _answer(allowed: bool, rules: frozenset[Rule], engine: str) -> Evaluation:
    """A clean answer; the same rules give the same one, made once."""
    return Evaluation(
        allowed=allowed,
        rule_ids=tuple(sorted(rule.id for rule in rules)),
        codes=() if allowed else tuple(sorted({rule.reason for rule in rules})) or (UNNAMED,),
        engine=engine,
    )


def _failed(code: str, errors: Sequence[str], engine: str) -> Evaluation:
    told = tuple(error[:_ERROR_LENGTH_MAX] for error in errors)
    return Evaluation(allowed=False, rule_ids=(), codes=(code,), engine=engine, errors=told)
