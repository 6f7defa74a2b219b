"""Commands, their records and their outcomes.

Job: say who asks for what under which key, and what came of it.

Invariants
  I1  One key, one command: the same again is answered from the record, another payload is refused.
  I2  The actor comes from the verified login, never from the payload.

Not here: what a command does (the use cases).
Source: architecture part 2; TX-G9.
"""

from typing import ClassVar

from pydantic import Field

from counterseal.audit.privacy import Opening
from counterseal.kernel.canonical import digest
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Actor,
    Document,
    DomainModel,
    Event,
    Name,
    Refusal,
    Sha256,
)


class Command(DomainModel):
    """One request to the desk.

    Attributes:
        name: Imperative words, such as `orders.submit`.
        actor: Who asks.
        key: Idempotency key, chosen by the caller.
        stream: The case, or a system stream, that a refusal is recorded in.
        payload_digest: Digest of everything that the caller asks for.
        on_behalf_of: Mandate or person acted for, or None.
        run: Workflow run, for tracing only.
    """

    name: Name
    actor: Actor
    key: Name
    stream: Name
    payload_digest: Sha256
    on_behalf_of: Name | None = None
    run: Name | None = None


def command_about(
    subject: str, *, name: Name, stream: Name, actor: Actor, key: str, run: str | None = None
) -> Command:
    """A command that asks for nothing but what its name says, of one subject: an id."""
    return Command(
        name=name,
        actor=actor,
        key=key,
        stream=stream,
        payload_digest=digest({"asked": subject}),
        run=run,
    )


class CommandRecord(Document):
    """What came of a command, kept under its key; `event_id` names the record that tells of it."""

    KIND: ClassVar[str] = "commands"
    KEY: ClassVar[str] = "idempotency_key"

    idempotency_key: Name
    name: Name
    payload_digest: Sha256
    actor_id: Name
    subject_id: Name
    event_id: Name
    refusal: Refusal | None = None
    decided_at: UtcDatetime


class DocumentName(DomainModel):
    """Kind and key of a stored document."""

    kind: Name
    key: Name


class Done(DomainModel):
    """A decision that changes something.

    Attributes:
        subject_id: What the caller may ask for afterwards.
        events: At least one, in order.
        openings: Personal data to keep beside the log; the first event commits to it.
        erased: Commitments whose openings go.
        dropped: Documents that go with the records that a purge names.
    """

    subject_id: Name
    events: tuple[Event, ...] = Field(min_length=1)
    openings: tuple[Opening, ...] = ()
    erased: tuple[Sha256, ...] = ()
    dropped: tuple[DocumentName, ...] = ()


class Outcome(DomainModel):
    """The answer to a command.

    Attributes:
        replayed: True when the key was known and nothing was done again.
        sealed_size: Size of the log that a signed checkpoint covers; the answer lies within.
        event_id: Names the record that a receipt of this answer proves; None without a record.
    """

    subject_id: Name
    refusal: Refusal | None = None
    replayed: bool = False
    sealed_size: int = Field(ge=0)
    event_id: Name | None = None

    @property
    def accepted(self) -> bool:
        """Whether the command did what was asked."""
        return self.refusal is None
