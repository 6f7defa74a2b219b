"""Files of a pack, and the bag around them."""
# ruff: noqa: PLR2004 - lengths of public formats; the errors are told once, in base

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from evidence.verify.base import RECORDS, UnusableError, found

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD_MAX, FILE_MAX = 65_535, 1 << 26


BAG = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


SUBJECTS = ("manifest-sha256.txt", "bag-info.txt", "verify.py", "VERIFY.md")


TAGS = (*SUBJECTS, "bagit.txt", "tagmanifest-sha256.txt", "statement.dsse.json")


PARTS = "pack.json records.jsonl withheld.jsonl checkpoint proof completeness.jsonl log.vkey"


REQUIRED = (*TAGS, *(f"data/{name}" for name in PARTS.split()))
UNOPENED = (OSError, zipfile.BadZipFile, RuntimeError)
"""What opening odd bytes raises; the last one is zipfile's, of an archive in parts or too new."""


PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
HIDDEN = 0x1 | 0x20 | 0x40
"""Flags of members that are encrypted, or patches of other files (APPNOTE 4.4.4)."""


class Pack:
    """Files by name, from a folder or a .zip; unsafe names, links and duplicates are refused."""

    def __init__(self, path: Path) -> None:
        self.path, self.top = path, ""
        self.zip: zipfile.ZipFile | None = None
        try:
            self.names = set(self._in_folder() if path.is_dir() else self._in_zip())
        except UNOPENED as error:
            raise UnusableError("NO_PACK", f"cannot be read: {error}") from None
        if not self.names & {"bagit.txt", "manifest-sha256.txt", "data/pack.json"}:
            raise UnusableError("NO_PACK", f"this is none: {path}")

    def _in_folder(self) -> Iterator[str]:
        for folder, inside, files in os.walk(self.path):
            for name in (*inside, *files):
                place = Path(folder, name)
                if place.is_symlink() or not (
                    place.is_dir() if name in inside else place.is_file()
                ):
                    found("BAG_MALFORMED", str(place), "links and special files are refused")
            for name in files:
                yield self._safe(Path(folder, name).relative_to(self.path).as_posix())

    def _in_zip(self) -> Iterator[str]:
        self.zip = zipfile.ZipFile(self.path)
        listed, seen = self.zip.infolist(), set[str]()
        size, last = self.path.stat().st_size, 22 + len(self.zip.comment)
        with self.path.open("rb") as whole:
            whole.seek(max(size - last, 0))
            trailing = whole.read(4) != b"PK\x05\x06" or bool(self.zip.comment)
        if trailing or not listed or min(one.header_offset for one in listed) != 0:
            found("BAG_MALFORMED", self.path.name, "bytes before or behind the archive")
        self.top = listed[0].filename.partition("/")[0] + "/"
        for one in listed:
            if one.filename in seen or stat.S_ISLNK(one.external_attr >> 16):
                found("BAG_MALFORMED", one.filename, "twice in the archive, or a link")
            if one.compress_type not in PACKED or one.flag_bits & HIDDEN:
                found("BAG_MALFORMED", one.filename, "encrypted, or compressed in another way")
            seen.add(one.filename)
            if not one.filename.startswith(self.top):
                found("BAG_MALFORMED", one.filename, "lies beside the one top folder")
            if one.is_dir() and one.file_size == 0:
                continue
            yield self._safe(one.filename[len(self.top) :])

    @staticmethod
    def _safe(name: str) -> str:
        parts = name.split("/")
        if any(
            re.fullmatch(r"[A-Za-z0-9._+=@:,~-]+", p) is None or not p.strip(".") for p in parts
        ):
            found("BAG_MALFORMED", ascii(name)[:200], "an unsafe file name")
        return name

    def open(self, name: str) -> IO[bytes]:
        """A file as a stream."""
        if name not in self.names:
            found("FILE_MISSING", name, "the pack does not hold it")
        if self.zip is None:
            return (self.path / name).open("rb", buffering=1 << 18)
        return io.BufferedReader(cast("io.RawIOBase", self.zip.open(self.top + name)), 1 << 18)

    def read(self, name: str, size_max: int = FILE_MAX) -> bytes:
        """A small file as a whole."""
        with self.open(name) as stream:
            content = stream.read(size_max + 1)
        if len(content) > size_max:
            found("BAG_MALFORMED", name, f"longer than {size_max} bytes")
        return content

    def lines(self, name: str, size_max: int = RECORD_MAX) -> Iterator[bytes]:
        """Lines without their newlines; each has one, and none is too long."""
        with self.open(name) as stream:
            for line in iter(partial(stream.readline, size_max + 2), b""):
                if line[-1] != 10:
                    found("NOT_CANONICAL", name, "a line is too long, or bytes trail the last one")
                yield line[:-1]

    def sha256(self, name: str) -> str:
        """Digest of a file."""
        digest = hashlib.sha256()
        with self.open(name) as stream:
            for part in iter(partial(stream.read, 1 << 20), b""):
                digest.update(part)
        return digest.hexdigest()


def check_bag(pack: Pack) -> dict[str, str]:
    """Every file is listed, every listed file is there, with its digest; nothing else is there."""
    for name in REQUIRED:
        if name not in pack.names:
            found("FILE_MISSING", name, "every pack has it")
    if pack.read("bagit.txt", 1000) != BAG.encode():
        found("BAG_MALFORMED", "bagit.txt", "not BagIt 1.0")
    digests = {**listed(pack, "manifest-sha256.txt"), **listed(pack, "tagmanifest-sha256.txt")}
    beside = {name for name in pack.names if not name.startswith("data/")} - {*REQUIRED}
    for name in sorted(beside | (pack.names - digests.keys() - {"tagmanifest-sha256.txt"})):
        found("FILE_ADDED", name, "no manifest lists it, or no pack has it")
    for name, digest in sorted(digests.items()):
        if name not in pack.names:
            found("FILE_MISSING", name, "listed, and not there")
        if name != RECORDS and pack.sha256(name) != digest:  # they are hashed while they are read
            found("FILE_CHANGED", name, "its digest is not the listed one")
    return digests


def listed(pack: Pack, manifest: str) -> dict[str, str]:
    """Digests by name: one manifest lists what lies in `data/`, the other one what lies beside."""
    digests: dict[str, str] = {}
    for line in pack.lines(manifest, 1000):
        match = re.fullmatch(rb"([0-9a-f]{64})  ([!-~]+)", line)
        name = "" if match is None else match[2].decode()
        if match is None or name in digests or name.startswith("data/") != (manifest[0] == "m"):
            found("BAG_MALFORMED", manifest, f"an odd line, or a file twice: {line[:200]!r}")
        digests[name] = match[1].decode()
    return digests
