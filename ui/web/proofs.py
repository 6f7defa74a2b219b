"""The proof that a record stands in the log, as a page hands it out.

Job: make the receipt of one stored record under the newest checkpoint.

Invariants
  I1  The record's hash is recomputed from its bytes wherever they are there.

Not here: what a receipt is (audit.receipt), how its path is shown (ui.web.views.record).
Source: RFC 9162 part 2.1.3.2; UI-14, UI-21.
"""

from typing import NamedTuple

from counterseal.audit.merkle import leaf_hash
from counterseal.audit.receipt import Receipt, make_receipt
from counterseal.audit.record import StoredRow
from storage.home_reader import HomeReader


class Proof(NamedTuple):
    """A receipt, and the record's own hash that it begins at."""

    receipt: Receipt
    leaf: bytes

    @property
    def file_name(self) -> str:
        """What the command line calls the same file."""
        return f"record-{self.receipt.index}.tlog-proof"


def proof_of(reader: HomeReader, row: StoredRow) -> Proof | None:
    """The proof of a record; None while no checkpoint covers it.

    Raises:
        CountersealError: the stored log does not lead to the signed root, or cannot be read.
    """
    newest = reader.newest_checkpoint()
    if newest is None or newest.size <= row.seq:
        return None
    leaf = leaf_hash(row.body) if row.body else bytes.fromhex(row.leaf_hash)
    return Proof(make_receipt(reader.tree(newest.size), row.seq, leaf, newest.note), leaf)
