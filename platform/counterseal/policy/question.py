"""A question to the rules, as typed facts.

Job: turn ids, sets and whole numbers into the one question that the engine is asked.

Invariants
  I1  Only closed words, ids, booleans and whole numbers in range go in: no float, no free text.
  I2  Equal facts give equal bytes, whatever the order in which a set was collected.
  I3  A question holds everything that its answer depends on, except the rules.

Not here: the engine (policy.cedar), where the facts come from (approvals.authorization), whole
numbers of amounts and ages (policy.units).
Source: governance rule 4; policies/approval/*/approval.cedarschema.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pydantic import Field, ValidationError

from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.units import UNLIMITED, Long
from counterseal.policy.words import Role, Stage

NAMESPACE: Final = "Counterseal"
NOTHING: Final = "none"
"""Stands for a hash, stage or level that does not exist."""
JSON_LENGTH_MAX: Final = 60_000

Names = tuple[Name, ...]


class RuleAction(StrEnum):
    """What the rules decide about."""

    APPROVE = "approve"
    REJECT = "reject"
    ASK_DATA = "ask_data"
    SUBMIT = "submit"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    EXPORT = "export"
    ENROL_KEY = "enrol_key"
    GRANT = "grant"
    APPROVE_POLICY = "approve_policy"


class EntityKind(StrEnum):
    """The entity types of the schema."""

    PERSON = "Person"
    REQUEST = "Request"
    BUNDLE = "Bundle"
    TENANT = "Tenant"
    ROLE = "Role"


class EntityRef(DomainModel):
    """Kind and id of an entity."""

    kind: EntityKind
    id: Name

    @property
    def engine_type(self) -> str:
        """The type's full name in the rules."""
        return f"{NAMESPACE}::{self.kind}"

    def json_ref(self) -> dict[str, Json]:
        """The entity's name as the engine reads it."""
        return {"type": self.engine_type, "id": str(self.id)}


class PersonFacts(DomainModel):
    """A person, as the rules see one.

    Attributes:
        limit: In minor units (see `authority_limit`).
        strategies: That the roles for the act are limited to; empty = they reach the request's.
    """

    person_id: Name
    tenant: Name
    roles: tuple[Role, ...] = ()
    active: bool = True
    limit: Long = UNLIMITED
    strategies: Names = ()

    @property
    def ref(self) -> EntityRef:
        """The person's name."""
        return EntityRef(kind=EntityKind.PERSON, id=self.person_id)

    def entity(self) -> dict[str, Json]:
        """The person as an entity; roles and tenant are its parents."""
        parents = [_ref(EntityKind.ROLE, role) for role in sorted(set(self.roles))]
        tenant = _ref(EntityKind.TENANT, self.tenant)
        attributes: dict[str, Json] = {
            "tenant": {"__entity": tenant},
            "active": self.active,
            "limit": self.limit,
        }
        if self.strategies:
            attributes["strategies"] = sorted(set(self.strategies))
        return {"uid": self.ref.json_ref(), "attrs": attributes, "parents": [*parents, tenant]}


class RequestFacts(DomainModel):
    """A request, as the rules see one.

    Attributes:
        notional: In minor units (see `minor_units`).
        state: Word of the request's state.
        policy_hash: Of the bundle that the request is pinned to.
        authors: Of strategy, model and bundle.
        reviewed_by: Who has decided on this version.
    """

    request_id: Name
    tenant: Name
    requester: Name
    strategy: Name
    notional: Long
    state: Name
    payload_hash: Name
    policy_hash: Name
    evidence_hash: Name
    authors: Names
    reviewed_by: Names
    stages_done: tuple[Stage, ...]
    stages_required: tuple[Stage, ...]

    @property
    def ref(self) -> EntityRef:
        """The request's name."""
        return EntityRef(kind=EntityKind.REQUEST, id=self.request_id)

    def entity(self) -> dict[str, Json]:
        """The request as an entity; its tenant is its parent."""
        attributes: dict[str, Json] = {
            "requester": {"__entity": _ref(EntityKind.PERSON, self.requester)},
            "strategy": self.strategy,
            "notional": self.notional,
            "state": self.state,
            "payload_hash": self.payload_hash,
            "policy_hash": self.policy_hash,
            "evidence_hash": self.evidence_hash,
            "authors": _people(self.authors),
            "reviewed_by": _people(self.reviewed_by),
            "stages_done": _words(self.stages_done),
            "stages_required": _words(self.stages_required),
        }
        parents = [_ref(EntityKind.TENANT, self.tenant)]
        return {"uid": self.ref.json_ref(), "attrs": attributes, "parents": parents}


class TenantFacts(DomainModel):
    """A tenant whose records are asked for."""

    tenant: Name

    @property
    def ref(self) -> EntityRef:
        """The tenant's name."""
        return EntityRef(kind=EntityKind.TENANT, id=self.tenant)

    def entity(self) -> dict[str, Json]:
        """The tenant as an entity."""
        return {"uid": self.ref.json_ref(), "attrs": {}, "parents": []}


class BundleFacts(DomainModel):
    """A proposed policy, named by its hash; `approved_by` has voted for it already."""

    bundle_hash: Name
    authors: Names
    approved_by: Names = ()

    @property
    def ref(self) -> EntityRef:
        """The bundle's name."""
        return EntityRef(kind=EntityKind.BUNDLE, id=self.bundle_hash)

    def entity(self) -> dict[str, Json]:
        """The bundle as an entity."""
        attributes: dict[str, Json] = {
            "authors": _people(self.authors),
            "approved_by": _people(self.approved_by),
        }
        return {"uid": self.ref.json_ref(), "attrs": attributes, "parents": []}


class Reviewing(DomainModel):
    """Context of approve, reject and ask_data.

    Attributes:
        stage: That the decision is for; "none" when the policy has no stage for the word.
        stage_count, stage_need: Approvals that the stage has, and needs.
        acting_as: Every id that is the same person as the principal.
        payload_hash, evidence_hash: As signed.
        policy_hash: Of the bundle in force.
        acr_required: "none" when every level will do.
        key_class: 0 without a key.
        review_open: Whether no clock that the review needs has run out.
        escalated: Whether the stage's `fallback_roles` may take a seat as well by now.
    """

    stage: Name
    stage_count: Long
    stage_need: Long
    acting_as: Names
    payload_hash: Name
    policy_hash: Name
    evidence_hash: Name
    auth_age_s: Long
    auth_age_max_s: Long
    acr: Name
    acr_required: Name
    key_class: Long
    key_class_min: Long
    review_open: bool
    escalated: bool
    fallback_roles: tuple[Role, ...]

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return {
            **self.json_value(),
            "acting_as": _people(self.acting_as),
            "fallback_roles": role_set(self.fallback_roles),
        }


class Submitting(DomainModel):
    """Context of submit; `compliance_from` is the notional from which compliance must review."""

    acting_as: Names
    payload_hash: Name
    policy_hash: Name
    evidence_hash: Name
    compliance_from: Long
    distinct_submitter: bool
    execution_open: bool

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return {**self.json_value(), "acting_as": _people(self.acting_as)}


class Closing(DomainModel):
    """Context of revoke and withdraw."""

    policy_hash: Name

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return self.json_value()


class Granting(DomainModel):
    """Context of grant: the role that the delegate is to use."""

    role: Role

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return {"role": {"__entity": _ref(EntityKind.ROLE, self.role)}}


class Voting(DomainModel):
    """Context of approve_policy."""

    acting_as: Names

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return {"acting_as": _people(self.acting_as)}


class Plain(DomainModel):
    """Context of export and enrol_key: nothing."""

    def context(self) -> dict[str, Json]:
        """The context as the engine reads it."""
        return {}


Resource = RequestFacts | PersonFacts | TenantFacts | BundleFacts
Context = Reviewing | Submitting | Closing | Granting | Voting | Plain
Act = tuple[RuleAction, Resource, Context | None]


class Question(DomainModel):
    """May this principal do this, here and now?

    Attributes:
        entities: Canonical JSON text of the entities that the rules may look at.
        context: Canonical JSON text of the circumstances.
    """

    principal: EntityRef
    action: RuleAction
    resource: EntityRef
    entities: str = Field(max_length=JSON_LENGTH_MAX)
    context: str = Field(max_length=JSON_LENGTH_MAX)


def question(
    principal: PersonFacts, action: RuleAction, resource: Resource, context: Context | None = None
) -> Question:
    """The question about these facts.

    Raises:
        PolicyError: `POLICY_ERROR` when a set of ids is larger than a question may be.
    """
    return questions(principal, ((action, resource, context),))[0]


def questions(principal: PersonFacts, acts: Sequence[Act]) -> tuple[Question, ...]:
    """Questions about many acts of one person, over one text of entities.

    For lists of buttons: the engine reads the entities once. Ask about one act alone where the
    answer counts.

    Raises:
        PolicyError: `POLICY_ERROR` when the entities are larger than a question may be, or when two
            acts tell different facts about one resource.
    """
    known = {principal.ref: principal.entity()}
    for _, resource, _ in acts:
        entity = resource.entity()
        if known.setdefault(resource.ref, entity) != entity:
            raise PolicyError("POLICY_ERROR", "two different facts about one", got=resource.ref.id)
    try:
        entities = canonical_bytes(list(known.values())).decode()
        return tuple(
            Question(
                principal=principal.ref,
                action=action,
                resource=resource.ref,
                entities=entities,
                context=canonical_bytes((context or Plain()).context()).decode(),
            )
            for action, resource, context in acts
        )
    except ValidationError:
        raise PolicyError("POLICY_ERROR", "the facts do not fit a question") from None


def role_set(roles: Iterable[Role]) -> list[Json]:
    """A set of roles as the engine reads it."""
    return [{"__entity": _ref(EntityKind.ROLE, role)} for role in sorted(set(roles))]


def _ref(kind: EntityKind, identity: str) -> dict[str, Json]:
    return _entity(kind, identity).json_ref()


@lru_cache(maxsize=1_024)
def _entity(kind: EntityKind, identity: str) -> EntityRef:
    """The same few people, roles and tenants are named again and again."""
    return EntityRef(kind=kind, id=identity)


def _words(stages: Iterable[Stage]) -> list[str]:
    return sorted({stage.value for stage in stages})


def _people(ids: Iterable[str]) -> list[Mapping[str, Json]]:
    return [{"__entity": _ref(EntityKind.PERSON, i)} for i in sorted(set(ids))]
