"""A signer of its own: its socket, its frames, and what its death costs."""

import os
import select
import socket
import stat
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.audit.note import NoteSigner
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.model import DomainModel
from storage.signer_client import RemoteSigner
from storage.signer_process import listening, main
from storage.signer_wire import (
    FRAME_BYTES_MAX,
    Ask,
    AskSignature,
    Failed,
    read_answer,
    read_question,
    receive,
    send,
)
from storage.signers import EmbeddedSigner, create_state, read_state
from storage.store import SqlStore
from tests.storage.signer_room import KEY, ended, served, socket_path, started
from tests.storage.test_store import draft_like_the_last
from tests.world import ORIGIN, World

ASKED = AskSignature(origin=ORIGIN, size=1, root="0" * 64, proof=(), lease=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_state(tmp_path / "signer", ORIGIN)
    return tmp_path / "signer"


def spoken(path: Path, content: bytes) -> Failed:
    """What a server answers to bytes that a stranger made up."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(5)
        end.connect(str(path))
        end.sendall(content)
        end.shutdown(socket.SHUT_WR)
        answer = read_answer(receive(end))
    assert isinstance(answer, Failed)
    return answer


def record(world: World, store: SqlStore, name: str) -> None:
    with store.transaction() as work:
        work.record(draft_like_the_last(world, name), ())


def framed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def test_i1_socket_and_folder_are_private(folder: Path) -> None:
    """Signer process I1: modes 600 and 700, and a folder that others may enter is refused."""
    with served(folder) as path:
        found = path.stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()
    with socket_path() as open_path:
        open_path.parent.mkdir(mode=0o755)
        with pytest.raises(InputError, match="SOCKET_FOLDER_OPEN"), listening(open_path):
            pass


def test_i1_another_user_is_not_answered(folder: Path) -> None:
    """Signer process I1: the kernel tells who asks, not the frame."""
    refused = pytest.raises(InputError, match="PEER_UNKNOWN")
    with served(folder, peer=os.geteuid() + 1) as path, refused:
        RemoteSigner(path)
    assert read_state(folder, ORIGIN).size == 0


def test_i1_a_refusal_that_came_before_the_question_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signer process I1: who is refused unheard learns why, and not that nobody listens."""

    def late(end: socket.socket, question: DomainModel) -> None:
        poll = select.poll()
        poll.register(end, select.POLLHUP)
        poll.poll(5_000)
        send(end, question)

    monkeypatch.setattr("storage.signer_client.send", late)
    refused = pytest.raises(InputError, match="PEER_UNKNOWN")
    with served(folder, peer=os.geteuid() + 1) as path, refused:
        RemoteSigner(path)


def test_i4_one_process_per_socket_and_a_dead_one_is_followed(folder: Path) -> None:
    """Signer process I4."""
    with socket_path() as path:
        child = started(folder, path)
        with pytest.raises(AdapterError, match="SIGNER_BUSY"), listening(path):
            pass
        ended(child)
        assert path.exists()
        with pytest.raises(AdapterError, match="SIGNER_UNREACHABLE"):
            RemoteSigner(path)
        child = started(folder, path)
        assert RemoteSigner(path).key == KEY.key
        ended(child)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00",
        struct.pack(">I", 0),
        struct.pack(">I", FRAME_BYTES_MAX + 1),
        framed(b"{}"),
        framed(b"[]"),
        framed(b'{"kind":"ask", "v":1}'),
        framed(b'{"kind":"ask","v":2}'),
        framed(b'{"kind":"ask","kind":"ask","v":1}'),
        framed(b'{"kind":"ask","more":1,"v":1}'),
        framed(b'{"kind":"key","v":1}'),
        framed(canonical_bytes({**ASKED.json_value(), "size": -1})),
        framed(canonical_bytes({**ASKED.json_value(), "size": True})),
        framed(canonical_bytes({**ASKED.json_value(), "root": "00"})),
        framed(canonical_bytes({**ASKED.json_value(), "proof": ["0" * 64] * 64})),
        framed(canonical_bytes(Ask().json_value()))[:-1],
    ],
)
def test_i3_what_cannot_be_understood_is_refused_and_stops_nothing(
    folder: Path, content: bytes
) -> None:
    """Signer process I3: the next question is answered."""
    with served(folder) as path:
        failed = spoken(path, content)
        assert (failed.fault, failed.retriable) == ("asker", False)
        assert RemoteSigner(path).remembered().size == 0


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_i2_no_bytes_but_a_question_are_a_question(content: bytes) -> None:
    """Signer wire I2: fuzzed frames give one failure, of the asker."""
    with pytest.raises(InputError):
        read_question(content)


def test_a_question_survives_its_frame() -> None:
    """Signer wire: both kinds, byte for byte."""
    for question in (Ask(), ASKED):
        assert read_question(canonical_bytes(question.json_value())) == question


def test_a_signer_with_another_key_is_refused(folder: Path) -> None:
    """Signer client I1: the pinned key decides, not the socket's path."""
    stranger = NoteSigner(ORIGIN, bytes(32))
    with served(folder) as path, pytest.raises(IntegrityError, match="SIGNER_KEY_DIFFERS"):
        RemoteSigner(path, stranger.key)


@pytest.mark.parametrize("answer", [b"", framed(b"{}"), framed(b'{"kind":"ask","v":1}'), None])
def test_i2_a_signer_that_hangs_or_talks_nonsense_costs_a_retriable_failure(
    answer: bytes | None,
) -> None:
    """Signer client I2: no answer within its time is a failure like any other."""
    with socket_path() as path, listening(path) as server:

        def run() -> None:
            end, _ = server.accept()
            with end:
                receive(end)
                end.sendall(answer) if answer is not None else end.recv(1)

        thread = threading.Thread(target=run)
        thread.start()
        with pytest.raises(AdapterError, match="SIGNER_UNREACHABLE") as failed:
            RemoteSigner(path, seconds=0.2)
        thread.join()
        assert failed.value.retriable


def test_nothing_is_acknowledged_while_the_signer_is_dead_and_all_is_signed_afterwards(
    tmp_path: Path,
) -> None:
    """Store: a dead signer costs a retriable failure; a new one signs what was left."""
    world = World(tmp_path / "home")
    world.store.close()
    size, notes = len(world.log()), world.notes()
    folder = world.settings.counterseal_signer_state
    with socket_path() as path:
        child = started(folder, path)
        signer = RemoteSigner(path, KEY.key, seconds=2)
        store = SqlStore(world.settings.database_file, signer, world.clock)
        assert store.seal() == size
        record(world, store, "first")
        ended(child)
        for _ in range(2):
            with pytest.raises(AdapterError, match="SIGNER_UNREACHABLE") as failed:
                store.seal()
            assert failed.value.retriable
        assert world.notes() == notes
        assert world.remembered().size == size
        child = started(folder, path)
        record(world, store, "second")
        assert store.seal() == size + 2
        store.close()
        ended(child)
    assert world.verdict().outcome == "ok"
    assert (world.verdict().totals.size, world.verdict().totals.unsealed) == (size + 2, 0)


def test_the_command_tells_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Signer process: one argument."""
    assert main([]) == 2
    assert "socket" in capsys.readouterr().err


def test_two_signers_of_one_folder_never_sign_two_roots(folder: Path) -> None:
    """Signers I5: each reads the memory anew, inside the folder's lock."""
    first, second = (EmbeddedSigner(KEY, folder) for _ in range(2))
    first.sign_checkpoint(ORIGIN, 1, bytes(32), ())
    with pytest.raises(IntegrityError, match="FORK_AT_SIZE"):
        second.sign_checkpoint(ORIGIN, 1, bytes(31) + b"\x01", ())
