"""Wall seconds and peak memory of a real day through the whole platform."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.bench.bench_ticks import DAY
from tests.bench.measure import ROOT, Measurement, console

SECONDS_MAX = 90.0
MEGABYTES_MAX = 1000.0
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.05
NAMES = ("demo, real day", "demo, peak memory")


def measure(folder: Path) -> list[Measurement]:
    """`counterseal demo --ticks`; memory is the largest of the process and its children."""
    counterseal = console("counterseal")
    known = subprocess.run(  # noqa: S603 - our own words
        [counterseal, "demo", "--help"], cwd=ROOT, capture_output=True, check=False
    )
    if known.returncode != 0:
        return [Measurement(name, absent="no `counterseal demo` yet") for name in NAMES]
    if not DAY.is_file():
        return [Measurement(name, absent=f"{DAY} (see COUNTERSEAL_TEST_DATA)") for name in NAMES]
    words = [counterseal, "demo", "--ticks", str(DAY), "--out", str(folder / "demo")]
    ended = _ended(words)
    if isinstance(ended, str):
        return [Measurement(name, absent=f"`counterseal demo` {ended}") for name in NAMES]
    spent, megabytes = ended
    return [
        Measurement(NAMES[0], spent, bar=SECONDS_MAX),
        Measurement(NAMES[1], megabytes, "MB", bar=MEGABYTES_MAX),
    ]


def _ended(words: list[str]) -> tuple[float, float] | str:
    """Seconds and megabytes of a command, or how it failed."""
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    child = os.posix_spawn(words[0], words, os.environ, file_actions=quiet)
    while (spent := time.perf_counter() - start) < PATIENCE_SECONDS:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return f"ended with {code}" if code else (spent, usage.ru_maxrss / 1024)
        time.sleep(POLL_SECONDS)
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    return f"did not end in {PATIENCE_SECONDS:.0f} s"
