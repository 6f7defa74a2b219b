"""What `data/pack.json` says of its pack, as a report reads it.

Job: read scope, origin, size, root, claims and counts; nothing else tells a report what it is of.

Invariants
  I1  What these fields do not say is not told: no clock, no table, no setting.

Not here: whether the facts are true (evidence.verify), how they come to be (evidence.pack).
Source: evidence pack format 1, `data/pack.json`.
"""

from collections.abc import Mapping
from typing import Self, assert_never

from pydantic import ConfigDict, Field, ValidationError

from counterseal.desk.exports import ExportScope, ScopeKind
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel
from evidence.model import AbsentClaim, Claim, RangeClaim, RecordsClaim, StreamClaim


class Counts(DomainModel):
    """Records that are shown, withheld and purged."""

    records: int = Field(ge=0)
    withheld: int = Field(ge=0)
    purged: int = Field(ge=0)


class PackFacts(DomainModel):
    """The facts of a pack; a later writer may say more.

    Attributes:
        size, root: Of the signed checkpoint; the root in hex.
        export, snapshot: Event ids of the two records that say so in the log.
    """

    model_config = ConfigDict(extra="ignore")

    origin: str
    size: int
    root: str
    export: str
    snapshot: str
    scope: ExportScope
    claims: tuple[Claim, ...] = ()
    counts: Counts

    @classmethod
    def read(cls, told: Mapping[str, Json]) -> Self:
        """The facts of a parsed `pack.json`.

        Raises:
            InputError: `PACK_FACTS_INVALID`.
        """
        try:
            return cls.model_validate_json(canonical_bytes({**told}))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            problem = InputError("PACK_FACTS_INVALID", str(first["msg"]), field=place)
        raise problem

    @property
    def case_streams(self) -> frozenset[str]:
        """Streams that the pack is about, in difference to those that say who may do what."""
        streams = [claim for claim in self.claims if isinstance(claim, StreamClaim)]
        return frozenset(claim.stream for claim in streams if claim.role == "case")

    @property
    def is_case(self) -> bool:
        """Whether the pack is about one case and what it is linked to."""
        return self.scope.kind is ScopeKind.CASE


def claim_words(claim: Claim) -> str:
    """A claim as a sentence without its full stop."""
    match claim:
        case StreamClaim():
            return f"stream {claim.stream} is whole, records 1 to {claim.to} as of the snapshot"
        case AbsentClaim():
            return f"there is no stream {claim.stream} as of the snapshot"
        case RangeClaim():
            return f"every record from {claim.first} to {claim.last} is accounted for"
        case RecordsClaim():
            return f"{len(claim.seqs)} chosen records; of others nothing is claimed"
        case _:
            assert_never(claim)
