"""The search for cycles of garbage.

Job: let a piece of work that makes no cycles go on without it.

Invariants
  I1  Afterwards it is as it was, whatever the work raised.

Not here: which work that is (tick_files, store).
Source: CPython (the search goes through everything that a process holds).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search meanwhile; what is made in the block stays, so none of it would be found."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
