"""The signer as guard.

Job: decide whether a size and root may be signed, given what was signed last.

Invariants
  I1  Never two roots for one size.
  I2  Never a smaller size than the remembered one.
  I3  A larger size only with a proof that the remembered tree is its prefix.
  I4  Without a remembered state nothing is signed; zero comes from the genesis ceremony only.

Not here: keys and the state file (storage.signers): write, fsync, rename, then sign.
Source: design rule "the log never signs two roots for one size, nor a smaller size".
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from counterseal.audit.checkpoint import SIZE_MAX
from counterseal.audit.merkle import EMPTY_ROOT, HASH_SIZE, PROOF_LENGTH_MAX, check_consistency
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse

RootHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A root hash as 64 lower-case hex digits."""


class SignerState(DomainModel):
    """What the signer remembers outside the database.

    Attributes:
        origin: The log's name.
        size: Size signed last.
        root: Root signed last.
    """

    origin: Name
    size: int = Field(ge=0, le=SIZE_MAX)
    root: RootHex


def genesis_state(origin: str) -> SignerState:
    """The state before the first record; only the genesis ceremony may write it."""
    return SignerState(origin=origin, size=0, root=EMPTY_ROOT.hex())


def decide_signing(
    state: SignerState | None, origin: str, size: int, root: bytes, proof: Sequence[bytes]
) -> SignerState | Refusal:
    """The state to persist before signing, or why nothing is signed.

    Args:
        state: What was signed last; None when missing or unreadable.
        origin: Log that asks.
        size: Size to sign.
        root: 32-byte root to sign.
        proof: Consistency proof from the state's size to `size`; empty when either is equal or the
            state's size is zero.

    Returns:
        The next state (equal to `state` when the same head is signed again), or a refusal:
        `UNKNOWN_ORIGIN`, `ROLLBACK`, `FORK_AT_SIZE` or `PROOF_INVALID`.
    """
    if state is None or state.origin != origin:
        return refuse("UNKNOWN_ORIGIN", "The signer remembers no such log.", origin=origin)
    if size < state.size:
        return refuse(
            "ROLLBACK", "The log is shorter than what was signed.", signed=state.size, asked=size
        )
    if size == state.size:
        if root.hex() != state.root:
            return refuse("FORK_AT_SIZE", "Another root was signed for this size.", size=size)
        return state
    if not _extends(state, size, root, proof):
        return refuse(
            "PROOF_INVALID", "The signed tree is not a prefix.", signed=state.size, asked=size
        )
    return SignerState(origin=origin, size=size, root=root.hex())


def _extends(state: SignerState, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    if len(root) != HASH_SIZE or size > SIZE_MAX or len(proof) > PROOF_LENGTH_MAX:
        return False
    if any(len(value) != HASH_SIZE for value in proof):
        return False
    if state.size == 0:
        return not proof
    return check_consistency(state.size, size, bytes.fromhex(state.root), root, proof)
