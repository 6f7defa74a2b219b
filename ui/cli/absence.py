"""What is left of a record, in words: PURGED, ERASED, WITHHELD, MISSING, and by which record."""

from typing import TYPE_CHECKING

import orjson

from counterseal.kernel.canonical import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from counterseal.audit.accounts import RecordStanding
    from counterseal.audit.record import StoredRow
    from storage.home_reader import HomeReader

_LEFT = ("seq", "stream", "stream_seq", "event_id", "type", "occurred_at", "recorded_at")


def told_records(
    reader: "HomeReader", rows: "Sequence[StoredRow]"
) -> tuple[dict[str, Json], dict[int, str]]:
    """Records as one JSON value with the newest checkpoint; and what is left of each, in words."""
    states = record_states(reader, rows)
    newest = reader.newest_checkpoint()
    left = {seq: words_of(told) for seq, told in states.items()}
    value: dict[str, Json] = {
        "records": [_body(row.body) if row.body else left_of(row) for row in rows],
        "states": {str(row): words for row, words in left.items() if words},
        "checkpoint": None if newest is None else newest.note,
    }
    return value, left


def _body(body: bytes) -> Json:
    try:
        value: Json = orjson.loads(body)
    except (orjson.JSONDecodeError, TypeError):
        return {"error": "NOT_JSON"}
    return value


def record_states(reader: "HomeReader", rows: "Iterable[StoredRow]") -> dict[int, "RecordStanding"]:
    """What is left of some records, by their number; only these and those that tell are read."""
    from counterseal.audit.accounts import standings  # noqa: PLC0415 - only `audit show` asks
    from counterseal.audit.retention import STREAM as RETENTION  # noqa: PLC0415 - the same
    from counterseal.desk.records import PII_STREAM  # noqa: PLC0415 - the same
    from counterseal.desk.setup import STREAM as SYSTEM  # noqa: PLC0415 - the same

    told = {row.seq: row for row in reader.in_streams(RETENTION, PII_STREAM, SYSTEM)}
    asked = [told.setdefault(row.seq, row).seq for row in rows]
    found = standings((told[seq] for seq in sorted(told)), reader.openings())
    states = {one.seq: one for one in found}
    return {seq: states[seq] for seq in asked}


def words_of(told: "RecordStanding") -> str:
    """One line about a record; empty for one that is whole."""
    by = "" if told.purged_by is None else f" by #{told.purged_by}"
    whole = {"present": "", "held": "HELD", "purged": f"PURGED{by}", "missing": "MISSING"}
    found = [whole[told.state.value]]
    for block in told.blocks:
        if block.state.value != "opened":
            by = "" if block.erased_by is None else f" by #{block.erased_by}"
            found.append(f"{block.state.value.upper()}{by}")
    return ", ".join(dict.fromkeys(word for word in found if word))


def left_of(row: "StoredRow") -> Json:
    """What stands in the place of a purged record's bytes."""
    told = row._asdict()
    left: dict[str, Json] = {name: told[name] for name in _LEFT}
    return {**left, "leaf_hash": row.leaf_hash, "body": None}
