"""Children that never outlive us.

Job: start a process under a guardian that ends it, and everything it started, when we end.

Invariants
  I1  However we end, SIGKILL included, the guardian ends every process below it.
  I2  A grandchild whose parent is gone falls to the guardian, not to init.
  I3  The guardian's own end, SIGKILL included, ends its child at once.

The guardian is this module run as a program: it loads nothing but the standard library, leads a
session of its own (a Ctrl-C reaches us alone, and we stop in order) and holds the reading end of
a pipe of which we hold the only writing end. The kernel closes that end when we are gone, in
whichever way; a signal could be missed, a closed pipe cannot.

Not here: what is started (engine, serve).
Source: workflow part 2 (a SIGKILL of the parent leaves Prefect's server running).
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Final, NoReturn, Self

PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal sent to a process when its parent ends; Linux only."""

PR_SET_CHILD_SUBREAPER: Final = 36
"""prctl(2): orphans below this process become its children; Linux only."""

GRACE_SECONDS: Final = 5
"""How long a child may take to end by itself."""

_LOOK_SECONDS: Final = 0.2
_SWEEPS_MAX: Final = 100


class Guarded:
    """A running child and everything below it; leaving the block stops it.

    Args:
        command: Program and arguments, not a shell line.
        environment: All of its environment.
        output: Where its standard output and error go; to our standard error when None.
        folder: Where it works; where we do when None.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._guardian = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, "-m", "flows.processes", *command],
            stdin=subprocess.PIPE,
            stdout=output or sys.stderr.fileno(),
            stderr=output or sys.stderr.fileno(),
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id of the guardian."""
        return self._guardian.pid

    @property
    def status(self) -> int | None:
        """Exit status of the child, or None while it runs."""
        return self._guardian.poll()

    def wait(self, seconds_max: float) -> int | None:
        """Exit status of the child once it ends; None when it does not end in time."""
        with suppress(subprocess.TimeoutExpired):
            return self._guardian.wait(seconds_max)
        return None

    def stop(self) -> int:
        """Cut the lifeline and wait; gives the exit status."""
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        return self._guardian.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def guard(command: Sequence[str], lifeline: int) -> int:
    """Run a command until it ends, the lifeline is cut, or we are told to end.

    Args:
        command: Program and arguments.
        lifeline: A readable descriptor whose other end only the parent holds.

    Returns:
        The command's exit status; 128 + n when signal n ended it.
    """
    signal.signal(signal.SIGTERM, _leave)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(  # noqa: S603 - the command of our own parent, no shell
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509 - this process has a single thread
    )
    try:
        while child.poll() is None and not select.select([lifeline], [], [], _LOOK_SECONDS)[0]:
            pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end(child)
        _sweep()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def descendants(ancestor: int) -> frozenset[int]:
    """Process ids below a process, at any depth, as /proc shows them now."""
    children: dict[int, list[int]] = {}
    for process, parent in _parents():
        children.setdefault(parent, []).append(process)
    found: set[int] = set()
    open_ends = [ancestor]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found.update(below)
        open_ends.extend(below)
    return frozenset(found)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text("utf-8", errors="replace")
        except OSError:
            continue  # it ended while we looked
        state, parent = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            yield int(entry.parent.name), int(parent)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _sweep() -> None:
    """End whatever the child left behind; new orphans may appear while old ones end."""
    for _ in range(_SWEEPS_MAX):
        left = descendants(os.getpid())
        if not left:
            return
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _die_with(guardian: int) -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:  # it ended before we asked for the signal
        os.kill(os.getpid(), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere a guardian ends its child and nothing below it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:], sys.stdin.fileno()))
