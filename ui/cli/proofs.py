"""`counterseal audit prove`, `checkpoint`, `stats`: what an outsider takes along, and totals."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

import typer

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from counterseal.audit.merkle import Tree, leaf_hash
from counterseal.audit.receipt import make_receipt
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError, IntegrityError
from storage.home_reader import HomeReader, read_home
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject
from ui.cli.session import settings_for


def prove(
    seq: Annotated[int | None, typer.Argument(help="Number of the record.")] = None,
    event: Annotated[str | None, typer.Option(help="Its event id instead.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """A receipt (.tlog-proof): this record is in the log that the newest checkpoint signs.

    Whoever holds the record's bytes and the log's public key checks it without this home.
    """
    if (seq is None) == (event is None):
        reject("PROOF_RANGE", "name one record, by number or by --event", field="SEQ", got=seq)
    with read_home(settings_for(home)) as reader:
        note, signed = _newest(reader)
        leaves, row = _leaves_and(reader.records(), seq, event)
    if row is None:
        reject("NOT_FOUND", "no such record", field="SEQ", got=event if seq is None else seq)
    receipt = make_receipt(Tree(leaves), row.seq, note)
    value: dict[str, Json] = {"index": row.seq, "size": signed.size, "proof": receipt.text}
    answer(value, receipt.text.splitlines(), as_json=as_json)


def _leaves_and(
    rows: Iterable[StoredRow], seq: int | None, event: str | None
) -> tuple[list[bytes], StoredRow | None]:
    """Leaf hashes of all rows, and the row that is asked for.

    Raises:
        IntegrityError: `COLUMN_MISMATCH` when its columns are not what its place and bytes say;
            `NOT_CANONICAL` when a row holds no bytes.
    """
    leaves: list[bytes] = []
    found = None
    for place, row in enumerate(rows):
        if type(row.body) is not bytes:
            raise IntegrityError("NOT_CANONICAL", "a row holds no bytes", got=place)
        leaves.append(leaf_hash(row.body))
        if row.event_id == event if seq is None else row.seq == seq:
            if row.seq != place or not _tells(row):
                raise IntegrityError("COLUMN_MISMATCH", "columns differ from the bytes", got=place)
            found = row
    return leaves, found


def _tells(row: StoredRow) -> bool:
    """Whether the bytes state the number and the id of the columns."""
    try:
        value = load_canonical(row.body)
    except InputError:
        return False
    return (value.get("seq"), value.get("event_id")) == (row.seq, row.event_id)


def checkpoint(home: Home = None, as_json: AsJson = False) -> None:
    """The newest signed checkpoint, verbatim: keep it elsewhere and verify with --expect."""
    with read_home(settings_for(home)) as reader:
        note, signed = _newest(reader)
    value: dict[str, Json] = {
        "origin": signed.origin,
        "size": signed.size,
        "root": signed.root.hex(),
        "checkpoint": note,
    }
    answer(value, note.splitlines(), as_json=as_json)


@dataclass
class _Counts:
    records: int = 0
    body_bytes: int = 0
    first: str | None = None
    last: str | None = None
    types: Counter[str] = field(default_factory=Counter)
    streams: set[str] = field(default_factory=set)

    def add(self, row: StoredRow) -> None:
        self.records += 1
        self.body_bytes += len(row.body)
        self.first = self.first or row.recorded_at
        self.last = row.recorded_at
        self.types[row.type] += 1
        self.streams.add(row.stream)


def stats(home: Home = None, as_json: AsJson = False) -> None:
    """Totals of the log as its columns tell them. Looking proves nothing: see `audit verify`."""
    counts = _Counts()
    with read_home(settings_for(home)) as reader:
        for row in reader.records():
            counts.add(row)
        checkpoints = reader.checkpoints()
    sealed = max((row.size for row in checkpoints), default=0)
    value: dict[str, Json] = {
        "records": counts.records,
        "body_bytes": counts.body_bytes,
        "streams": len(counts.streams),
        "cases": sum(name.startswith("case:") for name in counts.streams),
        "checkpoints": len(checkpoints),
        "sealed": sealed,
        "unsealed": counts.records - sealed,
        "first_recorded_at": counts.first,
        "last_recorded_at": counts.last,
    }
    types = sorted(counts.types.items(), key=lambda pair: (-pair[1], pair[0]))
    told = [f"{name:18}{'-' if count is None else count}" for name, count in value.items()]
    lines = [*told, *(f"type              {count:6} {name}" for name, count in types)]
    answer({**value, "types": dict(types)}, lines, as_json=as_json)


def _newest(reader: HomeReader) -> tuple[str, Checkpoint]:
    """The newest checkpoint's note and what it says.

    Raises:
        InputError: `NOT_FOUND` in a log without one; those of a malformed note.
    """
    stored = max(reader.checkpoints(), default=None)
    if stored is None:
        reject("NOT_FOUND", "the log has no checkpoint yet")
    return stored.note, read_checkpoint(stored.note)
