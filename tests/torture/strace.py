"""Which calls a process makes on some files, and how to let one of them fail.

Injection at the entry of a call is what `strace` does for us: the call does not happen, and the
process sees an error, or is killed. Consecutive calls are consecutive crash points.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

CALLS = (
    *("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "openat"),
    *("rename", "renameat", "link", "linkat", "unlink", "unlinkat"),
)
"""Those that change something durable; names that a machine lacks are passed over."""
WAYS = ("error=EIO", "error=ENOSPC", "signal=SIGKILL")
ABSENT = "faults at every call were not injected: strace is not installed, or may not trace here"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)$")
_READ = re.compile(r'"([^"]+)", O_RDONLY')


class Point(NamedTuple):
    """The k-th call of one name, counted from 1, and what becomes of it."""

    call: str
    number: int
    way: str

    def __str__(self) -> str:
        return f"{self.call} {self.number} {self.way}"


@cache
def usable() -> bool:
    """Whether `strace` is installed, knows injection, and may trace here."""
    if shutil.which("strace") is None:
        return False
    words = ["strace", "-qq", "-e", "inject=fsync:error=EIO", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed words


def traced(
    command: Sequence[str], files: Iterable[Path], log: Path, point: Point | None = None
) -> list[str]:
    """A command whose calls on these files are logged, one of them failing.

    The files are given by the paths that the process itself uses.
    """
    paths = [word for file in files for word in ("-P", str(file))]
    names = ",".join(f"?{call}" for call in CALLS)
    # Injected signals are lost on the filtered path, which costs nothing for every other call.
    fast = [] if point is not None and point.way.startswith("signal") else ["--seccomp-bpf"]
    chosen = []
    if point is not None:
        chosen = ["-e", f"inject={point.call}:{point.way}:when={point.number}"]
    quiet = ["-f", "-qq", "-y", "-I", "2", "-e", "signal=none", "-o", str(log)]
    return ["strace", *fast, *quiet, *paths, "-e", f"trace={names}", *chosen, *command]


def points(log: Path) -> list[Point]:
    """Every call of an undisturbed run that changes something, in each way.

    Files opened for reading are passed over; folders are opened to be synced.
    """
    found: list[Point] = []
    count: Counter[str] = Counter()
    for line in log.read_text("utf-8", errors="replace").splitlines():
        told = _LINE.match(line)
        if told is None:
            continue
        count[told[1]] += 1
        looked = _READ.search(told[2])
        if looked is None or Path(looked[1]).is_dir():
            found += [Point(told[1], count[told[1]], way) for way in WAYS]
    return found
