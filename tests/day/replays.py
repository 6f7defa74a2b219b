"""Days, some of them in processes of their own and killed."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Protocol

from flows.__main__ import main
from flows.day.home import DATABASE, outside_of
from flows.day.plans import demo_market, demo_plan
from flows.day.results import FILES, FOLDER, SUMMARY
from flows.day.run import run_day
from flows.processes import descendants
from storage.outside_folder import OutsideFolder
from storage.settings import Settings
from tests.forked import forked

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", ROOT.parent / "shared/data"))
REAL_DAY = DATA / "taifex_ticks_20210726/Daily_2021_07_26.zip"
REAL_DAY_WORDS = ("--ticks", str(REAL_DAY), "--products", "TX,MTX", "--no-engine")
LOG = "SELECT seq, recorded_at, leaf_hash, body FROM audit_records ORDER BY seq"
NOTES = "SELECT size, note FROM audit_checkpoints ORDER BY size"


def command(out: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "flows", "demo", "--out", str(out), *words]


def replayed(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A day run to its end."""
    return subprocess.run(  # noqa: S603 - our own words
        command(out, *words), cwd=ROOT, capture_output=True, text=True, check=False
    )


def replayed_here(out: Path, *words: str) -> tuple[int, dict[str, dict[str, object]]]:
    """The same in this process: its exit status and its document."""
    said = StringIO()
    with chdir(ROOT), redirect_stdout(said), redirect_stderr(StringIO()):
        status = main(["demo", "--out", str(out), *words])
    return status, json.loads(said.getvalue())


class Days(Protocol):
    """Equal days, each in a home of its own."""

    def killed(self, out: Path, after_seconds: float) -> bool:
        """Whether a day was killed before its end."""
        ...

    def ended(self, out: Path) -> str:
        """Go on to the end; why it failed, or nothing."""
        ...


@dataclass(frozen=True)
class ByCommand:
    """Days as a user runs them, with further options."""

    words: Sequence[str]

    def killed(self, out: Path, after_seconds: float) -> bool:
        """Of one that was killed nothing lives on."""
        with subprocess.Popen(  # noqa: S603 - our own words
            command(out, *self.words),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            try:
                child.wait(after_seconds)
            except subprocess.TimeoutExpired:
                below = descendants(child.pid)
                child.kill()
                child.wait()
                assert await_end(below), f"outlived their parent: {below}"
                return True
            return False

    def ended(self, out: Path) -> str:
        """By the same command."""
        done = replayed(out, *self.words)
        return f"status {done.returncode}: {done.stderr[-400:]}" if done.returncode else ""


@dataclass(frozen=True)
class Forked:
    """The deterministic day in copies of this process, which has its keys derived already."""

    settings: Settings
    seed: str

    def killed(self, out: Path, after_seconds: float) -> bool:
        """By SIGKILL, wherever it was."""
        child = forked(lambda: self._run(out))
        until = time.monotonic() + after_seconds
        while time.monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                assert status == 0
                return False
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def ended(self, out: Path) -> str:
        """In this process."""
        self._run(out)
        return ""

    def _run(self, out: Path) -> None:
        run_day(out, self.settings, demo_plan(self.seed), demo_market())


def await_end(processes: frozenset[int], seconds: float = 15) -> bool:
    """Whether all of these processes end within some seconds."""
    until = time.monotonic() + seconds
    while any(alive(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def alive(process: int) -> bool:
    try:
        text = Path(f"/proc/{process}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def log_of(out: Path) -> list[tuple[object, ...]]:
    """Sealed records of a home, checkpoints included; nothing when there is no database yet."""
    path = out / DATABASE
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path)) as connection:
        return [*connection.execute(LOG), *connection.execute(NOTES)]


def records_of(out: Path) -> list[tuple[object, ...]]:
    """Records that a checkpoint covers: what was acknowledged."""
    path = out / DATABASE
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path)) as connection:
        [(size,)] = connection.execute("SELECT coalesce(max(size), 0) FROM audit_checkpoints")
        return [row for row in connection.execute(LOG) if int(row[0]) < int(size)]


def results_of(out: Path) -> dict[str, bytes]:
    """What two equal days share: results, and what outsiders hold but for the time-stamp."""
    names = [*(f"{name}.jsonl" for name in FILES), SUMMARY]
    results = {name: (out / FOLDER / name).read_bytes() for name in names}
    return results | evidence_of(outside_of(out))


def evidence_of(folder: OutsideFolder) -> dict[str, bytes]:
    kept = (folder.cosigned, folder.latest, folder.anchors, folder.receipts)
    files = [folder.log_key, folder.policy, *(path for place in kept for path in place.iterdir())]
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in sorted(files)}


def campaign(
    folder: Path,
    expected: dict[str, bytes],
    kills: int,
    seed: int,
    seconds: float,
    days: Days,
) -> Iterator[str]:
    """Kill days at random moments until `kills` of them died; yields each fault that is found.

    Args:
        folder: Where homes are made; one is used until it finishes.
        expected: Files of an undisturbed day.
        kills: How many runs to kill.
        seed: Of the moments.
        seconds: How long an undisturbed day takes here.
        days: What they are.
    """
    moments, home, done = random.Random(seed), 0, 0  # noqa: S311 - moments, not secrets
    while done < kills:
        out = folder / f"home-{home}"
        before = records_of(out)
        died = days.killed(out, moments.uniform(0.1, seconds))
        after = records_of(out)
        if after[: len(before)] != before:
            yield f"home {home}: a kill lost what was acknowledged"
        done += died
        if died and done < kills:
            continue
        if failed := days.ended(out):
            yield f"home {home}: the resumed day failed: {failed}"
        elif results_of(out) != expected:
            yield f"home {home}: the resumed day has another result"
        home += 1
