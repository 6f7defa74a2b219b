"""What is sealed is offered to witnesses, and nobody who trades waits for one."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.desk.ports import Store
from counterseal.kernel.errors import AdapterError, InputError
from counterseal.kernel.ids import SeededIdSource
from storage import offering
from storage.desk import open_desk
from storage.offering import OfferingStore
from storage.sealed_log import SealedLog
from storage.store import SqlStore
from storage.witnesses import CosignedNotes, Cosigner
from tests.storage.outside_room import W1, Answer, Room, a_witness, scripted
from tests.world import World


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    started = dict[tuple[Path, Path], Cosigner]()
    monkeypatch.setattr(offering, "_STARTED", started)
    world = World(tmp_path / "home")
    yield Room(world)
    for cosigner in started.values():
        cosigner.close()
    closed(world.desk.bench.store)


def reopened(room: Room) -> OfferingStore:
    """The world goes on behind a desk that knows witnesses."""
    world = room.world
    closed(world.desk.bench.store)
    world.desk = open_desk(
        room.settings(),
        world.log_key,
        clock=world.clock,
        ids=SeededIdSource("test"),
        feed=world.feed,
    )
    store = world.desk.bench.store
    assert isinstance(store, OfferingStore)
    return store


def closed(store: Store) -> None:
    inner = store._store if isinstance(store, OfferingStore) else store
    assert isinstance(inner, SqlStore)
    inner.close()


def cosigned(room: Room) -> list[int]:
    return [read_checkpoint(note).size for note in CosignedNotes(room.folder.cosigned).read()]


def awaited(room: Room, size: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while size not in cosigned(room):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_what_was_acknowledged_is_cosigned_in_the_background(room: Room) -> None:
    """A5, A6: the newest checkpoint reaches the witness without anybody asking."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        store = reopened(room)
        assert awaited(room, len(room.world.log()))
        room.world.requested()
        closed(store)
        for cosigner in offering._STARTED.values():
            cosigner.close()
        assert cosigned(room)[-1] == len(room.world.log())


def test_a_hanging_witness_never_blocks_the_trade_path(room: Room) -> None:
    """Design rule: evidence is asynchronous; commands take as long as without a witness."""
    released, asked = threading.Event(), threading.Event()

    def silent(_path: str, _body: bytes) -> Answer:
        asked.set()
        released.wait(20)
        return 503, b""

    with scripted(silent) as url:
        room.policy((W1, url))
        store = reopened(room)
        assert asked.wait(10)
        started = time.monotonic()
        request = room.world.approved()
        room.world.done(room.world.submitted(request))
        took = time.monotonic() - started
        released.set()
        closed(store)
    assert took < 5
    assert cosigned(room) == []


def test_a_home_opened_often_asks_with_one_thread(room: Room) -> None:
    """I2: a flow opens the home in each step; the witness must not notice."""
    with a_witness(room.world) as url:
        room.policy((W1, url))
        stores = [reopened(room)]
        world = room.world
        for _ in range(3):
            again = offering.offering(room.settings(), world.desk.bench.store)
            assert isinstance(again, OfferingStore)
            stores.append(again)
        assert len({id(store._cosigner) for store in stores}) == 1
        assert sum(thread.name == "witness" for thread in threading.enumerate()) == 1
        closed(stores[0])


def test_a_failure_of_the_offer_reaches_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """I1: the checkpoint cannot be read for the witness; the command is acknowledged."""
    room.policy((W1, "http://127.0.0.1:1"))
    store = reopened(room)

    def broken(_: SealedLog) -> str | None:
        raise AdapterError("DATABASE_FAILED", "no more")

    monkeypatch.setattr(SealedLog, "newest", broken)
    assert room.world.requested()
    assert store.seal() == len(room.world.log())
    closed(store)


def test_a_policy_that_is_not_understood_opens_no_desk(room: Room) -> None:
    """Settings that cannot be followed refuse to start; the database is closed again."""
    room.folder.path.mkdir()
    room.folder.policy.write_text("quorum nobody\n", "utf-8")
    with pytest.raises(InputError) as refused:
        reopened(room)
    assert refused.value.code == "TRUST_POLICY_MALFORMED"
    room.world.reopen()


def test_without_witnesses_the_store_is_the_store(room: Room) -> None:
    """A folder without a policy, and one whose witnesses have no address."""
    store = room.world.store
    assert offering.offering(room.settings(), store) is store
    room.policy((W1, ""))
    assert offering.offering(room.settings(), store) is store
