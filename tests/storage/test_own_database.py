"""A small SQLite file beside the log: its owner's alone, whole, and changed in one piece."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError
from storage.own_database import own_transaction

MAKERS = 8


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "beside" / "words.sqlite3"


def fill(work: sqlite3.Connection) -> None:
    work.executescript("CREATE TABLE words (word TEXT PRIMARY KEY) STRICT;")


def say(place: Path, word: str, tables: Callable[[sqlite3.Connection], object] = fill) -> None:
    with own_transaction(place, tables, failed="WORDS_FAILED") as work:
        work.execute("INSERT INTO words VALUES (?)", (word,))


def said(place: Path) -> Iterator[str]:
    with closing(sqlite3.connect(place)) as connection:
        yield from (row[0] for row in connection.execute("SELECT word FROM words ORDER BY word"))


def test_i1_the_file_is_its_owners_alone_and_nothing_else_is_left(place: Path) -> None:
    """Governance part 5: 0600 in a folder 0700."""
    say(place, "first")
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_i1_a_file_that_cannot_be_filled_is_not_made(place: Path) -> None:
    """Nobody opens one without its tables: the next one to ask makes it."""
    with pytest.raises(AdapterError, match="WORDS_FAILED"):
        say(place, "lost", lambda work: work.executescript("CREATE TABLE words (word NONE) STRICT"))
    assert list(place.parent.iterdir()) == []
    say(place, "kept")
    assert list(said(place)) == ["kept"]


def test_i1_many_that_make_it_at_once_share_one_file(place: Path) -> None:
    """The first to link it wins, and no word goes into a file that another one replaces."""
    words = sorted(str(number) for number in range(MAKERS))
    with ThreadPoolExecutor(MAKERS) as makers:
        list(makers.map(lambda word: say(place, word), words))
    assert list(said(place)) == words


def test_i2_a_block_that_raises_changes_nothing(place: Path) -> None:
    """Closing rolls back what was not committed."""
    say(place, "kept")
    with pytest.raises(AdapterError, match="WORDS_FAILED"):
        _say_both(place, "lost", "kept")
    assert list(said(place)) == ["kept"]


def _say_both(place: Path, *words: str) -> None:
    with own_transaction(place, fill, failed="WORDS_FAILED") as work:
        for word in words:
            work.execute("INSERT INTO words VALUES (?)", (word,))


def test_i2_the_writers_lock_is_held_from_the_first_read(place: Path) -> None:
    """Nobody writes between what a block reads and what it writes."""
    say(place, "kept")
    with own_transaction(place, fill, failed="WORDS_FAILED") as work:
        assert work.execute("PRAGMA synchronous").fetchone() == (2,)
        with closing(sqlite3.connect(place, timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO words VALUES ('between')")
            other.rollback()


def test_i3_what_is_deleted_is_overwritten(place: Path) -> None:
    """Governance part 5: a word that was taken back is in no free page."""
    word = "a-word-that-was-taken-back" * 4
    say(place, word)
    with own_transaction(place, fill, failed="WORDS_FAILED") as work:
        work.execute("DELETE FROM words")
    assert word.encode() not in place.read_bytes()


def test_a_file_that_is_no_database_fails_with_the_keepers_code(place: Path) -> None:
    """A failure of the world: retriable, and it names the file."""
    place.parent.mkdir()
    place.write_bytes(b"this is no database, and it is long enough to say so" * 30)
    with pytest.raises(AdapterError) as failed:
        say(place, "lost")
    assert (failed.value.code, failed.value.retriable) == ("WORDS_FAILED", True)
