"""Ranges of the stored log."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from counterseal.audit.accounts import TOLD_TYPES
from counterseal.audit.record import StoredRow
from counterseal.audit.stretch import STRETCH_MAX
from counterseal.kernel.errors import AdapterError
from storage.engines import reading_engine
from storage.home_reader import read_home
from storage.record_ranges import RecordRange, check_range
from storage.settings import Settings
from tests.core.audit.log_builder import a_log
from tests.world import World


def founded(folder: Path) -> Settings:
    """A home with some dozens of records."""
    world = World(folder)
    world.done(world.submitted(world.approved()))
    world.store.close()
    return world.settings


def test_a_range_is_what_lies_in_it(tmp_path: Path) -> None:
    """Half-open; an open end takes all that follow."""
    with read_home(founded(tmp_path)) as reader:
        rows = list(reader.records())
        for start, end in ((None, None), (0, 1), (3, 9), (9, None), (None, 4), (5, 5), (900, 950)):
            assert list(reader.records(start, end)) == rows[start:end]
        assert reader.ends() == (0, len(rows))
        assert all(type(row) is StoredRow for row in rows)
        notes = reader.checkpoints()
        sizes = [note.size for note in notes]
        assert reader.checkpoints(sizes[3]) == notes[3:]
        assert reader.checkpoints(sizes[3] + 1) == notes[4:]


def test_one_range_is_read_beside_another(tmp_path: Path) -> None:
    """Each has a cursor of its own, and one that is left does not disturb the next."""
    with read_home(founded(tmp_path)) as reader:
        pairs = zip(reader.records(0, 5), reader.records(1, 6), strict=True)
        assert all(one.seq + 1 == other.seq for one, other in pairs)
        assert next(reader.records(4)).seq == 4
        assert next(reader.records(2)).seq == 2


def test_a_log_without_records_has_no_ends(tmp_path: Path) -> None:
    settings = founded(tmp_path)
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        for (guard,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            file.execute(f"DROP TRIGGER {guard}")
        file.execute("DELETE FROM audit_records")
    with read_home(settings) as reader:
        assert reader.ends() is None
        assert list(reader.records()) == []


def test_stretches_end_where_they_are_asked_to(tmp_path: Path) -> None:
    """A window of time begins at a stop: a stretch across it would tell too little."""
    settings = founded(tmp_path)
    connect = partial(reading_engine, settings.database_file)
    with read_home(settings) as reader:
        ends = reader.ends()
    assert ends is not None
    found = check_range(RecordRange(connect, 2, ends[1], (5, 11), TOLD_TYPES))
    sizes = [(one.start, len(one.leaves)) for one in found if one is not None]
    assert sizes == [(2, 3), (5, 6), (11, ends[1] - 11)]
    assert ends[1] < STRETCH_MAX


def test_a_range_ends_at_what_does_not_hold(tmp_path: Path) -> None:
    """A place without a record, and a database that cannot be read, hold nothing."""
    settings = founded(tmp_path)
    connect = partial(reading_engine, settings.database_file)
    found = check_range(RecordRange(connect, 0, 900, (3, 850)))
    assert [one and one.start for one in found] == [0, 3, None]
    nowhere = partial(reading_engine, tmp_path / "nothing.sqlite")
    assert check_range(RecordRange(nowhere, 0, 9)) == [None]
    with pytest.raises(AdapterError, match="no database"):
        nowhere()


def test_rows_are_not_converted(tmp_path: Path) -> None:
    """A file without types may hold anything in any column."""
    settings = founded(tmp_path)
    odd = a_log((1,)).rows[0]._replace(seq=0)
    cells = {**odd._asdict(), "stream_seq": 1.5, "body": "text", "type": None}
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        file.execute("DROP TABLE audit_records")
        file.execute(f"CREATE TABLE audit_records ({', '.join(cells)})")
        marks = ", ".join("?" * len(cells))
        file.execute(f"INSERT INTO audit_records VALUES ({marks})", tuple(cells.values()))
    with read_home(settings) as reader:
        assert list(reader.records()) == [StoredRow(**cells)]
