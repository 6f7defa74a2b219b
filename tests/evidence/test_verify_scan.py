"""Records are read by several processes where there are many, and the answer is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.kernel.canonical import canonical_bytes
from evidence.verify import RECORDS, FoundError, Json, UnusableError, reader_of, scan, verify
from evidence.verify.bag import Pack
from evidence.verify.joined import joined
from tests.evidence.pack_room import ALL, PackWorld

PIECE = 4_096
"""Bytes of a piece here, so that a small pack has many."""

NONE = scan.Wanted(frozenset(), frozenset(), requests=False)


class Room(NamedTuple):
    """A pack of everything, and the log's key."""

    pack: Path
    vkey: Path


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    folder = tmp_path_factory.mktemp("scan")
    world = PackWorld(folder / "home")
    world.audited()
    world.done(world.submitted(world.approved()))
    (folder / "vkey").write_text(f"{world.log_key.key.text}\n")
    return Room(world.packed(folder / "whole", ALL).path, folder / "vkey")


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "PIECE", PIECE)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def found(room: Room) -> Json:
    return verify(room.pack, reader_of(str(room.vkey), None, None))


def changed(room: Room, folder: Path, at: int, old: bytes, new: bytes) -> Pack:
    """A copy whose record at a place reads differently; only its records are of use."""
    lines = (room.pack / "data" / "records.jsonl").read_bytes().splitlines(keepends=True)
    assert old in lines[at]
    lines[at] = lines[at].replace(old, new, 1)
    (folder / "data").mkdir()
    (folder / "data" / "pack.json").touch()
    (folder / "data" / "records.jsonl").write_bytes(b"".join(lines))
    return Pack(folder)


@pytest.mark.usefixtures("pieces")
def test_several_processes_find_what_one_finds(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part 8: nothing depends on who read a record; pieces end where lines end."""
    told = found(room)
    assert told["outcome"] == "verified"
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert found(room) == told
    monkeypatch.undo()
    assert found(room) == told


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_record_that_is_none_is_counted_where_it_stands(
    room: Room, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOT_CANONICAL names its line; what stands behind it is hashed all the same."""
    monkeypatch.setattr(os, "cpu_count", lambda: workers)
    pack, read = changed(room, tmp_path, 12, b'"v":1}', b'"v":2}'), 0
    records = scan.Records(pack)
    for one in records.scans(NONE):
        read += len(one.places)
        if one.ended:
            break
    assert (one.ended, read) == (True, 12)
    assert records.digest() == pack.sha256(RECORDS)


@given(step=st.text(max_size=20), reason=st.text(max_size=20), other=st.text(max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_ends_where_json_ends_it(room: Room, step: str, reason: str, other: str) -> None:
    """Quotation marks, escapes and what looks like fields, in texts before, in and behind."""
    first = (room.pack / "data" / "records.jsonl").read_bytes().splitlines()[0]
    crafted = other + '","origin":"x"' + other
    record = json.loads(first) | {"step": step, "action": crafted, "request_id": crafted}
    record["reason"] = {"code": crafted, "text": reason}
    plain = canonical_bytes(json.loads(first) | {"seq": 1})
    piece = canonical_bytes(record) + b"\n" + plain + b"\n"
    told = scan.scanned(piece, NONE._replace(places=frozenset({0, 1})))
    assert not told.ended
    assert [(one.seq, one.stream, one.recorded) for one in told.lines] == [
        (seq, b'"system"', record["recorded_at"].encode()) for seq in (0, 1)
    ]


@pytest.mark.parametrize("raw", [b"\x00", b"\x1f", b'"'])
def test_a_text_that_json_does_not_know_is_no_record(room: Room, raw: bytes) -> None:
    """A control character or a mark too many in the fields that place a record."""
    first = (room.pack / "data" / "records.jsonl").read_bytes().splitlines()[0] + b"\n"
    assert not scan.scanned(first, NONE).ended
    assert b'"stream":"system"' in first
    bent = first.replace(b'"stream":"system"', b'"stream":"sys' + raw + b'tem"')
    assert scan.scanned(bent, NONE).ended


@pytest.mark.usefixtures("pieces")
def test_a_line_that_never_ends_is_refused_before_it_is_read(room: Room, tmp_path: Path) -> None:
    """Bad input: a record has 65,535 bytes at most."""
    pack = changed(room, tmp_path, 12, b'"action":"', b'"action":"' + b"x" * 200_000)
    records = scan.Records(pack)
    with pytest.raises(FoundError, match="a line is too long"):
        list(records.scans(NONE))
    assert records.digest() == pack.sha256(RECORDS)


def _ends(piece: bytes | scan.Part, wanted: scan.Wanted) -> NoReturn:
    del piece, wanted
    os._exit(9)


@pytest.mark.usefixtures("pieces")
def test_a_process_that_ends_is_no_verdict(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 4: nothing was verified, and nothing is said to be tampered."""
    monkeypatch.setattr(scan, "scanned", _ends)
    with pytest.raises(UnusableError, match="WORKER_ENDED") as ended:
        found(room)
    assert ended.value.status == 4


def test_the_one_file_uses_several_processes_too(room: Room, tmp_path: Path) -> None:
    """As a stranger runs it: alone, isolated, and started anew in each process."""
    script = tmp_path / "verify.py"
    text = joined().decode()
    assert "PIECE = 1 << 22" in text
    script.write_text(text.replace("PIECE = 1 << 22", f"PIECE = {PIECE}"))
    done = subprocess.run(  # noqa: S603 - our own script over a pack of our own
        [sys.executable, "-I", script, room.pack, "--vkey", room.vkey],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
