"""Tick files on disk.

Job: read a day's file whole, and say which bytes it was.

Not here: what the bytes mean (market.ticks).
Source: trading part 2.
"""

from collections.abc import Collection
from pathlib import Path

from counterseal.kernel.canonical import sha256_hex
from counterseal.kernel.errors import InputError
from counterseal.market.ticks import TickFile, read_daily_zip, read_ticks
from storage.collection import uncollected


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
    with uncollected():  # half a million rows stay
        file = read_ticks(read_daily_zip(content), set(products))
    return file, f"sha256:{sha256_hex(content)}"
