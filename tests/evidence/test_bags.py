"""Packs as bags: plain tools check them, and a pack is there as a whole or not at all."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # its public name

from counterseal.kernel.errors import InputError, InvariantError
from evidence.bag import Bag, writing_bag
from evidence.model import PackFile
from evidence.pack import Shown, write_pack
from evidence.statement import PAYLOAD_TYPE, PREDICATE_TYPE, ExportKey
from evidence.verify.joined import PARTS, joined
from tests.evidence.pack_room import ALL, PackWorld, Read, of_case
from tests.world import ROOT

SUBJECTS = ["manifest-sha256.txt", "bag-info.txt", "verify.py", "VERIFY.md"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> PackWorld:
    """A world with an auditor and one case."""
    made = PackWorld(tmp_path_factory.mktemp("bags") / "home")
    made.audited()
    made.requested()
    return made


@pytest.fixture(scope="module")
def pack(world: PackWorld, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """A pack of everything, as a folder."""
    return world.packed(tmp_path_factory.mktemp("pack") / "pack", ALL)


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    [top] = folder.iterdir()
    return top


def test_the_common_checker_of_bags_takes_a_folder_and_a_zip(
    world: PackWorld, pack: Read, tmp_path: Path
) -> None:
    """RFC 8493: complete, valid, and of the stated length; one changed byte is found."""
    zipped = world.packed(tmp_path / "whole.zip", ALL)
    top = unpacked(zipped.path, tmp_path / "there")

    assert top.name == "whole"
    for folder in (pack.path, top):
        bag = bagit.Bag(str(folder))
        bag.validate(processes=1)
        assert bag.info["Payload-Oxum"] == f"{_bytes(folder)}.{len(bag.payload_entries())}"
    (top / "data" / "log.vkey").write_bytes(b"another\n")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(top)).validate(processes=1)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())


def test_every_file_beside_the_payload_is_listed_but_the_list_itself(pack: Read) -> None:
    """RFC 8493: the tag manifest covers the signed statement and the verifier."""
    listed = {
        line.partition("  ")[2]
        for line in pack.content("tagmanifest-sha256.txt").decode().splitlines()
    }
    tags = {name for name in pack.names() if not name.startswith("data/")}
    assert listed == tags - {"tagmanifest-sha256.txt"}


def test_the_statement_verifies_with_the_library_of_the_update_framework(pack: Read) -> None:
    """DSSE, in-toto Statement v1: over four files, by the key that the log names."""
    told = json.loads(pack.content("statement.dsse.json"))
    public = pack.records[-1]["after"]["facts"]["export_key"]
    key_id = hashlib.sha256(bytes.fromhex(public)).hexdigest()
    key = SSlibKey(key_id, "ed25519", "ed25519", {"public": public})

    envelope = Envelope.from_dict(json.loads(json.dumps(told)))

    assert list(envelope.verify([key], 1)) == [key_id]
    assert envelope.payload_type == PAYLOAD_TYPE
    statement = json.loads(envelope.payload)
    assert statement["predicateType"] == PREDICATE_TYPE
    assert [one["name"] for one in statement["subject"]] == SUBJECTS
    for one in statement["subject"]:
        content = pack.content(one["name"])
        assert one["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
    description = pack.description
    assert statement["predicate"] == {
        name: description[name] for name in ("export", "origin", "root", "scope", "size")
    }
    other = SSlibKey(key_id, "ed25519", "ed25519", {"public": ExportKey().public})
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


def test_an_export_key_signs_once() -> None:
    """Statement I1: nobody makes a second pack in its name."""
    key = ExportKey()
    key.sign({"first": True})
    with pytest.raises(InvariantError):
        key.sign({"second": True})
    assert key.public != ExportKey().public


def test_the_verifier_in_the_pack_is_ours_to_the_byte(pack: Read) -> None:
    """Design 8: what is published can be compared."""
    assert pack.content("verify.py") == joined()
    assert pack.content("VERIFY.md") == (ROOT / "evidence" / "VERIFY.md").read_bytes()
    parts = {path.stem for path in (ROOT / "evidence" / "verify").glob("*.py")}
    assert parts - {"__init__", "joined"} == set(PARTS)


def test_the_same_export_gives_the_same_bytes_but_for_the_key(
    world: PackWorld, tmp_path: Path
) -> None:
    """Determinism: files and zip follow from the log, the scope and the key alone."""
    seed = bytes(range(32))
    order = world.ordered(ALL, _seeded(seed))
    paths = [tmp_path / place / "pack.zip" for place in ("one", "other", "third")]
    for path, own in zip(paths, (seed, seed, bytes(32)), strict=True):
        with world.source() as source:
            write_pack(path, source, replace(order, key=_seeded(own)))
    first, second, third = (Read(path, ANY) for path in paths)
    assert first.path.read_bytes() == second.path.read_bytes()
    differing = {name for name in first.names() if first.content(name) != third.content(name)}
    assert differing == {"statement.dsse.json", "tagmanifest-sha256.txt"}


def _seeded(seed: bytes) -> ExportKey:
    return ExportKey(Ed25519PrivateKey.from_private_bytes(seed))


def test_an_interrupted_export_leaves_nothing(world: PackWorld, tmp_path: Path) -> None:
    """Bag I2: folder or zip, whatever stops it."""
    for name in ("pack", "pack.zip"):

        def stops(_: Shown) -> Iterator[PackFile]:
            yield PackFile("data/half.txt", [b"half"])
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            world.packed(tmp_path / name, ALL, stops)
        assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(world: PackWorld, tmp_path: Path) -> None:
    """Bag I3: a folder, a file, a link to nowhere."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.zip").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("folder", "file.zip", "link"):
        with pytest.raises(InputError) as refused:
            world.packed(tmp_path / name, ALL)
        assert refused.value.code == "FILE_EXISTS"
    assert (tmp_path / "file.zip").read_bytes() == b"mine"


def test_a_bag_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Bag I3: looked at again before it is moved."""

    def meanwhile() -> Iterator[bytes]:
        yield b"a"
        (tmp_path / "pack").mkdir()
        (tmp_path / "pack" / "mine").touch()

    with pytest.raises(InputError) as refused, writing_bag(tmp_path / "pack") as bag:
        bag.add("data/a", meanwhile())
    assert refused.value.code == "FILE_EXISTS"
    assert [path.name for path in tmp_path.rglob("*")] == ["pack", "mine"]


@pytest.mark.parametrize(
    "name", ["", "data/../x", "/data/x", "data//x", "data/a b", "data/\n", "data/%0A", "data/..."]
)
def test_odd_names_are_refused(name: str, tmp_path: Path) -> None:
    """Bag: no name leaves the bag or has to be quoted."""
    with pytest.raises(InputError) as refused, writing_bag(tmp_path / "pack") as bag:
        bag.add(name, [b"x"])
    assert refused.value.code == "BAG_NAME"
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """Bag I1: what was hashed is what lies there."""

    def twice(bag: Bag) -> None:
        bag.add("data/x", [b"x"])
        bag.add("data/x", [b"y"])

    with pytest.raises(InputError) as refused, writing_bag(tmp_path / "pack.zip") as bag:
        twice(bag)
    assert refused.value.code == "BAG_NAME"


def test_renderings_see_what_is_shown_and_lie_in_the_manifest(
    world: PackWorld, tmp_path: Path
) -> None:
    """Pack I5: the one place where further files are handed in."""
    own, other = world.requested(), world.requested()

    def rendered(shown: Shown) -> Iterator[PackFile]:
        assert shown.cases == (own,)
        first, second = list(shown.bodies()), list(shown.bodies())
        assert first == second
        yield PackFile("data/tables/records.csv", (b"%d\n" % len(body) for body in first))
        yield PackFile("data/report.html", [json.dumps(shown.description["scope"]).encode()])

    pack = world.packed(tmp_path / "pack", of_case(own), rendered)

    bodies = pack.content("data/records.jsonl").splitlines()
    assert pack.content("data/tables/records.csv").splitlines() == [b"%d" % len(b) for b in bodies]
    assert b"  data/tables/records.csv\n" in pack.content("manifest-sha256.txt")
    assert own.encode() in pack.content("data/report.html")
    assert other.encode() not in pack.content("data/records.jsonl")
