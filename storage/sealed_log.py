"""The signed part of a log, as outsiders are shown it.

Job: tell the newest signed checkpoint, and prove that the log grew from what a witness holds.

Invariants
  I1  It only reads, on connections of its own: whoever writes never waits for it.
  I2  A proof leads to a signed root, or none is made: what is stored is not trusted.

Not here: signing (journal), who is shown it (witnesses, attesting).
Source: C2SP tlog-witness; RFC 6962 part 2.1.2.
"""

from sqlalchemy import Engine, select

from counterseal.audit.receipt import prove_growth
from counterseal.audit.tiles import TiledTree
from counterseal.kernel.errors import InputError
from storage.tables import table
from storage.tiles import StoredTiles
from storage.unit_of_work import translated_errors


class SealedLog:
    """One log, read only; safe for several threads.

    Args:
        reader: Engine that reads the database; it stays the caller's.
    """

    def __init__(self, reader: Engine) -> None:
        self._reader = reader

    def newest(self) -> str | None:
        """The newest signed checkpoint, None in a log without one.

        Raises:
            AdapterError: when the database cannot be read.
        """
        cells = table("audit_checkpoints").c
        asked = select(cells.note).order_by(cells.size.desc()).limit(1)
        with translated_errors(), self._reader.connect() as connection:
            found = connection.scalar(asked)
        return None if found is None else str(found)

    def growth(self, old: int, new: int) -> tuple[bytes, ...]:
        """Consistency proof between two sizes of the log.

        Args:
            old: What a witness holds.
            new: Size of a signed checkpoint.

        Raises:
            InputError: `PROOF_RANGE` unless 0 < old <= new and a checkpoint has the new size.
            IntegrityError: `TILE_DIFFERS` when what is stored does not lead to the signed root.
            AdapterError: when the database cannot be read.
        """
        cells = table("audit_checkpoints").c
        asked = select(cells.note).where(cells.size == new)
        with translated_errors(), self._reader.connect() as connection:
            note = connection.scalar(asked)
            if note is None:
                raise InputError("PROOF_RANGE", "no checkpoint of this size", got=new)
            tree = TiledTree(new, StoredTiles(connection))
            return prove_growth(tree, old, str(note)).proof
