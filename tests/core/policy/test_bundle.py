"""A bundle is named by its hash and counts between two instants."""

from datetime import timedelta

import pytest

from counterseal.kernel.errors import PolicyError
from counterseal.policy.bundle import check_bundle_hash
from tests.core.approvals.world import HASH, NOW, bundle


def test_i1_another_hash_than_the_activated_one_is_an_error() -> None:
    """TX-F18: expected and got are told apart."""
    policy = bundle()
    check_bundle_hash(policy.bundle_hash, policy.bundle_hash)
    with pytest.raises(PolicyError, match="POLICY_HASH_MISMATCH") as caught:
        check_bundle_hash(policy.bundle_hash, HASH)
    assert (caught.value.expected, caught.value.got) == (HASH, policy.bundle_hash)


def test_i3_a_bundle_is_in_force_half_open() -> None:
    """TX-F18: from its first instant up to, not including, its end."""
    end = NOW + timedelta(hours=1)
    policy = bundle().amended(effective_from=NOW, expires_at=end)
    step = timedelta(microseconds=1)
    instants = (NOW - step, NOW, end - step, end)
    assert [policy.in_force(at) for at in instants] == [False, True, True, False]
