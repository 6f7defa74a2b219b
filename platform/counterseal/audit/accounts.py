"""The accounts of a log in one pass: keys, personal data, records.

Job: feed each record of a verification to every account, and close them together.

Invariants
  I1  Only records that tell of keys, holds, purges, policies and personal data are parsed: the
      cost of all others is that of counting them.
  I2  Every absence is accounted for, or it is an irregularity.

Not here: the single accounts (audit.keys, audit.privacy, audit.purges), the chain (audit.verify).
Source: design invariant 4, "every absence is accounted for".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from counterseal.audit.irregular import Irregularity
from counterseal.audit.keys import KEY_TYPES, KeyRecord, KeyRing, key_record, walk_keys
from counterseal.audit.note import VerifierKey
from counterseal.audit.privacy import (
    ERASED,
    Opening,
    PiiAccount,
    PiiReport,
    PiiState,
    commitments_of,
)
from counterseal.audit.purges import (
    LAW_TYPES,
    PurgeAccount,
    RecordReport,
    RecordState,
    is_purged,
)
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.resume import ToldRecord
from counterseal.audit.stretch import Stretch
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel

TOLD_TYPES: Final = KEY_TYPES | LAW_TYPES | {ERASED}
"""Types of the records that the accounts parse."""

_PII: Final = b'"pii":'
_NO_PII: Final = b'"pii":[]'


class AccountReport(DomainModel):
    """What a log accounts for.

    Attributes:
        pii: None when no openings were given to compare with.
    """

    records: RecordReport
    pii: PiiReport | None = None

    @property
    def irregularities(self) -> tuple[Irregularity, ...]:
        """Every contradiction, by sequence number."""
        pii = () if self.pii is None else self.pii.irregularities
        return tuple(sorted((*self.records.irregularities, *pii), key=lambda found: found.seq))


class BlockStanding(DomainModel):
    """What can be shown of one committed block of a record.

    Attributes:
        erased_by: Sequence number of the record that erased it, or None.
    """

    commitment: str
    state: PiiState
    erased_by: int | None = None


class RecordStanding(DomainModel):
    """What is left of one record, and by which record the rest went.

    Attributes:
        purged_by: Sequence number of the purge, or None.
        blocks: Personal data that it commits to; a purged record commits to none any more.
    """

    seq: int
    state: RecordState
    purged_by: int | None = None
    blocks: tuple[BlockStanding, ...] = ()


class WalkedKeys(NamedTuple):
    """The keys of a log, and what does not hold about them."""

    ring: KeyRing
    irregularities: tuple[Irregularity, ...]


class Accounts:
    """All accounts of one log, fed in order of `seq`.

    Args:
        personal: Whether commitments to personal data are followed too; that looks into each body.
        after: What was told before the first record that is fed, when an earlier verification is
            gone on from; commitments of that time are not known then.
        start: First place that is fed.
    """

    def __init__(
        self, *, personal: bool = True, after: Iterable[ToldRecord] = (), start: int = 0
    ) -> None:
        self._keys: list[KeyRecord] = []
        self._pii = PiiAccount() if personal else None
        self._purges = PurgeAccount(start)
        self._told: list[ToldRecord] = []
        for told in after:
            self._read(told.seq, told.type, told.body.encode())

    def take(self, rows: Sequence[StoredRow]) -> None:
        """Take note of rows that follow; an unreadable one says nothing here."""
        rows = [row for row in rows if type(row.seq) is int and type(row.body) is bytes]
        self._purges.count(rows)
        told = [row for row in rows if row.type in TOLD_TYPES]
        if self._pii is not None:
            told = [row for row in rows if row.type in TOLD_TYPES or _may_commit(row.body)]
        for row in told:
            if not is_purged(row):
                self._read(row.seq, row.type, row.body)

    def take_stretch(self, stretch: Stretch) -> None:
        """The same as `take` of its rows, when it told those of `TOLD_TYPES`.

        Personal data is followed only when the columns of the stretch were compared.
        """
        self._purges.count_stretch(stretch.start, stretch.counts)
        for row in stretch.told:
            if self._pii is not None or row.type in TOLD_TYPES:
                self._read(row.seq, row.type, row.body)

    def _read(self, seq: int, kind: str, body: bytes) -> None:
        try:
            record = load_canonical(body)
        except InputError:
            return
        if self._pii is not None:
            self._pii.read(seq, kind, record)
        if kind in LAW_TYPES:
            self._purges.read(seq, kind, record)
        if kind in KEY_TYPES:
            after = record.get("after")
            self._keys.append(key_record(seq, kind, after if isinstance(after, Mapping) else None))
        if kind in TOLD_TYPES:
            self._told.append(ToldRecord(seq=seq, type=kind, body=body.decode()))

    @property
    def told(self) -> tuple[ToldRecord, ...]:
        """Every record that tells of keys, holds, purges, policies and erasures."""
        return tuple(self._told)

    @property
    def key_records(self) -> tuple[KeyRecord, ...]:
        """What the log says about its keys."""
        return tuple(self._keys)

    def walk(self, pinned: VerifierKey) -> WalkedKeys:
        """The keys from the pinned first one on, for `keys.seal_standing`."""
        return WalkedKeys(*walk_keys(pinned, self._keys))

    def report(
        self,
        size: int,
        openings: Iterable[Opening] | None = None,
        withheld: Collection[str] = (),
        lost: Iterable[tuple[int, int]] = (),
    ) -> AccountReport:
        """Close the accounts.

        Args:
            size: How many records there must be.
            openings: What opens commitments; None when there is nothing to compare with.
            withheld: Commitments known to be kept from this reader.
            lost: Places (first, end) that a declared rollback has given up.
        """
        judged = self._pii if openings is not None else None
        pii = None
        if judged is not None:
            judged.settle(self._purges.lets_go)
            pii = judged.report(openings or (), withheld)
        return AccountReport(records=self._purges.report(size, lost), pii=pii)


def standings(
    rows: Iterable[StoredRow], openings: Iterable[Opening] | None = None
) -> tuple[RecordStanding, ...]:
    """What is left of each record of a log, in the order of the rows.

    Args:
        rows: All of them, in order of `seq`: what went is told by later ones.
        openings: What opens personal data; None when it is withheld from whoever asks.
    """
    kept = tuple(rows)
    purges, pii = PurgeAccount(), PiiAccount()
    made: list[tuple[str, ...]] = []
    for row in kept:
        record = _read_record(row)
        pii.read(row.seq, row.type, record)
        if row.type in LAW_TYPES:
            purges.read(row.seq, row.type, record)
        made.append(commitments_of(record))
    shown = None if openings is None else {o.commitment for o in openings if o.holds}
    return tuple(
        RecordStanding(
            seq=row.seq,
            state=purges.state_of(row),
            purged_by=purges.purged_by(row.seq, row.stream) if is_purged(row) else None,
            blocks=tuple(_block(pii, commitment, shown) for commitment in commitments),
        )
        for row, commitments in zip(kept, made, strict=True)
    )


def _block(pii: PiiAccount, commitment: str, shown: Collection[str] | None) -> BlockStanding:
    withheld = (commitment,) if shown is None else ()
    return BlockStanding(
        commitment=commitment,
        state=pii.state_of(commitment, shown or (), withheld),
        erased_by=pii.erased_by(commitment),
    )


def _read_record(row: StoredRow) -> Mapping[str, object]:
    """The parsed bytes; nothing for a purged or unreadable row."""
    if type(row.body) is not bytes or is_purged(row):
        return {}
    try:
        return load_canonical(row.body)
    except InputError:
        return {}


def _may_commit(body: bytes) -> bool:
    """Whether there may be commitments; documents inside may use the same name."""
    return body.count(_PII) != body.count(_NO_PII)


def account_for(rows: Iterable[StoredRow]) -> Accounts:
    """The accounts of all rows."""
    accounts = Accounts()
    accounts.take(tuple(rows))
    return accounts
