"""Stored tiles: whole with every checkpoint, completed after a crash, and told when they differ."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from counterseal.audit.merkle import Tree, check_inclusion, leaf_hash
from counterseal.audit.receipt import make_receipt
from counterseal.audit.tiles import TiledTree, full_tiles
from counterseal.kernel.errors import IntegrityError
from storage.engines import reading_engine, writing_engine
from storage.home_reader import read_home
from storage.journal import AfterStep
from storage.tiles import StoredTiles, TileRow, complete_tiles, expected_tiles, stored_leaf
from tests.desk.keeping import YEAR, KeptWorld
from tests.storage.long_log import bare_log, body_of, lengthen

BARE = 66_000
LEAVES = [leaf_hash(body_of(seq)) for seq in range(BARE)]
ALL_TILES = "SELECT level, number, root, hashes FROM audit_tiles ORDER BY level, number"


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    return KeptWorld(tmp_path / "home")


def leaves_of(world: KeptWorld) -> list[bytes]:
    return [stored_leaf(row.body, row.leaf_hash) for row in world.log()]


def tiles_of(world: KeptWorld) -> list[TileRow]:
    return [TileRow._make(row) for row in world.rows(ALL_TILES)]


def is_whole(world: KeptWorld) -> None:
    signed = world.notes()[-1].size
    assert tiles_of(world) == list(expected_tiles(leaves_of(world)[:signed]))
    assert len(tiles_of(world)) == full_tiles(0, signed)


def test_i1_every_checkpoint_is_stored_with_its_tiles(world: KeptWorld) -> None:
    """TX-K4: whatever the size of the groups, and none before it is full."""
    assert tiles_of(world) == []
    for records in (255 - len(world.log()), 1, 1, 300, 1_500):
        lengthen(world, records)
        is_whole(world)
    assert len(tiles_of(world)) == 8
    assert world.differences == ()


def dying_at(last: str) -> AfterStep:
    def observe(step: str) -> None:
        if step == last:
            raise KeyboardInterrupt

    return observe


@pytest.mark.parametrize("step", ["recorded", "placed", "signed", "checkpointed"])
def test_i1_a_crash_leaves_no_checkpoint_without_its_tiles(world: KeptWorld, step: str) -> None:
    """TX-K4: the one transaction has both or none, and the next seal goes on."""

    world.reopen(dying_at(step))
    with pytest.raises(KeyboardInterrupt):
        lengthen(world, 600)
    is_whole(world)
    world.reopen()
    world.store.seal()
    is_whole(world)
    assert len(tiles_of(world)) >= 2


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_i1_missing_tiles_are_completed_by_the_next_seal(world: KeptWorld, kept: int) -> None:
    """TX-K4: as in a database of an earlier day that had none."""
    lengthen(world, 800)
    before = tiles_of(world)
    world.forge("DELETE FROM audit_tiles WHERE number >= ?", kept)
    assert len(tiles_of(world)) == kept
    missing = {d.key for d in world.differences if d.problem == "missing"}
    assert missing == {f"0/{number}" for number in range(kept, len(before))}
    lengthen(world, 1)
    assert tiles_of(world) == before
    assert world.differences == ()


def test_a_changed_tile_is_named_cell_by_cell(world: KeptWorld) -> None:
    """TX-Z10: root and hashes; also one too many, and one of a level that the log has not."""
    lengthen(world, 600)
    world.forge("UPDATE audit_tiles SET root = zeroblob(32) WHERE number = 0")
    world.forge("UPDATE audit_tiles SET hashes = zeroblob(8192) WHERE number = 1")
    world.forge("INSERT INTO audit_tiles SELECT 0, 7, root, hashes FROM audit_tiles LIMIT 1")
    world.forge("INSERT INTO audit_tiles SELECT 1, 0, root, hashes FROM audit_tiles LIMIT 1")
    assert {(d.table, d.key, d.column, d.problem) for d in world.differences} == {
        ("audit_tiles", "0/0", "root", "changed"),
        ("audit_tiles", "0/1", "hashes", "changed"),
        ("audit_tiles", "0/7", "", "extra"),
        ("audit_tiles", "1/0", "", "extra"),
    }
    [root] = [d for d in world.differences if d.column == "root"]
    assert root.got == "0" * 64
    assert len(root.expected) == 64


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE audit_tiles SET root = zeroblob(32)",
        "DELETE FROM audit_tiles",
        "REPLACE INTO audit_tiles SELECT level, number, zeroblob(32), hashes FROM audit_tiles",
    ],
)
def test_the_database_refuses_to_rewrite_a_tile(world: KeptWorld, attempt: str) -> None:
    """Guards I1: with the settings that every connection of ours has."""
    lengthen(world, 600)
    before = tiles_of(world)
    engine = writing_engine(world.settings.database_file)
    held = engine.raw_connection()
    connection = held.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(attempt)
    held.close()
    engine.dispose()
    assert tiles_of(world) == before


def test_a_purge_leaves_tiles_and_proofs_whole(world: KeptWorld) -> None:
    """Design 7: of the records that stay, and of those that went; no matter when tiles came."""
    world.done(world.submitted(world.approved()))
    lengthen(world, 600)
    before = tiles_of(world)
    world.after(6.1 * YEAR)
    world.purged()
    log, note = world.log(), world.notes()[-1].note
    assert any(not row.body for row in log)
    assert tiles_of(world)[: len(before)] == before
    world.forge("DELETE FROM audit_tiles")
    lengthen(world, 1)
    assert tiles_of(world)[: len(before)] == before
    with read_home(world.settings) as reader:
        tree = reader.tree(len(log))
        for row in log:
            assert make_receipt(tree, row.seq, bytes.fromhex(row.leaf_hash), note).path


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.sqlite"
    bare_log(path, BARE)
    return path


@contextmanager
def writing(path: Path) -> Iterator[Connection]:
    engine = writing_engine(path)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def statements(connection: Connection) -> list[str]:
    """Fills while the connection works."""
    seen: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *told: seen.append(str(told[2])))
    return seen


def test_a_second_level_is_made_of_the_roots_of_the_first(long_log: Path) -> None:
    """TX-K4: 65,536 records, in steps, and again when a level alone is missing."""
    expected = list(expected_tiles(LEAVES))
    assert [(tile.level, tile.number) for tile in expected[-2:]] == [(0, 256), (1, 0)]
    with writing(long_log) as connection:
        for size in (65_000, 65_535, BARE):
            complete_tiles(connection, size, LEAVES[64_900:size])
        assert list(connection.exec_driver_sql(ALL_TILES)) == expected
        for guard in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER guard_audit_tiles_{guard}")
        connection.exec_driver_sql("DELETE FROM audit_tiles WHERE level = 1")
        complete_tiles(connection, BARE)
        assert list(connection.exec_driver_sql(ALL_TILES)) == expected


def test_i3_a_group_costs_the_same_and_so_does_a_proof_however_long_the_log_is(
    long_log: Path,
) -> None:
    """TX-K4: counted in statements; a level more is one question more."""
    with writing(long_log) as connection:
        connection.exec_driver_sql("SELECT 1")  # the transaction has begun
        seen = statements(connection)
        counts = []
        for size in (1_000, 2_000, 30_000, 31_000, 65_800, BARE):
            seen.clear()
            complete_tiles(connection, size)
            counts.append(len(seen))
        assert counts[0] == counts[1] == counts[3] == 3
        assert counts[5] == 2
        seen.clear()
        tree = TiledTree(BARE, StoredTiles(connection))
        for index in (0, 40_000, BARE - 1):
            tree.inclusion_path(index)
        assert len(seen) <= 3 + 3


def test_proofs_from_stored_tiles_are_those_of_all_leaves(long_log: Path) -> None:
    """TX-K7: at the edges of tiles, and about an older size."""
    whole = Tree(LEAVES)
    with writing(long_log) as connection:
        complete_tiles(connection, BARE)
        for size in (BARE, 65_536, 65_535, 300, 256, 1):
            tree = TiledTree(size, StoredTiles(connection))
            for index in {0, size // 2, size - 1}:
                path = tree.inclusion_path(index)
                assert path == whole.inclusion_path(index, size)
                assert check_inclusion(index, size, LEAVES[index], path, whole.root(size))
            assert tree.consistency_path(size // 3 + 1) == whole.consistency_path(
                size // 3 + 1, size
            )


def test_a_record_without_bytes_and_hash_has_no_leaf() -> None:
    """Tiles I2: bytes first, the column for a purged record, or nothing."""
    assert stored_leaf(b"record", "no hash") == leaf_hash(b"record")
    assert stored_leaf(b"", "ab" * 32) == b"\xab" * 32
    with pytest.raises(IntegrityError, match="COLUMN_MISMATCH"):
        stored_leaf(b"", "no hash")


def test_reading_gives_one_record_by_number_or_event(world: KeptWorld) -> None:
    """TX-K7: exactly as it is stored, and the newest checkpoint."""
    lengthen(world, 300)
    log = world.log()
    with read_home(world.settings) as reader:
        for row in (log[0], log[100], log[-1]):
            assert reader.record(row.seq) == reader.record_of(row.event_id) == row
        assert reader.record(len(log)) is None
        assert reader.record_of("evt_none") is None
        assert reader.newest_checkpoint() == world.notes()[-1]
        assert reader.tree(len(log)).root() == Tree(leaves_of(world)).root()


def test_a_read_only_view_proves(world: KeptWorld) -> None:
    """TX-K7: proving writes nothing, not even the tiles that are missing."""
    lengthen(world, 300)
    world.forge("DELETE FROM audit_tiles")
    engine = reading_engine(world.settings.database_file)
    with engine.connect() as connection, pytest.raises(IntegrityError, match="TILE_DIFFERS"):
        TiledTree(300, StoredTiles(connection)).inclusion_path(0)
    engine.dispose()
    assert tiles_of(world) == []
