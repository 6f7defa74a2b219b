"""Where streams end, as either database tells it, and a verification that compares it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.stream_map import StreamEnd
from counterseal.audit.verdict import Finding, MapReport, Verdict
from counterseal.audit.verify import Evidence
from counterseal.kernel.errors import IntegrityError
from storage.archive import SqlArchive
from storage.data_keys import DataKeys
from storage.home_reader import read_home
from storage.verification import Asked, verify_home
from tests.core.audit.log_builder import edited, ends_of
from tests.storage.forger import Forger
from tests.storage.log_room import LogRoom, named_draft
from tests.world import World


def archive_of(room: LogRoom) -> SqlArchive:
    return SqlArchive(room.database, DataKeys(room.folder / "keys"))


def filled(room: LogRoom) -> list[StoredRow]:
    """Ten records in three streams, one of which begins late."""
    streams = ("case:0", "case:1", "case:0", "case:0", "people") * 2
    with room.store() as store:
        for place, stream in enumerate(streams):
            with store.transaction() as work:
                work.record(named_draft(str(place), stream=stream), ())
            store.seal()
    return room.rows()


def test_ends_are_those_of_the_first_records(room: LogRoom) -> None:
    """At every size: the last record of each stream below it, and none of a later stream."""
    rows = filled(room)
    archive = archive_of(room)
    for covers in range(len(rows) + 2):
        assert sorted(archive.stream_ends(covers)) == sorted(ends_of(rows)(covers))


def test_rows_of_one_stream_come_newest_first(room: LogRoom) -> None:
    rows = filled(room)
    found = [row.seq for row in archive_of(room).newest_in("case:0")]
    assert found == [row.seq for row in reversed(rows) if row.stream == "case:0"]
    assert len(found) == 6
    assert list(archive_of(room).newest_in("case:none")) == []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def archived(world: World) -> SqlArchive:
    return SqlArchive(world.settings.database_file, DataKeys(world.home / "keys"))


def test_a_head_comes_from_the_bytes_and_from_the_column_once_they_are_purged(
    world: World,
) -> None:
    """I1: a changed column leads nowhere; a purged record has nothing else."""
    last = world.log()[-1]
    true = StreamEnd(last.stream, last.stream_seq, last.leaf_hash)
    world.forge("UPDATE audit_records SET leaf_hash = 'x' WHERE seq = ?", last.seq)
    assert true in set(archived(world).stream_ends(last.seq + 1))
    world.forge(
        "UPDATE audit_records SET leaf_hash = ?, body = x'' WHERE seq = ?", true.head, last.seq
    )
    assert true in set(archived(world).stream_ends(last.seq + 1))
    world.forge("UPDATE audit_records SET leaf_hash = 'x' WHERE seq = ?", last.seq)
    with pytest.raises(IntegrityError, match="COLUMN_MISMATCH"):
        list(archived(world).stream_ends(last.seq + 1))


def sealed(world: World, **change: object) -> int:
    """A snapshot over all records, true but for what is changed, by who holds the log's key."""
    forger = Forger(world.settings.database_file, world.log_key)
    place = forger.snapshot(**change)
    forger.seal()
    return place


def checked(
    world: World, *, deep: bool = False, after: VerifiedPrefix | None = None
) -> tuple[Verdict, VerifiedPrefix | None]:
    key: NoteSigner = world.log_key
    with read_home(world.settings) as reader:
        found = verify_home(reader, Evidence(key.key), Asked(deep=deep, after=after))
    return found.verdict, found.prefix


def test_a_home_is_verified_with_its_newest_snapshot(world: World) -> None:
    """MAP_MISMATCH: signed, sealed, and contradicted by the records themselves."""
    sealed(world)
    true, prefix = checked(world)
    assert (true.findings_count, true.maps) == (0, MapReport(taken=1, checked=1))
    assert prefix is not None
    place = sealed(world, root="00" * 32)
    false, prefix = checked(world)
    assert [(f.code, f.seq) for f in false.findings] == [(Finding.MAP_MISMATCH, place)]
    assert (false.exit_status, prefix) == (1, None)


def test_an_older_lie_is_found_when_every_snapshot_is_checked(world: World) -> None:
    place = sealed(world, streams=3)
    sealed(world)
    assert checked(world)[0].maps == MapReport(taken=2, checked=1)
    assert checked(world)[0].findings_count == 0
    deep, _ = checked(world, deep=True)
    assert (deep.maps, deep.first_bad and deep.first_bad.seq) == (
        MapReport(taken=2, checked=2),
        place,
    )


def test_a_lie_in_another_stream_hides_from_nobody_who_looks_deeper(world: World) -> None:
    """A pack could rest on it: what a record is called decides, not where it stands."""
    forger = Forger(world.settings.database_file, world.log_key)
    place = forger.snapshot(root="00" * 32)
    forger.rows[place] = edited(forger.rows[place], {"stream": "case:hidden"})
    forger.seal()
    assert checked(world)[0].maps == MapReport(taken=0, checked=0)
    deep, _ = checked(world, deep=True)
    assert [(f.code, f.seq) for f in deep.findings] == [(Finding.MAP_MISMATCH, place)]


def test_who_goes_on_checks_new_snapshots_and_by_wish_all(world: World) -> None:
    """What was checked before is not checked again, unless it is asked for."""
    sealed(world)
    _, prefix = checked(world)
    assert prefix is not None
    assert checked(world, after=prefix)[0].maps == MapReport(taken=0, checked=0)
    assert checked(world, after=prefix, deep=True)[0].maps == MapReport(taken=1, checked=1)
    sealed(world, covers=2)
    onward, state = checked(world, after=prefix)
    assert (onward.maps, state) == (MapReport(taken=1, checked=1), None)
    assert {found.code for found in onward.findings} == {Finding.MAP_MISMATCH}


def test_a_record_without_a_place_is_a_finding_for_who_goes_on(world: World) -> None:
    """An old record is not read again; its lost cells make no verification fall over."""
    _, prefix = checked(world)
    sealed(world)
    old = min(end.head for end in archived(world).stream_ends(len(world.log()) - 2))
    sql = "UPDATE audit_records SET body = x'', leaf_hash = 'x' WHERE leaf_hash = ?"
    assert world.forge(sql, old) == 1
    onward, _ = checked(world, after=prefix, deep=True)
    assert Finding.MAP_MISMATCH in {found.code for found in onward.findings}
