"""Archives that no writer of packs makes: each is refused with a verdict, none by a traceback."""

import struct
import zipfile
from pathlib import Path

import pytest

from evidence.verify import FoundError
from evidence.verify.bag import Pack

NAME = "pack/data/pack.json"


def odd(folder: Path, method: int, flags: int) -> Path:
    """An archive of one file whose headers tell another method or other flags."""
    path = folder / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME, b"{}")
    content = bytearray(path.read_bytes())
    struct.pack_into("<HH", content, 6, flags, method)
    struct.pack_into("<HH", content, content.index(b"PK\1\2") + 8, flags, method)
    path.write_bytes(content)
    return path


def test_the_archive_by_itself_is_read(tmp_path: Path) -> None:
    assert Pack(odd(tmp_path, zipfile.ZIP_STORED, 0)).names == {"data/pack.json"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
def test_another_compression_is_refused(tmp_path: Path, method: int) -> None:
    """BAG_MALFORMED: what some readers can unpack and others cannot is no evidence for all."""
    with pytest.raises(FoundError, match=r"BAG_MALFORMED.*compressed in another way"):
        Pack(odd(tmp_path, method, 0))


@pytest.mark.parametrize("flags", [0x1, 0x20, 0x40, 0x41])
def test_what_cannot_be_read_by_everybody_is_refused(tmp_path: Path, flags: int) -> None:
    """BAG_MALFORMED: encrypted members, and patches."""
    with pytest.raises(FoundError, match=r"BAG_MALFORMED.*encrypted"):
        Pack(odd(tmp_path, zipfile.ZIP_STORED, flags))
