"""Days in processes of their own, some of them killed."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from flows.day.home import DATABASE, outside_of
from flows.day.results import FILES, FOLDER, SUMMARY
from flows.processes import descendants
from storage.outside_folder import OutsideFolder

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


def killed(out: Path, after_seconds: float, *words: str) -> bool:
    """Whether a day that was started was killed before its end; nothing of it lives on then."""
    with subprocess.Popen(  # noqa: S603 - our own words
        command(out, *words), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
    words: Sequence[str],
) -> Iterator[str]:
    """Kill days at random moments until `kills` of them died; yields each fault that is found.

    Args:
        folder: Where homes are made; one is used until it finishes.
        expected: Files of an undisturbed day.
        kills: How many runs to kill.
        seed: Of the moments.
        seconds: How long an undisturbed day takes here.
        words: Further options of the day.
    """
    moments, home, done = random.Random(seed), 0, 0  # noqa: S311 - moments, not secrets
    while done < kills:
        out = folder / f"home-{home}"
        before = records_of(out)
        died = killed(out, moments.uniform(0.1, seconds), *words)
        after = records_of(out)
        if after[: len(before)] != before:
            yield f"home {home}: a kill lost what was acknowledged"
        done += died
        if died and done < kills:
            continue
        ended = replayed(out, *words)
        if ended.returncode:
            yield f"home {home}: the resumed day failed: {ended.stderr[-400:]}"
        elif results_of(out) != expected:
            yield f"home {home}: the resumed day has another result"
        home += 1
