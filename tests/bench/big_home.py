"""A home with a long history: real cases, copied many times with ids, names and times of their own.

The cases of the showroom are real: people asked, signed and submitted. Every row of a copy is valid
for its table and joined to the others as in its original; hashes and signatures inside are those of
the original, so that the request page calls a copy forged. Records of the log are one real record
again and again, each with its place, links and leaf; the head, the tiles and a signed checkpoint
every hundred records fit them, and the signer remembers the newest.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from counterseal.approvals.model import RequestStatus
from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import Frontier
from counterseal.audit.record import StoredRow
from counterseal.audit.signer import SignerState
from counterseal.kernel.clock import utc_text
from storage.guards import GUARDS
from storage.signers import read_state, replace_state
from storage.tiles import expected_tiles
from tests.household import ORIGIN
from tests.ui.web.showroom import Showroom, showroom
from tests.ui.web.web_room import WebHouse

OF_REQUEST: Final = ("approval_requests", "approval_decisions", "orders")
OF_ORDER: Final = ("order_outbox", "execution_reports", "fills", "risk_evaluations")
ENDS: Final = ("rejected", "filled", "filled", "lapsed", "filled", "filled", "returned", "filled")
"""Of eight cases that are over, how each ended; one in 64 orders was refused instead."""
HASHED: Final = {
    "risk_evaluations": ("snapshot", "snapshot_hash"),
    "fills": ("request", "result"),
}
"""Cells whose digest stands in another cell, and is checked when the row is read."""
YEAR: Final = timedelta(days=365)
OPEN: Final = 30
"""Cases that wait for somebody, of each kind a third."""
GROUP: Final = 5_000
SIGNED_EVERY: Final = 100
_AT: Final = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d\.\d{6}Z)?"
_DERIVED: Final = re.compile(r"-[0-9a-f]{16}$")
_ID: Final = r"[a-z]{3}_[0-9a-f]{32}"
Cell = str | int | bytes | None


class _Case:
    """One case, to be filled in again under another number and at another time.

    Args:
        rows: Its rows by table.
        names: Ids and names that belong to it alone.
        changed: Cells of its request that its copies have otherwise.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[Mapping[str, Cell]]],
        names: Iterable[str],
        changed: Mapping[str, Cell] | None = None,
    ) -> None:
        told = [(table, dict(row)) for table, many in rows.items() for row in many]
        for table, row in told:
            row.update((changed or {}) if table == "approval_requests" else {})
        self.tables = [(table, list(row.values())) for table, row in told]
        self._hashed = [
            (place, list(row).index(source), list(row).index(told_in))
            for place, (table, row) in enumerate(told)
            for source, told_in in [HASHED.get(table, ("", ""))]
            if source
        ]
        self.began = _at(next(str(r["created_at"]) for t, r in told if t == "approval_requests"))
        self._places = [
            (place, column)
            for place, (_, cells) in enumerate(self.tables)
            for column, cell in enumerate(cells)
            if isinstance(cell, str)
        ]
        whole = "\x1f".join(str(self.tables[p][1][c]) for p, c in self._places)
        own = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
        self._pieces = re.split(rf"({_ID}|{_AT}|(?<![\w.-])(?:{own})(?![\w-]))", whole)
        self._tokens = sorted(set(self._pieces[1::2]))

    def copies(self, number: int, at: datetime) -> Iterator[tuple[str, tuple[Cell, ...]]]:
        """Rows of a copy that began at `at`, with their tables."""
        shift = at - self.began
        filled = {token: _moved(token, number, shift) for token in self._tokens}
        pieces = list(self._pieces)
        pieces[1::2] = [filled[token] for token in pieces[1::2]]
        rows = [list(cells) for _, cells in self.tables]
        for (place, column), text in zip(self._places, "".join(pieces).split("\x1f"), strict=True):
            rows[place][column] = text
        for place, source, told_in in self._hashed:
            before, after = (_digest(one[source]) for one in (self.tables[place][1], rows[place]))
            rows[place][told_in] = str(rows[place][told_in]).replace(before, after)
        for (table, _), row in zip(self.tables, rows, strict=True):
            yield table, tuple(row)


def _digest(cell: Cell) -> str:
    return f"sha256:{sha256(str(cell).encode()).hexdigest()}"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _moved(token: str, number: int, shift: timedelta) -> str:
    """A time moved, an id of the moved time, or a name with the number behind it."""
    if re.fullmatch(_AT, token):
        if len(token) == len("2026-01-05"):
            return f"{datetime.fromisoformat(token) + shift:%Y-%m-%d}"
        return utc_text(_at(token) + shift)
    if re.fullmatch(_ID, token):
        prefix, _, body = token.partition("_")
        millis = int(body[:12], 16) + shift // timedelta(milliseconds=1)
        return f"{prefix}_{millis:012x}7{number:07x}{body[20:]}"
    return f"{token[:-7]}{number:07x}" if _DERIVED.search(token) else f"{token}-{number}"


class _Originals:
    """The real cases of a showroom, by what they came to."""

    def __init__(self, room: Showroom) -> None:
        self._room = room
        ids, lapsed = room.ids, {"status": RequestStatus.EXPIRED.value}
        returned = {"status": RequestStatus.NEEDS_DATA.value}
        self.over = {
            **{name: self._case(ids[name]) for name in ("filled", "refused", "rejected")},
            "lapsed": self._case(ids["pending"], lapsed),
            "returned": self._case(ids["at_risk"], returned),
        }
        self.open = [self._case(ids[name]) for name in ("pending", "at_risk", "approved")]

    def _case(self, request_id: str, changed: Mapping[str, Cell] | None = None) -> _Case:
        rows = {name: self._rows(name, "approval_request_id", request_id) for name in OF_REQUEST}
        [request], orders = rows["approval_requests"], rows["orders"]
        for name in OF_ORDER:
            rows[name] = [r for o in orders for r in self._rows(name, "order_id", o["order_id"])]
        signal = str(request["signal_id"])
        rows["signals"] = self._rows("signals", "signal_id", signal)
        subjects = (signal, request_id)
        rows["commands"] = [r for s in subjects for r in self._rows("commands", "subject_id", s)]
        names = {signal, str(request["request_reference"])}
        for order in orders:
            told = ("order_reference", "idempotency_key", "workflow_run_id", "intent_reference")
            names |= {str(order[name]) for name in told if name in order}
        names |= {str(command["idempotency_key"]) for command in rows["commands"]}
        return _Case(rows, names, changed)

    def _rows(self, table: str, column: str, value: Cell) -> list[dict[str, Cell]]:
        with closing(sqlite3.connect(self._room.house.settings.database_file)) as connection:
            connection.row_factory = sqlite3.Row
            asked = f"SELECT * FROM {table} WHERE {column} = ?"
            return [dict(row) for row in connection.execute(asked, (value,))]


def big_home(folder: Path, requests: int, records: int) -> WebHouse:
    """A home in which so many requests were made within a year, and with that long a log."""
    room = showroom(folder)
    house, originals = room.house, _Originals(room)
    with closing(sqlite3.connect(house.settings.database_file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-524288")
        connection.execute("BEGIN")
        for guard in GUARDS:
            connection.execute(f"DROP TRIGGER {guard}")
        _insert(connection, _documents(originals, house.clock.now(), requests))
        _lengthen(connection, house, records)
        for statement in GUARDS.values():
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return house


def _documents(
    originals: _Originals, now: datetime, requests: int
) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    """Of all cases, the oldest first; those that are open began within the last minutes."""
    waiting = min(OPEN, requests)
    step = (YEAR - timedelta(hours=2)) / max(requests - waiting, 1)
    for number in range(requests - waiting):
        end = "refused" if number % 64 == 1 else ENDS[number % len(ENDS)]
        yield from originals.over[end].copies(number, now - YEAR + step * number)
    for place in range(waiting):
        case = originals.open[place % len(originals.open)]
        yield from case.copies(requests - waiting + place, case.began + timedelta(seconds=place))


def _insert(connection: sqlite3.Connection, rows: Iterable[tuple[str, tuple[Cell, ...]]]) -> None:
    told = iter(rows)
    while group := list(islice(told, GROUP)):
        for table in dict.fromkeys(name for name, _ in group):
            own = [row for name, row in group if name == table]
            marks = ", ".join("?" * len(own[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", own)


def _lengthen(connection: sqlite3.Connection, house: WebHouse, records: int) -> None:
    """Records behind those that are there, up to so many; then what fits them."""
    before = house.log()
    asked = "SELECT approval_request_id FROM approval_requests ORDER BY created_at"
    known = {str(row.stream).partition(":")[2] for row in before}
    cases = [str(case) for (case,) in connection.execute(asked) if case not in known]
    leaves = [bytes.fromhex(str(row.leaf_hash)) for row in before]
    wanted = _records(before, cases, max(records, len(before)), leaves)
    marks = ", ".join("?" * len(StoredRow._fields))
    while group := list(islice(wanted, GROUP)):
        connection.executemany(f"INSERT INTO audit_records VALUES ({marks})", group)
    frontier, notes, key = Frontier(), [], house.log_key
    for first in range(0, len(leaves), SIGNED_EVERY):
        frontier.extend(leaves[first : first + SIGNED_EVERY])
        if frontier.size > len(before):
            told = Checkpoint(ORIGIN, frontier.size, frontier.root())
            notes.append((frontier.size, sign_checkpoint(told, key)))
    [(number,)] = connection.execute("SELECT max(number) FROM audit_checkpoints")
    numbered = ((size, number + place, note) for place, (size, note) in enumerate(notes, 1))
    connection.executemany("INSERT INTO audit_checkpoints VALUES (?, ?, ?)", numbered)
    connection.execute("DELETE FROM audit_tiles")
    tiles = expected_tiles(leaves)
    connection.executemany("INSERT INTO audit_tiles VALUES (?, ?, ?, ?)", tiles)
    peaks = orjson.dumps([peak.hex() for peak in frontier.peaks]).decode()
    connection.execute(
        "UPDATE audit_head SET size = ?, last_leaf = ?, peaks = ?, root = ?",
        (frontier.size, leaves[-1].hex(), peaks, frontier.root().hex()),
    )
    folder = house.settings.counterseal_signer_state
    state = dict(read_state(folder, ORIGIN))
    size, root = frontier.size, frontier.root().hex()
    replace_state(folder, SignerState.model_validate({**state, "size": size, "root": root}))


def _records(
    before: Sequence[StoredRow], cases: Sequence[str], size: int, leaves: list[bytes]
) -> Iterator[tuple[Cell, ...]]:
    """The shortest real record of a case again and again; leaves are added to `leaves`."""
    cased = (row for row in before if str(row.stream).startswith("case:"))
    like = min(cased, key=lambda row: len(row.body))
    told = {
        str(like.event_id): 0,
        str(like.stream).partition(":")[2]: 1,
        f'"prev":"{like.prev}"': 2,
        f'"stream_prev":"{like.stream_prev}"': 3,
        f'"seq":{like.seq},': 4,
        f'"stream_seq":{like.stream_seq},': 5,
    }
    splitter = re.compile(f"({'|'.join(map(re.escape, told))})")
    pieces = splitter.split(bytes(like.body).decode())
    places = [told[token] for token in pieces[1::2]]
    each = max(-(-(size - len(before)) // len(cases)), 1)
    prev, inner = leaves[-1].hex(), "0" * 64
    for place, seq in enumerate(range(len(before), size)):
        case, at = cases[place // each], place % each + 1
        inner = inner if at > 1 else "0" * 64
        event = f"evt_{seq:032x}"
        links = (f'"prev":"{prev}"', f'"stream_prev":"{inner}"')
        filled = (event, case, *links, f'"seq":{seq},', f'"stream_seq":{at},')
        pieces[1::2] = [filled[one] for one in places]
        body = "".join(pieces).encode()
        leaf = sha256(b"\x00" + body).digest()
        stream = f"case:{case}"
        yield (
            *(seq, prev, stream, at, inner, event, like.type, like.occurred_at, like.recorded_at),
            *(leaf.hex(), body),
        )
        leaves.append(leaf)
        prev = inner = leaf.hex()
