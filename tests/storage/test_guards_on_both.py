"""The append-only guards, as the connections of either database meet them."""

from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError as ConstraintError

from counterseal.audit.retention import Purge, PurgedRange
from counterseal.kernel.errors import IntegrityError
from storage.archive import SqlArchive
from storage.data_keys import DataKeys
from tests.bench.bench_seal import AT
from tests.storage.log_room import LogRoom, named_draft, recorded

COLUMNS = (
    "seq, prev, stream, stream_seq, stream_prev, event_id, type, occurred_at, recorded_at, "
    "leaf_hash, body"
)


def appended(**cells: str) -> str:
    """An INSERT of what would be the next record, but for the cells given."""
    told = {
        "seq": "seq + 1",
        "prev": "leaf_hash",
        "stream_seq": "stream_seq + 1",
        "stream_prev": "leaf_hash",
        "event_id": "'evt_new'",
    } | cells
    values = ", ".join(told.get(name, name) for name in COLUMNS.split(", "))
    last = "(SELECT * FROM audit_records ORDER BY seq DESC LIMIT 1) AS last"
    return f"INSERT INTO audit_records ({COLUMNS}) SELECT {values} FROM {last}"


UPSERT = " WHERE TRUE ON CONFLICT ({}) DO UPDATE SET body = excluded.body"
ATTEMPTS = {
    "update": "UPDATE audit_records SET type = 'x.y' WHERE seq = 1",
    "empty a body": "UPDATE audit_records SET body = {nothing} WHERE seq = 1",
    "delete all": "DELETE FROM audit_records",
    "delete last": "DELETE FROM audit_records WHERE seq = 2",
    "upsert by place": appended(seq="seq", event_id="event_id") + UPSERT.format("seq"),
    "upsert by event": appended(event_id="event_id") + UPSERT.format("event_id"),
    "gap": appended(seq="seq + 2"),
    "before the first": appended(seq="-1"),
    "other predecessor": appended(prev="stream_prev"),
    "same stream place": appended(stream_seq="stream_seq"),
    "a known event": appended(event_id="event_id"),
    "update a note": "UPDATE audit_checkpoints SET note = 'x'",
    "delete notes": "DELETE FROM audit_checkpoints",
    "a smaller note": "INSERT INTO audit_checkpoints SELECT size - 1, number + 1, 'x'"
    " FROM audit_checkpoints",
    "delete the head": "DELETE FROM audit_head",
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_the_database_refuses_to_rewrite_the_log(kept_room: LogRoom, attempt: str) -> None:
    """Guards I1, I2: on connections as ours are."""
    nothing = "x''" if type(kept_room.database).__name__ == "SqliteFile" else "''::bytea"
    with kept_room.raw() as connection:
        with pytest.raises(ConstraintError):
            connection.exec_driver_sql(attempt.format(nothing=nothing))
        connection.rollback()


def test_the_same_append_without_a_fault_is_accepted(kept_room: LogRoom) -> None:
    """Guards I2: what the attempts above differ from."""
    with kept_room.raw() as connection:
        assert connection.exec_driver_sql(appended()).rowcount == 1
        connection.rollback()


def purge(*ranges: tuple[str, int, int]) -> Purge:
    return Purge(
        purge_id="purge_1",
        ranges=tuple(PurgedRange(stream=s, first=a, last=b) for s, a, b in ranges),
        policy_digest=f"sha256:{'0' * 64}",
        plan_digest=f"sha256:{'0' * 64}",
        planned_by="ann",
        planned_at=AT,
    )


def test_only_what_a_sealed_purge_names_is_emptied(room: LogRoom, tmp_path: Path) -> None:
    """Guards I1: the one exception, and its edges."""
    told = purge(("case:0", 0, 0), ("case:2", 2, 2))
    archive = SqlArchive(room.database, DataKeys(tmp_path / "keys"))
    after = {"documents": {Purge.KIND: [told.json_value()]}}
    with room.store() as store:
        recorded(store, "one", "two", "three")
        store.seal()
        with store.transaction() as work:
            fresh = named_draft("purge", stream="retention", type="retention.purged", after=after)
            work.record(fresh, ())
        with pytest.raises(IntegrityError, match="PURGE_REFUSED"):
            archive.carry_out(told)
        store.seal()
        with pytest.raises(IntegrityError, match="PURGE_REFUSED"):
            archive.carry_out(purge(("case:0", 0, 0), ("case:1", 1, 1)))
        assert archive.carry_out(told) == 2
        assert archive.carry_out(told) == 0
        recorded(store, "after")
        assert store.seal() == 5
    assert [bool(row.body) for row in archive.rows()] == [False, True, False, True, True]
