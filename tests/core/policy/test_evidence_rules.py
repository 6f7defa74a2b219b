"""How often outsiders are to see the log."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.kernel.errors import PolicyError
from counterseal.policy.evidence import EvidenceRules
from storage.policy_files import bundle_from, read_policy_files

ROOT = Path(__file__).parents[3]
VERSION = "2026.11.1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PATH = f"audit/{VERSION}/evidence.yaml"


def test_the_document_counts_as_written() -> None:
    """Design 5: T and N are settings under policies/."""
    files = read_policy_files(ROOT / "policies", VERSION)
    assert bundle_from(files, VERSION, NOW).evidence == EvidenceRules()
    files[PATH] = b"schema_version: 1\nheartbeat_seconds: 5\nstale_after_heartbeats: 4\n"
    rules = bundle_from(files, VERSION, NOW).evidence
    assert (rules.heartbeat, rules.stamp) == (timedelta(seconds=5), timedelta(minutes=10))
    assert rules.fresh == timedelta(seconds=20)


def test_a_bundle_without_it_has_the_values_of_the_design() -> None:
    """Bundles that were activated before go on as they were."""
    files = read_policy_files(ROOT / "policies", VERSION)
    del files[PATH]
    assert bundle_from(files, VERSION, NOW).evidence == EvidenceRules()


@pytest.mark.parametrize(
    "line", ["heartbeat_seconds: 0", "heartbeat: 60", "stamp_seconds: 604801", "schema_version: 2"]
)
def test_what_is_not_understood_is_refused(line: str) -> None:
    """POLICY_INVALID, POLICY_UNKNOWN_KEY."""
    files = read_policy_files(ROOT / "policies", VERSION)
    files[PATH] = f"{line}\n".encode()
    with pytest.raises(PolicyError):
        bundle_from(files, VERSION, NOW)


def test_one_missed_heartbeat_makes_no_log_stale() -> None:
    """I1."""
    with pytest.raises(ValidationError):
        EvidenceRules(stale_after_heartbeats=1)
