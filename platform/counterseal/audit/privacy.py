"""Personal data beside the log: committed in it, kept outside it, erasable.

Job: commit to a block of personal data, open it, erase it, and account for every commitment.

Invariants
  I1  A record holds a salted commitment, never the block: an erasure changes no byte of the log.
  I2  Every commitment is opened, withheld, erased by a named record, or missing; missing is a
      contradiction.
  I3  What a hold covers is not erased.
  I4  An opening that a record does not commit to, or that outlives its erasure, is a contradiction.

Not here: the table of openings (storage.openings), who may ask (desk.records).
Source: design part "privacy, retention, legal hold".
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar, Final

from pydantic import Field

from counterseal.audit.irregular import IrregularCode, Irregularity
from counterseal.kernel.canonical import Json, canonical_bytes, parse_json
from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Document, DomainModel, Name, Refusal, Sha256, Text, refuse

SALT_SIZE: Final = 16
ERASED: Final = "pii.erased"
"""Type of the record that tells which commitments can no longer be opened."""

COMMITMENTS_MAX: Final = 500
"""Most commitments that one erasure names, so that its record fits a tile entry."""

_PREFIX: Final = b"\x02"


class PiiState(StrEnum):
    """What can be shown of one committed block."""

    OPENED = "opened"
    WITHHELD = "withheld"
    ERASED = "erased"
    MISSING = "missing"


class Opening(DomainModel):
    """What opens one commitment.

    Attributes:
        commitment: `sha256:<hex>` as the record holds it.
        salt: 32 hex digits, secret until it is shown, destroyed with the block.
        block: Canonical JSON of the personal data.
        person_id: Whose data it is.
    """

    commitment: Sha256
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    block: str = Field(max_length=20_000)
    person_id: Name

    @property
    def holds(self) -> bool:
        """Whether salt and block give the commitment."""
        return _hashed(bytes.fromhex(self.salt), self.block.encode()) == self.commitment

    def word(self, name: str) -> str:
        """One text of the block, empty when it has none of this name."""
        value = parse_json(self.block.encode())
        return str(value.get(name, "")) if isinstance(value, dict) else ""


class Erasure(Document):
    """The record of an erasure; what it names cannot be opened again by anybody.

    Attributes:
        basis: Why it was right to erase, in words or by the article of a law.
        commitments: What was erased.
    """

    KIND: ClassVar[str] = "erasures"
    KEY: ClassVar[str] = "erasure_id"

    erasure_id: Name
    person_id: Name
    basis: Text
    commitments: tuple[Sha256, ...] = Field(min_length=1, max_length=COMMITMENTS_MAX)
    erased_by: Name
    erased_at: UtcDatetime


class PiiReport(DomainModel):
    """The account of all commitments of a log, in the order of their records.

    Attributes:
        opened, withheld, erased, missing: How many commitments are in each state.
    """

    opened: int = 0
    withheld: int = 0
    erased: int = 0
    missing: int = 0
    irregularities: tuple[Irregularity, ...] = ()


def commit(person_id: str, block: Mapping[str, Json], salt: bytes) -> Opening:
    """Commit to a block of a person's data: SHA-256 of 0x02, salt and canonical JSON.

    Raises:
        InputError: `SALT_SIZE` for a salt of another size than 16 bytes, `NOT_CANONICAL`.
    """
    if len(salt) != SALT_SIZE:
        raise InputError("SALT_SIZE", "a salt has 16 bytes", expected=SALT_SIZE, got=len(salt))
    content = canonical_bytes(block)
    return Opening(
        commitment=_hashed(salt, content),
        salt=salt.hex(),
        block=content.decode(),
        person_id=person_id,
    )


def _hashed(salt: bytes, content: bytes) -> str:
    return f"sha256:{sha256(_PREFIX + salt + content).hexdigest()}"


def erasable_parts(commitments: Sequence[str]) -> tuple[Sequence[str], ...]:
    """Commitments in parts that one erasure can name; one empty part when there are none."""
    starts = range(0, max(len(commitments), 1), COMMITMENTS_MAX)
    return tuple(commitments[start : start + COMMITMENTS_MAX] for start in starts)


def decide_erasure(
    erasure_id: str,
    person_id: str,
    commitments: Sequence[str],
    *,
    held: Collection[str],
    basis: str,
    erased_by: str,
    now: datetime,
) -> Erasure | Refusal:
    """Erase everything that is kept about a person.

    Args:
        erasure_id: Names the erasure.
        person_id: Whose data.
        commitments: Of that person's data, at most 500: more take several erasures.
        held: Commitments in records under a hold.
        basis: Why it is right to erase.
        erased_by: Who asks.
        now: Decision time (UTC).

    Refusals: `NOTHING_TO_ERASE`, `HELD`.
    """
    own = sorted(commitments)
    if not own:
        return refuse("NOTHING_TO_ERASE", "nothing is kept about this person", person=person_id)
    bound = [commitment for commitment in own if commitment in held]
    if bound:
        return refuse("HELD", "a hold covers records about this person", count=len(bound))
    return Erasure(
        erasure_id=erasure_id,
        person_id=person_id,
        basis=basis,
        commitments=tuple(own),
        erased_by=erased_by,
        erased_at=now,
    )


class PiiAccount:
    """The account of commitments, fed record by record; it keeps what is not yet settled."""

    def __init__(self) -> None:
        self._made: dict[str, int] = {}
        self._streams: dict[int, str] = {}
        self._erased: dict[str, int] = {}
        self._found: list[Irregularity] = []

    def read(self, seq: int, kind: str, record: Mapping[str, object]) -> None:
        """Take note of one record, parsed from its bytes."""
        for commitment in commitments_of(record):
            self._made.setdefault(commitment, seq)
            self._streams[seq] = str(record.get("stream"))
        if kind == ERASED:
            for commitment in erased_commitments(record):
                self._erased.setdefault(commitment, seq)

    def report(self, openings: Iterable[Opening], withheld: Collection[str] = ()) -> PiiReport:
        """State of every commitment.

        Args:
            openings: What opens them: the table of the database, or what a reader was given.
            withheld: Commitments known to be kept from this reader; empty for the whole database.
        """
        shown: set[str] = set()
        for opening in openings:
            seq = self._made.get(opening.commitment)
            if not opening.holds or seq is None:
                self._add(seq or 0, IrregularCode.PII_OPENING_MISMATCH, "no record holds this")
                continue
            shown.add(opening.commitment)
            if opening.commitment in self._erased:
                at = self._erased[opening.commitment]
                self._add(at, IrregularCode.PII_NOT_ERASED, "erased, and yet it can be opened")
        counts = dict.fromkeys(PiiState, 0)
        for commitment, seq in self._made.items():
            state = self.state_of(commitment, shown, withheld)
            counts[state] += 1
            if state is PiiState.MISSING:
                self._add(seq, IrregularCode.PII_MISSING, "no opening, and no erasure tells why")
        return PiiReport(
            opened=counts[PiiState.OPENED],
            withheld=counts[PiiState.WITHHELD],
            erased=counts[PiiState.ERASED],
            missing=counts[PiiState.MISSING],
            irregularities=tuple(self._found),
        )

    def settle(self, let_go: Callable[[int, str], bool]) -> None:
        """Leave out what was committed to in records that a purge lets go, emptied yet or not.

        Args:
            let_go: Whether a recorded purge names a place and stream.
        """
        self._made = {
            commitment: seq
            for commitment, seq in self._made.items()
            if not let_go(seq, self._streams[seq])
        }

    def keeps(self, commitment: str) -> bool:
        """Whether a record made this commitment, and none has erased it."""
        return commitment in self._made and commitment not in self._erased

    def erased_by(self, commitment: str) -> int | None:
        """Sequence number of the record that erased a commitment, or None."""
        return self._erased.get(commitment)

    def state_of(
        self, commitment: str, shown: Collection[str], withheld: Collection[str]
    ) -> PiiState:
        """State of one commitment, when these can be opened and those are kept from the reader."""
        if commitment in self._erased:
            return PiiState.ERASED
        if commitment in shown:
            return PiiState.OPENED
        return PiiState.WITHHELD if commitment in withheld else PiiState.MISSING

    def _add(self, seq: int, code: IrregularCode, message: str) -> None:
        self._found.append(Irregularity(seq=seq, code=code, layer="pii", message=message))


def commitments_of(record: Mapping[str, object]) -> tuple[str, ...]:
    """What a record commits to."""
    pii = record.get("pii")
    return tuple(str(one) for one in pii) if isinstance(pii, list) else ()


def erased_commitments(record: Mapping[str, object]) -> tuple[str, ...]:
    """What a `pii.erased` record names."""
    after = record.get("after")
    documents = after.get("documents") if isinstance(after, Mapping) else None
    erasures = documents.get(Erasure.KIND) if isinstance(documents, Mapping) else None
    named = [
        erasure.get("commitments")
        for erasure in (erasures if isinstance(erasures, list) else ())
        if isinstance(erasure, Mapping)
    ]
    return tuple(str(one) for several in named if isinstance(several, list) for one in several)
