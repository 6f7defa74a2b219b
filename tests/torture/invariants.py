"""What must hold of a log after each step, checked by code that shares nothing with it.

SHA-256 and the tree of RFC 6962, written as it stands there, are all that is used.

  1  A signed root is the root of the stored bytes.
  2  Nothing is acknowledged before it is stored, checkpointed and remembered by the signer.
  3  Never two roots for one size, nor a smaller size; no witness cosigns a second tree.
  4  Every recorded draft waits or is in the log, once; what was there stays as it was.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from storage.signers import read_state
from tests.bench.bench_seal import ORIGIN


class Broken(Exception):  # noqa: N818 - said of an invariant
    """An invariant that does not hold."""


def leaf(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 part 2.1, as it stands there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    pair = root_of(leaves[:split]) + root_of(leaves[split:])
    return hashlib.sha256(b"\x01" + pair).digest()


class Watch:
    """Remembers what was said, and compares it with what is stored.

    Args:
        database: Of the log.
        signer: Folder of the signer's memory.

    Attributes:
        recorded: Event ids of the drafts whose transaction ended well.
        acknowledged: Those that a seal answered for.
        largest: Size signed last.
        bodies: Of all records, as last seen.
    """

    def __init__(self, database: Path, signer: Path) -> None:
        self._database, self._signer = database, signer
        self.recorded: list[str] = []
        self.acknowledged: set[str] = set()
        self.largest = 0
        self.bodies: list[bytes] = []
        self._signed: dict[int, bytes] = {}
        self._compared: set[int] = set()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Of the database, past every adapter."""
        with closing(sqlite3.connect(self._database)) as connection:
            return connection.execute(sql).fetchall()

    def read_bodies(self) -> list[bytes]:
        """Of all records, in order."""
        rows = self.rows("SELECT body FROM audit_records ORDER BY seq")
        return [row[0] for row in rows if isinstance(row[0], bytes)]

    def newest_note(self) -> str | None:
        """Of the stored checkpoints."""
        rows = self.rows("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1")
        return str(rows[0][0]) if rows else None

    def saw_note(self, note: str) -> None:
        """Whatever leaves the signer.

        Raises:
            Broken: for a second root or a smaller size.
        """
        told = read_checkpoint(note)
        if self._signed.setdefault(told.size, told.root) != told.root:
            raise Broken(f"3: two roots were signed for size {told.size}")
        if told.size < self.largest:
            raise Broken(f"3: size {told.size} was signed after {self.largest}")
        self.largest = told.size

    def saw_answer(self, size: int, waited: Sequence[str]) -> None:
        """A seal answered for what had been recorded when it was asked.

        Raises:
            Broken: when something of it would not survive.
        """
        below = self.rows(f"SELECT event_id FROM audit_records WHERE seq < {size}")
        lost = set(waited) - {str(row[0]) for row in below}
        if lost:
            raise Broken(f"2: {len(lost)} acknowledged records are not stored")
        if size and not self.rows(f"SELECT 1 FROM audit_checkpoints WHERE size >= {size}"):
            raise Broken(f"2: size {size} was acknowledged without its checkpoint")
        if read_state(self._signer, ORIGIN).size < size:
            raise Broken(f"2: size {size} was acknowledged and the signer does not remember it")
        self.acknowledged.update(waited)

    def check(self, cosigned: Iterable[Checkpoint]) -> None:
        """Compare everything.

        Args:
            cosigned: What each witness holds.

        Raises:
            Broken: for the first invariant that does not hold.
        """
        bodies = self.read_bodies()
        if bodies[: len(self.bodies)] != self.bodies:
            raise Broken("4: a stored record is gone or changed")
        self.bodies = bodies
        self._check_roots([leaf(body) for body in bodies])
        self._check_absences()
        for held in cosigned:
            if self._signed.get(held.size) != held.root:
                raise Broken(f"3: size {held.size} was cosigned and never signed")

    def _check_roots(self, leaves: Sequence[bytes]) -> None:
        for size in self._signed.keys() - self._compared:
            if size > len(leaves) or self._signed[size] != root_of(leaves[:size]):
                raise Broken(f"1: the signed root of size {size} is not that of the stored bytes")
            self._compared.add(size)
        for told_size, note in self.rows("SELECT size, note FROM audit_checkpoints"):
            told = read_checkpoint(str(note))
            if told.size != told_size or self._signed.get(told.size) != told.root:
                raise Broken(f"1: a checkpoint of size {told.size} was never signed")
        state = read_state(self._signer, ORIGIN)
        if state.size < self.largest:
            raise Broken("3: the signer forgot what it signed")

    def _check_absences(self) -> None:
        placed = [str(row[0]) for row in self.rows("SELECT event_id FROM audit_records")]
        waiting = {str(row[0]) for row in self.rows("SELECT event_id FROM audit_outbox")}
        if len(placed) != len(set(placed)) or waiting.union(placed) != set(self.recorded):
            told = f"{len(self.recorded)} recorded, {len(placed)} in the log"
            raise Broken(f"4: {told}, {len(waiting)} in the outbox")
