"""A restored backup, declared.

Job: say what was lost when a log goes on from an older state, and under which name it goes on.

The signer never signs a shorter log, so a restored backup stands still until two people declare
the loss. Then the log goes on under another name: no checkpoint of the new name contradicts one of
the old. Records keep their numbers; the declaration is the first record of the new name.

Invariants
  I1  The range between what was kept and what was signed is named as lost, to the last record.
  I2  Only a loss can be declared: a log that holds all that was signed has nothing to recover.
  I3  The declaration carries the old name's last checkpoint, signed: nobody can overstate it.

Not here: who may declare (desk.rollbacks), how it is carried out (storage.recovery), verifying a
log of several names (audit.epochs).
Source: audit-log, signer as guard; C2SP tlog-checkpoint (one origin, one history).
"""

import re
from collections.abc import Iterable
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from counterseal.audit.checkpoint import SIZE_MAX, open_checkpoint
from counterseal.audit.note import NOTE_BYTES_MAX, VerifierKey
from counterseal.audit.signer import RootHex, SignerState
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import (
    Document,
    DomainModel,
    Name,
    Refusal,
    Signature,
    Text,
    refuse,
)

ROLLED_BACK: Final = "log.rolled_back"
STREAM: Final = "log"
_EPOCH: Final = re.compile(r"/epoch-\d+$", re.ASCII)


class LogHead(DomainModel):
    """Size and root of a log at one time."""

    size: int = Field(ge=0, le=SIZE_MAX)
    root: RootHex


class RollbackApproval(DomainModel):
    """One person's signed consent to a declaration."""

    person_id: Name
    signature: Signature


class Rollback(Document):
    """A declared rollback.

    Attributes:
        origin: Name under which the log goes on.
        epoch: How many rollbacks there have been, this one included.
        vkey: Public key of the new name.
        old_origin: Name under which it was signed before.
        signed: Head that was signed last under the old name.
        checkpoint: The signed note of that head.
        kept: Newest signed head that the restored database holds.
        restored: Its head: what was kept, and records that were never acknowledged.
        reason: Why, in a person's words.
        approvals: Consent of two people.
        first_checkpoint: The signed note of the restored head under the new name; it exists once
            the old name is closed, so no consent covers it.
    """

    KIND: ClassVar[str] = "log_rollbacks"
    KEY: ClassVar[str] = "origin"

    origin: Name
    epoch: int = Field(ge=1, le=SIZE_MAX)
    vkey: str = Field(max_length=400)
    old_origin: Name
    signed: LogHead
    checkpoint: str = Field(max_length=NOTE_BYTES_MAX)
    kept: LogHead
    restored: LogHead
    reason: Text
    approvals: tuple[RollbackApproval, ...] = Field(default=(), max_length=2)
    first_checkpoint: str = Field(default="", max_length=NOTE_BYTES_MAX)
    declared_at: UtcDatetime

    @model_validator(mode="after")
    def _loses_something(self) -> Self:
        if not self.kept.size <= self.restored.size or self.kept.size >= self.signed.size:
            raise ValueError("a rollback keeps less than was signed")
        return self

    @property
    def lost(self) -> tuple[int, int]:
        """Numbers of the lost records under the old name: first, and one behind the last."""
        return self.kept.size, self.signed.size


def successor_origin(origin: str, epoch: int) -> str:
    """The name under which a log goes on after its `epoch`th rollback."""
    return f"{_EPOCH.sub('', origin)}/epoch-{epoch}"


def newest_origin(first: str, rollbacks: Iterable[Rollback]) -> str:
    """The name that a log has now, from its first one and its declared rollbacks."""
    newest = max(rollbacks, key=lambda one: one.epoch, default=None)
    return first if newest is None else newest.origin


def check_loss(signed: SignerState, kept: LogHead) -> Refusal | None:
    """Why there is nothing to declare; None when something was lost.

    Args:
        signed: What the signer remembers.
        kept: Newest head in the database with a good signature, and the root of its bytes.

    Returns:
        A refusal: `NOTHING_LOST` when all that was signed is there, `SIGNER_BEHIND` when the
        signer's own memory is older than the log: then that memory was restored, not the log.
    """
    if kept.size > signed.size:
        return refuse(
            "SIGNER_BEHIND",
            "The log holds checkpoints that the signer forgot.",
            signed=signed.size,
            kept=kept.size,
        )
    if (kept.size, kept.root) == (signed.size, signed.root):
        return refuse("NOTHING_LOST", "The log holds all that was signed.", size=kept.size)
    return None


def rollback_statement(rollback: Rollback, person_id: str, key_id: str) -> dict[str, Json]:
    """What a person signs to declare a rollback."""
    bare = rollback.amended(approvals=(), first_checkpoint="")
    return {
        "schema_version": 1,
        "kind": "rollback",
        "rollback": bare.digest,
        "person": person_id,
        "key_id": key_id,
    }


def renamed_key(key: VerifierKey, origin: str) -> VerifierKey:
    """The same public key under the name of another log."""
    return VerifierKey(origin, key.kind, key.public_key)


def check_old_head(rollback: Rollback, key: VerifierKey) -> bool:
    """Whether the old name's last checkpoint is the one that the declaration states.

    Raises:
        InputError: when the note is malformed.
        IntegrityError: `SIG_INVALID` or `KEY_UNKNOWN` under the key in force.
    """
    told = open_checkpoint(rollback.checkpoint, key).checkpoint
    stated = rollback.signed
    return (told.origin, told.size, told.root.hex()) == (
        rollback.old_origin,
        stated.size,
        stated.root,
    )
