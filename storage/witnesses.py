"""Asking witnesses.

Job: have checkpoints cosigned after they were acknowledged, and keep what witnesses signed.

Invariants
  I1  Offering a checkpoint waits for nothing and nobody: the trade path never sees a witness.
  I2  Only the newest checkpoint waits; an answer that came too late to bound a time is dropped.
  I3  A line is kept only when it verifies over the checkpoint that was sent.
  I4  A refusal of the tree itself is told apart from a bad day, and is never retried.

Not here: what cosignatures prove (audit.outside), the witness's side (witness_server).
Source: C2SP tlog-witness; design rule "asynchronous evidence never blocks the trade path".
"""

import fcntl
import http.client
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from counterseal.audit.note import NOTE_BYTES_MAX, SignatureLine, VerifierKey
from counterseal.audit.outside import open_under
from counterseal.audit.time_windows import EVIDENCE_LAG_MAX
from counterseal.audit.trust_policy import KnownWitness
from counterseal.audit.witness import AddCheckpoint, cosigned_lines, origin_name, with_lines
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage.durable import write_durably

Newest = Callable[[], str | None]
"""Tells the newest signed checkpoint of the log, whoever signed it."""

ProofOf = Callable[[int, int], tuple[bytes, ...]]
"""Consistency proof between two sizes of the log; both positive, the first the smaller."""

WAIT_SECONDS: Final = 10.0
"""Longest wait for one answer."""

ATTEMPTS_MAX: Final = 3
"""Requests for one checkpoint: the witness may move on between two of them."""

PAUSE_SECONDS: Final = 60.0
"""Shortest time between two checkpoints that one witness is asked for (T of the design)."""

_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_READ: Final = 65_536


@dataclass(frozen=True, slots=True)
class HttpReply:
    """Status and body of an answer."""

    status: int
    body: bytes


def exchange(
    url: str, method: str, body: bytes | None, kind: str, wait_seconds: float
) -> HttpReply:
    """One HTTP request, bounded in time and size.

    Raises:
        AdapterError: `HTTP_FAILED` (retriable): no answer, a broken or an endless one.
        InputError: `URL_INVALID`.
    """
    connection, path = _connection(url, wait_seconds)
    ends = time.monotonic() + wait_seconds
    try:
        connection.request(method, path, body, {"Content-Type": kind} if body else {})
        with connection.getresponse() as answer:
            return HttpReply(answer.status, _bounded(answer, ends))
    except (OSError, http.client.HTTPException) as error:
        raise AdapterError("HTTP_FAILED", str(error) or "no answer", retriable=True) from error
    finally:
        connection.close()


def _connection(url: str, wait_seconds: float) -> tuple[http.client.HTTPConnection, str]:
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in kinds or host is None or not url.isascii():
        raise InputError("URL_INVALID", "expected http or https and a host", got=url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return kinds[parts.scheme](host, port, timeout=wait_seconds), path


def _bounded(answer: http.client.HTTPResponse, ends: float) -> bytes:
    content = b""
    while piece := answer.read1(_READ):
        content += piece
        if len(content) > NOTE_BYTES_MAX or time.monotonic() > ends:
            raise AdapterError("HTTP_FAILED", "an answer too long or too slow", retriable=True)
    return content


class WitnessClient:
    """Asks one witness; not for several threads.

    Args:
        witness: Its key and prefix.
        wait_seconds: Longest wait for one answer.

    Raises:
        InputError: `WITNESS_URL_MISSING`.
    """

    def __init__(self, witness: KnownWitness, wait_seconds: float = WAIT_SECONDS) -> None:
        if witness.url is None:
            raise InputError("WITNESS_URL_MISSING", "the policy names no URL", got=witness.key.name)
        self.witness = witness
        self.key: VerifierKey = witness.key
        self._prefix = witness.url.rstrip("/")
        self._wait = wait_seconds
        self._held = 0

    def cosign(self, note: str, proof_of: ProofOf) -> tuple[SignatureLine, ...]:
        """The witness's good lines over a checkpoint, at least one.

        Args:
            note: The signed checkpoint.
            proof_of: Proofs of the log; asked for the size that the witness holds.

        Raises:
            AdapterError: `HTTP_FAILED`, `WITNESS_FAILED` (retriable); `WITNESS_REFUSED`,
                `WITNESS_AHEAD`.
            IntegrityError: `WITNESS_CONTRADICTS` when it refuses the tree, `SIG_INVALID` or
                `KEY_UNKNOWN` when the answer does not verify under its key.
            InputError: when the answer is malformed.
        """
        size = read_checkpoint(note).size
        for _ in range(ATTEMPTS_MAX):
            old = min(self._held, size)
            proof = proof_of(old, size) if 0 < old < size else ()
            reply = self._ask(AddCheckpoint(old, proof, note))
            if reply.status == HTTPStatus.OK:
                lines = cosigned_lines(note, reply.body, (self.key,))
                self._held = size
                return lines
            self._held = self._size_held(reply, old, size)
        raise AdapterError("WITNESS_FAILED", "the witness moves on", retriable=True)

    def latest(self, log_keys: Sequence[VerifierKey]) -> str | None:
        """The largest checkpoint that the witness says it cosigned, verified; None for none.

        Args:
            log_keys: The log's keys; all are named as its origin.

        Raises:
            AdapterError: `HTTP_FAILED` or `WITNESS_FAILED`.
            IntegrityError: `SIG_INVALID`, `KEY_UNKNOWN`.
            InputError: when the answer is malformed.
        """
        url = f"{self._prefix}/{origin_name(log_keys[0].name)}/checkpoint"
        reply = exchange(url, "GET", None, "", self._wait)
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        if reply.status != HTTPStatus.OK:
            raise AdapterError("WITNESS_FAILED", "no checkpoint", retriable=True, got=reply.status)
        note = reply.body.decode(errors="replace")
        opened = open_under(note, log_keys, (self.key,))
        if all(line.key != self.key for line in opened.lines):
            raise IntegrityError(
                "KEY_UNKNOWN", "the witness did not cosign", field="witness", got=self.key.name
            )
        return note

    def _ask(self, asked: AddCheckpoint) -> HttpReply:
        url = f"{self._prefix}/add-checkpoint"
        return exchange(url, "POST", asked.text.encode(), "text/plain; charset=utf-8", self._wait)

    def _size_held(self, reply: HttpReply, old: int, size: int) -> int:
        """Where to go on after an answer without a cosignature.

        Raises:
            AdapterError: `WITNESS_AHEAD`, `WITNESS_FAILED`, `WITNESS_REFUSED`.
            IntegrityError: `WITNESS_CONTRADICTS`.
        """
        told = _SIZE.fullmatch(reply.body)
        if reply.status == HTTPStatus.CONFLICT and told is not None and int(told[1]) != old:
            held = int(told[1])
            if held > size:
                raise AdapterError("WITNESS_AHEAD", "the witness holds a larger tree", got=held)
            return held
        if reply.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            raise IntegrityError(
                "WITNESS_CONTRADICTS",
                "the witness saw another tree of this log",
                field="witness",
                got=self.key.name,
            )
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AdapterError("WITNESS_FAILED", "no answer", retriable=True, got=reply.status)
        raise AdapterError("WITNESS_REFUSED", "the witness refuses", got=reply.status)


class CosignedNotes:
    """Cosigned checkpoints, a file for each size.

    Args:
        folder: Made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, note: str, lines: Iterable[SignatureLine]) -> None:
        """Keep lines of a checkpoint; a fresher line takes the place of its elder.

        Raises:
            IntegrityError: `COSIGNED_OTHER_ROOT` when another tree is kept for that size.
            AdapterError: `COSIGNED_WRITE`.
        """
        path = self._folder
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                path = self._path(read_checkpoint(note))
                kept = path.read_bytes().decode() if path.exists() else note
                if read_checkpoint(kept) != read_checkpoint(note):
                    raise IntegrityError("COSIGNED_OTHER_ROOT", "another tree is kept", got=path)
                write_durably(path, with_lines(kept, lines).encode())
        except OSError as error:
            raise AdapterError("COSIGNED_WRITE", str(error), got=path) from error

    def read(self) -> tuple[str, ...]:
        """All notes, by size; what they prove is not known yet.

        Raises:
            AdapterError: `COSIGNED_READ`.
        """
        try:
            paths = sorted(self._folder.glob("*.note"))
            return tuple(path.read_bytes().decode(errors="replace") for path in paths)
        except OSError as error:
            raise AdapterError("COSIGNED_READ", str(error), got=self._folder) from error

    def _path(self, told: Checkpoint) -> Path:
        """Where a size is kept; under another name of the log, after a rollback, once more."""
        path = self._folder / f"{told.size:019d}.note"
        if path.exists() and read_checkpoint(path.read_bytes().decode()).origin != told.origin:
            return path.with_name(f"{told.size:019d}.{origin_name(told.origin)[:16]}.note")
        return path


def keep_cosigned(client: WitnessClient, note: str, proof_of: ProofOf, kept: CosignedNotes) -> None:
    """Have the newest checkpoint cosigned by one witness, and keep its line.

    Raises:
        AdapterError: `WITNESS_FAILED` also for an answer that came too late to bound a time;
            `COSIGNED_WRITE`, and those of `WitnessClient.cosign`.
        IntegrityError: those of `WitnessClient.cosign`; `COSIGNED_OTHER_ROOT`.
        InputError: when the answer is malformed.
    """
    started = time.monotonic()
    lines = client.cosign(note, proof_of)
    if time.monotonic() - started > EVIDENCE_LAG_MAX.total_seconds():
        raise AdapterError("WITNESS_FAILED", "the answer came too late", retriable=True)
    kept.add(note, lines)


@dataclass(frozen=True, slots=True)
class LaneHealth:
    """How one witness fares.

    Attributes:
        size: Largest size that it cosigned for us, 0 for none.
        trouble: Code of the last failure; None after a success.
        alarm: Code that a person has to look at; stays until the process ends.
    """

    witness: str
    size: int = 0
    trouble: str | None = None
    alarm: str | None = None


def _as_offered() -> None:
    """Nobody else seals: what was offered last is the newest."""


class _Lane:
    """One witness, one thread, and the newest checkpoint that waits for it."""

    def __init__(
        self,
        client: WitnessClient,
        proof_of: ProofOf,
        kept: CosignedNotes,
        pause_seconds: float,
        newest: Newest,
    ) -> None:
        self._newest = newest
        self._client = client
        self._proof_of = proof_of
        self._kept = kept
        self._pause = pause_seconds
        self._slot: str | None = None
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self.health = LaneHealth(client.key.name)
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def offer(self, note: str) -> None:
        with self._changed:
            self._slot = note
            self._changed.notify()

    def close(self) -> None:
        self._closed.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot is not None or self._closed.is_set())
                note, self._slot = self._slot, None
            if note is None:
                return
            self.health = self._asked(note)
            self._closed.wait(self._pause)

    def _asked(self, note: str) -> LaneHealth:
        was = self.health
        try:
            note = self._newest() or note
            keep_cosigned(self._client, note, self._proof_of, self._kept)
        except CountersealError as error:
            alarm = error.code if isinstance(error, IntegrityError) else was.alarm
            return LaneHealth(was.witness, was.size, error.code, alarm)
        return LaneHealth(was.witness, read_checkpoint(note).size, None, was.alarm)


class Cosigner:
    """Has checkpoints cosigned in the background, each witness at its own pace.

    Args:
        clients: One for each witness.
        proof_of: Proofs of the log, called from several threads.
        kept: Where good lines go.
        pause_seconds: Shortest time between two requests to one witness.
        newest: Asked again when a witness is: while a checkpoint waited, another process may have
            sealed, and an older tree would bound the times of its records wrongly.
    """

    def __init__(
        self,
        clients: Iterable[WitnessClient],
        proof_of: ProofOf,
        kept: CosignedNotes,
        pause_seconds: float = PAUSE_SECONDS,
        newest: Newest = _as_offered,
    ) -> None:
        self._lanes = [_Lane(client, proof_of, kept, pause_seconds, newest) for client in clients]

    def offer(self, note: str) -> None:
        """Hand over an acknowledged checkpoint; returns at once."""
        for lane in self._lanes:
            lane.offer(note)

    def close(self) -> None:
        """Ask for what still waits, then stop; at most the bounds of one checkpoint long."""
        for lane in self._lanes:
            lane.close()

    @property
    def health(self) -> tuple[LaneHealth, ...]:
        """How each witness fares, in the order of the clients."""
        return tuple(lane.health for lane in self._lanes)
