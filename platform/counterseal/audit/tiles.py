"""The tree in tiles: hashes as they are stored, so that a proof costs the same in a long log.

Job: say which tiles a log of some size has and what they are called, and prove from them.

A tile is a run of hashes of one level of tiles: at level 0 leaf hashes, at each further level the
roots of the full tiles below. With a height of 8 a tile has 256 hashes and stands for eight levels
of the tree. Only full tiles are stored; the right edge is made from what lies below it.

Invariants
  I1  Proofs from tiles are the proofs of the tree of all leaves (`merkle.Tree`).
  I2  A full tile never changes while the log grows, and a tile that is not full is never hashed
      upward.
  I3  A proof reads at most two tiles a level, however long the log is.

Not here: storing and reading tiles (storage.tiles). Tiles are not trusted: who proves from them
checks that the proof leads to a signed root (receipt).
Source: C2SP tlog-tiles.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final, Protocol

from counterseal.audit.merkle import ProofTree, Tree
from counterseal.kernel.errors import IntegrityError

TILE_HEIGHT: Final = 8
"""Levels of the tree that one tile stands for."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile."""

OPENED_MAX: Final = 1_024
"""Tiles that are kept in memory with every hash above their own (about 40 KiB each)."""


def full_tiles(level: int, size: int, height: int = TILE_HEIGHT) -> int:
    """How many full tiles a log of `size` leaves has at a level of tiles.

    What growth from one size to another completes are the numbers from the one count to the other.
    """
    return size >> height * (level + 1)


def tile_width(level: int, number: int, size: int, height: int = TILE_HEIGHT) -> int:
    """How many hashes a tile has in a log of `size` leaves; 0 for a tile that it does not have."""
    return max(0, min(1 << height, (size >> height * level) - (number << height)))


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """The public name of a tile: `tile/<level>/<number>`, with `.p/<width>` when it is not full.

    The number is written in groups of three digits, all but the last one behind an `x`.
    """
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join((f"tile/{level}", *(f"x{group}" for group in groups[:-1]), groups[-1]))
    return name if width == TILE_WIDTH else f"{name}.p/{width}"


class TileSource(Protocol):
    """Gives the hashes of tiles."""

    def hashes(self, level: int, number: int, width: int) -> Sequence[bytes]:
        """The first `width` hashes of a tile, in order.

        A full tile as it is stored; of one that is not full the leaf hashes (level 0), or the roots
        of the full tiles below it. May give fewer when they are not stored.
        """


class TiledTree(ProofTree):
    """The tree of the first `size` leaves, over stored tiles.

    Args:
        size: Leaves; those behind them are left alone.
        source: The tiles, at least up to that size.
        height: Levels of the tree in a tile.

    Raises:
        IntegrityError: `TILE_DIFFERS`, from every question, when the source gives fewer hashes than
            a tile has at this size.
    """

    __slots__ = ("_above", "_height", "_opened", "_size", "_source")

    def __init__(self, size: int, source: TileSource, height: int = TILE_HEIGHT) -> None:
        super().__init__()
        self._size = size
        self._source = source
        self._height = height
        self._opened = lru_cache(OPENED_MAX)(self._open)
        self._above = lru_cache(OPENED_MAX)(partial(self._path, height))

    @property
    def size(self) -> int:
        """Leaves."""
        return self._size

    def subtree(self, level: int, index: int) -> bytes:
        """Root of a perfect subtree, from the tile that holds it."""
        tile_level, inner = divmod(level, self._height)
        rest = self._height - inner
        tile = self._opened(tile_level, index >> rest)
        return tile.subtree(inner, index & (1 << rest) - 1)

    def _path(self, level: int, index: int, size: int) -> tuple[bytes, ...]:
        """Within a full tile, and then above it: that part is the same for all of its records."""
        number = index >> self._height
        if level or number + 1 << self._height > size:
            return super()._path(level, index, size)
        within = index - (number << self._height)
        return self._opened(0, number).inclusion_path(within) + self._above(number, size)

    def _open(self, level: int, number: int) -> Tree:
        """A tile is a small tree of its own.

        Raises:
            IntegrityError: `TILE_DIFFERS`.
        """
        width = tile_width(level, number, self._size, self._height)
        hashes = self._source.hashes(level, number, width)
        if len(hashes) != width:
            raise IntegrityError(
                "TILE_DIFFERS",
                "a stored tile is missing or too short; run `audit verify` next",
                field=tile_path(level, number, width),
                expected=width,
                got=len(hashes),
            )
        return Tree(hashes)
