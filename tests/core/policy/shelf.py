"""The policy of the repository, as tests take it from the shelf."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from counterseal.policy.bundle import PolicyBundle, RuleText
from counterseal.policy.cases import CaseFile
from storage.policy_drafts import cases_from
from storage.policy_files import bundle_from, read_policy_files
from storage.settings import POLICY_VERSION

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)


class Shipped(NamedTuple):
    """A bundle, its cases and its bytes."""

    bundle: PolicyBundle
    cases: CaseFile
    files: dict[str, bytes]


@cache
def shipped() -> Shipped:
    """The policy that a fresh home starts with."""
    files = read_policy_files(ROOT / "policies", POLICY_VERSION)
    return Shipped(bundle_from(files, POLICY_VERSION, NOW), cases_from(files), files)


def lacking(text: RuleText, *names: str) -> RuleText:
    """Rules without some of them."""
    parts = text.rules.split("\n@id(")
    kept = [part for part in parts if part.partition(")")[0].strip('"') not in names]
    assert len(kept) == len(parts) - len(names)
    return text.amended(rules="\n@id(".join(kept))
