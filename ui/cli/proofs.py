"""`counterseal audit prove`, `checkpoint`, `stats`: what an outsider takes along, and totals."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

import typer

from counterseal.audit.checkpoint import SIZE_MAX, Checkpoint, read_checkpoint
from counterseal.audit.purges import is_purged
from counterseal.audit.receipt import Receipt, make_receipt, prove_growth
from counterseal.audit.record import StoredRow, load_canonical
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import InputError, IntegrityError
from storage.home_reader import HomeReader, read_home
from storage.tiles import stored_leaf
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, reject
from ui.cli.session import settings_for


def prove(
    seq: Annotated[
        int | None, typer.Argument(min=0, max=SIZE_MAX, help="Number of the record.")
    ] = None,
    event: Annotated[str | None, typer.Option(help="Its event id instead.")] = None,
    consistency: Annotated[
        int | None,
        typer.Option(metavar="OLD_SIZE", help="Instead: the log still begins as it was then."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """A receipt (.tlog-proof): this record is in the log that the newest checkpoint signs.

    Whoever holds the record's bytes and the log's public key checks it without this home. With
    --consistency, for who kept an older checkpoint: the newest one extends it (C2SP tlog-witness).
    """
    if [seq, event, consistency].count(None) != 2:  # noqa: PLR2004 - one of three
        reject("PROOF_RANGE", "name one record, by number or by --event", field="SEQ", got=seq)
    with read_home(settings_for(home)) as reader:
        note, signed = _newest(reader)
        value: dict[str, Json] = {"size": signed.size}
        if consistency is None:
            receipt = proved(reader, seq, event)
            text = receipt.text
            value |= {"index": receipt.index, "proof": text}
        else:
            text = prove_growth(reader.tree(signed.size), consistency, note).text
            value |= {"old": consistency, "proof": text}
    answer(value, text.splitlines(), as_json=as_json)


def proved(reader: HomeReader, seq: int | None, event: str | None) -> Receipt:
    """The receipt of one record, by its number or its event id, under the newest checkpoint.

    Raises:
        InputError: `NOT_FOUND`; those of `make_receipt`.
        IntegrityError: `COLUMN_MISMATCH`; those of `make_receipt`.
    """
    note, signed = _newest(reader)
    row = _row(reader, seq, event)
    leaf = stored_leaf(row.body, row.leaf_hash)
    return make_receipt(reader.tree(signed.size), row.seq, leaf, note)


def _row(reader: HomeReader, seq: int | None, event: str | None) -> StoredRow:
    """The record that is asked for; of a purged one only the leaf hash is left.

    Raises:
        InputError: `NOT_FOUND`.
        IntegrityError: `COLUMN_MISMATCH` when its columns are not what its bytes say.
    """
    row = reader.record_of(str(event)) if seq is None else reader.record(seq)
    if row is None:
        reject("NOT_FOUND", "no such record", field="SEQ", got=event if seq is None else seq)
    if row.body and not _tells(row):
        raise IntegrityError("COLUMN_MISMATCH", "columns differ from the bytes", got=row.seq)
    return row


def _tells(row: StoredRow) -> bool:
    """Whether the bytes state the number and the id of the columns."""
    try:
        value = load_canonical(row.body)
    except (InputError, TypeError):
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
    purged: int = 0
    body_bytes: int = 0
    first: str | None = None
    last: str | None = None
    types: Counter[str] = field(default_factory=Counter)
    streams: set[str] = field(default_factory=set)

    def add(self, row: StoredRow) -> None:
        self.records += 1
        self.purged += is_purged(row)
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
        "purged": counts.purged,
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
    stored = reader.newest_checkpoint()
    if stored is None:
        reject("NOT_FOUND", "the log has no checkpoint yet")
    return stored.note, read_checkpoint(stored.note)
