"""The base of every value: frozen models, stored documents, events, refusals.

Job: what a document, an event and a refusal are, so that a change has one shape everywhere.

Invariants
  I1  A value is immutable and validated, also when amended; unknown fields are refused.
  I2  An event carries the full documents that it changes: tables are their last versions only.
  I3  A refusal is a value with a stable code, recorded like any other event.

Not here: bytes of the log (audit.record), tables (storage).
Source: policies/decisions/0001-events-carry-documents.md.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from counterseal.kernel.canonical import Json, Told, digest
from counterseal.kernel.clock import UtcDatetime

Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[\x21-\x7e]+$")]
"""Printable ASCII without blanks: ids, codes, symbols, versions."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
"""Words of a person: reasons, comments."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A digest as text."""

DETAIL_COUNT_MAX: Final = 40


def _must_be_true(value: bool) -> bool:
    if not value:
        raise ValueError("this platform trades on paper only")
    return value


def _must_be_false(value: bool) -> bool:
    if value:
        raise ValueError("live trading and broker calls do not exist here")
    return value


AlwaysTrue = Annotated[bool, AfterValidator(_must_be_true)]
"""A stored flag that cannot become false."""

AlwaysFalse = Annotated[bool, AfterValidator(_must_be_false)]
"""A stored flag that cannot become true."""

D = TypeVar("D", bound="Document")


class DomainModel(BaseModel):
    """A frozen, strict value; JSON in and out."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        ser_json_inf_nan="constants",
    )

    def json_value(self) -> dict[str, Json]:
        """JSON value of the model: decimals and times as text."""
        return Told(self.model_dump(mode="json"))

    def amended(self, **changes: object) -> Self:
        """A copy with some fields replaced, validated anew.

        Raises:
            ValidationError: when the outcome would be invalid.
        """
        own = vars(self)
        told = {name: own[name] for name in type(self).__pydantic_fields__}
        return type(self).model_validate({**told, **changes})

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the canonical bytes; worked out once, for nothing changes."""
        own = vars(self)
        known = own.get("_digest")
        if known is None:
            known = own["_digest"] = digest(self.json_value())
        return str(known)


class Document(DomainModel):
    """A value with an identity, kept in the table of its kind.

    Attributes:
        KIND: Table name and key in an event's `documents`.
        KEY: Name of the field that identifies the document.
    """

    KIND: ClassVar[str]
    KEY: ClassVar[str]

    @property
    def key(self) -> str:
        """Value of the identifying field."""
        return str(getattr(self, self.KEY))


class Detail(DomainModel):
    """One named fact of a refusal or a check, as text."""

    name: Name
    value: Annotated[str, StringConstraints(max_length=400)]


def details(**facts: object) -> tuple[Detail, ...]:
    """Facts as details, in the order given."""
    return tuple(Detail(name=name, value=str(value)[:400]) for name, value in facts.items())


class Refusal(DomainModel):
    """A normal, recorded "no".

    Attributes:
        code: First reason, stable, a heading in policies/reason-codes.md.
        codes: All reasons, in the order of the checks; contains `code`.
        message: One sentence for people.
        details: Facts behind the reasons.
    """

    code: Name
    codes: tuple[Name, ...] = Field(min_length=1)
    message: Text
    details: tuple[Detail, ...] = Field(default=(), max_length=DETAIL_COUNT_MAX)


def refuse(code: str, message: str, **facts: object) -> Refusal:
    """A refusal with one reason."""
    return Refusal(code=code, codes=(code,), message=message, details=details(**facts))


class Actor(DomainModel):
    """Who acts: always from the verified login, never from a request body.

    Attributes:
        id: Person or service id.
        issuer: Who vouches for the identity, such as `counterseal:local` or `counterseal:demo`.
        amr: Authentication methods, such as `key`, `pwd`, `otp`; `unsafe-demo` in demo mode.
        acr: Level that the issuer states, such as `mfa`; `none` when it states none.
        session: Login session id.
    """

    id: Name
    issuer: Name
    amr: tuple[Name, ...]
    acr: Name = "none"
    auth_time: UtcDatetime
    session: Name


class Subject(DomainModel):
    """What an event is about."""

    type: Name
    id: Name
    version: int = Field(default=1, ge=1)


class Signature(DomainModel):
    """A detached DSSE envelope by a person's own key (base64 text)."""

    payload_type: Name
    payload: str = Field(max_length=60_000)
    key_id: Name
    scheme: Name
    signature: str = Field(max_length=8_000)


class Event(DomainModel):
    """Something that happened, with every document that it changed.

    Attributes:
        type: Registered dotted name in the past tense, such as `approval.decided`.
        stream: The case (one governed request and what follows) or a system stream.
        action: The asked-for action word, such as `paper_execution.intent_created`.
        meaning: What a signature on it means; empty when nothing is signed.
        reason_code, reason_text: Stable code and words; empty when there is nothing to explain.
        documents: Full new versions by kind; the projection is "store these".
    """

    type: Name
    stream: Name
    subject: Subject
    action: Name
    meaning: str = Field(default="", max_length=120)
    reason_code: str = Field(default="", max_length=120)
    reason_text: str = Field(default="", max_length=2000)
    documents: tuple[Document, ...] = ()
    facts: tuple[Detail, ...] = Field(default=(), max_length=DETAIL_COUNT_MAX)
    signature: Signature | None = None
    on_behalf_of: Name | None = None

    def after(self) -> dict[str, Json]:
        """The documents grouped by kind, and the facts, as JSON."""
        return after(self.documents, self.facts)


def after(documents: Iterable[Document], facts: Iterable[Detail]) -> dict[str, Json]:
    """What a record keeps of an event: documents grouped by kind in their order, and facts."""
    grouped: dict[str, list[Json]] = {}
    for document in documents:
        grouped.setdefault(document.KIND, []).append(document.json_value())
    return {"documents": grouped, "facts": {d.name: d.value for d in facts}}


def parse_document(kind: type[D], content: bytes) -> D:
    """Read a stored document (JSON) strictly.

    Raises:
        ValidationError: when the content is no JSON or does not fit the model.
    """
    return kind.model_validate_json(content)
