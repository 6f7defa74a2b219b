"""Contradictions met by a verification.

Job: keep the lowest ones of a log that may hold millions, and count all.

Invariants
  I1  Memory stays bounded however many are added; the lowest by sequence number stay.

Not here: what a contradiction means (audit.verdict).
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from counterseal.audit.verdict import FINDINGS_KEPT_MAX, Finding, FindingAt

_MESSAGES: Final[Mapping[Finding, str]] = {
    Finding.SEQ_GAP: "records are missing before the next one",
    Finding.SEQ_DUP: "a sequence number or event id appears twice",
    Finding.NOT_CANONICAL: "bytes are not a record in canonical form",
    Finding.COLUMN_MISMATCH: "a column differs from the bytes",
    Finding.CHAIN_BREAK: "the next record names another predecessor",
    Finding.STREAM_GAP: "the stream's records do not follow each other",
    Finding.SIG_INVALID: "bad signature under the pinned key",
    Finding.KEY_UNKNOWN: "not signed by the pinned key",
    Finding.ROOT_MISMATCH: "the bytes do not lead to the signed root",
    Finding.SHORTER_THAN_REMEMBERED: "the log ends before a head that was signed or remembered",
    Finding.FORK_AT_SIZE: "another root was signed or remembered for this size",
    Finding.KEY_REVOKED: "a revoked key in the place of one in force",
    Finding.PII_MISSING: "personal data is gone, and no erasure says why",
    Finding.PII_OPENING_MISMATCH: "what lies beside the log opens no commitment in it",
    Finding.PII_NOT_ERASED: "personal data can be opened although a record says it was erased",
    Finding.PURGE_UNACCOUNTED: "a record is gone, and no valid purge names it",
    Finding.PURGED_WHILE_HELD: "a record was purged although a hold covered it",
    Finding.TIME_OUTSIDE_WINDOW: "recorded at a time that outsiders contradict",
    Finding.APPROVER_SIG_INVALID: "people's own signatures do not stand behind it",
    Finding.TABLE_DIFFERS: "a table holds what the log does not say",
    Finding.MAP_MISMATCH: "a snapshot of the streams is not what the records say",
}
_BY_SEQ: Final = attrgetter("seq")


class Findings:
    """Contradictions by sequence number, then in order of discovery.

    Attributes:
        count: All that were added.
        codes: Codes of all that were added.
    """

    def __init__(self) -> None:
        self.count = 0
        self.codes: set[Finding] = set()
        self._kept: list[FindingAt] = []

    def add(self, seq: int, code: Finding, layer: str, words: str = "") -> None:
        """One more: the record that it concerns, its code, the check that saw it, and why."""
        self.count += 1
        self.codes.add(code)
        message = f"{_MESSAGES[code]}: {words}" if words else _MESSAGES[code]
        self._kept.append(FindingAt(seq=seq, code=code, layer=layer, message=message))
        if len(self._kept) >= 2 * FINDINGS_KEPT_MAX:
            self._kept = list(self.kept)

    @property
    def kept(self) -> tuple[FindingAt, ...]:
        """The lowest hundred."""
        return tuple(sorted(self._kept, key=_BY_SEQ)[:FINDINGS_KEPT_MAX])

    def lowest(self, start: int, end: int) -> int:
        """First record already found bad in a range, its start when there is none."""
        return min((f.seq for f in self._kept if start <= f.seq < end), default=start)
