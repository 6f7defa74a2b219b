"""Tick files on disk.

Job: read a day's file whole, and say which bytes it was.

Not here: what the bytes mean (market.ticks).
Source: trading part 2.
"""

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import InputError
from counterseal.market.ticks import TickFile, read_daily_zip, read_ticks


def read_tick_file(path: Path, products: Collection[str]) -> tuple[TickFile, str]:
    """A day's file (zip) and the digest of its bytes, `sha256:<hex>`.

    Raises:
        InputError: `TICK_FILE_MISSING`, and codes of `market.ticks`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            "TICK_FILE_MISSING", "the tick file cannot be read", field="--ticks", got=error
        ) from error
    with _uncollected():
        file = read_ticks(read_daily_zip(content), set(products))
    return file, f"sha256:{sha256_hex(content)}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: half a million rows stay, and none of them is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
