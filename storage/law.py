"""Which policy counts in a home.

Job: give the policy in force from the texts that were activated, and compare the folder with them.

Invariants
  I1  What counts is the newest activation that has taken effect, with the texts in it: a folder
      that is older, newer or gone changes nothing.
  I2  A folder that has the version in force must have exactly its bytes, and its list of versions
      must say so: what people read there is what counts.
  I3  An activation that is not the first one is believed only with two people's votes.

Not here: activation (desk.policies), parsing (policy_files).
Source: governance part 4; invariants 6 and 11.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import (
    PolicyBundle,
    RuleText,
    bundle_hash,
    check_bundle_hash,
    hash_files,
)
from counterseal.policy.manifest import check_manifest
from storage.policy_files import bundle_from, read_manifest, read_policy_files


class Law(NamedTuple):
    """A bundle and the bytes that it was made from."""

    bundle: PolicyBundle
    files: Mapping[str, bytes]


def law_in_force(reader: Reader, now: datetime) -> Law:
    """The policy in force, from the bytes that were activated; no folder is read.

    Raises:
        PolicyError: `POLICY_MISSING` before any activation, `POLICY_HASH_MISMATCH` when the stored
            texts are not those of the activated hash.
    """
    active = in_force(reader.find(PolicyActivation), now)
    if active is None:
        raise PolicyError("POLICY_MISSING", "no policy is active in this home")
    return activated_law(active)


@lru_cache(maxsize=4)
def activated_law(activation: PolicyActivation) -> Law:
    """The policy of one activation, which is read once: every byte of it is in the document.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH`.
    """
    files = activation.contents
    bundle = bundle_from(
        files,
        activation.version,
        activation.effective_from,
        author_ids=activation.author_ids,
    )
    check_bundle_hash(bundle.bundle_hash, activation.bundle_hash)
    return Law(bundle, files)


def activated_rules(reader: Reader) -> dict[str, RuleText]:
    """The rules of every policy that was ever activated, by the hash of its bundle.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH`.
    """
    return {
        one.bundle_hash: activated_law(one).bundle.rules for one in reader.find(PolicyActivation)
    }


def law_to_open(reader: Reader, folder: Path, version: str, origin: str, now: datetime) -> Law:
    """The policy under which a desk opens.

    Args:
        reader: Of the home.
        folder: Where policy files lie.
        version: Of the shipped policy, for a home without any activation.
        origin: Name of the log; votes are given for one log.
        now: When the desk opens.

    Raises:
        PolicyError: `POLICY_HASH_MISMATCH` or `POLICY_UNLISTED` when folder, list and activation
            differ; `POLICY_MISSING` without files of the shipped policy.
        IntegrityError: `POLICY_UNAPPROVED`.
    """
    active = in_force(reader.find(PolicyActivation), now)
    if active is None:
        files = checked_files(folder, version)
        return Law(bundle_from(files, version, now), files)
    from counterseal.desk.policy_votes import check_activation  # noqa: PLC0415 - looking needs none

    check_activation(reader, active, origin)
    if any(folder.glob(f"*/{active.version}")):
        files = checked_files(folder, active.version)
        check_bundle_hash(bundle_hash(hash_files(files)), active.bundle_hash)
    return activated_law(active)


def checked_files(folder: Path, version: str) -> dict[str, bytes]:
    """Files of a version, exactly as the folder's list of versions has them.

    Raises:
        PolicyError: `POLICY_MISSING`, `POLICY_TOO_LONG`, `POLICY_UNLISTED`,
            `POLICY_HASH_MISMATCH`.
    """
    files = read_policy_files(folder, version)
    check_manifest(read_manifest(folder), version, files)
    return files
