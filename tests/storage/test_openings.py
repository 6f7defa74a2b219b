"""Openings and their keys, on both databases."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import select

from counterseal.audit.privacy import Opening, commit
from storage.archive import SqlArchive
from storage.data_keys import DataKeys
from storage.store import SqlStore
from storage.system import MachineClock
from storage.tables import table
from tests.storage.log_room import LogRoom

ANN = commit("ann", {"handle": "Ann-Example"}, bytes(16))
BOB = commit("bob", {"handle": "Bob-Example"}, bytes(range(16)))


class UndoneError(Exception):
    """The transaction is rolled back."""


@pytest.fixture
def keys(room: LogRoom) -> DataKeys:
    return DataKeys(room.folder / "signer" / "openings")


@pytest.fixture
def store(room: LogRoom, keys: DataKeys) -> Iterator[SqlStore]:
    made = SqlStore(room.database, room.signer, MachineClock(), keys=keys)
    yield made
    made.close()


def kept(store: SqlStore, *openings: Opening) -> None:
    with store.transaction() as work:
        work.keep(openings)


def undone(store: SqlStore) -> None:
    """Forget one and keep another, and do not mean it.

    Raises:
        UndoneError: always.
    """
    with store.transaction() as work:
        work.forget([ANN.commitment])
        work.keep([BOB])
        raise UndoneError


def opened(store: SqlStore, opening: Opening) -> Opening | None:
    with store.reader() as reader:
        return reader.opened(opening.commitment)


def test_what_is_kept_is_opened_and_lies_sealed(
    room: LogRoom, store: SqlStore, keys: DataKeys
) -> None:
    """Design 7: one row for each block: nonce and ciphertext, no word and no salt."""
    kept(store, ANN, BOB)
    assert (opened(store, ANN), opened(store, BOB)) == (ANN, BOB)
    archive = SqlArchive(room.database, keys)
    assert set(archive.openings()) == {ANN, BOB}
    assert archive.openings("ann") == (ANN,)
    assert archive.commitments("bob") == (BOB.commitment,)
    with room.raw() as connection:
        rows = connection.execute(select(table("audit_openings"))).mappings().all()
    nonces, texts = {row["nonce"] for row in rows}, b"".join(row["ciphertext"] for row in rows)
    assert len(nonces) == len(rows) == 2
    assert all(one.encode() not in texts for one in (ANN.salt, "Example", ANN.block))


def test_a_key_goes_with_the_seal_behind_the_commit(store: SqlStore, keys: DataKeys) -> None:
    """Design 7: until then it is only let go; others stay."""
    kept(store, ANN, BOB)
    with store.transaction() as work:
        work.forget([ANN.commitment])
    assert opened(store, ANN) is None
    assert keys.key_of(ANN.commitment) is not None
    store.seal()
    assert keys.key_of(ANN.commitment) is None
    assert opened(store, BOB) == BOB
    assert keys.going() == ()


def test_what_is_rolled_back_is_neither_kept_nor_forgotten(store: SqlStore, keys: DataKeys) -> None:
    """Design 7: an opening and its key live and die with the transaction of their record."""
    kept(store, ANN)
    with pytest.raises(UndoneError):
        undone(store)
    store.seal()
    assert (opened(store, ANN), opened(store, BOB)) == (ANN, None)
    kept(store, BOB)
    assert opened(store, BOB) == BOB
    with store.transaction() as work:
        work.forget([ANN.commitment, BOB.commitment])
    store.seal()
    assert [keys.key_of(one.commitment) for one in (ANN, BOB)] == [None, None]


def test_a_seal_beside_an_erasure_under_way_takes_no_key(
    room: LogRoom, store: SqlStore, keys: DataKeys
) -> None:
    """Design 7: whose deletion is not committed keeps its key, whoever seals meanwhile."""
    kept(store, ANN)
    keys.let_go([ANN.commitment])
    store.seal()
    assert opened(store, ANN) == ANN
    other = SqlStore(room.database, room.signer, MachineClock(), keys=keys)
    with closing(other), other.transaction() as work:
        work.forget([ANN.commitment])
    store.seal()
    assert keys.key_of(ANN.commitment) is None
