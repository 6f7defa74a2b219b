"""A policy on its way into force: the proposal and the votes for it.

Job: hold what is proposed with what was checked, and who agreed to exactly that.

Invariants
  I1  A proposal carries every file's text, and its hash is the hash of these texts.
  I2  A vote names the bundle hash and the hash of the replay diff: it fits no other proposal.

Not here: the checks (policy.gate_checks), what they allow (policy.gate), signatures (identity).
Source: governance part 4 (activation gate).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.canonical import Json, canonical_bytes, sha256_hex
from counterseal.kernel.clock import UtcDatetime, utc_text
from counterseal.kernel.model import Document, DomainModel, Name, Sha256, Signature
from counterseal.policy.bundle import bundle_hash, hash_files
from counterseal.policy.words import Meaning

KIND: Final = "policy"
"""The kind of statement that a vote is."""
TEXT_LENGTH_MAX: Final = 40_000
TEXTS_BYTES_MAX: Final = 56_000
"""What one record carries of a policy, as canonical JSON; a record has 65,535 bytes."""
PEOPLE_MAX: Final = 20


class PolicyText(DomainModel):
    """One policy file as written."""

    path: Name
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    text: str = Field(max_length=TEXT_LENGTH_MAX)


class GateStep(StrEnum):
    """The checks before anybody votes, in their order."""

    RULES = "rules"
    CASES = "cases"
    SWEEP = "sweep"
    DIFF = "diff"


class CheckResult(DomainModel):
    """What one step looked at.

    Attributes:
        checked: Rules, cases, requests or decisions; a step that looked at nothing shows nothing.
        found: Flaws, failures, violations (a proposal has none of these) or flips.
        result_hash: Of everything that the step says.
    """

    step: GateStep
    checked: int = Field(ge=0)
    found: int = Field(ge=0)
    result_hash: Sha256


class PolicyProposal(Document):
    """A policy that passed its checks and waits for votes.

    Attributes:
        author_ids: Who wrote it; none of them may vote for it or review under it.
        replaces: Hash of the bundle that was in force.
        diff_hash: Of the decisions that would flip; a vote acknowledges them by this hash.
        expires_at: End of the time for votes and activation (half-open).
    """

    KIND: ClassVar[str] = "policy_proposals"
    KEY: ClassVar[str] = "proposal_id"

    proposal_id: Name
    bundle_hash: Sha256
    version: Name
    files: tuple[PolicyText, ...] = Field(min_length=1, max_length=200)
    author_ids: tuple[Name, ...] = Field(min_length=1, max_length=PEOPLE_MAX)
    replaces: Sha256
    checks: tuple[CheckResult, ...] = Field(min_length=len(GateStep), max_length=len(GateStep))
    diff_hash: Sha256
    proposed_by: Name
    proposed_at: UtcDatetime
    expires_at: UtcDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if tuple(check.step for check in self.checks) != tuple(GateStep):
            raise ValueError("every step of the gate, once and in order")
        if not self.proposed_at < self.expires_at:
            raise ValueError("expires_at must be after proposed_at")
        return self

    @property
    def contents(self) -> dict[str, bytes]:
        """The files' bytes, by path."""
        return {file.path: file.text.encode() for file in self.files}

    @property
    def texts_hold(self) -> bool:
        """Whether the texts are those that the bundle hash covers."""
        return bundle_hash(hash_files(self.contents)) == self.bundle_hash

    def open_at(self, now: UtcDatetime) -> bool:
        """Whether it may be voted on and activated at an instant."""
        return self.proposed_at <= now < self.expires_at


class PolicyVote(Document):
    """One person's signed agreement to a proposal."""

    KIND: ClassVar[str] = "policy_votes"
    KEY: ClassVar[str] = "vote_id"

    vote_id: Name
    proposal_id: Name
    bundle_hash: Sha256
    diff_hash: Sha256
    person_id: Name
    key_id: Name
    meaning: Meaning = Meaning.APPROVED_POLICY
    voted_at: UtcDatetime
    signature: Signature


def policy_texts(files: Mapping[str, bytes]) -> tuple[PolicyText, ...]:
    """Files as they travel in a record, sorted by path.

    Raises:
        UnicodeDecodeError: for bytes that are no UTF-8; whoever parsed them has refused those.
        ValidationError: for a file that is too long.
    """
    return tuple(
        PolicyText(path=path, sha256=sha256_hex(files[path]), text=files[path].decode())
        for path in sorted(files)
    )


def texts_size(texts: tuple[PolicyText, ...]) -> int:
    """Bytes that texts take in a record."""
    return len(canonical_bytes([text.json_value() for text in texts]))


def vote_statement(
    proposal: PolicyProposal, person_id: str, key_id: str, log_origin: str, issued_at: UtcDatetime
) -> dict[str, Json]:
    """What a person signs to agree to a proposal."""
    return {
        "schema_version": 1,
        "kind": KIND,
        "log_origin": log_origin,
        "proposal_id": proposal.proposal_id,
        "version": proposal.version,
        "policy_bundle_hash": proposal.bundle_hash,
        "replaces": proposal.replaces,
        "diff_hash": proposal.diff_hash,
        "meaning": Meaning.APPROVED_POLICY.value,
        "person": person_id,
        "key_id": key_id,
        "issued_at": utc_text(issued_at),
    }
