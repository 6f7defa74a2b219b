"""The control catalogue: what is asked for, and which records evidence it.

Job: the shape of `policies/controls/controls.yaml`, and whether one record meets a query.

Invariants
  I1  Ids are unique; a control names at least one part, and every part the types that evidence it.
  I2  A query names record types exactly; a record of another type never meets it.
  I3  A query that asks for more than a type is met only by a record whose body says it.

Not here: reading the file (storage.control_file), statuses (desk.views.controls), signed words
about a control (identity.attestations). The catalogue decides nothing and is no part of the bundle.
Source: governance rules, part 7.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from counterseal.kernel.model import DomainModel, Name, Text
from counterseal.policy.words import Role

EVER: Final = "ever"
"""In the place of an age: a record that counts until another takes its place, such as a role."""
CONTROL_ATTESTED: Final = "control.attested"
"""Type of the record that holds a person's signed word about one control."""


class Told:
    """What a record's body says, as far as queries ask; read once for all of them.

    Attributes:
        step, reason: Texts of the body.
        documents, facts: By kind and name.
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        after = _object(body.get("after"))
        self.step = body.get("step")
        self.reason = _object(body.get("reason")).get("code")
        self.documents = _object(after.get("documents"))
        self.facts = _object(after.get("facts"))

    @cached_property
    def ran(self) -> frozenset[object]:
        """Names of the risk checks that ran, whatever they found."""
        evaluations = [_object(one) for one in _list(self.documents.get("risk_evaluations"))]
        checks = (
            check
            for one in evaluations
            for name in ("checks", "further_checks")
            for check in _list(one.get(name))
            if isinstance(check, dict)
        )
        return frozenset(check.get("name") for check in checks if check.get("skipped") is not True)


class FieldIs(DomainModel):
    """What a field of a document in the record must say.

    Attributes:
        values: Texts, one of which it must be; numbers and flags as JSON writes them.
        other: It must be none of them instead.
    """

    document: Name
    field: Name
    values: tuple[str, ...] = Field(min_length=1)
    other: bool = False


class Match(DomainModel):
    """Which records are meant; all that is named must hold.

    Attributes:
        types: Record types, exactly as the log has them; one of these.
        steps: Commands that recorded it; one of these when any is named.
        reasons: Reason codes; one of these when any is named.
        documents: Kinds of documents that must all be in it.
        facts: Names of facts that must all be in it.
        where: What a field of one document must say.
        ran: Risk checks that must all have run in it, whatever they found.
    """

    types: tuple[Name, ...] = Field(min_length=1)
    steps: tuple[Name, ...] = ()
    reasons: tuple[Name, ...] = ()
    documents: tuple[Name, ...] = ()
    facts: tuple[Name, ...] = ()
    where: FieldIs | None = None
    ran: tuple[Name, ...] = ()

    @cached_property
    def reads_body(self) -> bool:
        """Whether the type alone does not tell."""
        asked = (self.steps, self.reasons, self.documents, self.facts, self.ran)
        return self.where is not None or any(asked)

    def met_by(self, told: Told) -> bool:
        """Whether a record of one of the types says all else that is asked."""
        return (
            (not self.steps or told.step in self.steps)
            and (not self.reasons or told.reason in self.reasons)
            and all(kind in told.documents for kind in self.documents)
            and all(name in told.facts for name in self.facts)
            and (self.where is None or _says(self.where, told.documents))
            and (not self.ran or told.ran.issuperset(self.ran))
        )


class Evidence(Match):
    """Records that evidence a part of a control.

    Attributes:
        part: What they show; queries of one part are alternatives, and every part needs a record.
        within: How old they may be, where that is not the control's freshness.
    """

    part: Text = "records"
    within: timedelta | Literal["ever"] | None = None


class Objection(Match):
    """Records that speak against a control.

    Attributes:
        cleared_by: Later records that answer them; without any they count as long as evidence
            would, and for ever where evidence does not age.
        same_subject: Only a record about the same subject answers.
    """

    cleared_by: tuple[Match, ...] = ()
    same_subject: bool = True


class Control(DomainModel):
    """One control.

    Attributes:
        citation: Where it comes from.
        requirement: In our own words.
        evidence: What must be on record.
        exceptions: What speaks against it.
        freshness: How old the newest record of a part may be, where its query does not say;
            None where age does not matter.
        owner: Role that answers for it.
    """

    id: Name
    citation: Text
    requirement: Text
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    exceptions: tuple[Objection, ...] = ()
    freshness: timedelta | None
    owner: Role

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in their order."""
        return tuple(dict.fromkeys(one.part for one in self.evidence))

    @property
    def takes_word(self) -> bool:
        """Whether a signed word is evidence for it: no record of the platform could be."""
        return any(CONTROL_ATTESTED in one.types for one in self.evidence)

    @property
    def queries(self) -> tuple[Match, ...]:
        """Everything that the control looks for."""
        cleared = (match for one in self.exceptions for match in one.cleared_by)
        return (*self.evidence, *self.exceptions, *cleared)

    def oldest(self, evidence: Evidence) -> timedelta | None:
        """How old a record that meets a query may be; None where age does not matter."""
        if evidence.within is None:
            return self.freshness
        return evidence.within if isinstance(evidence.within, timedelta) else None


class Catalogue(DomainModel):
    """All controls, in their order."""

    schema_version: Literal[1]
    controls: tuple[Control, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        ids = [one.id for one in self.controls]
        if len(ids) != len(set(ids)):
            raise ValueError("a control id is named twice")
        return self

    def control(self, control_id: str) -> Control | None:
        """The control of an id, or None."""
        return next((one for one in self.controls if one.id == control_id), None)


def _says(asked: FieldIs, documents: Mapping[str, object]) -> bool:
    told = [_text(_object(one).get(asked.field)) for one in _list(documents.get(asked.document))]
    return any((one in asked.values) is not asked.other for one in told)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
