"""Many decisions, one signature, each provable alone.

Job: build and check what a reviewer signs over several decisions, and prove a decision whoever
signed it how.

Invariants
  I1  A leaf is the whole signed message of one decision: any changed byte of statement, path, root
      or signature is refused.
  I2  Decisions stand in the order of their request ids, one each: what is signed does not depend
      on how they were given.
  I3  Whoever verifies a decision asks `statement_of`, which knows both forms; a leaf without the
      batch's signature proves nothing, and neither kind of statement passes for the other.
  I4  A batch is one stage, word, bundle, person, authority, key and login.

Not here: the commands (desk.bulk), the tree (audit.merkle), signatures (identity.signatures).
Source: governance rules 2.7 (N12), 2.9; RFC 6962 part 2.1.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, Protocol, Self

from pydantic import Field, ValidationError, model_validator

from counterseal.approvals.model import BatchNonce, BatchPath
from counterseal.approvals.statement import KIND as DECISION
from counterseal.approvals.statement import (
    AuthFacts,
    DecisionStatement,
    decision_in,
    read_statement,
)
from counterseal.audit.merkle import check_inclusion, inclusion_path, leaf_hash, root
from counterseal.identity.dsse import (
    enveloped,
    signed_bytes,
    signed_payload,
    statement_in,
)
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.kernel.model import DomainModel, Name, Sha256, Signature
from counterseal.policy.params import BULK_COUNT_MAX
from counterseal.policy.words import DecisionWord, Meaning, Role, Stage

KIND: Final = "batch"
_PREFIX: Final = "sha256:"


class BatchStatement(DomainModel):
    """The signed statement of one ceremony.

    Attributes:
        root: RFC 6962 tree head; leaf i is SHA-256 of 0x00 and the signed message (DSSE PAE) of
            the decision on the i-th request.
        request_ids: Sorted, each once.
        issued_at, expires_at: When the decisions may be committed (half-open); each decision says
            itself until when it counts.
        nonce: Names the ceremony; every decision has a nonce of its own besides.
    """

    schema_version: Literal[1] = 1
    kind: Literal["batch"] = "batch"
    log_origin: Name
    tenant: Name
    count: int = Field(ge=1, le=BULK_COUNT_MAX)
    root: Sha256
    request_ids: tuple[Name, ...] = Field(min_length=1, max_length=BULK_COUNT_MAX)
    policy_bundle_hash: Sha256
    stage: Stage
    decision: DecisionWord
    meaning: Meaning
    person: Name
    role: Role
    on_behalf_of: Name | None = None
    grant_id: Name | None = None
    auth: AuthFacts
    key_id: Name
    key_class: int = Field(ge=1, le=3)
    scheme: SignatureScheme
    issued_at: UtcDatetime
    expires_at: UtcDatetime
    nonce: Name
    paper_only: Literal[True] = True
    approval_for_live: Literal[False] = False

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.count != len(self.request_ids):
            raise ValueError("count is not the number of requests")
        if list(self.request_ids) != sorted(set(self.request_ids)):
            raise ValueError("request ids are sorted, each once")
        return self


SHARED: Final = tuple(
    name
    for name in BatchStatement.model_fields
    if name in DecisionStatement.model_fields
    and name not in {"schema_version", "kind", "issued_at", "expires_at", "nonce"}
)
"""Fields that every decision of a batch and the batch itself state alike."""


class Proven(Protocol):
    """What carries a decision's proof: a stored decision, or a review on its way in."""

    @property
    def signature(self) -> Signature:
        """The statement, signed itself unless it is of a batch."""

    @property
    def batch(self) -> BatchPath | None:
        """The path to the batch that was signed instead."""


def statement_of(record: Proven, key: PersonKey) -> DecisionStatement:
    """The decision statement that a person's key vouches for, signed alone or within a batch.

    Raises:
        IntegrityError: `NOT_PAPER_ONLY` for anything but paper.
        IntegrityError: `SIGNATURE_INVALID`.
    """
    if record.batch is None:
        return read_statement(record.signature, key)
    statement = decision_in(statement_in(signed_payload(record.signature, DECISION)), key)
    if record.signature != leaf_envelope(statement):
        raise IntegrityError("SIGNATURE_INVALID", "a decision of a batch is not signed itself")
    verify_leaf(statement, record.batch, key)
    return statement


def key_signature(record: Proven) -> Signature:
    """The signature that the reviewer's key made: over the decision, or over its batch."""
    return record.signature if record.batch is None else record.batch.signature


def leaf_envelope(statement: DecisionStatement) -> Signature:
    """The envelope of a decision within a batch: the statement without a signature of its own."""
    return enveloped(DECISION, statement.json_value(), statement.key_id, statement.scheme, b"")


def in_order(statements: Sequence[DecisionStatement]) -> tuple[DecisionStatement, ...]:
    """Statements in the order in which they are leaves."""
    return tuple(sorted(statements, key=lambda statement: statement.request_id))


def build_batch(
    statements: Sequence[DecisionStatement],
    *,
    nonce: str,
    issued_at: datetime,
    expires_at: datetime,
    count_max: int = BULK_COUNT_MAX,
) -> BatchStatement:
    """What to show and sign once for all these decisions, given in any order.

    Raises:
        InputError: `BULK_LIMIT` for none or more than `count_max`, `BULK_MIXED` when they differ in
            stage, word, bundle, person, key or login, or two are on one request.
    """
    if not 0 < len(statements) <= count_max:
        raise InputError(
            "BULK_LIMIT",
            "one ceremony covers a limited number of decisions",
            expected=f"1 to {count_max}",
            got=len(statements),
        )
    ordered = in_order(statements)
    first, ids = ordered[0], tuple(s.request_id for s in ordered)
    mixed = [name for name in SHARED if any(_told(s, name) != _told(first, name) for s in ordered)]
    if mixed or len(set(ids)) != len(ids):
        raise InputError(
            "BULK_MIXED",
            "one ceremony covers decisions of one kind, on one request each",
            field=mixed[0] if mixed else "request_id",
        )
    return BatchStatement.model_validate(
        {name: _told(first, name) for name in SHARED}
        | {
            "count": len(ids),
            "root": _root(ordered),
            "request_ids": ids,
            "issued_at": issued_at,
            "expires_at": expires_at,
            "nonce": nonce,
        }
    )


def prove_leaf(
    signature: Signature, statements: Sequence[DecisionStatement], request_id: str
) -> BatchPath:
    """The path of the decision on a request, in a batch over exactly these statements.

    Raises:
        InputError: `PROOF_RANGE` when none of them is on the request.
    """
    ordered = in_order(statements)
    places = [place for place, s in enumerate(ordered) if s.request_id == request_id]
    index = places[0] if places else len(ordered)
    path = inclusion_path([_leaf(s) for s in ordered], index)
    return BatchPath(
        signature=signature,
        index=index,
        size=len(ordered),
        path=tuple(sibling.hex() for sibling in path),
    )


def verify_leaf(statement: DecisionStatement, path: BatchPath, key: PersonKey) -> BatchStatement:
    """The batch that a decision belongs to, when path and signature hold under the key record.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`.
    """
    batch = _signed_batch(path.signature, key)
    if path.size != batch.count or path.index >= batch.count:
        raise IntegrityError("SIGNATURE_INVALID", "the path is of a batch of another size")
    if batch.request_ids[path.index] != statement.request_id:
        raise IntegrityError("SIGNATURE_INVALID", "the batch has another request at this place")
    siblings = [bytes.fromhex(sibling) for sibling in path.path]
    head = bytes.fromhex(batch.root.removeprefix(_PREFIX))
    if not check_inclusion(path.index, path.size, _leaf(statement), siblings, head):
        raise IntegrityError("SIGNATURE_INVALID", "the decision is no leaf of the batch")
    if any(_told(statement, name) != _told(batch, name) for name in SHARED):
        raise IntegrityError("SIGNATURE_INVALID", "decision and batch contradict each other")
    return batch


def check_batch(
    signature: Signature, key: PersonKey, statements: Sequence[DecisionStatement]
) -> BatchStatement:
    """The batch statement, when it is signed and covers exactly these decisions.

    Raises:
        IntegrityError: `SIGNATURE_INVALID`.
    """
    batch = _signed_batch(signature, key)
    if batch.request_ids != tuple(s.request_id for s in in_order(statements)):
        raise IntegrityError("SIGNATURE_INVALID", "the batch is over other requests")
    for statement in statements:
        verify_leaf(statement, prove_leaf(signature, statements, statement.request_id), key)
    return batch


def ceremony_holds(
    path: BatchPath | None, nonce: BatchNonce | None, person_id: str, now: datetime
) -> bool:
    """Whether the signed batch is the one that was prepared, and still in time; so without any.

    One nonce stands for one statement, so that no second set of decisions passes under it.
    """
    if path is None:
        return True
    return (
        nonce is not None
        and nonce.person_id == person_id
        and nonce.issued_at <= now < nonce.expires_at
        and nonce.statement == batch_text(path.signature)
    )


def batch_text(signature: Signature) -> str | None:
    """Canonical text of the batch statement in an envelope; None for anything else."""
    try:
        payload = signed_payload(signature, KIND)
        return canonical_bytes(statement_in(payload)).decode()  # type: ignore[arg-type] # parsed
    except (IntegrityError, InputError):
        return None


def _signed_batch(signature: Signature, key: PersonKey) -> BatchStatement:
    value = verify_signed(signature, key, KIND)
    try:
        batch = BatchStatement.model_validate_json(canonical_bytes(value))  # type: ignore[arg-type] # parsed JSON
    except (ValidationError, InputError):
        raise IntegrityError("SIGNATURE_INVALID", "the statement is not a batch") from None
    if {batch.key_id, signature.key_id} != {key.key_id} or batch.scheme != key.scheme:
        raise IntegrityError("SIGNATURE_INVALID", "the envelope is of another key")
    return batch


def _told(statement: DecisionStatement | BatchStatement, name: str) -> object:
    return dict(statement)[name]


def _leaf(statement: DecisionStatement) -> bytes:
    return leaf_hash(signed_bytes(DECISION, statement.json_value()))


def _root(ordered: Sequence[DecisionStatement]) -> str:
    return f"{_PREFIX}{root(_leaf(s) for s in ordered).hex()}"
