"""Writers killed and failed in the middle of group commits: nothing acknowledged is ever lost.

Each round starts a process whose threads record and seal, and say which records were acknowledged.
It is killed, or its writes begin to fail: the signer's with EIO or ENOSPC at its nth call, the
database's at a file size that the kernel does not let grow. Then the log is opened again, sealed,
and verified with the signer's memory; every acknowledged record must be in it, once.
"""

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from counterseal.audit.note import NoteSigner
from counterseal.audit.verify import (
    Evidence,
    StoredCheckpoint,
    head_of_note,
    head_of_signer,
    verify_log,
)
from counterseal.kernel.errors import CountersealError
from storage.engines import reading_engine
from storage.home_reader import HomeReader
from storage.signers import EmbeddedSigner, create_state, read_state
from storage.store import SqlStore, create_database
from storage.system import MachineClock
from tests.bench.bench_seal import AT, IDS, ORIGIN, draft

ROOT = Path(__file__).parents[2]
KEY = NoteSigner(ORIGIN, bytes(range(32)))
WRITERS = 8
GROUP = 5
KILL_AFTER_MAX = 0.6
FAILURES = (errno.EIO, errno.ENOSPC)
KINDS = ("kill", "kill", "signer", "database")


def opened(place: Path) -> SqlStore:
    """The store of a round, founded by the first."""
    database = place / "home" / "log.sqlite"
    if not database.exists():
        create_database(database, ORIGIN)
        create_state(place / "signer", ORIGIN)
    return SqlStore(database, EmbeddedSigner(KEY, place / "signer"), MachineClock())


def event_id(name: str) -> str:
    return IDS.new("evt", name, AT)


def write(place: Path, name: str, seconds: float) -> None:
    """Threads record and seal until the time is over, and say what was acknowledged."""
    store = opened(place)
    end = time.monotonic() + seconds
    told = threading.Lock()

    def work(writer: int) -> None:
        count = 0
        while time.monotonic() < end:
            ids = []
            try:
                with store.transaction() as unit:
                    for _ in range(GROUP):
                        count += 1
                        ids.append(event_id(f"{name}-{writer}-{count}"))
                        fresh = draft(count)
                        fresh["event_id"] = ids[-1]
                        unit.record(fresh, ())
                store.seal()
            except CountersealError as error:
                with told:
                    sys.stdout.write(f"failed {error.code}\n")
                continue
            with told:
                sys.stdout.write("".join(f"ack {one}\n" for one in ids))
                sys.stdout.flush()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def fail_signer(after: int, code: int) -> None:
    """Let every later third fsync of this process fail, from the nth on."""
    whole = os.fsync
    count = 0

    def failing(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count >= after and count % 3 == 0:
            raise OSError(code, os.strerror(code))
        whole(descriptor)

    os.fsync = failing  # type: ignore[assignment]  # only descriptors are synced here


def limit_files(size: int) -> None:
    """Let no file of this process grow beyond a size: the kernel refuses the write."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def environment() -> dict[str, str]:
    """Of a process that runs a module of these tests."""
    known = os.pathsep.join([str(ROOT), str(ROOT / "platform"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": known, "PYTHONDONTWRITEBYTECODE": "1"}


def started(place: Path, name: str, kind: str, dice: random.Random) -> "subprocess.Popen[str]":
    """A writing process that will meet one kind of fault."""
    size = sum(one.stat().st_size for one in (place / "home").glob("log.sqlite"))
    number = {
        "kill": 0,
        "signer": dice.randrange(1, 40),
        "database": size + dice.randrange(100_000, 2_000_000),
    }[kind]
    words = [str(place), name, kind, str(number), str(dice.choice(FAILURES))]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tests.torture.seals", *words],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def heard(child: "subprocess.Popen[str]", kind: str, dice: random.Random) -> tuple[set[str], int]:
    """What one process acknowledged until it was killed or done, and how often it failed."""
    assert child.stdout is not None
    first = child.stdout.readline()
    if kind == "kill":
        time.sleep(dice.random() * KILL_AFTER_MAX)
        child.kill()
    rest, _ = child.communicate(timeout=120)
    lines = (first + rest).splitlines()
    whole = lines if (first + rest).endswith("\n") else lines[:-1]
    acknowledged = {line.removeprefix("ack ") for line in whole if line.startswith("ack ")}
    return acknowledged, sum(line.startswith("failed") for line in whole)


def faults_of(
    place: Path, acknowledged: set[str], label: str, notes_told: Iterable[str] = ()
) -> Iterator[str]:
    """What is wrong with the log after it was opened and sealed again.

    Each note that was ever told must be a head of what is there now: so no two roots for one size.
    """
    store = opened(place)
    try:
        sealed = store.seal()
    except CountersealError as error:
        yield f"{label}: does not seal any more: {error}"
        return
    finally:
        store.close()
    engine = reading_engine(place / "home" / "log.sqlite")
    with engine.connect() as connection:
        reader = HomeReader(connection)
        notes: list[StoredCheckpoint] = list(reader.checkpoints())
        heads = [head_of_signer(read_state(place / "signer", ORIGIN))]
        heads += [head_of_note(note, KEY.key, "told") for note in notes_told]
        found = verify_log(reader.records(), notes, Evidence(log_key=KEY.key, heads=tuple(heads)))
        known = {row.event_id for row in reader.records()}
    engine.dispose()
    if found.outcome != "ok" or found.totals.unsealed or found.totals.size != sealed:
        yield f"{label}: {found.outcome} {found.totals} {found.findings}"
    if acknowledged - known:
        yield f"{label}: {len(acknowledged - known)} acknowledged records are lost"


def campaign(
    place: Path, rounds: int, seed: int, told: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Rounds of kills and failing writes on one log; yields each fault."""
    dice = random.Random(seed)  # noqa: S311 - a seeded plan, no secret
    acknowledged: set[str] = set()
    failures = 0
    opened(place).close()
    for number in range(rounds):
        kind = KINDS[number % len(KINDS)]
        label = f"seal round {number} ({kind})"
        fresh, failed = heard(started(place, f"r{number}", kind, dice), kind, dice)
        acknowledged |= fresh
        failures += failed
        yield from faults_of(place, acknowledged, label)
    told(f"seals: {rounds} rounds, {len(acknowledged)} acknowledged, {failures} failed commands")


def main() -> int:
    """One writing process with its fault."""
    place, name, kind, number, code = sys.argv[1:]
    if kind == "signer":
        fail_signer(int(number), int(code))
    if kind == "database":
        limit_files(int(number))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    write(Path(place), name, 30 if kind == "kill" else 1.0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
