"""The witness's side: every status code, its memory, and its life as a process."""

import contextlib
import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from counterseal.audit.merkle import Tree
from counterseal.audit.note import NoteSigner, parse_note, parse_vkey
from counterseal.audit.witness import AddCheckpoint, cosigned_lines, origin_name
from counterseal.kernel.errors import InputError, IntegrityError
from storage import witness_server
from storage.system import ReplayClock
from storage.witness_server import (
    Reply,
    Witness,
    WitnessMemory,
    create_key,
    create_memory,
    main,
    open_witness_key,
    serving,
)
from storage.witnesses import HttpReply, exchange
from tests.core.audit.log_builder import ORIGIN
from tests.core.audit.outside_cases import (
    LOG_KEY,
    OTHER,
    THIEF,
    TIME,
    TREE,
    WITNESSES,
    a_note,
    at,
)

W1 = WITNESSES[0]
LATEST = f"/{origin_name(ORIGIN)}/checkpoint"
PASSPHRASE = "a long passphrase of a witness"


def a_witness(folder: Path, clock: ReplayClock | None = None) -> tuple[Witness, WitnessMemory]:
    memory = WitnessMemory(folder, W1.key)
    return Witness(W1, [LOG_KEY], memory, clock or ReplayClock(at())), memory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_memory(tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def prefix(folder: Path) -> Iterator[str]:
    witness, memory = a_witness(folder)
    with serving(witness) as served:
        yield served
    memory.close()


def body(old: int, new: int, tree: Tree = TREE, note: str | None = None) -> bytes:
    proof = tree.consistency_path(old, new) if 0 < old < new else ()
    return AddCheckpoint(old, proof, note or a_note(new, tree)).text.encode()


def post(prefix: str, content: bytes, path: str = "/add-checkpoint") -> HttpReply:
    return exchange(prefix + path, "POST", content, "text/plain", 5)


def held(prefix: str) -> int | None:
    reply = exchange(prefix + LATEST, "GET", None, "", 5)
    return read_checkpoint(reply.body).size if reply.status == 200 else None


def test_200_cosigns_what_grows_and_tells_the_latest(prefix: str) -> None:
    """TX-K7: from nothing, further, and the same head again."""
    for old, new in ((0, 3), (3, 7), (7, 7), (7, 8)):
        reply = post(prefix, body(old, new))
        assert reply.status == 200
        assert cosigned_lines(a_note(new), reply.body, [W1.key])[0].name == W1.key.name
        latest = exchange(prefix + LATEST, "GET", None, "", 5)
        opened = open_checkpoint(latest.body, LOG_KEY, [W1.key])
        assert opened.checkpoint == Checkpoint(ORIGIN, new, TREE.root(new))
        assert [line.unix_seconds for line in opened.lines] == [None, TIME]


REFUSED = {
    "400 malformed": (body(3, 7)[1:], 400),
    "400 malformed hash": (body(3, 7).replace(b"\n", b"\nAAAA\n", 1), 400),
    "400 old above new": (body(9, 7), 400),
    "403 another key": (body(5, 7, note=a_note(7, signer=THIEF)), 403),
    "403 changed text": (body(5, 7, note=a_note(7).replace("\n7\n", "\n8\n")), 403),
    "404 unknown log": (body(0, 7, note=a_note(7).replace(ORIGIN, "elsewhere")), 404),
    "409 older": (body(3, 7), 409),
    "409 newer": (body(6, 7), 409),
    "409 rollback": (body(3, 4), 409),
    "422 no proof": (body(5, 7).split(b"\n\n")[0][:6] + b"\n" + a_note(7).encode(), 422),
    "422 fork of another size": (body(5, 7, OTHER), 422),
    "422 fork of this size": (body(5, 5, OTHER), 422),
}


@pytest.mark.parametrize(("content", "status"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_has_its_status_and_changes_nothing(
    prefix: str, content: bytes, status: int
) -> None:
    """TX-K7, A6: an equivocation under the log's real key is answered 422 and never cosigned."""
    post(prefix, body(0, 5))
    reply = post(prefix, content)
    assert reply.status == status
    assert b"\xe2\x80\x94" not in reply.body
    assert held(prefix) == 5


def test_409_names_the_size_held_in_its_own_type(prefix: str) -> None:
    """TX-K7: `text/x.tlog.size`; zero before the first."""
    address = prefix.removeprefix("http://")
    for expected in (b"0\n", b"5\n"):
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("POST", "/add-checkpoint", body(6, 7))
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Type")) == (409, "text/x.tlog.size")
        assert answer.read() == expected
        connection.close()
        post(prefix, body(0, 5))


@pytest.mark.parametrize("path", ["/", "/add-checkpoint/", "/add-checkpoint?x", "/other"])
def test_404_for_any_other_page(prefix: str, path: str) -> None:
    """TX-K7."""
    assert post(prefix, body(0, 5), path).status == 404
    assert exchange(prefix + path, "GET", None, "", 5).status == 404
    assert held(prefix) is None


def test_400_for_a_request_without_an_honest_length(prefix: str) -> None:
    """TX-K7: too long, none, or no number."""
    host, port = prefix.removeprefix("http://").split(":")
    for length in ("Content-Length: 999999\r\n", "", "Content-Length: -1\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as peer:
            peer.sendall(f"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n{length}\r\n".encode())
            assert peer.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_peer_that_leaves_half_way_harms_nobody(prefix: str) -> None:
    """TX-K7."""
    host, port = prefix.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as peer:
        peer.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 400\r\n\r\nold 0\n")
    assert post(prefix, body(0, 5)).status == 200


def test_one_connection_serves_many_requests(prefix: str) -> None:
    """TX-K7: keep-alive."""
    connection = http.client.HTTPConnection(prefix.removeprefix("http://"), timeout=5)
    for old, new in ((0, 3), (3, 5)):
        connection.request("POST", "/add-checkpoint", body(old, new))
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read()
    connection.close()


def test_lines_of_strangers_are_not_published(prefix: str) -> None:
    """TX-K7: nobody here checked them."""
    post(prefix, body(0, 5, note=a_note(5, w2=0)))
    latest = exchange(prefix + LATEST, "GET", None, "", 5).body
    assert [line.name for line in parse_note(latest).lines] == [ORIGIN, W1.key.name]


def test_of_many_at_once_one_tree_grows(prefix: str) -> None:
    """A6: two trees race under the real key; one wins for ever."""
    answers: list[tuple[bool, int]] = []

    def ask(tree: Tree, size: int) -> None:
        answers.append((tree is TREE, post(prefix, body(0, size, tree)).status))

    threads = [
        threading.Thread(target=ask, args=(tree, size))
        for size in (5, 7, 9)
        for tree in (TREE, OTHER)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for _, status in answers].count(200) == 1
    assert {status for _, status in answers} == {200, 409}


def test_the_memory_outlives_the_process(folder: Path) -> None:
    """A3b, A5: what was cosigned stays cosigned."""
    for expected, content in ((200, body(0, 5)), (422, body(5, 5, OTHER)), (200, body(5, 7))):
        witness, memory = a_witness(folder)
        assert witness.add_checkpoint(content).status == expected
        memory.close()


@pytest.mark.parametrize("damage", [b"", b"\xff", a_note(5).encode(), a_note(4, w2=0).encode()])
def test_a_damaged_memory_answers_nothing(folder: Path, damage: bytes) -> None:
    """A5: never taken for an empty one, nor one that the witness did not cosign."""
    witness, memory = a_witness(folder)
    witness.add_checkpoint(body(0, 5))
    path = folder / f"{origin_name(ORIGIN)}.checkpoint"
    path.write_bytes(damage)
    expected = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, b"WITNESS_MEMORY_DAMAGED\n")
    assert witness.add_checkpoint(body(5, 7)) == expected
    assert witness.latest(origin_name(ORIGIN)) == expected
    assert path.read_bytes() == damage
    memory.close()


def test_nothing_is_answered_that_is_not_on_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A5: a full disk gives no cosignature."""
    witness, memory = a_witness(folder)
    witness.add_checkpoint(body(0, 5))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(witness_server, "write_durably", full)
        reply = witness.add_checkpoint(body(5, 7))
    assert (reply.status, reply.body) == (500, b"WITNESS_MEMORY_WRITE\n")
    assert witness.add_checkpoint(body(7, 8)).body == b"5\n"
    memory.close()


def test_a_memory_is_begun_once_held_once_and_never_guessed(folder: Path, tmp_path: Path) -> None:
    """A5: a lost memory is no empty one."""
    with pytest.raises(InputError) as begun:
        create_memory(folder)
    with pytest.raises(IntegrityError) as missing:
        WitnessMemory(tmp_path / "nowhere", W1.key)
    memory = WitnessMemory(folder, W1.key)
    with pytest.raises(IntegrityError) as taken:
        WitnessMemory(folder, W1.key)
    memory.close()
    WitnessMemory(folder, W1.key).close()
    codes = [found.value.code for found in (begun, missing, taken)]
    assert codes == ["WITNESS_MEMORY_EXISTS", "WITNESS_MEMORY_MISSING", "WITNESS_MEMORY_HELD"]


def test_the_key_lies_sealed_and_for_its_owner_only(tmp_path: Path) -> None:
    """Governance 3."""
    path = tmp_path / "w.key.json"
    key = create_key(path, "witness.example/new", PASSPHRASE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signer = open_witness_key(path, PASSPHRASE)
    assert isinstance(signer, NoteSigner)
    assert signer.key == key == parse_vkey(key.text)
    with pytest.raises(InputError):
        open_witness_key(path, PASSPHRASE + "!")
    with pytest.raises(InputError):
        create_key(path, "witness.example/new", PASSPHRASE)


@contextlib.contextmanager
def running(words: list[str], ends: int = signal.SIGTERM) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "storage.witness_server", *words]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        try:
            assert process.stdout is not None
            key, prefix = process.stdout.readline().split()
            yield key, prefix
        finally:
            os.kill(process.pid, ends)
        assert process.wait(10) == (0 if ends == signal.SIGTERM else -ends)


def test_it_runs_as_a_process_and_goes_on_where_it_was_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-K7: create, run, cosign, be killed, run again: nothing answered is forgotten."""
    (tmp_path / "pass").write_text(PASSPHRASE, "utf-8")
    words = ["--state", f"{tmp_path}/memory", "--key", f"{tmp_path}/w.key.json"]
    words += ["--passphrase-file", f"{tmp_path}/pass"]
    assert main([*words, "--create", "witness.example/mine"]) == 0
    vkey = capsys.readouterr().out.strip()
    assert main([*words, "--create", "witness.example/mine"]) == 2
    assert "WITNESS_MEMORY_EXISTS" in capsys.readouterr().err
    words += ["--log", LOG_KEY.text]
    with running(words, signal.SIGKILL) as (key, prefix):
        assert key == vkey
        for old, new in ((0, 1), (1, 2), (2, 5)):
            answered = post(prefix, body(old, new)).body
            assert cosigned_lines(a_note(new), answered, [parse_vkey(key)])
    with running(words) as (_, prefix):
        assert post(prefix, body(5, 5, OTHER)).status == 422
        assert held(prefix) == 5
