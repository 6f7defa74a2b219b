"""What opens the commitments of the log.

Job: keep, show and destroy openings of personal data, each sealed under a key of its own.

Invariants
  I1  An opening is stored in the transaction that puts its commitment on the way into the log, and
      under a key that is durable by then.
  I2  Salt and block are encrypted, bound to commitment and person: a copy of the database shows
      neither, and cannot be searched for a guessed name once the key is destroyed.
  I3  What is forgotten is overwritten in the file; the journal beside it is emptied by `scrub`.
  I4  A row that is no opening stops nothing: it is shown as one that does not hold.

Not here: where keys lie (data_keys), whether every commitment is accounted for (audit.privacy).
Source: design part "privacy, retention, legal hold"; SQLite documentation, pragma secure_delete.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select

from counterseal.audit.privacy import Opening
from counterseal.kernel.canonical import Json, canonical_bytes, parse_json
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage.data_keys import DataKeys
from storage.tables import table

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_SIZE: Final = 12
_NO_COMMITMENT: Final = f"sha256:{'0' * 64}"


def keep_openings(connection: Connection, keys: DataKeys, openings: Sequence[Opening]) -> None:
    """Store openings, each under its own key; each commitment once.

    Raises:
        AdapterError: `DATA_KEYS_FAILED`; nothing is stored then.
    """
    rows = [_sealed(opening, keys.drawn(opening.commitment)) for opening in openings]
    if rows:
        connection.execute(insert(table("audit_openings")), rows)


def forget_openings(connection: Connection, keys: DataKeys, commitments: Sequence[str]) -> None:
    """Destroy openings: their pages are overwritten, not only unlinked, and their keys let go.

    Raises:
        AdapterError: `DATA_KEYS_FAILED`; nothing is forgotten then.
    """
    overwriting(connection)
    openings = table("audit_openings")
    for commitment in commitments:
        connection.execute(delete(openings).where(openings.c.commitment == commitment))
    keys.let_go(commitments)


def destroy_keys(connection: Connection, keys: DataKeys) -> None:
    """Destroy every key that was let go and whose opening is gone for good.

    Args:
        connection: In a writing transaction: a deletion that is not committed keeps its key.
        keys: Where they lie.

    Raises:
        AdapterError: `DATA_KEYS_FAILED`, retriable: what is left is destroyed the next time.
    """
    openings = table("audit_openings")
    going = keys.going()
    kept = {
        one
        for one in going
        if connection.execute(select(1).where(openings.c.commitment == one)).first()
    }
    keys.destroy([one for one in going if one not in kept])


def read_opening(connection: Connection, keys: DataKeys, commitment: str) -> Opening | None:
    """The opening of one commitment, None when there is none or its key is not here.

    Raises:
        IntegrityError: `OPENING_INVALID` for a row that cannot be an opening, or opens another.
    """
    openings = table("audit_openings")
    query = select(openings).where(openings.c.commitment == commitment)
    row = connection.execute(query).mappings().one_or_none()
    opening = None if row is None else _opened(row, keys)
    if opening is not None and not opening.holds:
        raise IntegrityError("OPENING_INVALID", "a stored opening does not hold", got=commitment)
    return opening


def read_openings(
    connection: Connection, keys: DataKeys, person_id: str | None = None
) -> Iterator[Opening]:
    """Openings whose keys are here, in the order of their commitments, of one person or of all."""
    for row in _rows(connection, person_id):
        opening = _opened(row, keys)
        if opening is not None:
            yield opening


def committed(connection: Connection, person_id: str | None = None) -> tuple[str, ...]:
    """Commitments that have an opening here, whether or not its key is: no key is needed to ask."""
    return tuple(str(row["commitment"]) for row in _rows(connection, person_id))


def _rows(connection: Connection, person_id: str | None) -> Iterator[RowMapping]:
    openings = table("audit_openings")
    query = select(openings).order_by(openings.c.commitment)
    if person_id is not None:
        query = query.where(openings.c.person_id == person_id)
    yield from connection.execute(query).mappings()


def _sealed(opening: Opening, key: bytes) -> dict[str, str | bytes]:
    content: dict[str, Json] = {"block": opening.block, "salt": opening.salt}
    nonce = os.urandom(NONCE_SIZE)
    bound = _bound(opening.commitment, opening.person_id)
    return {
        "commitment": opening.commitment,
        "nonce": nonce,
        "ciphertext": _cipher(key).encrypt(nonce, canonical_bytes(content), bound),
        "person_id": opening.person_id,
    }


def _opened(row: RowMapping, keys: DataKeys) -> Opening | None:
    """The opening of a row; one that does not hold for what is no opening, None without a key."""
    commitment, person_id = str(row["commitment"]), str(row["person_id"])
    key = keys.key_of(commitment)
    if key is None:
        return None
    try:
        content = _decrypted(key, row, _bound(commitment, person_id))
        return Opening.model_validate({**content, "commitment": commitment, "person_id": person_id})
    except (InputError, ValidationError, ValueError):
        return Opening(commitment=_NO_COMMITMENT, salt="0" * 32, block="", person_id="unreadable")


def _decrypted(key: bytes, row: RowMapping, bound: bytes) -> Mapping[str, Json]:
    """Salt and block of a row.

    Raises:
        ValueError: when key, cells and what they are bound to do not fit.
        InputError: when the content is no JSON.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - documents need no cipher

    nonce, ciphertext = row["nonce"], row["ciphertext"]
    if not isinstance(nonce, bytes) or not isinstance(ciphertext, bytes):
        raise ValueError("cells are bytes")  # noqa: TRY004 - a damaged row, not a wrong caller
    try:
        value = parse_json(_cipher(key).decrypt(nonce, ciphertext, bound))
    except InvalidTag:
        raise ValueError("it was changed") from None
    if not isinstance(value, dict) or value.keys() != {"block", "salt"}:
        raise ValueError("it is no opening")
    return value


def _bound(commitment: str, person_id: str) -> bytes:
    return f"{commitment} {person_id}".encode()


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415 - as above
        AESGCM,
    )

    return AESGCM(key)


def overwriting(connection: Connection) -> None:
    """Have what this connection deletes overwritten, where the database can."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def scrub(writer: Engine) -> None:
    """Empty SQLite's write-ahead log, where bytes that were just destroyed would live on.

    On another database they live on in its own journals, sealed, without their keys.

    Raises:
        AdapterError: `DATABASE_BUSY`, retriable, while a reader still needs it.
    """
    if writer.dialect.name != "sqlite":
        return
    with writer.connect() as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise AdapterError("DATABASE_FAILED", "no connection to the database")
        busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise AdapterError("DATABASE_BUSY", "a reader keeps the erased bytes", retriable=True)
