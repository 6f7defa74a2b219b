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
from counterseal.audit.privacy import ERASED, Opening, PiiAccount, PiiReport
from counterseal.audit.purges import LAW_TYPES, PurgeAccount, RecordReport, is_purged
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel

TOLD_TYPES: Final = KEY_TYPES | LAW_TYPES | {ERASED}
"""Types of the records that the accounts parse."""

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


class WalkedKeys(NamedTuple):
    """The keys of a log, and what does not hold about them."""

    ring: KeyRing
    irregularities: tuple[Irregularity, ...]


class Accounts:
    """All accounts of one log, fed in order of `seq`.

    Args:
        personal: Whether commitments to personal data are followed too; that looks into each body.
    """

    def __init__(self, *, personal: bool = True) -> None:
        self._keys: list[KeyRecord] = []
        self._pii = PiiAccount() if personal else None
        self._purges = PurgeAccount()

    def take(self, rows: Sequence[StoredRow]) -> None:
        """Take note of rows that follow; an unreadable one says nothing here."""
        rows = [row for row in rows if type(row.seq) is int and type(row.body) is bytes]
        self._purges.count(rows)
        told = [row for row in rows if row.type in TOLD_TYPES]
        if self._pii is not None:
            told = [row for row in rows if row.type in TOLD_TYPES or _NO_PII not in row.body]
        for row in told:
            if not is_purged(row):
                self._read(row)

    def _read(self, row: StoredRow) -> None:
        try:
            record = load_canonical(row.body)
        except InputError:
            return
        if self._pii is not None:
            self._pii.read(row.seq, row.type, record)
        if row.type in LAW_TYPES:
            self._purges.read(row, record)
        if row.type in KEY_TYPES:
            after = record.get("after")
            told = key_record(row.seq, row.type, after if isinstance(after, Mapping) else None)
            self._keys.append(told)

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


def account_for(rows: Iterable[StoredRow]) -> Accounts:
    """The accounts of all rows."""
    accounts = Accounts()
    accounts.take(tuple(rows))
    return accounts
