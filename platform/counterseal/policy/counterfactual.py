"""Recorded decisions, judged again: under their own bundle, and under a proposed one.

Job: say where a replay differs from the record, and which decisions a proposal would flip.

Invariants
  I1  A decision whose bundle is not at hand differs: what cannot be replayed is never "the same".
  I2  Under a proposed bundle a question has the thresholds of that bundle, whatever those were
      under which it was asked; facts about people, request and time stay as they were.
  I3  A flip is another verdict; other reasons for the same verdict are counted apart.

Not here: asking (policy.evaluation), which decisions are looked at (the desk).
Source: governance part 4 (replay, counterfactual; N3, N4).
"""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from counterseal.kernel.canonical import Json, canonical_bytes, parse_json
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name, Sha256, Text
from counterseal.policy.bundle import PolicyBundle, RuleText
from counterseal.policy.evaluation import PolicyEvaluation, Replay, Verdict, replay_all
from counterseal.policy.params import ApprovalParameters
from counterseal.policy.question import NOTHING, EntityKind, Question, RuleAction, role_set
from counterseal.policy.units import authority_limit, minor_units
from counterseal.policy.universe import compliance_from
from counterseal.policy.words import Role, Stage


class Difference(DomainModel):
    """A recorded decision that comes out otherwise.

    Attributes:
        recorded, now: Verdict, rules and codes, in words.
    """

    evaluation_id: Name
    subject: Name
    principal: Name
    action: RuleAction
    recorded: Text
    now: Text


class ReplayReport(DomainModel):
    """What a replay found; nothing differs in a history that holds."""

    replayed: int = Field(ge=0)
    differences: tuple[Difference, ...] = ()


class DiffReport(DomainModel):
    """Which decisions a proposed bundle would flip.

    Attributes:
        decisions: How many were judged again, the newest ones.
        reasons_changed: Same verdict, other rules or codes.
    """

    replaces: Sha256
    proposed: Sha256
    decisions: int = Field(ge=0)
    reasons_changed: int = Field(ge=0)
    flips: tuple[Difference, ...] = ()


def replay_recorded(
    evaluations: Sequence[PolicyEvaluation], rules: Mapping[str, RuleText]
) -> ReplayReport:
    """Judge decisions again, each under its own bundle.

    Args:
        evaluations: In any order, in which differences are told.
        rules: The rules of each bundle that was ever in force, by bundle hash.
    """
    found: dict[int, Difference] = {}
    for bundle_hash, places in _by_bundle(evaluations).items():
        group, text = [evaluations[place] for place in places], rules.get(bundle_hash)
        told = _told_again(group, text)
        found |= {place: one for place, one in zip(places, told, strict=True) if one is not None}
    differences = tuple(found[place] for place in sorted(found))
    return ReplayReport(replayed=len(evaluations), differences=differences)


def _told_again(
    group: Sequence[PolicyEvaluation], text: RuleText | None
) -> list[Difference | None]:
    """How decisions of one bundle differ, None for those that do not."""
    if text is None:
        return [_difference(one, "the bundle is not at hand") for one in group]
    return [
        None
        if replay.same
        else _difference(one, _words(replay.verdict, replay.rule_ids, replay.codes))
        for one, replay in zip(group, replay_all(group, text), strict=True)
    ]


def diff_decisions(
    evaluations: Sequence[PolicyEvaluation], replaces: str, proposed: PolicyBundle
) -> DiffReport:
    """What would have become of recorded decisions under a proposed bundle.

    Args:
        evaluations: The newest ones; those of an engine that failed are left out, they judged
            nothing.
        replaces: Hash of the bundle in force.
        proposed: Judged without its limits, which decide numbers and never people.
    """
    judged = [one for one in evaluations if one.verdict is not Verdict.ERROR]
    asked = [one.amended(**dict(asked_under(one.question, proposed.approval))) for one in judged]
    replays = replay_all(asked, proposed.rules)
    return DiffReport(
        replaces=replaces,
        proposed=proposed.bundle_hash,
        decisions=len(judged),
        reasons_changed=sum(not r.same and not _flipped(r) for r in replays),
        flips=tuple(
            _difference(one, _words(replay.verdict, replay.rule_ids, replay.codes))
            for one, replay in zip(judged, replays, strict=True)
            if _flipped(replay)
        ),
    )


def asked_under(question: Question, params: ApprovalParameters) -> Question:
    """The same question with the thresholds that these parameters set.

    A question that cannot be read stays as it is: no engine can read it either.
    """
    try:
        context = _object(parse_json(question.context))
        entities = parse_json(question.entities)
    except InputError:
        return question
    known = [_object(entity) for entity in _items(entities)]
    changed = [_entity_under(entity, params) for entity in known]
    asked = next((e for e in known if e.get("uid") == question.resource.json_ref()), {})
    own = params.for_strategy(_strategy(_object(asked.get("attrs"))))
    return question.amended(
        entities=canonical_bytes(changed).decode(),
        context=canonical_bytes({**context, **_thresholds(context, own)}).decode(),
    )


def _thresholds(context: Mapping[str, Json], params: ApprovalParameters) -> dict[str, Json]:
    """What of a context follows from parameters."""
    told: dict[str, Json] = {
        "auth_age_max_s": params.auth_age_max_seconds,
        "acr_required": params.acr_required,
        "compliance_from": compliance_from(params),
        "distinct_submitter": params.distinct_submitter,
    }
    stage = context.get("stage", NOTHING)
    rule = params.stage(Stage(stage)) if stage in set(Stage) else None
    if rule is not None:
        told |= {
            "stage_need": rule.quorum,
            "key_class_min": rule.key_class_min,
            "fallback_roles": role_set(rule.fallback_roles),
        }
    return {name: value for name, value in told.items() if name in context}


def _entity_under(entity: Mapping[str, Json], params: ApprovalParameters) -> Mapping[str, Json]:
    """A person has the authority of the roles, a request the stages of its size and strategy."""
    attributes = _object(entity.get("attrs"))
    changed: dict[str, Json] = {}
    if "limit" in attributes:
        changed["limit"] = authority_limit(_roles(entity), params)
    notional = attributes.get("notional")
    if isinstance(notional, int):
        own = params.for_strategy(_strategy(attributes))
        changed["stages_required"] = sorted(_required(notional, own))
    return {**entity, "attrs": {**attributes, **changed}}


def _strategy(attributes: Mapping[str, Json]) -> str:
    """The strategy of a request; empty for everything else."""
    named = attributes.get("strategy")
    return named if isinstance(named, str) else ""


def _required(notional: int, params: ApprovalParameters) -> list[str]:
    return [
        rule.id.value
        for rule in params.stages
        if rule.required_from_notional is None
        or notional >= minor_units(rule.required_from_notional)
    ]


def _roles(entity: Mapping[str, Json]) -> list[Role]:
    parents = entity.get("parents")
    named = [_object(parent) for parent in _items(parents)]
    ids = {p.get("id") for p in named if str(p.get("type")).endswith(f"::{EntityKind.ROLE}")}
    return [role for role in Role if role.value in ids]


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _object(value: object) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _by_bundle(evaluations: Iterable[PolicyEvaluation]) -> dict[str, list[int]]:
    """Places of the decisions of each bundle."""
    groups: dict[str, list[int]] = {}
    for place, one in enumerate(evaluations):
        groups.setdefault(one.bundle_hash, []).append(place)
    return groups


def _flipped(replay: Replay) -> bool:
    return "verdict" in replay.differs


def _difference(one: PolicyEvaluation, now: str) -> Difference:
    return Difference(
        evaluation_id=one.evaluation_id,
        subject=one.subject,
        principal=one.principal.id,
        action=one.action,
        recorded=_words(one.verdict, one.rule_ids, one.codes),
        now=now,
    )


def _words(verdict: Verdict, rules: Sequence[str], codes: Sequence[str]) -> str:
    named = (("by", rules), ("with", codes))
    return " ".join([verdict.value, *(f"{word} {', '.join(ids)}" for word, ids in named if ids)])
