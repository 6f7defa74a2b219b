"""A fault at every single call that makes something durable: database, signer's memory, anchor.

A process records, seals and anchors a few times. Its calls on these files are counted once; then
it runs again for each of them, on a fresh copy of the same home, and that one call fails with EIO
or ENOSPC, or the process dies there. What it said until then is compared with what is found: every
acknowledged record is in the log, every note that was ever signed is a head of it, whatever failed
was told by a code, and the next process goes on. In the second campaign the calls are those of a
signer that is a process of its own.
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from os import geteuid
from pathlib import Path
from tempfile import TemporaryDirectory

from counterseal.audit.note import VerifierKey
from counterseal.audit.ports import Signer
from counterseal.audit.signer import SignerState
from counterseal.kernel.errors import CountersealError
from storage.anchoring import AnchorBook
from storage.signer_client import RemoteSigner
from storage.signer_process import listening, serve
from storage.signers import EmbeddedSigner, state_file
from storage.store import SqlStore
from storage.system import MachineClock
from tests.bench.bench_seal import ORIGIN, draft
from tests.torture.seals import KEY, ROOT, environment, event_id, faults_of, opened
from tests.torture.strace import Point, points, traced

SEALS = 4
GROUP = 2
AT_ONCE = 2
PROCESS_SECONDS = 300
"""Tells a process that hangs from a machine with much else to do."""
HANGS = f"crashed: still running after {PROCESS_SECONDS} s"
OKAY = {0, -9, -15}
"""Done, killed by the fault, ended by us."""
HUNG = 124
"""The status of a signer that would not end, as `timeout` gives it."""
READ_ONLY = "DATABASE_READ_ONLY"
"""SQLite falls back to reading when a file cannot be opened for writing; the process says so until
it is started again."""
Say = Callable[[str], None]
Run = Callable[[Path, Path, Point | None], list[str]]


class Told:
    """A signer whose notes are told before anybody else has them."""

    def __init__(self, signer: Signer, say: Say) -> None:
        self._signer = signer
        self._say = say
        self.notes: list[str] = []

    @property
    def key(self) -> VerifierKey:
        return self._signer.key

    def remembered(self) -> SignerState:
        return self._signer.remembered()

    def draft_key(self) -> bytes:
        return self._signer.draft_key()

    def sign_checkpoint(
        self, origin: str, size: int, root: bytes, proof: Sequence[bytes], lease: int = 0
    ) -> str:
        note = self._signer.sign_checkpoint(origin, size, root, proof, lease)
        self._say(f"note {json.dumps(note)}")
        self.notes.append(note)
        return note


def folders(place: Path) -> tuple[Path, Path, Path]:
    return place / "home", place / "signer", place / "anchor"


def files(place: Path) -> list[Path]:
    """Everything that the process makes durable, and the folders that it syncs."""
    home, signer, anchor = folders(place)
    state, memory = state_file(signer, ORIGIN), anchor / "memory.json"
    database = [home / f"log.{end}" for end in ("sqlite", "sqlite-wal", "sqlite-shm", "lock")]
    renamed = [path for kept in (state, memory) for path in (kept, Path(f"{kept}.new"))]
    return [*database, *renamed, anchor / "heads", *folders(place)]


def write(
    place: Path, name: str, open_signer: Callable[[], Signer], say: Say, seals: int = SEALS
) -> None:
    """Record, seal, acknowledge and anchor; go on after whatever has a code of ours."""
    home, _, anchor = folders(place)
    book = AnchorBook(anchor / "heads", anchor / "memory.json", home)
    store: SqlStore | None = None
    for turn in range(seals):
        ids = [event_id(f"{name}-{turn}-{n}") for n in range(GROUP)]
        try:
            if store is None:
                signer = Told(open_signer(), say)
                store = SqlStore(home / "log.sqlite", signer, MachineClock())
            with store.transaction() as unit:
                for one in ids:
                    fresh = draft(turn)
                    fresh["event_id"] = one
                    unit.record(fresh, ())
            store.seal()
            for one in ids:
                say(f"ack {one}")
            book.append(signer.notes[-1])
        except CountersealError as error:
            say(f"failed {type(error).__name__} {error.code}")
    if store is not None:
        store.close()


def founded(place: Path) -> Path:
    """A log that is sealed and anchored once."""
    opened(place).close()
    (place / "anchor").mkdir()
    write(place, "base", partial(EmbeddedSigner, KEY, place / "signer"), nobody, 1)
    return place


def nobody(text: str) -> None:
    """Say nothing."""


def embedded(place: Path, log: Path, point: Point | None) -> list[str]:
    """What one process said that writes and signs, until it was done or killed."""
    words = [sys.executable, "-m", "tests.torture.faults", "write", str(place)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            traced(words, files(place), log, point),
            env=environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [HANGS]
    whole = done.stdout.splitlines()
    return whole if done.returncode in OKAY else [*whole, f"crashed {done.stderr[-500:]}"]


def remote(place: Path, log: Path, point: Point | None) -> list[str]:
    """What was told to a writer here whose signer is another process; a dead one is replaced."""
    told: list[str] = []
    with TemporaryDirectory(prefix="sgn-") as folder, ExitStack() as running:
        path = Path(folder) / "room" / "s"
        signing = [running.enter_context(signer_process(place, path, log, point))]

        def say(text: str) -> None:
            told.append(text)
            if text.endswith("SIGNER_UNREACHABLE") and signing[-1].poll() is not None:
                signing.append(running.enter_context(signer_process(place, path, None, None)))

        write(place, "run", partial(RemoteSigner, path, KEY.key), say)
    bad = [one.returncode for one in signing if one.returncode not in OKAY]
    return [*told, *(f"crashed signer {code}" for code in bad)]


@contextmanager
def signer_process(
    place: Path, path: Path, log: Path | None, point: Point | None
) -> "Iterator[subprocess.Popen[str]]":
    """A signer that listens, its calls on its memory logged; ended afterwards."""
    words = [sys.executable, "-m", "tests.torture.faults", "sign", str(place), str(path)]
    state = state_file(place / "signer", ORIGIN)
    watched = [state, Path(f"{state}.new"), state.parent]
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        words if log is None else traced(words, watched, log, point),
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child
    finally:
        child.terminate()  # strace hands it on
        try:
            child.communicate(timeout=PROCESS_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            child.returncode = HUNG


RUNS: Mapping[str, Run] = {"embedded": embedded, "remote": remote}


def faults_at(kind: str, template: Path, place: Path, point: Point) -> Iterator[str]:
    """What is wrong after one run with one fault."""
    shutil.copytree(template, place)
    label = f"{kind} signer, {point}"
    told = RUNS[kind](place, place / "calls", point)
    yield from (f"{label}: {line}" for line in told if line.startswith("crashed"))
    failed = [line for line in told if line.startswith("failed")]
    yield from (f"{label}: {line}" for line in failed if not line.startswith("failed AdapterError"))
    notes = [json.loads(line.removeprefix("note ")) for line in told if line.startswith("note")]
    acknowledged = {line.removeprefix("ack ") for line in told if line.startswith("ack")}
    stuck = not point.way.startswith("signal") and len(acknowledged) < (SEALS - 2) * GROUP
    if stuck and failed != [f"failed AdapterError {READ_ONLY}"] * SEALS:
        yield f"{label}: one failed call cost more than two seals: {told}"
    try:
        write(place, "next", partial(EmbeddedSigner, KEY, place / "signer"), notes_to(notes), 1)
        home, _, anchor = folders(place)
        anchored = AnchorBook(anchor / "heads", anchor / "memory.json", home).read().notes
        yield from faults_of(place, acknowledged, label, [*notes, *anchored])
    except CountersealError as error:
        yield f"{label}: afterwards {error}"
    shutil.rmtree(place)


def notes_to(notes: list[str]) -> Say:
    def say(text: str) -> None:
        if text.startswith("note "):
            notes.append(json.loads(text.removeprefix("note ")))
        elif text.startswith("failed"):
            raise RuntimeError(text)

    return say


def campaign(place: Path, chosen: int | None, seed: int, told: Say = nobody) -> Iterator[str]:
    """Count the calls, then fail each, or as many as chosen; yields what is wrong.

    Args:
        place: An empty folder.
        chosen: How many points of each campaign, None for all.
        seed: Of the choice.
        told: Gets the totals.
    """
    dice = random.Random(seed)  # noqa: S311 - a seeded choice, no secret
    template = founded(place / "template")
    for kind, run in RUNS.items():
        first = place / f"{kind}-first"
        shutil.copytree(template, first)
        undisturbed = run(first, place / "calls", None)
        if [line for line in undisturbed if line.startswith(("failed", "crashed"))]:
            yield f"{kind} signer, undisturbed: {undisturbed}"
        every = points(place / "calls")
        part = every if chosen is None else dice.sample(every, chosen)
        found = 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [
                pool.submit(list, faults_at(kind, template, place / f"{kind}-{number}", point))
                for number, point in enumerate(part)
            ]
            for job in jobs:
                found += len(job.result())
                yield from job.result()
        told(f"{kind} signer: {len(part)} faults at {len(every) // 3} calls, {found} wrong")


def main() -> int:
    """The process under test: one that writes, or one that signs."""
    kind, place, *more = sys.argv[1:]

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    open_signer = partial(EmbeddedSigner, KEY, Path(place) / "signer")
    if kind == "write":
        write(Path(place), "run", open_signer, say)
    else:
        with listening(Path(more[0])) as server:
            say("ready")
            serve(server, open_signer(), geteuid())
    return 0


if __name__ == "__main__":
    sys.exit(main())
