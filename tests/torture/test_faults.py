"""A sample of `python -m tests.torture faults`: one failing call, or death, in each run."""

from pathlib import Path

import pytest

from tests.torture import strace
from tests.torture.faults import campaign

SAMPLE = 3
SEED = 3
LOG = """\
7 openat(AT_FDCWD</x>, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3</etc/hosts>
7 openat(AT_FDCWD</x>, "a", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 3</x/a>
8 write(3</x/a>, "fsync(1", 7)       = 7
7 write(3</x/a>, "b", 1)            = 1
7 --- SIGCHLD ---
7 openat(AT_FDCWD</x>, "/", O_RDONLY|O_CLOEXEC) = 4</>
7 fsync(4</>)                         = 0
"""


def test_a_fault_at_any_call_loses_nothing_that_was_acknowledged(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Journal I2, signers I1: EIO, ENOSPC, kill -9; a notice where nothing can be injected."""
    if strace.usable():
        assert list(campaign(tmp_path, SAMPLE, SEED)) == []
    else:
        reporter = request.config.pluginmanager.getplugin("terminalreporter")
        reporter.write_line(f"\nNOT CHECKED: {strace.ABSENT}", yellow=True)


def test_every_call_that_changes_something_is_a_point(tmp_path: Path) -> None:
    """Counted by name; a file that is only read is counted, and passed over."""
    (tmp_path / "log").write_text(LOG, "utf-8")
    found = strace.points(tmp_path / "log")
    assert [(one.call, one.number) for one in found[::3]] == [
        *(("openat", 2), ("write", 1), ("write", 2), ("openat", 3), ("fsync", 1)),
    ]
    assert {one.way for one in found} == {"error=EIO", "error=ENOSPC", "signal=SIGKILL"}
