"""What an installation is, and which policy is in force.

Job: the documents that describe the home itself.

Invariants
  I1  A home is a demo home or not from its first record on; that never changes.
  I2  The policy in force is the last activation, with the bytes that its hash covers.

Not here: creating a home (desk.setup), files (storage).
"""

from typing import ClassVar, Final

from pydantic import Field

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.model import Document, DomainModel, Name, Sha256

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


class PolicyText(DomainModel):
    """One policy file as activated."""

    path: Name
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    text: str = Field(max_length=40_000)


class PolicyActivation(Document):
    """A policy version put into force."""

    KIND: ClassVar[str] = "policy_activations"
    KEY: ClassVar[str] = "bundle_hash"

    bundle_hash: Sha256
    version: Name
    files: tuple[PolicyText, ...]
    activated_by: tuple[Name, ...]
    bootstrap: bool
    effective_from: UtcDatetime
