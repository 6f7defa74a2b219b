"""What an installation is, and which policy is in force.

Job: the documents that describe the home itself.

Invariants
  I1  A home is a demo home or not from its first record on; that never changes.
  I2  The policy in force at an instant is the newest activation that has taken effect by then,
      with the bytes that its hash covers.
  I3  After bootstrap an activation carries two people's votes.

Not here: creating a home (desk.setup), files (storage).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, Name, Sha256, Signature
from counterseal.policy.proposal import PolicyText

INSTALLATION_ID: Final = "installation"


class Installation(Document):
    """This home.

    Attributes:
        origin: Name of the log; the first line of every checkpoint.
        log_vkey: Public key of the log, to be pinned by auditors.
        mode: `demo` or `paper`.
    """

    KIND: ClassVar[str] = "installations"
    KEY: ClassVar[str] = "installation_id"

    installation_id: Name = INSTALLATION_ID
    origin: Name
    log_vkey: str = Field(max_length=400)
    tenant: Name
    mode: Name
    created_at: UtcDatetime


class PolicyActivation(Document):
    """A policy version put into force.

    Attributes:
        activated_by: The first two officers (bootstrap), or the two who voted.
        effective_from: From when it counts, until a newer one does.
        author_ids: Who wrote it; none of them reviews under it.
        proposal_id, signatures: What was voted on, and both votes; none for bootstrap.
    """

    KIND: ClassVar[str] = "policy_activations"
    KEY: ClassVar[str] = "bundle_hash"

    bundle_hash: Sha256
    version: Name
    files: tuple[PolicyText, ...]
    activated_by: tuple[Name, ...]
    bootstrap: bool
    effective_from: UtcDatetime
    author_ids: tuple[Name, ...] = ()
    proposal_id: Name | None = None
    signatures: tuple[Signature, ...] = Field(default=(), max_length=2)

    @property
    def contents(self) -> dict[str, bytes]:
        """The activated files' bytes, by path."""
        return {file.path: file.text.encode() for file in self.files}


def in_force(activations: Iterable[PolicyActivation], now: datetime) -> PolicyActivation | None:
    """The activation that counts at an instant: the newest that has taken effect; None before.

    Of two that begin at one instant the one that was proposed later counts; ids are time-ordered.
    """
    begun = [one for one in activations if one.effective_from <= now]
    return max(begun, key=lambda one: (one.effective_from, one.proposal_id or ""), default=None)
