"""Work in copies of this process, which have loaded everything already and may be killed."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Self


def forked(work: Callable[[], object]) -> int:
    """Process id of a copy that does some work and ends, with status 1 when it failed.

    Nothing of the test run goes on in it; who asked for it waits for its end.
    """
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - a copy of a test run must end here
        traceback.print_exc()
    finally:
        os._exit(status)


class Speaking:
    """A copy at work that is listened to, until the end of a block.

    Attributes:
        stdout: What it says.
        returncode: How it ended; -n by signal n, None before.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        heard, said = os.pipe()

        def speak() -> None:
            os.close(heard)
            with os.fdopen(said, "w") as sys.stdout:
                work()

        self._child = forked(speak)
        os.close(said)
        self.stdout = os.fdopen(heard)
        self.returncode: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
