"""A batch in memory reads as the database would, and writes what was read."""

import random

import pytest

from counterseal.desk.installation import Installation
from counterseal.desk.ports import UnitOfWork, once
from storage.store import SqlStore
from tests.storage.log_room import LogRoom, named_draft
from tests.storage.test_both_databases import installation

KEYS = ("a", "B", "_", "z1", "Z", "10", "9")
MODES = ("demo", "paper", "other")
TENANTS = ("t1", "t2")


class _Played:
    """Random reads and writes, beside a table of what must be there."""

    def __init__(self, seed: int) -> None:
        self.words = random.Random(seed)  # noqa: S311 - a test's own dice
        self.kept: dict[str, Installation] = {}
        self.count = 0

    def write(self, work: UnitOfWork) -> None:
        made = installation(
            installation_id=self.words.choice(KEYS),
            mode=self.words.choice(MODES),
            tenant=self.words.choice(TENANTS),
        )
        self.count += 1
        after = {"documents": {made.KIND: [made.json_value()]}, "facts": {}}
        work.record(named_draft(f"n{self.count}", after=after), (made,))
        self.kept[made.key] = made

    def drop(self, work: UnitOfWork) -> None:
        gone = self.words.choice(KEYS)
        work.drop(Installation.KIND, gone)
        self.kept.pop(gone, None)

    def read(self, work: UnitOfWork) -> None:
        key = self.words.choice(KEYS)
        assert work.get(Installation, key) == self.kept.get(key)
        some = tuple(self.words.sample(KEYS, 3))
        assert work.find(Installation, installation_id=some) == self.told(installation_id=some)
        modes = tuple(self.words.sample(MODES, self.words.randint(1, 2)))
        tenant = self.words.choice(TENANTS)
        assert work.find(Installation, mode=modes) == self.told(mode=modes)
        both = self.told(mode=modes, tenant=(tenant,))
        assert work.find(Installation, mode=modes, tenant=tenant) == both
        assert work.count(Installation, tenant=tenant) == len(self.told(tenant=(tenant,)))
        assert work.find(Installation) == self.told()

    def told(self, **equal: tuple[str, ...]) -> tuple[Installation, ...]:
        found = (self.kept[key] for key in sorted(self.kept))
        return tuple(
            one for one in found if all(getattr(one, name) in some for name, some in equal.items())
        )


def play(store: SqlStore, played: _Played) -> None:
    """Some writes one by one, then a batch of reads, writes and removals, then reads again."""
    for _ in range(5):
        with store.transaction() as work:
            played.write(work)
    with store.batch() as batch:
        for _ in range(60):
            with batch.transaction() as work:
                act = played.words.choice((played.read, played.read, played.write, played.drop))
                act(work)
    with store.transaction() as work:
        played.read(work)


@pytest.mark.parametrize("seed", range(6))
def test_i1_a_batch_reads_what_it_wrote_and_leaves_it(room: LogRoom, seed: int) -> None:
    """Issue 5, speed: on either database, in any order of reads, writes and removals."""
    with room.store() as store:
        play(store, _Played(seed))
        assert store.seal() == store.seal()
    room.is_whole()


def broken_off(store: SqlStore) -> None:
    with store.batch() as batch:
        with batch.transaction() as work:
            _Played(0).write(work)
        pytest.fail("in the middle")


def test_i2_a_batch_that_raises_leaves_nothing(room: LogRoom) -> None:
    """Issue 5, speed: all of it or nothing."""
    with room.store() as store:
        with pytest.raises(pytest.fail.Exception):
            broken_off(store)
        with store.reader() as reader:
            assert reader.find(Installation) == ()
    assert room.waiting() == 0


def test_what_was_worked_out_is_told_again_until_what_it_read_changes(room: LogRoom) -> None:
    """Port `once`: nothing is remembered beyond a change of a kind that was read."""
    played, asked = _Played(0), list[str]()

    def counted(work: UnitOfWork) -> int:
        asked.append("counted")
        return once(work, "inner", lambda: work.count(Installation))

    with room.store() as store:
        with store.batch() as batch, batch.transaction() as work:
            for _ in range(2):
                assert once(work, "outer", lambda: counted(work)) == 0
            assert asked == ["counted"]
            played.write(work)
            assert once(work, "outer", lambda: counted(work)) == 1
            assert asked == ["counted"] * 2
        with store.transaction() as work:
            for _ in range(2):
                assert once(work, "outer", lambda: counted(work)) == 1
        assert len(asked) == 4
