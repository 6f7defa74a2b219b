"""Group commits: many writers, two leaders, long outboxes, kills and failing writes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from counterseal.kernel.clock import parse_utc
from counterseal.kernel.errors import AdapterError, IntegrityError
from storage import placing
from storage.engines import reading_engine, writing_engine
from storage.journal import AfterStep, Journal, no_observer
from storage.lease import LEASE_SECONDS
from storage.signers import EmbeddedSigner
from storage.store import SqlStore
from tests.forked import Speaking
from tests.storage.test_store import draft_like_the_last
from tests.torture.seals import campaign, event_id, faults_of, opened, write
from tests.world import ORIGIN, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def recorded(world: World, *names: str) -> None:
    with world.store.transaction() as work:
        for name in names:
            work.record(draft_like_the_last(world, name), ())


@contextmanager
def journal(world: World, after_step: AfterStep = no_observer) -> Iterator[Journal]:
    """A journal of a database that several machines share: no lock file, the lease alone."""
    writer = writing_engine(world.settings.database_file)
    reader = reading_engine(world.settings.database_file)
    yield Journal(
        writer=writer,
        reader=reader,
        signer=EmbeddedSigner(world.log_key, world.settings.counterseal_signer_state),
        clock=world.clock,
        gate=None,
        after_step=after_step,
    )
    writer.dispose()
    reader.dispose()


def is_sealed(world: World, size: int) -> None:
    verdict = world.verdict()
    assert verdict.outcome == "ok", verdict.findings
    assert (verdict.totals.size, verdict.totals.unsealed) == (size, 0)
    assert world.rows("SELECT * FROM audit_outbox") == []


def test_i4_threads_that_wait_share_one_commit_and_one_checkpoint(world: World) -> None:
    """Journal I4: 32 writers; every one is answered by a size that covers its record."""
    size, notes = len(world.log()), len(world.notes())
    answers: list[int] = []
    together = threading.Barrier(32)

    def work(name: str) -> None:
        recorded(world, name)
        together.wait()
        answers.append(world.store.seal())

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    is_sealed(world, size + 32)
    assert answers == [size + 32] * 32
    assert len(world.notes()) == notes + 1


def test_32_writers_in_four_processes_make_one_chain(tmp_path: Path) -> None:
    """Journal I3: 0 forks; what each acknowledged is in the log, once."""
    opened(tmp_path).close()
    with ExitStack() as running:
        writers = [
            running.enter_context(Speaking(partial(write, tmp_path, f"p{n}", 1.0)))
            for n in range(4)
        ]
        said = [writer.stdout.read().splitlines() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert [line for lines in said for line in lines if line.startswith("failed")] == []
    told = {line.removeprefix("ack ") for lines in said for line in lines}
    assert event_id("p3-0-1") in told
    assert list(faults_of(tmp_path, told, "32 writers")) == []


def test_kills_and_failing_writes_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Journal I2: a sample of `make torture`: kill -9, EIO or ENOSPC, a file that cannot grow."""
    assert list(campaign(tmp_path, 4, 7)) == []


def test_a_long_outbox_is_sealed_in_groups_each_under_its_own_checkpoint(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal I5: memory holds one group, not the outbox."""
    monkeypatch.setattr(placing, "GROUP_MAX", 10)
    monkeypatch.setattr("storage.journal.GROUP_MAX", 10)
    size, notes = len(world.log()), len(world.notes())
    recorded(world, *(f"n{n}" for n in range(35)))
    assert world.store.seal() == size + 35
    is_sealed(world, size + 35)
    sizes = [note.size for note in world.notes()[notes:]]
    assert sizes == [size + 10, size + 20, size + 30, size + 35]


def test_i5_a_process_that_starts_reads_nothing_that_was_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal I5: the edge of the tree comes from the head row, under the signer's root."""
    size, starts = len(world.log()), []
    whole = placing.leaves

    def counted(connection: object, start: int) -> Iterator[bytes]:
        starts.append(start)
        return whole(connection, start)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(placing, "leaves", counted)
    world.reopen()
    recorded(world, "first")
    assert world.store.seal() == size + 1
    assert starts == [size]
    world.reopen()
    forged = world.rows("SELECT peaks FROM audit_head")[0][0]
    assert isinstance(forged, str)
    world.forge("UPDATE audit_head SET peaks = ?", forged.replace("0", "1", 1))
    recorded(world, "second")
    with pytest.raises(IntegrityError, match="READ_BACK_DIFFERS"):
        world.store.seal()


def test_i1_a_lease_is_not_taken_before_it_lapsed(world: World) -> None:
    """Lease I1: boundaries from both sides; taken over, the number rises."""
    size = len(world.log())
    with journal(world) as first, journal(world) as second:
        recorded(world, "one")
        world.after(LEASE_SECONDS)  # whoever founded the world led before
        assert first.seal() == size + 1
        recorded(world, "two")
        world.after(LEASE_SECONDS - 1)
        with pytest.raises(AdapterError, match="LEASE_HELD") as held:
            second.seal()
        assert held.value.retriable
        assert first.seal() == size + 2
        recorded(world, "three")
        world.after(LEASE_SECONDS)
        assert second.seal() == size + 3
        recorded(world, "four")
        with pytest.raises(AdapterError, match="LEASE_HELD"):
            first.seal()
        assert second.seal() == size + 4
    is_sealed(world, size + 4)


@pytest.mark.parametrize(("wanted", "code"), [("placed", "LEASE_STALE"), ("signed", "LEASE_LOST")])
def test_i3_a_leader_that_was_taken_over_in_the_middle_fails_at_the_fence(
    world: World, wanted: str, code: str
) -> None:
    """Lease I2, I3: the signer refuses the old number; so does the head. The new one signs all."""
    size = len(world.log())
    with journal(world) as rival:

        def overtaken(step: str) -> None:
            if step == wanted:
                world.after(LEASE_SECONDS)
                recorded(world, "of the rival")
                rival.seal()

        with journal(world, overtaken) as first:
            world.after(LEASE_SECONDS)
            recorded(world, "one")
            with pytest.raises(AdapterError, match=code) as lost:
                first.seal()
            assert lost.value.retriable
    is_sealed(world, size + 2)


def test_a_forged_lease_costs_no_standstill(world: World) -> None:
    """Lease: a lower number than the signer saw is passed over, under the lock file."""
    size = len(world.log())
    for owner in ("", "somebody"):
        world.forge("UPDATE audit_head SET lease_epoch = 0, lease_owner = ?", owner)
        recorded(world, f"after {owner}")
        world.store.seal()
    is_sealed(world, size + 2)


def test_a_store_of_another_log_writes_nothing(world: World) -> None:
    """Placing: the head's own name decides."""
    world.forge("UPDATE audit_head SET origin = 'counterseal.example/other'")
    with pytest.raises(IntegrityError, match="ORIGIN_DIFFERS"):
        world.store.seal()
    world.forge("UPDATE audit_head SET origin = ?", ORIGIN)
    signer = EmbeddedSigner(world.log_key, world.settings.counterseal_signer_state)
    SqlStore(world.settings.database_file, signer, world.clock).close()


def test_the_world_moves_on_by_its_own_clock(world: World) -> None:
    """Lease: its time is the clock's, so a replay repeats."""
    recorded(world, "one")
    world.store.seal()
    until = str(world.rows("SELECT lease_until FROM audit_head")[0][0])
    assert parse_utc(until) == world.clock.now() + timedelta(seconds=LEASE_SECONDS)
