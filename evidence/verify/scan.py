"""What the bytes of each record say, by as many processors as there are."""
# ruff: noqa: PLR2004, DOC501 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections import deque
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evidence.verify.bag import RECORD_MAX
from evidence.verify.base import RECORDS, UnusableError, found
from evidence.verify.trees import blocks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evidence.verify.bag import Pack

PIECE = 1 << 22
"""Bytes that are looked at in one go."""


ALONE = 4
"""So many pieces are worth processes of their own."""


TEXT, PLAIN = rb'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"', rb'"[^"]*"'
"""JSON strings; where no escape and no control character is, the next quotation mark ends one. That
is found in a third of the time."""


CONTROLS = bytes(set(range(32)) - {10})


COUNT = rb"(?:0|[1-9][0-9]{0,15})"


def _end(text: bytes) -> re.Pattern[bytes]:
    """The fields that place a record, from the end of its canonical bytes."""
    or_null = rb"(?:null|" + text + rb")"
    return re.compile(
        b"".join(
            (
                rb',"origin":(' + text + rb'),"pii":\[([^\]]*)\],"policy":(?:null|\{"digest":',
                text + rb',"id":' + text + rb',"version":(?:' + text + b"|" + COUNT,
                rb')\}),"prev":"(?s:.{64})","reason":\{"code":' + text + rb',"text":' + text,
                rb'\},"recorded_at":"((?s:.{26})Z)","request_id":' + or_null,
                rb',"run":' + or_null + rb',"seq":(' + COUNT + rb'),"step":' + or_null,
                rb',"stream":(' + text + rb'),"stream_prev":"((?s:.{64}))"',
                rb',"stream_seq":(' + COUNT + rb'),"subject":\{"id":' + text,
                rb',"type":' + text + rb',"version":' + COUNT,
                rb'\},"type":"([a-z0-9_.]+)","v":1\}\Z',
            )
        )
    )


END, PLAIN_END = _end(TEXT), _end(PLAIN)


JUDGED = {
    *(b"installation.created", b"key.rotated", b"key.revoked", b"log.rolled_back", b"pii.erased"),
    *(b"retention.purged", b"streams.snapshot", b"evidence.exported"),
}


REQUESTS = b'"approval_requests":['


MARK = b'"key_id":"'
"""Stands in every decision and in every key of a person."""


class Wanted(NamedTuple):
    """Which records are to be told of: those of streams, at places, or with requests in them."""

    streams: frozenset[bytes]
    places: frozenset[int]
    requests: bool


class Part(NamedTuple):
    """Some lines of a file, read by whoever looks at them."""

    path: Path
    start: int
    size: int

    def read(self) -> bytes:
        """The lines."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.size)


class Line(NamedTuple):
    """A record to be told of; its body only where it is to be judged."""

    seq: int
    leaf: str
    kind: bytes
    pii: bytes
    recorded: bytes
    stream: bytes
    prev: bytes
    number: int
    body: bytes | None


class Scan(NamedTuple):
    """Some records: their places and leaf hashes, one behind the other.

    `blocks` are roots of leaves that fill a block of the tree; `names` are those of the log, each
    with place and type of the record that it begins with; `ended` says that what comes next is no
    record.
    """

    places: array[int]
    leaves: bytes
    blocks: list[tuple[int, bytes]]
    names: list[tuple[bytes, int, bytes]]
    lines: list[Line]
    ended: bool


def scanned(piece: bytes | Part, wanted: Wanted) -> Scan:
    """What whole lines say, each ended by its newline."""
    lines = piece if isinstance(piece, bytes) else piece.read()
    begin = hashlib.sha256(b"\0").copy
    told, leaves = Scan(array("Q"), b"", [], [], [], ended=False), list[bytes]()
    origin = None
    plain = len(lines.translate(None, CONTROLS)) == len(lines)
    for body in lines[:-1].split(b"\n"):
        at = max(body.rfind(b',"origin":"'), 0)
        match = (PLAIN_END if plain and b"\\" not in body else END).match(body, at)
        if match is None or not body.startswith(b'{"action":"') or len(body) > RECORD_MAX:
            return told._replace(ended=True)
        name, pii, place, stream, kind = match.group(1, 2, 4, 5, 8)
        hashed, seq = begin(), int(place)
        hashed.update(body)
        told.places.append(seq)
        leaves.append(hashed.digest())
        if name != origin:
            origin = name
            told.names.append((name, seq, kind))
        judged = kind in JUDGED or MARK in body or (wanted.requests and REQUESTS in body)
        if judged or pii or stream in wanted.streams or seq in wanted.places:
            leaf, kept = hashed.hexdigest(), body if judged else None
            recorded, prev, number = match.group(3, 6, 7)
            told.lines.append(Line(seq, leaf, kind, pii, recorded, stream, prev, int(number), kept))
    joined = b"".join(leaves)
    return told._replace(leaves=joined, blocks=blocks_of(told.places, joined))


class Records:
    """The records of a pack, read once: looked at and hashed on the way."""

    def __init__(self, pack: Pack) -> None:
        self._path = None if pack.zip else pack.path / RECORDS
        self._stream, self._hash = pack.open(RECORDS), hashlib.sha256()

    def scans(self, wanted: Wanted) -> Iterator[Scan]:
        """What all of them say, in their order."""
        pieces, act = self._pieces(), partial(scanned, wanted=wanted)
        first = list(islice(pieces, ALONE))
        workers = os.cpu_count() or 1
        if len(first) < ALONE or workers == 1:
            yield from map(act, chain(first, pieces))
            return
        with ExitStack() as ends:
            # spawned: whoever calls us may have threads, which a fork would leave half done
            pool = ends.enter_context(ProcessPoolExecutor(workers, get_context("spawn")))
            try:
                yield from _in_order(pool, act, chain(first, pieces), 2 * workers)
            except BrokenExecutor as error:
                raise UnusableError(
                    "WORKER_ENDED", f"a process of ours ended: {error}", 4
                ) from None

    def digest(self) -> str:
        """SHA-256 of the file, read to its end."""
        with self._stream as stream:
            for part in iter(partial(stream.read, PIECE), b""):
                self._hash.update(part)
        return self._hash.hexdigest()

    def _pieces(self) -> Iterator[bytes | Part]:
        """Whole lines, many at a time."""
        start = 0
        while piece := self._stream.read(PIECE):
            whole = piece + self._stream.readline(RECORD_MAX + 2)
            self._hash.update(whole)
            if whole[-1] != 10:
                found("NOT_CANONICAL", RECORDS, "a line is too long, or bytes trail the last one")
            yield whole if self._path is None else Part(self._path, start, len(whole))
            start += len(whole)


def _in_order(
    pool: ProcessPoolExecutor,
    act: Callable[[bytes | Part], Scan],
    pieces: Iterator[bytes | Part],
    ahead: int,
) -> Iterator[Scan]:
    """Answers in the order of the pieces, of which only a few are read ahead."""
    waiting = deque(pool.submit(act, piece) for piece in islice(pieces, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(act, piece) for piece in islice(pieces, 1))
