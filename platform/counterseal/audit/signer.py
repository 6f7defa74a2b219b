"""The signer as guard.

Job: decide whether a size and root may be signed, given what was signed last.

Invariants
  I1  Never two roots for one size.
  I2  Never a smaller size than the remembered one.
  I3  A larger size only with a proof that the remembered tree is its prefix.
  I4  Without a remembered state nothing is signed; zero comes from the genesis ceremony only.
  I5  A leader whose lease was taken over gets nothing signed, whatever it shows.
  I6  A log that was rolled back goes on under another name only; the old name never signs again.

Not here: keys and the state file (storage.signers): write, fsync, rename, then sign; what a
rollback is (audit.rollback).
Source: design rule "the log never signs two roots for one size, nor a smaller size".
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from counterseal.audit.checkpoint import SIZE_MAX
from counterseal.audit.merkle import EMPTY_ROOT, HASH_SIZE, PROOF_LENGTH_MAX, check_consistency
from counterseal.kernel.errors import InvariantError
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse

RootHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A root hash as 64 lower-case hex digits."""


class SignerState(DomainModel):
    """What the signer remembers outside the database.

    Attributes:
        origin: The log's name.
        size: Size signed last.
        root: Root signed last.
        lease: Highest lease of a leader that asked (a fencing number, not the epoch).
        epoch: How often this log was rolled back by declaration before it got its name.
        successor: Name under which the log went on; set, it closes this one for ever.
    """

    origin: Name
    size: int = Field(ge=0, le=SIZE_MAX)
    root: RootHex
    lease: int = Field(default=0, ge=0, le=SIZE_MAX)
    epoch: int = Field(default=0, ge=0, le=SIZE_MAX)
    successor: Name | None = None


def genesis_state(origin: str) -> SignerState:
    """The state before the first record; only the genesis ceremony may write it."""
    return SignerState(origin=origin, size=0, root=EMPTY_ROOT.hex())


def decide_signing(
    state: SignerState | None,
    origin: str,
    size: int,
    root: bytes,
    proof: Sequence[bytes],
    lease: int = 0,
) -> SignerState | Refusal:
    """The state to persist before signing, or why nothing is signed.

    Args:
        state: What was signed last; None when missing or unreadable.
        origin: Log that asks.
        size: Size to sign.
        root: 32-byte root to sign.
        proof: Consistency proof from the state's size to `size`; empty when either is equal or the
            state's size is zero.
        lease: The leader's lease; 0 for a log that never had a rival.

    Returns:
        The next state (equal to `state` when the same leader asks for the same head again), or a
        refusal: `UNKNOWN_ORIGIN`, `ORIGIN_CLOSED`, `LEASE_STALE`, `ROLLBACK`, `FORK_AT_SIZE` or
        `PROOF_INVALID`.
    """
    if state is None or state.origin != origin:
        return refuse("UNKNOWN_ORIGIN", "The signer remembers no such log.", origin=origin)
    refusal = _who(state, lease) or _what(state, size, root, proof)
    return refusal or state.amended(size=size, root=root.hex(), lease=lease)


def _who(state: SignerState, lease: int) -> Refusal | None:
    """Why this log, or this leader, gets nothing signed any more."""
    if state.successor is not None:
        return refuse(
            "ORIGIN_CLOSED", "The log went on under another name.", successor=state.successor
        )
    if lease < state.lease:
        return refuse("LEASE_STALE", "Another leader took over.", newest=state.lease, asked=lease)
    return None


def _what(state: SignerState, size: int, root: bytes, proof: Sequence[bytes]) -> Refusal | None:
    """Why this head is not signed."""
    if size < state.size:
        return refuse(
            "ROLLBACK", "The log is shorter than what was signed.", signed=state.size, asked=size
        )
    if size == state.size and root.hex() != state.root:
        return refuse("FORK_AT_SIZE", "Another root was signed for this size.", size=size)
    if size > state.size and not _extends(state, size, root, proof):
        return refuse(
            "PROOF_INVALID", "The signed tree is not a prefix.", signed=state.size, asked=size
        )
    return None


def decide_succession(
    state: SignerState, origin: str, size: int, root: bytes
) -> tuple[SignerState, SignerState]:
    """The closed state of a rolled-back log, and the first state of the one that goes on.

    Args:
        state: What was signed last under the old name.
        origin: The new name.
        size: Records of the restored database.
        root: Their root.

    Raises:
        InvariantError: when the old log is closed already, or keeps its name.
    """
    if state.successor is not None or origin == state.origin:
        raise InvariantError("a log has one successor, of another name")
    fresh = SignerState(origin=origin, size=size, root=root.hex(), epoch=state.epoch + 1)
    return state.amended(successor=origin), fresh


def _extends(state: SignerState, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    if len(root) != HASH_SIZE or size > SIZE_MAX or len(proof) > PROOF_LENGTH_MAX:
        return False
    if any(len(value) != HASH_SIZE for value in proof):
        return False
    if state.size == 0:
        return not proof
    return check_consistency(state.size, size, bytes.fromhex(state.root), root, proof)
