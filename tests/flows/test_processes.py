"""A child never outlives us, however we end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.processes import GRACE_SECONDS, Guarded, descendants

ROOT = Path(__file__).parents[2]
ENDED_WITHIN_SECONDS = GRACE_SECONDS + 5
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
WITH_GRANDCHILD = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)\n"
    "print('up', flush=True)\n"
)
PARENT = (  # who runs the tests may ignore a hang-up, and a child would inherit that
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    "from flows.processes import Guarded\n"
    "Guarded([sys.executable, '-c', sys.argv[1]], os.environ)\n"
    "time.sleep(600)\n"
)


def until(holds: Callable[[], bool], seconds: float = ENDED_WITHIN_SECONDS) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def alive(processes: frozenset[int]) -> set[int]:
    """Those that still run; a zombie does not."""
    states = {}
    for process in processes:
        try:
            text = Path(f"/proc/{process}/stat").read_text("utf-8")
        except OSError:
            continue
        states[process] = text.rpartition(")")[2].split()[0]
    return {process for process, state in states.items() if state != "Z"}


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a guarded child, which has a child in a session of its own."""
    code = f"{WITH_GRANDCHILD}time.sleep(600)"
    with subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", PARENT, code], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        assert until(lambda: len(descendants(process.pid)) == 3)
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_i1_nothing_is_left_when_we_are_killed(
    parent: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    """Workflow 2: SIGKILL of the parent left Prefect's server running."""
    below = descendants(parent.pid)
    parent.send_signal(number)
    parent.wait()
    assert until(lambda: not alive(below))


def test_i2_a_grandchild_whose_parent_is_gone_is_ended_too() -> None:
    """Workflow 6: a worker that ends leaves its flows behind."""
    before = descendants(os.getpid())
    with Guarded([sys.executable, "-c", WITH_GRANDCHILD], os.environ) as child:
        assert until(lambda: child.status == 0)
    assert not descendants(os.getpid()) - before  # what others left may end meanwhile


def test_i3_the_child_ends_with_its_guardian(parent: subprocess.Popen[bytes]) -> None:
    """The guardian can be killed as well."""
    [guardian] = [p for p in descendants(parent.pid) if len(descendants(p)) == 2]
    below = descendants(guardian)
    [child] = [p for p in below if descendants(p)]
    os.kill(guardian, signal.SIGKILL)
    assert until(lambda: not alive(frozenset({child})))
    for orphan in alive(below):  # nobody is left to sweep it: the price of this double fault
        os.kill(orphan, signal.SIGKILL)


def test_a_child_that_will_not_end_is_killed_after_its_grace() -> None:
    """A stop is bounded."""
    with Guarded([sys.executable, "-c", STUBBORN], os.environ) as child:
        assert until(lambda: len(descendants(child.pid)) == 1)
        time.sleep(0.5)
        started = time.monotonic()
        assert child.stop() == 128 + signal.SIGKILL
    assert GRACE_SECONDS <= time.monotonic() - started < ENDED_WITHIN_SECONDS


@pytest.mark.parametrize("status", [0, 7])
def test_the_exit_status_is_the_child_s(status: int) -> None:
    """Whoever waits for a guarded child learns how it ended."""
    child = Guarded([sys.executable, "-c", f"raise SystemExit({status})"], os.environ)
    assert until(lambda: child.status is not None)
    assert child.stop() == status
