"""The desk on a server: the same commands give the same records, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from storage.databases import PostgresDatabase
from storage.home_reader import HomeReader
from storage.settings import Settings
from storage.signers import read_state
from storage.transfer import transfer
from tests.desk.batch_room import of_all_kinds, one_by_one, together, told
from tests.world import ORIGIN, World


class MovedWorld(World):
    """A world whose database went to a server."""

    def move(self, database: PostgresDatabase) -> None:
        self.store.close()
        transfer(self.settings.database, database)
        self.moved_to = database.url.render_as_string(hide_password=False)
        self.reopen()

    @property
    def settings(self) -> Settings:
        told = super().settings
        url = getattr(self, "moved_to", None)
        return told if url is None else told.model_copy(update={"counterseal_database_url": url})


@pytest.fixture
def moved(tmp_path: Path, empty: PostgresDatabase) -> Iterator[MovedWorld]:
    world = MovedWorld(tmp_path / "moved" / "home")
    world.move(empty)
    yield world
    world.store.close()


def a_day(world: World) -> None:
    """Two orders, one of them refused for its age, and a second submit of the first."""
    first = world.approved(quantity=2)
    world.done(world.submitted(first, quantity=2, key="first"))
    world.done(world.submitted(first, quantity=2, key="first"))
    second = world.approved(quantity=1)
    world.after(7_200)
    world.submitted(second, quantity=1, key="late")


def test_the_same_commands_give_the_same_records_and_documents(
    tmp_path: Path, moved: MovedWorld, empty: PostgresDatabase
) -> None:
    """Architecture: one store behind the desk, on either database."""
    at_home = World(tmp_path / "home")
    for world in (at_home, moved):
        a_day(world)

    records, documents = told(moved)

    assert (records, documents) == told(at_home)
    assert {kind for kind, found in documents.items() if found} >= {"orders", "fills", "commands"}
    head = head_of_signer(read_state(moved.settings.counterseal_signer_state, ORIGIN))
    evidence = Evidence(log_key=moved.log_key.key, heads=(head,))
    engine = empty.reading()
    with engine.connect() as connection:
        reader = HomeReader(connection)
        found = verify_log(reader.records(), reader.checkpoints(), evidence)
    engine.dispose()
    assert (found.outcome, found.totals.unsealed) == ("ok", 0)
    assert found.totals.size == len(records)


def test_a_batch_leaves_on_a_server_what_single_submits_leave_at_home(
    tmp_path: Path, moved: MovedWorld
) -> None:
    """Issue 5, speed: the batch path is the same on either database."""
    at_home = World(tmp_path / "home")
    one_by_one(at_home, of_all_kinds(at_home))

    together(moved, of_all_kinds(moved))

    assert told(moved) == told(at_home)
