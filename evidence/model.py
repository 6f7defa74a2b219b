"""What a pack says of itself.

Job: the claims of a pack and its description, as `data/pack.json` holds them.

Invariants
  I1  A claim says from where to where something is complete; what no claim names is not claimed.

Not here: working out claims (claims), the scope that is asked for (counterseal.desk.exports).
Source: design part "evidence pack".
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from pydantic import Field

from counterseal.desk.exports import ExportScope
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.kernel.model import DomainModel, Name

FORMAT: Final = "counterseal-evidence-pack/1"
NOTICE: Final = "simulated execution; control-design evidence, not a statement of conformity"


class StreamClaim(DomainModel):
    """A stream is there from its first record to the one that the snapshot says is its last.

    Attributes:
        to: Place of that record in the stream, from 1.
        head: Its hex leaf hash.
        role: Whether it is a case, or what cases are judged by.
    """

    kind: Literal["stream"] = "stream"
    stream: Name
    to: int = Field(ge=1)
    head: str = Field(pattern=r"^[0-9a-f]{64}$")
    role: Literal["case", "governance"]


class AbsentClaim(DomainModel):
    """The snapshot knows no stream of this name."""

    kind: Literal["absent"] = "absent"
    stream: Name


class RangeClaim(DomainModel):
    """Every record from `first` to `last`, both included, is there."""

    kind: Literal["range"] = "range"
    first: int = Field(ge=0)
    last: int = Field(ge=0)


class RecordsClaim(DomainModel):
    """These records are there; nothing is said about others."""

    kind: Literal["records"] = "records"
    seqs: tuple[int, ...]


Claim = StreamClaim | AbsentClaim | RangeClaim | RecordsClaim


class PackFile(NamedTuple):
    """A file of a pack: its name in the bag, and its bytes in pieces."""

    name: str
    chunks: Iterable[bytes]


class PackTotals(NamedTuple):
    """What lies in a pack.

    Attributes:
        records: Shown with their bytes.
        withheld, purged: Of which a leaf hash alone is there.
        claims: How many there are.
        root: Hex root of the log at `size`.
        export_seq: Place of the record that tells of the export.
    """

    records: int
    withheld: int
    purged: int
    claims: int
    size: int
    root: str
    export_seq: int


def scope_json(scope: ExportScope) -> dict[str, Json]:
    """A scope as packs and statements write it."""
    return {
        "kind": scope.kind.value,
        "value": scope.value,
        "since": None if scope.since is None else utc_text(scope.since),
        "until": None if scope.until is None else utc_text(scope.until),
    }
