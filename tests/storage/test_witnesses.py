"""The log's side: asking witnesses, and never waiting for them."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import open_checkpoint, read_checkpoint
from counterseal.audit.note import NoteSigner
from counterseal.audit.outside import OutsideEvidence, Reached, view_outside
from counterseal.audit.trust_policy import KnownWitness, parse_policy
from counterseal.audit.witness import cosigned_lines
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage import witnesses
from storage.system import ReplayClock
from storage.witness_server import Witness, WitnessMemory, create_memory, serving
from storage.witnesses import CosignedNotes, Cosigner, WitnessClient, exchange
from tests.core.audit.outside_cases import (
    LOG_KEY,
    OTHER,
    STRANGER,
    TIME,
    TREE,
    WITNESSES,
    a_note,
    at,
    policy_text,
)

W1, W2, W3 = WITNESSES
Answer = tuple[int, bytes]
Script = Callable[[str, bytes], Answer]


def known(prefix: str, signer: NoteSigner = W1) -> KnownWitness:
    return KnownWitness(b"w", signer.key, prefix)


@contextlib.contextmanager
def a_witness(folder: Path, signer: NoteSigner = W1, seconds: int = 0) -> Iterator[str]:
    create_memory(folder)
    memory = WitnessMemory(folder, signer.key)
    with serving(Witness(signer, [LOG_KEY], memory, ReplayClock(at(seconds)))) as prefix:
        yield prefix
    memory.close()


@contextlib.contextmanager
def scripted(script: Script) -> Iterator[str]:
    """A witness that answers as it is told to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(*script(self.path, content))

        def do_GET(self) -> None:
            self.answer(*script(self.path, b""))

        def answer(self, status: int, body: bytes) -> None:
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def failing(call: Callable[[], object]) -> tuple[str, bool]:
    """Code of the failure, and whether the same call may succeed later."""
    with pytest.raises(CountersealError) as failed:
        call()
    return failed.value.code, isinstance(failed.value, AdapterError) and failed.value.retriable


def test_a_checkpoint_is_cosigned_from_wherever_the_witness_stands(tmp_path: Path) -> None:
    """TX-K7: a client that knows nothing learns the size by a 409 and goes on from there."""
    asked: list[tuple[int, int]] = []

    def proof_of(old: int, new: int) -> tuple[bytes, ...]:
        asked.append((old, new))
        return TREE.consistency_path(old, new)

    with a_witness(tmp_path / "m") as prefix:
        for size in (3, 7, 7, 9):
            assert WitnessClient(known(prefix)).cosign(a_note(size), proof_of)
        assert asked == [(3, 7), (7, 9)]
        client = WitnessClient(known(prefix))
        assert client.cosign(a_note(12), proof_of)[0].name == W1.key.name
        assert client.cosign(a_note(13), proof_of)
        assert asked[2:] == [(9, 12), (12, 13)]
        latest = client.latest([LOG_KEY])
        assert latest is not None
        assert read_checkpoint(latest).size == 13


def test_a_fork_under_the_real_key_is_an_alarm_and_never_retried(tmp_path: Path) -> None:
    """A6: 422 for another root of this size and for a tree that is no extension."""
    with a_witness(tmp_path / "m") as prefix:
        client = WitnessClient(known(prefix))
        client.cosign(a_note(7), TREE.consistency_path)
        for size in (7, 9):
            note = a_note(size, OTHER)
            contradicted = failing(partial(client.cosign, note, OTHER.consistency_path))
            assert contradicted == ("WITNESS_CONTRADICTS", False)
        latest = client.latest([LOG_KEY])
        assert latest is not None
        assert read_checkpoint(latest).root == TREE.root(7)


def test_a_witness_that_holds_more_is_told_apart(tmp_path: Path) -> None:
    """A3b: a restored log is shorter than what was witnessed; a late request is, too."""
    with a_witness(tmp_path / "m") as prefix:
        WitnessClient(known(prefix)).cosign(a_note(9), TREE.consistency_path)
        client = WitnessClient(known(prefix))
        asked = failing(lambda: client.cosign(a_note(7), TREE.consistency_path))
        assert asked == ("WITNESS_AHEAD", False)
        assert client.cosign(a_note(12), TREE.consistency_path)


LINE = a_note(7, w1=0).split("\n\n")[1].split("\n")[1].encode() + b"\n"
STRANGE = STRANGER.line(a_note(7).split("\n\n")[0] + "\n", TIME).text.encode()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((400, b"no\n"), ("WITNESS_REFUSED", False)),
        ((403, b"no\n"), ("WITNESS_REFUSED", False)),
        ((404, b"no\n"), ("WITNESS_REFUSED", False)),
        ((409, b"0\n"), ("WITNESS_CONTRADICTS", False)),
        ((409, b"many\n"), ("WITNESS_CONTRADICTS", False)),
        ((409, b"007\n"), ("WITNESS_CONTRADICTS", False)),
        ((409, b"8\n"), ("WITNESS_AHEAD", False)),
        ((422, b"no\n"), ("WITNESS_CONTRADICTS", False)),
        ((500, b"no\n"), ("WITNESS_FAILED", True)),
        ((503, b""), ("WITNESS_FAILED", True)),
        ((302, b""), ("WITNESS_REFUSED", False)),
        ((200, b""), ("NOTE_MALFORMED", False)),
        ((200, b"\xff\n"), ("NOTE_MALFORMED", False)),
        ((200, STRANGE), ("KEY_UNKNOWN", False)),
        ((200, LINE.replace(b"ABr", b"ABs")), ("SIG_INVALID", False)),
        ((200, b"\xe2" * 300_000), ("HTTP_FAILED", True)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_other_answer_has_its_failure(answer: Answer, failure: tuple[str, bool]) -> None:
    """TX-K7: nothing that does not verify is taken for a cosignature."""
    with scripted(lambda _path, _body: answer) as prefix:
        client = WitnessClient(known(prefix))
        assert failing(lambda: client.cosign(a_note(7), TREE.consistency_path)) == failure


def test_a_witness_that_moves_on_for_ever_is_given_up() -> None:
    """TX-K7: every retry has a bound."""
    sizes = iter(range(1, 100))
    with scripted(lambda _path, _body: (409, b"%d\n" % next(sizes))) as prefix:
        client = WitnessClient(known(prefix))
        asked = failing(lambda: client.cosign(a_note(20), TREE.consistency_path))
    assert asked == ("WITNESS_FAILED", True)
    assert next(sizes) == witnesses.ATTEMPTS_MAX + 1


def test_dripping_ends_with_the_time_allowed() -> None:
    """TX-K7: each byte in time, the whole never."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer, contextlib.suppress(OSError):
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                for _ in range(200):
                    peer.sendall(b"x")
                    time.sleep(0.05)

        dripping = threading.Thread(target=drip)
        dripping.start()
        prefix = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = WitnessClient(known(prefix), wait_seconds=0.3)
        asked = failing(lambda: client.cosign(a_note(7), TREE.consistency_path))
        dripping.join()
    assert asked == ("HTTP_FAILED", True)


def test_silence_ends_with_the_time_allowed() -> None:
    """TX-K7: time-outs."""
    released = threading.Event()

    def silent(_path: str, _body: bytes) -> Answer:
        released.wait(20)
        return 200, LINE

    started = time.monotonic()
    with scripted(silent) as prefix:
        client = WitnessClient(known(prefix), wait_seconds=0.2)
        asked = failing(lambda: client.cosign(a_note(7), TREE.consistency_path))
        released.set()
    assert asked == ("HTTP_FAILED", True)
    assert time.monotonic() - started < 10


def test_nobody_at_home_is_a_bad_day() -> None:
    """TX-K7."""
    with scripted(lambda _path, _body: (200, b"")) as prefix:
        pass
    client = WitnessClient(known(prefix))
    asked = failing(lambda: client.cosign(a_note(7), TREE.consistency_path))
    assert asked == ("HTTP_FAILED", True)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://127.0.0.1:x/", "http://\u212a/"]
)
def test_only_addresses_of_the_web_are_asked(url: str) -> None:
    """TX-K7."""
    with pytest.raises(InputError) as refused:
        exchange(url, "GET", None, "", 1)
    assert refused.value.code == "URL_INVALID"
    with pytest.raises(InputError) as missing:
        WitnessClient(KnownWitness(b"w", W1.key, None))
    assert missing.value.code == "WITNESS_URL_MISSING"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, b""), "WITNESS_FAILED"),
        ((200, b"nothing"), "NOTE_MALFORMED"),
        ((200, a_note(7, w2=0).encode()), "KEY_UNKNOWN"),
        ((200, a_note(7, w1=0).replace("\n7\n", "\n8\n").encode()), "SIG_INVALID"),
    ],
)
def test_the_latest_checkpoint_has_to_verify(answer: Answer, code: str) -> None:
    """A3b: a head that nobody vouches for is no head."""
    with scripted(lambda _path, _body: answer) as prefix:
        assert failing(lambda: WitnessClient(known(prefix)).latest([LOG_KEY]))[0] == code
    with scripted(lambda _path, _body: (404, b"")) as prefix:
        assert WitnessClient(known(prefix)).latest([LOG_KEY]) is None


def test_lines_of_several_witnesses_meet_in_one_note(tmp_path: Path) -> None:
    """TX-K7: a fresher line of the same witness replaces its elder; another tree is refused."""
    kept = CosignedNotes(tmp_path / "cosigned")
    assert kept.read() == ()
    for signer, seconds in ((W1, 0), (W2, 5), (W1, 60)):
        line = signer.line(a_note(7).split("\n\n")[0] + "\n", TIME + seconds).text.encode()
        kept.add(a_note(7), cosigned_lines(a_note(7), line, [signer.key]))
    kept.add(a_note(12), ())
    first, second = kept.read()
    opened = open_checkpoint(first, LOG_KEY, [W1.key, W2.key])
    assert [line.unix_seconds for line in opened.lines] == [None, TIME + 60, TIME + 5]
    assert read_checkpoint(second).size == 12
    with pytest.raises(IntegrityError) as refused:
        kept.add(a_note(7, OTHER), ())
    assert refused.value.code == "COSIGNED_OTHER_ROOT"


def test_notes_that_cannot_be_written_are_a_bad_day(tmp_path: Path) -> None:
    """TX-K7."""
    (tmp_path / "file").write_text("in the way", "utf-8")
    assert failing(lambda: CosignedNotes(tmp_path / "file").add(a_note(7), ()))[0] == (
        "COSIGNED_WRITE"
    )


def test_three_witnesses_make_a_quorum_in_the_background(tmp_path: Path) -> None:
    """A5, A6: from the offer to the verdict, one of three being away."""
    kept = CosignedNotes(tmp_path / "cosigned")
    with a_witness(tmp_path / "1", W1, 0) as one, a_witness(tmp_path / "2", W2, 5) as two:
        policy = parse_policy(policy_text(urls=(one, two, "http://127.0.0.1:1")))
        clients = [WitnessClient(witness, 2) for witness in policy.witnesses]
        cosigner = Cosigner(clients, TREE.consistency_path, kept, pause_seconds=0)
        cosigner.offer(a_note(7))
        cosigner.close()
        latest = tuple(note for c in clients[:2] if (note := c.latest([LOG_KEY])) is not None)
    seen = view_outside(OutsideEvidence(kept=kept.read(), latest=latest), [LOG_KEY], policy)
    assert (seen.witnessed, seen.latest) == (Reached(7, at(5)), Reached(7, at(0)))
    assert (seen.newest, seen.findings) == (at(6), ())
    assert [(lane.size, lane.trouble) for lane in cosigner.health] == [
        (7, None),
        (7, None),
        (0, "HTTP_FAILED"),
    ]


def test_offering_never_waits_and_only_the_newest_is_asked(tmp_path: Path) -> None:
    """TX-K7: the trade path is not blocked by a witness that does not answer."""
    released, asked = threading.Event(), list[bytes]()

    def slow(_path: str, body: bytes) -> Answer:
        asked.append(body)
        released.wait(20)
        return 503, b""

    with scripted(slow) as prefix:
        client = WitnessClient(known(prefix), wait_seconds=5)
        kept = CosignedNotes(tmp_path / "cosigned")
        cosigner = Cosigner([client], TREE.consistency_path, kept, pause_seconds=0)
        cosigner.offer(a_note(1))
        while not asked:
            time.sleep(0.005)
        started = time.monotonic()
        for size in range(2, 21):
            cosigner.offer(a_note(size))
        offered = time.monotonic() - started
        released.set()
        cosigner.close()
    assert offered < 0.5
    assert [body.split(b"\n")[3] for body in asked] == [b"1", b"20"]
    assert cosigner.health[0].trouble == "WITNESS_FAILED"


def test_what_another_process_sealed_meanwhile_is_asked_for_instead(tmp_path: Path) -> None:
    """A7: an older tree, seen late, would bound the times of newer records wrongly."""
    kept = CosignedNotes(tmp_path / "cosigned")
    with a_witness(tmp_path / "m") as prefix:
        client = WitnessClient(known(prefix))
        cosigner = Cosigner([client], TREE.consistency_path, kept, 0, newest=lambda: a_note(9))
        cosigner.offer(a_note(7))
        cosigner.close()
    assert [read_checkpoint(note).size for note in kept.read()] == [9]
    assert cosigner.health[0].size == 9


def test_an_alarm_stays_after_the_next_success(tmp_path: Path) -> None:
    """A6: a person has to look."""
    kept = CosignedNotes(tmp_path / "cosigned")
    with a_witness(tmp_path / "m") as prefix:
        WitnessClient(known(prefix)).cosign(a_note(7), TREE.consistency_path)
        client = WitnessClient(known(prefix))
        cosigner = Cosigner([client], OTHER.consistency_path, kept, pause_seconds=0)
        cosigner.offer(a_note(9, OTHER))
        while cosigner.health[0].alarm is None:
            time.sleep(0.005)
        cosigner.offer(a_note(7))
        cosigner.close()
    health = cosigner.health[0]
    assert (health.size, health.trouble, health.alarm) == (7, None, "WITNESS_CONTRADICTS")


def test_an_answer_that_came_too_late_bounds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7: the lag that the time windows count on is kept by dropping."""
    kept = CosignedNotes(tmp_path / "cosigned")
    monkeypatch.setattr(witnesses, "EVIDENCE_LAG_MAX", at() - at(1))
    with a_witness(tmp_path / "m") as prefix:
        cosigner = Cosigner([WitnessClient(known(prefix))], TREE.consistency_path, kept, 0)
        cosigner.offer(a_note(7))
        cosigner.close()
    assert (kept.read(), cosigner.health[0].trouble) == ((), "WITNESS_FAILED")
