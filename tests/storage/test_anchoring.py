"""The anchor file on disk: appended, remembered, and compared."""

import threading
from pathlib import Path

import pytest

from counterseal.audit.anchors import read_anchors
from counterseal.audit.outside import OutsideEvidence, view_outside
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage import anchoring
from storage.anchoring import AnchorBook
from tests.core.audit.outside_cases import LOG_KEY, OTHER, a_note


@pytest.fixture
def book(tmp_path: Path) -> AnchorBook:
    return a_book(tmp_path)


def a_book(folder: Path) -> AnchorBook:
    for name in ("home", "outside", "signer"):
        (folder / name).mkdir(exist_ok=True)
    return AnchorBook(folder / "outside" / "anchors", folder / "signer" / "memory", folder / "home")


def path_of(folder: Path) -> Path:
    return folder / "outside" / "anchors"


def refused(book: AnchorBook) -> tuple[str, str]:
    """Codes of reading and of appending."""
    codes = []
    for call in (book.read, lambda: book.append(a_note(19))):
        with pytest.raises(CountersealError) as found:
            call()
        codes.append(found.value.code)
    return codes[0], codes[1]


def test_each_head_is_a_line_and_the_file_only_grows(book: AnchorBook, tmp_path: Path) -> None:
    """A3b, A4, A5: what was written down outside has to be in the log."""
    assert book.read().notes == ()
    sizes, before = (1, 3, 3, 7), b""
    for size in sizes:
        book.append(a_note(size))
        content = path_of(tmp_path).read_bytes()
        assert content.startswith(before)
        before = content
    assert a_book(tmp_path).read().notes == (a_note(1), a_note(3), a_note(7))
    seen = view_outside(OutsideEvidence(anchored=book.read().notes), [LOG_KEY])
    assert [(head.size, head.source) for head in seen.heads] == [
        (1, "anchor"),
        (3, "anchor"),
        (7, "anchor"),
    ]


def test_a_shorter_file_is_found_and_not_gone_on_with(book: AnchorBook, tmp_path: Path) -> None:
    """A3b: by a byte, by a line, or altogether."""
    for size in (1, 3):
        book.append(a_note(size))
    content = path_of(tmp_path).read_bytes()
    for cut in (content[:-1], content[: content.index(b"\n") + 1], b""):
        path_of(tmp_path).write_bytes(cut)
        assert refused(book) == ("ANCHOR_SHORTER", "ANCHOR_SHORTER")
        assert path_of(tmp_path).read_bytes() == cut
    path_of(tmp_path).unlink()
    assert refused(book) == ("ANCHOR_SHORTER", "ANCHOR_SHORTER")


def test_a_rewritten_file_is_found_and_not_gone_on_with(book: AnchorBook, tmp_path: Path) -> None:
    """A5: one byte, or a whole file with links that fit."""
    for size in (1, 3):
        book.append(a_note(size))
    content = path_of(tmp_path).read_bytes()
    other = a_book(tmp_path / "home")
    for size in (1, 2, 3):
        other.append(a_note(size, OTHER))
    for changed in (
        content.replace(b'"prev":"0', b'"prev":"1', 1),
        path_of(tmp_path / "home").read_bytes(),
    ):
        path_of(tmp_path).write_bytes(changed)
        assert refused(book) == ("ANCHOR_REWRITTEN", "ANCHOR_REWRITTEN")


def test_without_its_memory_the_links_still_hold_the_middle(
    book: AnchorBook, tmp_path: Path
) -> None:
    """A3b: an auditor who has the file alone."""
    for size in (1, 3, 7):
        book.append(a_note(size))
    (tmp_path / "signer" / "memory").unlink()
    lines = path_of(tmp_path).read_bytes().splitlines(keepends=True)
    path_of(tmp_path).write_bytes(lines[0] + lines[2])
    assert refused(book) == ("ANCHOR_REWRITTEN", "ANCHOR_REWRITTEN")


def test_a_damaged_memory_is_no_empty_one(book: AnchorBook, tmp_path: Path) -> None:
    """A3b."""
    book.append(a_note(1))
    for damage in (b"", b"{}", b'{"length": -1, "sha256": ""}'):
        (tmp_path / "signer" / "memory").write_bytes(damage)
        assert refused(book) == ("ANCHOR_MEMORY_DAMAGED", "ANCHOR_MEMORY_DAMAGED")


def test_killed_between_line_and_memory_it_goes_on(
    book: AnchorBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-K7: the file may be longer than its memory."""
    book.append(a_note(1))

    def killed(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(anchoring, "write_durably", killed)
        with pytest.raises(AdapterError) as failed:
            book.append(a_note(3))
    assert failed.value.code == "ANCHOR_WRITE"
    assert book.read().notes == (a_note(1), a_note(3))
    assert book.append(a_note(7)).notes == (a_note(1), a_note(3), a_note(7))


def test_killed_within_a_line_it_goes_on_behind_it(book: AnchorBook, tmp_path: Path) -> None:
    """TX-K7: at every byte; whole but for its newline, the line counts."""
    book.append(a_note(1))
    whole = path_of(tmp_path).read_bytes()
    book.append(a_note(3))
    line = path_of(tmp_path).read_bytes()[len(whole) :]
    for kept in (1, 2, len(line) // 2, len(line) - 2, len(line) - 1):
        path_of(tmp_path).write_bytes(whole + line[:kept])
        (tmp_path / "signer" / "memory").unlink()
        anchors = a_book(tmp_path).append(a_note(7))
        expected = (1, 3, 7) if kept == len(line) - 1 else (1, 7)
        assert anchors.notes == tuple(a_note(size) for size in expected)
        assert anchors == a_book(tmp_path).read() == read_anchors(path_of(tmp_path).read_bytes())
        assert path_of(tmp_path).read_bytes().startswith(whole + line[:kept])


def test_many_writers_take_turns(tmp_path: Path) -> None:
    """TX-K7: every line follows the one before."""
    books = [a_book(tmp_path) for _ in range(4)]

    def write(book: AnchorBook, first: int) -> None:
        for size in range(first, 20, 4):
            book.append(a_note(size))

    threads = [threading.Thread(target=write, args=(b, n)) for n, b in enumerate(books)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(books[0].read().notes) == sorted(a_note(size) for size in range(20))


@pytest.mark.parametrize("inside", ["path", "memory", "link"])
def test_neither_file_nor_memory_lies_in_the_home(inside: str, tmp_path: Path) -> None:
    """A3b: a restored backup would carry both."""
    a_book(tmp_path)
    home, away = tmp_path / "home", tmp_path / "outside"
    Path(tmp_path / "link").symlink_to(home)
    path = {"path": home, "memory": away, "link": tmp_path / "link"}[inside] / "anchors"
    memory = (home if inside == "memory" else away) / "memory"
    with pytest.raises(InputError) as refused_place:
        AnchorBook(path, memory, home)
    assert refused_place.value.code == "ANCHOR_INSIDE_HOME"


def test_a_place_that_cannot_be_written_or_read_is_a_bad_day(tmp_path: Path) -> None:
    """TX-K7."""
    book = AnchorBook(tmp_path / "no" / "anchors", tmp_path / "memory", tmp_path / "home")
    with pytest.raises(AdapterError) as failed:
        book.append(a_note(1))
    assert failed.value.code == "ANCHOR_WRITE"
    (tmp_path / "folder").mkdir()
    with pytest.raises(AdapterError) as unreadable:
        AnchorBook(tmp_path / "folder", tmp_path / "memory", tmp_path / "home").read()
    assert unreadable.value.code == "ANCHOR_READ"


def test_what_is_no_checkpoint_is_not_anchored(book: AnchorBook) -> None:
    """A3b."""
    with pytest.raises(InputError):
        book.append("no note")
    with pytest.raises(IntegrityError):
        read_anchors(b'{"note":"no note","prev":""}\n')
