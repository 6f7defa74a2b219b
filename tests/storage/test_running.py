"""What is seen of a house at work, and the last rounds of its loop. Issue "Always on", point 4."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from counterseal.kernel.errors import AdapterError
from counterseal.readiness.running import Need, Running
from flows import work
from flows.work import judge_log
from flows.workplace import Workplace
from storage import running, verified_log
from storage.last_rounds import FILE, LastRounds, read_last_rounds
from storage.running import running_now
from storage.verified_log import read_verification
from tests.world import ACCOUNT, PEOPLE, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A home of one order, whose loop made a round just now; its log's key is pinned."""
    world = World(tmp_path / "home")
    monkeypatch.setenv("COUNTERSEAL_LOG_VKEY", world.log_key.key.text)
    world.done(world.submitted(world.approved()))
    rounded(world)
    yield world
    world.store.close()


def rounded(world: World) -> None:
    now = world.clock.now()
    LastRounds(world.home, now, ["sweep"]).note("sweep", now, now, "done")


def seen(world: World) -> Running:
    return running_now(world.settings, world.clock.now())


def codes(told: Running) -> dict[Need, str]:
    """The needs that are not met."""
    return {check.need: check.code for check in told.checks if not check.ok}


def verified(world: World) -> None:
    judge_log(Workplace(world.settings, clock=world.clock))


def test_a_whole_home_with_a_loop_is_ready_and_looking_changes_nothing(world: World) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.home.rglob("*") if path.is_file()}
    told = seen(world)
    assert codes(told) == {}
    assert told.ready
    after = {path: path.stat().st_mtime_ns for path in world.home.rglob("*") if path.is_file()}
    shared = {path for path in before if path.name.endswith(("-shm", "-wal"))}
    assert {p: t for p, t in after.items() if p not in shared} == {
        p: t for p, t in before.items() if p not in shared
    }


def test_a_home_that_is_gone_is_told_by_its_code(world: World) -> None:
    file = world.settings.database_file
    file.rename(file.with_suffix(".gone"))
    assert codes(seen(world)) == dict.fromkeys(
        (Need.HOME, Need.SIGNER, Need.LOG, Need.SEALING, Need.HEARTBEAT), "DATABASE_MISSING"
    )


def test_a_changed_record_is_found_when_it_is_new(world: World) -> None:
    """Incremental: what is behind the last look is read and held against its seal."""
    assert seen(world).ready
    world.signal()
    change = "UPDATE audit_records SET recorded_at = '2020-01-01T00:00:00.000000Z' WHERE seq = ?"
    world.forge(change, len(world.log()) - 1)
    assert codes(seen(world)) == {Need.LOG: "LOG_TAMPERED", Need.HEARTBEAT: "LOG_SILENT"}


def test_a_full_verification_that_found_something_counts_until_a_clean_one(world: World) -> None:
    """What was verified before is not read again here: the hourly flow reads it."""
    assert seen(world).ready
    [[old]] = world.rows("SELECT recorded_at FROM audit_records WHERE seq = 3")
    change = "UPDATE audit_records SET recorded_at = ? WHERE seq = 3"
    world.forge(change, "2020-01-01T00:00:00.000000Z")
    assert seen(world).ready
    verified(world)
    assert codes(seen(world)) == {Need.LOG: "LOG_TAMPERED"}
    assert isinstance(old, str)
    world.forge(change, old)
    verified(world)
    assert codes(seen(world)) == {}


def test_a_long_log_is_not_verified_until_a_full_verification_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, and it is never taken for verified meanwhile."""
    monkeypatch.setattr(verified_log, "AT_ONCE_MAX", 10)
    assert codes(seen(world)) == {Need.LOG: "LOG_NOT_VERIFIED"}
    verified(world)
    full = read_verification(world.home)
    assert full is not None
    assert (full.clean, full.outcome, full.size) == (True, "ok", len(world.log()))
    world.signal()
    [check] = [one for one in seen(world).checks if one.need is Need.LOG]
    assert (check.ok, check.told) == (
        True,
        f"{len(world.log())} records verified, 0 contradictions",
    )


def test_a_log_that_grows_while_it_is_verified_is_no_contradiction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work I3: the signer is asked before the log is read, by the flow and by every look."""
    for module, name in ((work, "with_signer"), (running, "remembered_state")):
        asked: Callable[..., object] = getattr(module, name)

        def growing(*words: object, ask: Callable[..., object] = asked) -> object:
            world.signal()
            found = ask(*words)
            world.signal()
            return found

        monkeypatch.setattr(module, name, growing)
    verified(world)
    full = read_verification(world.home)
    assert full is not None
    assert (full.clean, full.outcome) == (True, "ok")
    assert codes(seen(world)) == {}


def test_a_result_that_cannot_be_read_is_no_clean_one(world: World) -> None:
    verified(world)
    for name in (verified_log.PREFIX_FILE, verified_log.FILE):
        place = world.home / "log" / name
        kept = place.read_bytes()
        place.write_text("{}")
        assert codes(seen(world)) == {Need.LOG: "STATE_UNREADABLE"}
        place.write_bytes(kept)
    assert codes(seen(world)) == {}


def test_what_was_verified_under_another_name_of_the_log_is_not_gone_on_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a declared rollback a long log waits for its full verification anew."""
    verified(world)
    kept = world.home / "log" / verified_log.PREFIX_FILE
    name = json.loads(kept.read_bytes())["origin"]
    kept.write_bytes(kept.read_bytes().replace(f'"origin":"{name}"'.encode(), b'"origin":"x.y/z"'))
    assert codes(seen(world)) == {}, "a short log is verified whole"
    monkeypatch.setattr(verified_log, "AT_ONCE_MAX", 10)
    running._verifier.cache_clear()
    assert codes(seen(world)) == {Need.LOG: "LOG_NOT_VERIFIED"}


def test_a_signer_that_forgot_or_is_ahead_is_told(world: World) -> None:
    """The memory outside the home is asked each time."""
    kept = world.state_path.read_bytes()
    world.state_path.unlink()
    assert codes(seen(world)) == {Need.SIGNER: "SIGNER_STATE_MISSING"}
    world.state_path.write_bytes(kept)
    size = len(world.log())
    world.forge("DELETE FROM audit_records WHERE seq = ?", size - 1)
    world.forge("DELETE FROM audit_checkpoints WHERE size = ?", size)
    world.forge("UPDATE audit_head SET size = ?", size - 1)
    found = codes(seen(world))
    assert (found[Need.SIGNER], found[Need.LOG]) == ("ROLLBACK", "LOG_TAMPERED")


def test_silence_and_a_loop_that_stopped_are_told_by_time(world: World) -> None:
    world.after(179)
    assert codes(seen(world)) == {}
    world.after(2)
    assert codes(seen(world)) == {Need.HEARTBEAT: "LOG_SILENT", Need.LOOP: "LOOP_LATE"}


def test_a_house_without_a_loop_is_never_ready(world: World) -> None:
    """Issue point 4: absent, and told in words that nobody can read, alike."""
    place = world.home / "log" / FILE
    for content in ("", "{}", '{"since": "yesterday", "rounds": []}'):
        place.write_text(content)
        assert codes(seen(world)) == {Need.LOOP: "ROUNDS_UNREADABLE"}
        with pytest.raises(AdapterError, match="ROUNDS_UNREADABLE"):
            read_last_rounds(world.home)
    place.unlink()
    assert codes(seen(world)) == {Need.LOOP: "LOOP_ABSENT"}
    assert read_last_rounds(world.home) is None


class Usage(NamedTuple):
    """As `shutil.disk_usage` tells it."""

    total: int
    used: int
    free: int


def test_a_disk_counts_where_it_is_narrowest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {world.home: 10**12, world.settings.counterseal_signer_state: 10**6}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free[path]))
    assert codes(seen(world)) == {Need.DISK: "DISK_LOW"}

    def away(path: Path) -> Usage:
        raise OSError(path)

    monkeypatch.setattr(shutil, "disk_usage", away)
    assert codes(seen(world)) == {Need.DISK: "NOT_LOOKED_AT"}


def test_i2_what_is_told_has_no_name_key_or_place(world: World) -> None:
    shutil.rmtree(world.settings.counterseal_signer_state)
    told = json.dumps(seen(world).json_value())
    foreign = (*PEOPLE, ACCOUNT, "signal-1", str(world.home), "vkey", "passphrase", "20000")
    assert [word for word in foreign if f'"{word}' in told or f" {word}" in told] == []


def test_threads_of_a_loop_share_the_file_and_each_reads_it_whole(world: World) -> None:
    """I1: two threads write while others read; no round is lost and no half file is seen."""
    now, names = world.clock.now(), ["sweep", "dispatch"]
    last = LastRounds(world.home, now, names)

    def work(at: int) -> int:
        if at % 3:
            last.note(names[at % 2], now, now + timedelta(milliseconds=2), "done")
            return 0
        loop = read_last_rounds(world.home)
        return 0 if loop is None else len(loop.rounds)

    with ThreadPoolExecutor(4) as threads:
        read = [*threads.map(work, range(120))]
    assert {count for count in read if count} == {2}
    loop = read_last_rounds(world.home)
    assert loop is not None
    assert sum(one.made for one in loop.rounds) == 80
    assert sum(one.milliseconds for one in loop.rounds) == 160
    assert (world.home / "log" / FILE).stat().st_mode & 0o777 == 0o600
