"""A BagIt bag that is written as it is made.

Job: take files one after the other into a folder or a zip file, hash them on the way, and close
the bag with its manifests.

Invariants
  I1  What was written is what was hashed: one pass, chunk by chunk; memory does not grow.
  I2  A bag appears as a whole or not at all: it is made beside its place, then renamed there.
  I3  Nothing that is there is overwritten.

Not here: what a pack holds (pack), whether it is true (verify).
Source: RFC 8493 (BagIt 1.0).
"""

import hashlib
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

from counterseal.kernel.errors import AdapterError, InputError

ZIP_SUFFIX: Final = ".zip"
PAYLOAD: Final = "data/"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_DRAFT_SUFFIX: Final = ".partial"
_COMPRESSION: Final = 1
"""Of zlib: half the size of the fastest at a third of the time of the best."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9._+=@,~-]{1,200}", re.ASCII)
"""A part of a name that every file system takes and no manifest has to quote."""

Write = Callable[[bytes], None]
"""Takes the next bytes of a file."""


class Written(NamedTuple):
    """A file of the bag: hex SHA-256, bytes."""

    sha256: str
    length: int


class _Place(Protocol):
    """Where the files of a bag go, each once."""

    def file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Opens the next file; the one before is closed."""

    def close(self) -> None:
        """Completes what is not complete without it."""


class Bag:
    """A bag on its way; `writing_bag` makes one.

    Args:
        place: Where the files go.
    """

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._written: dict[str, Written] = {}

    @property
    def written(self) -> Mapping[str, Written]:
        """What is in the bag so far, by name."""
        return self._written

    @contextmanager
    def file(self, name: str) -> Iterator[Write]:
        """Write one file; files are written one after the other.

        Raises:
            InputError: `BAG_NAME` for a name that is taken, or that no bag can have.
        """
        if name in self._written or not _is_plain(name):
            raise InputError("BAG_NAME", "a file of a bag has a plain name of its own", got=name)
        hashed, length = hashlib.sha256(), 0
        with self._place.file(name) as file:

            def write(content: bytes) -> None:
                nonlocal length
                hashed.update(content)
                length += len(content)
                file.write(content)

            yield write
        self._written[name] = Written(hashed.hexdigest(), length)

    def add(self, name: str, chunks: Iterable[bytes]) -> Written:
        """Write one file from its chunks; errors of `file`."""
        with self.file(name) as write:
            for chunk in chunks:
                write(chunk)
        return self._written[name]

    def close_payload(self) -> None:
        """Write the manifest over everything in `data/`; errors of `file`."""
        payload = {n: w for n, w in self._written.items() if n.startswith(PAYLOAD)}
        self.add(MANIFEST, [_manifest(payload)])

    def close_tags(self) -> None:
        """Write the manifest over everything beside `data/`, the last file; errors of `file`."""
        tags = {n: w for n, w in self._written.items() if not n.startswith(PAYLOAD)}
        self.add(TAG_MANIFEST, [_manifest(tags)])

    def oxum(self) -> str:
        """Bytes and files of the payload, as `Payload-Oxum` has them."""
        payload = [w.length for n, w in self._written.items() if n.startswith(PAYLOAD)]
        return f"{sum(payload)}.{len(payload)}"


def bag_info(**facts: str) -> bytes:
    """The text of `bag-info.txt`; `Bag_Size` is written `Bag-Size`."""
    return "".join(f"{name.replace('_', '-')}: {v}\n" for name, v in facts.items()).encode()


def check_free(target: Path) -> None:
    """Refuse a place where something lies.

    Raises:
        InputError: `FILE_EXISTS`.
    """
    if target.exists() or target.is_symlink():
        raise InputError("FILE_EXISTS", "something is there already", field="--out", got=target)


@contextmanager
def writing_bag(target: Path) -> Iterator[Bag]:
    """A bag that is at `target` once the block has ended, and nowhere when it fails.

    Args:
        target: A new folder, or a new file when its name ends in `.zip`.

    Raises:
        InputError: `FILE_EXISTS`.
        AdapterError: `PACK_WRITE` when it cannot be written.
    """
    check_free(target)
    draft = target.with_name(f".{target.name}{_DRAFT_SUFFIX}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        try:
            place = _placed(draft, target)
            try:
                yield Bag(place)
            finally:
                place.close()
            check_free(target)
            draft.rename(target)
        finally:
            _remove(draft)
    except OSError as error:
        raise AdapterError("PACK_WRITE", str(error), got=target) from error


def _placed(draft: Path, target: Path) -> _Place:
    return _Zip(draft, target.stem) if target.suffix == ZIP_SUFFIX else _Folder(draft)


class _Folder:
    """A bag as a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """A new file."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            yield file

    def close(self) -> None:
        """Nothing is left to do."""


class _Zip:
    """A bag as a zip file with one folder; the same files give the same bytes."""

    def __init__(self, path: Path, folder: str) -> None:
        self._folder = folder
        self._zip = zipfile.ZipFile(
            path, "x", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_COMPRESSION
        )

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """A new entry of any size."""
        with self._zip.open(f"{self._folder}/{name}", "w", force_zip64=True) as file:
            yield file  # type: ignore[misc]  # an IO of bytes, by typeshed's name for it

    def close(self) -> None:
        """Write the directory of the file."""
        self._zip.close()


def _manifest(written: Mapping[str, Written]) -> bytes:
    return "".join(f"{written[name].sha256}  {name}\n" for name in sorted(written)).encode()


def _is_plain(name: str) -> bool:
    return all(_PLAIN.fullmatch(part) and part.strip(".") for part in name.split("/"))


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft)
    else:
        draft.unlink(missing_ok=True)
