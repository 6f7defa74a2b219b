"""What an outsider takes home from a replayed day: receipts and a time-stamp.

Job: write a receipt of each sealed fill and of the newest record, and have the last checkpoint
stamped by an authority that lives beside the demo home.

Invariants
  I1  Receipts are made from the stored bytes, all under the one checkpoint that was witnessed.
  I2  A day without a time-stamp says why, in one line, in a file of its own.
  I3  Nothing is stamped at a time before the replayed day: it would contradict the records.

Not here: the witness (outsiders), the authority itself (storage.stamp_authority).
Source: C2SP tlog-proof; RFC 3161.
"""

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.receipt import make_receipt
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.broker.model import Fill
from counterseal.kernel.errors import CountersealError
from storage.durable import write_durably
from storage.home_reader import read_home
from storage.outside_folder import OutsideFolder
from storage.settings import Settings
from storage.system import MachineClock

AUTHORITY: Final = "UNSAFE-stamp-authority"
UNSTAMPED: Final = "NO-TIME-STAMP.txt"
_FILLED: Final = "broker.answered"


def write_receipts(folder: OutsideFolder, home: Settings, note: str) -> None:
    """A receipt of each fill and of the newest record, under one checkpoint.

    Args:
        folder: Where they go.
        home: Of the demo home.
        note: The checkpoint, at least one record long.

    Raises:
        IntegrityError: `TILE_DIFFERS` when what is stored does not lead to the signed root.
        AdapterError: when the database cannot be read.
        OSError: when a file cannot be written.
    """
    folder.receipts.mkdir(exist_ok=True)
    size = read_checkpoint(note).size
    with read_home(home) as reader:
        tree = reader.tree(size)
        for row in reader.records():
            if row.seq == size - 1 or (row.seq < size and _is_fill(row)):
                receipt = make_receipt(tree, row.seq, leaf_hash(row.body), note)
                folder.receipt_of(row.seq).write_text(receipt.text, "utf-8")


def stamp_once(folder: OutsideFolder, note: str, ended_at: datetime) -> None:
    """Have a checkpoint stamped, unless one was; or write down why not.

    Args:
        folder: Where token, root certificate and the authority lie.
        note: The checkpoint.
        ended_at: End of the replayed day (UTC).

    Raises:
        OSError: when a file cannot be written.
    """
    if any(folder.stamps.glob("*.tsr")):
        return
    authority, reason = folder.path / AUTHORITY, folder.path / UNSTAMPED
    shutil.rmtree(authority, ignore_errors=True)
    reason.unlink(missing_ok=True)
    why = _trouble(folder, authority, note, ended_at)
    if why is not None:
        shutil.rmtree(authority, ignore_errors=True)
        folder.roots.unlink(missing_ok=True)
        write_durably(reason, f"{why}\n".encode())


def unstamped(folder: OutsideFolder) -> str | None:
    """Why a finished day has no time-stamp; None when it has one."""
    reason = folder.path / UNSTAMPED
    return reason.read_text("utf-8").strip() if reason.is_file() else None


def _trouble(folder: OutsideFolder, authority: Path, note: str, ended_at: datetime) -> str | None:
    """Have the note stamped; gives what is in the way."""
    if MachineClock().now() < ended_at:
        return "the clock of this machine stands before the replayed day"
    try:
        _stamp(folder, authority, note)
    except CountersealError as error:
        return f"the local authority failed; is openssl installed? ({error.code})"
    return None


def _stamp(folder: OutsideFolder, place: Path, note: str) -> None:
    """The root lies there before the token does: a kill leaves no token that nothing verifies."""
    from storage.stamp_authority import UnsafeLocalAuthority  # noqa: PLC0415 - the day's last step
    from storage.stamping import StampFolder, read_roots, stamp_checkpoint  # noqa: PLC0415 - as above

    authority = UnsafeLocalAuthority.create(place, MachineClock().now())
    pem = authority.roots.read_bytes()
    write_durably(folder.roots, pem)
    stamp_checkpoint(authority, note, read_roots(pem), StampFolder(folder.stamps))


def _is_fill(row: StoredRow) -> bool:
    """Whether a record carries a fill."""
    if row.type != _FILLED:
        return False
    after = load_canonical(row.body)["after"]
    documents = after.get("documents") if isinstance(after, Mapping) else None
    return isinstance(documents, Mapping) and Fill.KIND in documents
