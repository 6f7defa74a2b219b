"""Append-only files of heads: lines, links and memory."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.anchors import (
    FIRST_PREV,
    AnchorFile,
    anchor_line,
    check_memory,
    line_hash,
    read_anchors,
    remember,
)
from counterseal.kernel.errors import InputError, IntegrityError
from tests.core.audit.outside_cases import a_note

NOTES = tuple(a_note(size) for size in (1, 2, 5, 9))


def lines(*notes: str) -> list[bytes]:
    out: list[bytes] = []
    for note in notes:
        out.append(anchor_line(note, line_hash(out[-1]) if out else FIRST_PREV))
    return out


LINES = lines(*NOTES)


def refused(content: bytes) -> str | None:
    try:
        read_anchors(content)
    except IntegrityError as error:
        return error.code
    return None


def test_lines_are_read_as_they_are_written() -> None:
    """A3b: every head, in order."""
    assert read_anchors(b"") == AnchorFile()
    assert read_anchors(b"".join(LINES)) == AnchorFile(NOTES, line_hash(LINES[-1]), 0)
    assert orjson.loads(LINES[0]) == {"note": NOTES[0], "prev": "0" * 64}


def test_what_is_no_checkpoint_is_not_written() -> None:
    """A3b."""
    with pytest.raises(InputError):
        anchor_line("no note", FIRST_PREV)


@pytest.mark.parametrize(
    "content",
    [
        LINES[1:],
        [LINES[0], *LINES[2:]],
        [LINES[1], LINES[0], *LINES[2:]],
        [LINES[0], *LINES],
        [LINES[0].replace(b"{", b"{ ", 1), *LINES[1:]],
        [lines(NOTES[3])[0], *LINES[1:]],
        [b"torn" + LINES[0][4:], *LINES[1:]],
        [orjson.dumps({"note": "no note", "prev": FIRST_PREV}) + b"\n"],
        [orjson.dumps({"note": 1, "prev": FIRST_PREV}) + b"\n"],
        [orjson.dumps({"note": NOTES[0]}) + b"\n"],
    ],
)
def test_i1_a_line_changed_moved_or_taken_out_is_found(content: list[bytes]) -> None:
    """A3b, A5."""
    assert refused(b"".join(content)) == "ANCHOR_REWRITTEN"


@given(st.integers(0, 3), st.data())
@settings(max_examples=60, deadline=None)
def test_i3_a_torn_line_costs_that_line_only(whole: int, data: st.DataObject) -> None:
    """TX-K7: killed while writing, then ended by a newline and gone on."""
    torn = LINES[whole][: data.draw(st.integers(1, len(LINES[whole]) - 2))]
    before = b"".join(LINES[:whole])
    assert read_anchors(before + torn).notes == NOTES[:whole]
    again = read_anchors(before + torn + b"\n" + LINES[whole])
    assert (again.notes, again.torn) == (NOTES[: whole + 1], 1)


@given(st.integers(0, sum(map(len, LINES))))
@settings(max_examples=60, deadline=None)
def test_i2_a_shorter_file_than_remembered_is_found(length: int) -> None:
    """A3b: the cut that the links alone do not show."""
    content = b"".join(LINES)
    memory = remember(content[:length])
    check_memory(content, memory)
    if length:
        with pytest.raises(IntegrityError) as found:
            check_memory(content[: length - 1], memory)
        assert found.value.code == "ANCHOR_SHORTER"


@given(st.integers(0, sum(map(len, LINES)) - 1), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_i2_other_bytes_than_remembered_are_found(where: int, flip: int) -> None:
    """A5: also a file rewritten with all links anew."""
    content = b"".join(LINES)
    changed = content[:where] + bytes([content[where] ^ flip]) + content[where + 1 :]
    for other in (changed, b"".join(lines(NOTES[0], NOTES[3], NOTES[3], NOTES[3], NOTES[3]))):
        with pytest.raises(IntegrityError) as found:
            check_memory(other, remember(content))
        assert found.value.code == "ANCHOR_REWRITTEN"
