"""Grants as values: what is signed, what is covered, when it counts, whom it joins."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.approvals.delegation import (
    DelegationGrant,
    GrantScope,
    GrantStatus,
    decide_delegation,
    decide_end_delegation,
    grant_in_force,
    grant_signed,
    grant_statement,
    links_of_grants,
)
from counterseal.approvals.independence import closure
from counterseal.identity.dsse import sign_statement
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.words import Stage
from tests.core.approvals import world
from tests.core.approvals.world import HASH, NOW, bundle, key_of, payload, person

POLICY = bundle()
PAYLOAD = payload(POLICY)
SCOPE = GrantScope(
    strategies=("trend",),
    instruments=("TMF",),
    accounts=("acct_1",),
    tx_equivalent_max=Decimal("0.1"),
    notional_max=Decimal(400000),
    currency=Currency.TWD,
)


def grant(**changes: object) -> DelegationGrant:
    """Of rex to kai for a week, signed after the changes."""
    told: dict[str, object] = {
        "grant_id": "del_1",
        "log_origin": "acme/log",
        "tenant": "acme",
        "delegator": "rex",
        "delegate": "kai",
        "stages": (Stage.RESEARCH,),
        "scope": SCOPE,
        "valid_from": NOW,
        "valid_until": NOW + timedelta(days=7),
        "reason": HASH,
        "nonce": "n1",
        "issued_at": NOW,
        "key_id": "key_rex",
    }
    unsigned = DelegationGrant.model_validate(told | changes)
    signature = sign_statement(
        world.private_key("rex"), "grant", {**grant_statement(unsigned)}, "key_rex"
    )
    return unsigned.amended(signature=signature)


def decided(made: DelegationGrant, delegator: str = "rex") -> tuple[str, ...]:
    outcome = decide_delegation(
        made,
        person(delegator),
        person(made.delegate),
        key_of("rex"),
        known=None,
        params=POLICY.approval,
        now=NOW,
    )
    return outcome.codes if isinstance(outcome, Refusal) else ()


def test_i1_only_own_roles_are_lent_for_a_bounded_time() -> None:
    """Governance 2.6: rex reviews research, and nobody's research but the own."""
    assert decided(grant()) == ()
    assert decided(grant(stages=(Stage.RESEARCH, Stage.RISK))) == ("ROLE",)
    assert decided(grant(valid_until=NOW + timedelta(days=30))) == ()
    over = timedelta(days=30, microseconds=1)
    assert decided(grant(valid_until=NOW + over)) == ("GRANT_INVALID",)
    assert decided(grant(delegate="rex")) == ("GRANT_INVALID",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("delegate", "olga"),
        ("stages", (Stage.RISK,)),
        ("scope", SCOPE.amended(tx_equivalent_max=Decimal(9))),
        ("valid_until", NOW + timedelta(days=8)),
        ("tenant", "other"),
        ("nonce", "n2"),
    ],
)
def test_i2_every_bound_is_under_the_signature(field: str, value: object) -> None:
    """N8: a changed row is no grant."""
    assert grant_signed(grant(), key_of("rex"))
    assert not grant_signed(grant().amended(**{field: value}), key_of("rex"))
    assert not grant_signed(grant(), key_of("kai"))
    assert not grant_signed(grant(), None)


def test_i3_it_counts_inside_its_time_and_scope_only() -> None:
    """Governance 2.6: half-open at both ends of its life."""
    made, second = grant(), timedelta(seconds=1)
    assert not grant_in_force(made, PAYLOAD, Stage.RESEARCH, NOW - second)
    assert grant_in_force(made, PAYLOAD, Stage.RESEARCH, NOW)
    assert grant_in_force(made, PAYLOAD, Stage.RESEARCH, made.valid_until - second)
    assert not grant_in_force(made, PAYLOAD, Stage.RESEARCH, made.valid_until)
    assert not grant_in_force(made, PAYLOAD, Stage.RISK, NOW)
    larger = PAYLOAD.amended(notional=Decimal(400001))
    assert not grant_in_force(made, larger, Stage.RESEARCH, NOW)
    foreign = PAYLOAD.amended(currency=Currency.USD)
    assert not grant_in_force(made, foreign, Stage.RESEARCH, NOW)
    ended = decide_end_delegation(made, person("kai"), NOW + second)
    assert isinstance(ended, DelegationGrant)
    assert ended.status is GrantStatus.ENDED
    assert grant_in_force(ended, PAYLOAD, Stage.RESEARCH, NOW)
    assert not grant_in_force(ended, PAYLOAD, Stage.RESEARCH, NOW + second)


@settings(max_examples=100, deadline=None)
@given(st.integers(-10, 10), st.integers(1, 10), st.integers(-10, 10), st.integers(0, 10))
def test_i4_a_grant_joins_both_ends_if_it_was_active_at_any_time_of_the_case(
    begins: int, lasts: int, since: int, passed: int
) -> None:
    """Governance 2.5: compared with every single hour of the case."""

    def at(hours: int) -> timedelta:
        return timedelta(hours=hours)

    made = grant(valid_from=NOW + at(begins), valid_until=NOW + at(begins + lasts))
    opened, now = NOW + at(since), NOW + at(since + passed)
    links = links_of_grants((made,), opened, now)
    hours = [NOW + at(since + h) for h in range(passed + 1)]
    assert bool(links) == any(made.in_force(hour) for hour in hours)
    assert closure("rex", links) == ({"rex", "kai"} if links else {"rex"})
