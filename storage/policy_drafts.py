"""Policies that are being written.

Job: read a version of a folder as far as it can be read, and keep the folder's list of versions.

Not here: files of a policy that is in force (policy_files, law), the checks (policy.gate_checks).
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from counterseal.kernel.errors import PolicyError
from counterseal.policy.cases import CaseFile, read_cases
from counterseal.policy.gate_checks import PolicyDraft
from counterseal.policy.manifest import (
    MANIFEST_FILE,
    ManifestEntry,
    PolicyManifest,
    check_manifest,
    entry_of,
)
from storage.policy_files import (
    TESTS_FILE,
    bundle_from,
    contracts_from,
    parse_yaml,
    read_manifest,
    read_policy_files,
)


def list_version(folder: Path, version: str, author: str, now: datetime) -> ManifestEntry:
    """Put a version, as its files are now, on the list of its folder; the entry.

    A version that was listed before keeps the time from which it is meant to count.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_TOO_LONG`, `POLICY_INVALID` for a list that does not
            hold.
        OSError: when the list cannot be written.
    """
    listed = read_manifest(folder)
    before = listed.entry(version)
    meant_from = now if before is None else before.effective_from
    entry = entry_of(version, read_policy_files(folder, version), author, meant_from)
    write_manifest(folder, listed.with_entry(entry))
    return entry


def write_manifest(folder: Path, manifest: PolicyManifest) -> None:
    """Put a list of versions into a folder, in the place of the one that lies there."""
    text = json.dumps(manifest.json_value(), indent=1)
    (folder / MANIFEST_FILE).write_text(f"{text}\n", "utf-8")


def draft_from(folder: Path, version: str, now: datetime) -> PolicyDraft:
    """A version as it lies in a folder, read as far as it can be.

    Raises:
        PolicyError: `POLICY_MISSING` without any file, `POLICY_TOO_LONG`.
    """
    files = read_policy_files(folder, version)
    try:
        entry = check_manifest(read_manifest(folder), version, files)
        bundle = bundle_from(files, version, now, author_ids=(entry.author,))
        contracts_from(files)
        cases = cases_from(files)
    except PolicyError as error:
        return PolicyDraft(version, files, flaw=str(error))
    return PolicyDraft(version, files, bundle, cases)


def drafts_in(folder: Path, known: Collection[str], now: datetime) -> tuple[PolicyDraft, ...]:
    """Every version of a folder but the known ones, read as far as it can be; newest name first."""
    names = {place.name for place in folder.glob("approval/*") if place.is_dir()}
    return tuple(_readable(folder, name, now) for name in sorted(names - set(known), reverse=True))


def _readable(folder: Path, version: str, now: datetime) -> PolicyDraft:
    try:
        return draft_from(folder, version, now)
    except PolicyError as error:
        return PolicyDraft(version, {}, flaw=str(error))


def cases_from(files: Mapping[str, bytes]) -> CaseFile:
    """The cases that a policy brings for itself.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_NOT_YAML`, and those of `policy.cases.read_cases`.
    """
    for path, content in files.items():
        if path.endswith(f"/{TESTS_FILE}"):
            return read_cases(parse_yaml(content, path), path)
    raise PolicyError("POLICY_MISSING", "a policy brings its own tests", field=TESTS_FILE)
