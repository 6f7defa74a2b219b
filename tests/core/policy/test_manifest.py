"""What every policy version in a folder consists of."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import PolicyError
from counterseal.policy.manifest import MANIFEST_FILE, PolicyManifest, check_manifest, entry_of
from storage.policy_files import read_manifest
from storage.settings import POLICY_VERSION
from tests.core.policy.shelf import NOW, ROOT, shipped

FILES = {"risk/1/limits.yaml": b"a: 1\n", "approval/1/params.yaml": b"b: 2\n"}


def manifest() -> PolicyManifest:
    return PolicyManifest(versions=()).with_entry(entry_of("1", FILES, "ann", NOW))


def test_the_files_that_were_listed_pass() -> None:
    """Governance part 4: sha256 per file, one bundle hash."""
    assert check_manifest(manifest(), "1", FILES).author == "ann"


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ({**FILES, "risk/1/limits.yaml": b"a: 2\n"}, "risk/1/limits.yaml"),
        ({**FILES, "risk/1/more.yaml": b""}, "risk/1/more.yaml"),
        ({"risk/1/limits.yaml": b"a: 1\n"}, "approval/1/params.yaml"),
    ],
    ids=["changed", "one more", "one less"],
)
def test_other_files_are_named(files: dict[str, bytes], field: str) -> None:
    """POLICY_HASH_MISMATCH names the first file that differs."""
    with pytest.raises(PolicyError) as caught:
        check_manifest(manifest(), "1", files)
    assert (caught.value.code, caught.value.field) == ("POLICY_HASH_MISMATCH", field)


def test_i2_an_unlisted_version_has_no_files_to_trust() -> None:
    """POLICY_UNLISTED."""
    with pytest.raises(PolicyError, match="POLICY_UNLISTED"):
        check_manifest(manifest(), "2", FILES)


def test_i2_a_version_stands_there_once() -> None:
    """A new entry takes the place of the old one; two are refused."""
    later = entry_of("1", FILES, "bob", NOW + timedelta(days=1))
    both = manifest().with_entry(entry_of("2", FILES, "ann", NOW)).with_entry(later)
    assert [(one.version, one.author) for one in both.versions] == [("1", "bob"), ("2", "ann")]
    with pytest.raises(ValidationError, match="named twice"):
        PolicyManifest(versions=(later, later))


def test_i1_an_entry_has_its_own_hash() -> None:
    """A bundle hash that is not that of the list is refused."""
    with pytest.raises(ValidationError, match="not that of the files"):
        manifest().versions[0].amended(bundle_hash=digest(None))


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"versions": []',
        '{"schema_version": 1, "schema_version": 1, "versions": []}',
        '{"schema_version": 1, "versions": [], "signed": true}',
        '{"schema_version": 2, "versions": []}',
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    """POLICY_INVALID: what people read is what counts."""
    (tmp_path / MANIFEST_FILE).write_text(text, "utf-8")
    with pytest.raises(PolicyError, match="POLICY_INVALID"):
        read_manifest(tmp_path)


def test_a_folder_without_a_list_lists_nothing(tmp_path: Path) -> None:
    """Every version of it is unlisted; a list beyond all measure is not read."""
    assert read_manifest(tmp_path).versions == ()
    (tmp_path / MANIFEST_FILE).write_bytes(b" " * 1_000_001)
    with pytest.raises(PolicyError, match="POLICY_TOO_LONG"):
        read_manifest(tmp_path)


def test_the_shipped_list_names_the_shipped_files() -> None:
    """Who edits a policy lists it anew: `counterseal policies manifest VERSION --author NAME`."""
    _, _, files = shipped()
    entry = check_manifest(read_manifest(ROOT / "policies"), POLICY_VERSION, files)
    assert entry.bundle_hash == shipped().bundle.bundle_hash
