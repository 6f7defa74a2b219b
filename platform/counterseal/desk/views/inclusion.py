"""How a record's hash leads to the root that a checkpoint signs, step by step.

Job: write out an inclusion proof as people follow it.

Invariants
  I1  The last step of a path that proves is the root; whether it does is told beside the steps.

Not here: making paths (audit.merkle), receipts as files (audit.receipt).
Source: RFC 9162 part 2.1.3.2; UI-21.
"""

from collections.abc import Sequence

from pydantic import Field

from counterseal.audit.merkle import check_inclusion, node_hash
from counterseal.kernel.model import DomainModel


class ProofStep(DomainModel):
    """One step up the tree; hashes in hex.

    Attributes:
        sibling: The hash that the proof supplies.
        on_left: It stands left of what was recomputed so far.
        node: The hash of both.
    """

    sibling: str
    on_left: bool
    node: str


class Inclusion(DomainModel):
    """A record under a checkpoint; `holds` when the steps end in the checkpoint's root."""

    index: int = Field(ge=0)
    size: int = Field(ge=1)
    leaf: str
    root: str
    steps: tuple[ProofStep, ...]
    holds: bool


def inclusion_steps(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> Inclusion:
    """The steps of a proof.

    Args:
        index: Place of the record.
        size: Records under the checkpoint; more than `index`.
        leaf: Leaf hash of the record's bytes, recomputed by the caller.
        path: Sibling hashes, leaf upward.
        root: That of the checkpoint.
    """
    at, last, node, steps = index, size - 1, leaf, list[ProofStep]()
    for sibling in path:
        on_left = at % 2 == 1 or at == last
        node = node_hash(sibling, node) if on_left else node_hash(node, sibling)
        while on_left and at % 2 == 0 and at:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
        steps.append(ProofStep(sibling=sibling.hex(), on_left=on_left, node=node.hex()))
    return Inclusion(
        index=index,
        size=size,
        leaf=leaf.hex(),
        root=root.hex(),
        steps=tuple(steps),
        holds=check_inclusion(index, size, leaf, tuple(path), root),
    )
