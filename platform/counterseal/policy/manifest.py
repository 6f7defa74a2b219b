"""What every policy version in a folder consists of.

Job: hold the list of versions with the hash of each file, and compare files with it.

A manifest finds changed files before anybody opens a desk under them. Who stands behind a version
is said in the log: by its activation, which carries the texts and two people's signatures.

Invariants
  I1  An entry's bundle hash is the hash of its own list of files.
  I2  A version stands in the list at most once; a version that is not there has no files to trust.

Not here: reading files (storage.policy_files), activation (desk.policies).
Source: governance part 4 (manifest.json).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

from pydantic import Field, model_validator

from counterseal.kernel.clock import UtcDatetime
from counterseal.kernel.errors import PolicyError
from counterseal.kernel.model import DomainModel, Name, Sha256
from counterseal.policy.bundle import PolicyFile, bundle_hash, hash_files

MANIFEST_FILE: Final = "manifest.json"


class ManifestEntry(DomainModel):
    """One version.

    Attributes:
        effective_from: From when its author means it to count; what counts is the activation.
        author: Who wrote it.
    """

    version: Name
    bundle_hash: Sha256
    author: Name
    effective_from: UtcDatetime
    files: tuple[PolicyFile, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _own_hash(self) -> Self:
        if bundle_hash(self.files) != self.bundle_hash:
            raise ValueError("the bundle hash is not that of the files")
        return self


class PolicyManifest(DomainModel):
    """The whole document."""

    schema_version: int = Field(default=1, ge=1, le=1)
    versions: tuple[ManifestEntry, ...] = Field(max_length=1000)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [entry.version for entry in self.versions]
        if len(names) != len(set(names)):
            raise ValueError("a version is named twice")
        return self

    def entry(self, version: str) -> ManifestEntry | None:
        """The entry of a version, or None."""
        return next((entry for entry in self.versions if entry.version == version), None)

    def with_entry(self, entry: ManifestEntry) -> "PolicyManifest":
        """The manifest with this entry in the place of an older one of its version."""
        others = [one for one in self.versions if one.version != entry.version]
        return self.amended(versions=tuple(sorted([*others, entry], key=lambda e: e.version)))


def entry_of(
    version: str, files: Mapping[str, bytes], author: str, effective_from: datetime
) -> ManifestEntry:
    """The entry that describes these files."""
    hashed = hash_files(files)
    return ManifestEntry(
        version=version,
        bundle_hash=bundle_hash(hashed),
        author=author,
        effective_from=effective_from,
        files=hashed,
    )


def check_manifest(
    manifest: PolicyManifest, version: str, files: Mapping[str, bytes]
) -> ManifestEntry:
    """The entry of a version, when the files are exactly those that it lists.

    Raises:
        PolicyError: `POLICY_UNLISTED` for an unknown version, `POLICY_HASH_MISMATCH`, naming the
            first file that differs, is missing or is too many.
    """
    entry = manifest.entry(version)
    if entry is None:
        raise PolicyError("POLICY_UNLISTED", "the manifest does not list this version", got=version)
    listed = {file.path: file.sha256 for file in entry.files}
    found = {file.path: file.sha256 for file in hash_files(files)}
    differing = sorted(p for p in listed | found if listed.get(p) != found.get(p))
    if differing:
        raise PolicyError(
            "POLICY_HASH_MISMATCH",
            "the policy files differ from the manifest",
            field=differing[0],
            expected=listed.get(differing[0], "no such file"),
            got=found.get(differing[0], "no such file"),
        )
    return entry
