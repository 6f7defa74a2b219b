"""Notices that wait to be sent.

Job: keep each notice from the moment it is known until it was taken, in a file beside the log.

Invariants
  I1  A notice is kept once for each channel, however often it is made.
  I2  How far the log was read, and what was found there, are kept in one transaction.
  I3  A notice counts as told only after its channel took it: a crash in between repeats it.
  I4  Nothing here is evidence and the log holds none of it: losing the file costs notices, no more.

Not here: what is told (desk.notices), sending (notifying).
Source: policies/decisions/0017-notices-lie-beside-the-log.md.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from counterseal.desk.notices import Notice
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.errors import AdapterError
from storage.durable import make_folder

_BUSY_SECONDS: Final = 10
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS places (
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, since TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
    notice_id TEXT NOT NULL, channel TEXT NOT NULL, notice TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, next_at TEXT NOT NULL, code TEXT NOT NULL, changed_at TEXT NOT NULL,
    PRIMARY KEY (notice_id, channel)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (state, channel, next_at);
"""


class DeliveryState(StrEnum):
    """What became of a notice on one channel."""

    WAITING = "waiting"
    TOLD = "told"
    REFUSED = "refused"
    LAPSED = "lapsed"


class Place(NamedTuple):
    """How far the log was read.

    Attributes:
        seq: Place behind the last record that was looked at.
        since: When notices began here (UTC); older events are no news.
    """

    seq: int
    since: datetime


class Waiting(NamedTuple):
    """A notice that a channel has not taken yet; `attempts` counts those that failed."""

    notice: Notice
    channel: str
    attempts: int


class NoticeSpool:
    """The notices of one home.

    Args:
        path: Of the file; made, with its folder and for its owner alone, when absent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def place(self) -> Place | None:
        """How far the log was read; None before the first time, and then no file is made.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        if not self._path.is_file():
            return None
        with self._work() as work:
            row = work.execute("SELECT seq, since FROM places WHERE name = 'log'").fetchone()
        return None if row is None else Place(row[0], parse_utc(row[1]))

    def keep(self, told: Iterable[tuple[Notice, str]], place: Place, now: datetime) -> int:
        """Keep notices for their channels, and how far the log was read; gives how many are new.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable; nothing is kept then.
        """
        at = utc_text(now)
        with self._work() as work:
            before = work.total_changes
            work.executemany(
                "INSERT INTO deliveries VALUES (?, ?, ?, 'waiting', 0, ?, '', ?)"
                " ON CONFLICT DO NOTHING",
                (
                    (n.notice_id, channel, canonical_bytes(n.json_value()).decode(), at, at)
                    for n, channel in told
                ),
            )
            fresh = work.total_changes - before
            work.execute(
                "INSERT INTO places VALUES ('log', ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
                (place.seq, utc_text(place.since)),
            )
        return fresh

    def unknown(self, notice: Notice, channel: str) -> bool:
        """Whether a notice was never kept for a channel; makes no file.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        if not self._path.is_file():
            return True
        with self._work() as work:
            row = work.execute(
                "SELECT 1 FROM deliveries WHERE notice_id = ? AND channel = ?",
                (notice.notice_id, channel),
            ).fetchone()
        return row is None

    def waiting(self, channel: str, now: datetime, limit: int) -> tuple[Waiting, ...]:
        """Notices of a channel whose time to be tried has come, the longest waiting first.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        with self._work() as work:
            rows = work.execute(
                "SELECT notice, channel, attempts FROM deliveries WHERE state = 'waiting'"
                " AND channel = ? AND next_at <= ? ORDER BY next_at, rowid LIMIT ?",
                (channel, utc_text(now), limit),
            ).fetchall()
        return tuple(Waiting(Notice.model_validate_json(row[0]), row[1], row[2]) for row in rows)

    def settle(self, one: Waiting, state: DeliveryState, now: datetime, *, code: str = "") -> None:
        """Say what became of a notice for good; `code` is a failure's.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        with self._work() as work:
            work.execute(
                "UPDATE deliveries SET state = ?, code = ?, changed_at = ?"
                " WHERE notice_id = ? AND channel = ?",
                (state.value, code, utc_text(now), one.notice.notice_id, one.channel),
            )

    def postpone(self, one: Waiting, next_at: datetime, now: datetime, *, code: str) -> None:
        """Have a notice wait for another attempt.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        with self._work() as work:
            work.execute(
                "UPDATE deliveries SET attempts = attempts + 1, next_at = ?, code = ?,"
                " changed_at = ? WHERE notice_id = ? AND channel = ?",
                (utc_text(next_at), code, utc_text(now), one.notice.notice_id, one.channel),
            )

    def counts(self) -> tuple[tuple[str, DeliveryState, int], ...]:
        """How many notices of each channel stand where.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        with self._work() as work:
            rows = work.execute(
                "SELECT channel, state, COUNT(*) FROM deliveries GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        return tuple((channel, DeliveryState(state), count) for channel, state, count in rows)

    def forget(self, before: datetime) -> None:
        """Drop what was settled before an instant (UTC).

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        with self._work() as work:
            work.execute(
                "DELETE FROM deliveries WHERE state <> 'waiting' AND changed_at < ?",
                (utc_text(before),),
            )

    @contextmanager
    def _work(self) -> Iterator[sqlite3.Connection]:
        """One transaction on the file: kept when the block ends, undone when it raises.

        Raises:
            AdapterError: `NOTICE_SPOOL_FAILED`, retriable.
        """
        try:
            make_folder(self._path.parent)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as work:
                work.executescript(_TABLES)
                with work:
                    yield work
        except (sqlite3.Error, OSError) as error:
            raise AdapterError(
                "NOTICE_SPOOL_FAILED", str(error), retriable=True, got=self._path
            ) from error
