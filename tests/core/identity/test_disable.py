"""Closing a leaver's access, and the scope of a mandate."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterseal.identity.dsse import sign_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import (
    MandateStatus,
    SubmitMandate,
    check_mandate,
    decide_use,
    mandate_statement,
)
from counterseal.identity.people import (
    Person,
    PersonStatus,
    Role,
    RoleGrant,
    decide_disable,
    decide_withdrawal,
)
from counterseal.kernel.model import Refusal
from counterseal.policy.authorize import Action, allowed_roles
from tests.core.approvals.world import key_of, private_key

NOW = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
OFFICER = min(allowed_roles(Action.DISABLE_PERSON))


def person(name: str, *roles: Role, tenant: str = "acme") -> Person:
    return Person(person_id=name, tenant=tenant, handle=name, roles=roles, created_at=NOW)


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Refusal) else ""


def test_an_officer_disables_a_leaver_once() -> None:
    """TX-F17: at once; the roles stay on record but are no longer held."""
    officer, leaver = person("eva", OFFICER), person("rex", Role.RESEARCH_REVIEWER)
    closed = decide_disable(leaver, officer, NOW)

    assert isinstance(closed, Person)
    assert (closed.status, closed.active) == (PersonStatus.DISABLED, False)
    assert (closed.disabled_at, closed.held_roles()) == (NOW, frozenset())
    assert code(decide_disable(closed, officer, NOW)) == "PERSON_DISABLED"
    assert code(decide_disable(leaver, person("rex2", Role.RESEARCH_REVIEWER), NOW)) == "ROLE"
    assert (
        code(decide_disable(leaver, person("eva", OFFICER, tenant="other"), NOW)) == "OTHER_TENANT"
    )
    assert code(decide_disable(leaver, officer.amended(status=PersonStatus.DISABLED), NOW)) == (
        "PERSON_DISABLED"
    )


def test_an_officer_withdraws_one_role_and_leaves_the_others() -> None:
    """Governance 5, access review: what a review finds too much goes at once."""
    officer = person("eva", OFFICER)
    rex = person("rex", Role.RESEARCH_REVIEWER, Role.OPERATOR)
    grants = tuple(
        RoleGrant(grant_id=f"g-{role}", person_id="rex", role=role, granted_at=NOW)
        for role in rex.roles
    )
    withdrawn = decide_withdrawal(rex, Role.OPERATOR, grants, officer, NOW)

    assert not isinstance(withdrawn, Refusal)
    left, (ended,) = withdrawn
    assert left.roles == (Role.RESEARCH_REVIEWER,)
    assert (ended.role, ended.ended_at, ended.ended_by) == (Role.OPERATOR, NOW, "eva")
    for subject, role, actor, expected in (
        (left, Role.OPERATOR, officer, "ROLE_NOT_HELD"),
        (rex, Role.OPERATOR, rex, "ROLE"),
        (rex, Role.OPERATOR, person("eva", OFFICER, tenant="other"), "OTHER_TENANT"),
        (rex.amended(status=PersonStatus.DISABLED), Role.OPERATOR, officer, "PERSON_DISABLED"),
    ):
        assert code(decide_withdrawal(subject, role, grants, actor, NOW)) == expected


def signed_mandate() -> SubmitMandate:
    draft = SubmitMandate(
        mandate_id="m_1",
        tenant="acme",
        account_id="acct_1",
        person_id="olga",
        key_id="key_olga",
        strategies=("trend",),
        orders_max=2,
        tx_equivalent_max=Decimal("0.25"),
        valid_from=NOW,
        valid_until=NOW + timedelta(hours=1),
        issued_at=NOW,
        nonce="n1",
    )
    signature = sign_statement(private_key("olga"), "mandate", mandate_statement(draft), "key_olga")
    return draft.amended(signature=signature)


def asked(
    mandate: SubmitMandate,
    key: PersonKey | None,
    account_id: str = "acct_1",
    strategy_id: str = "trend",
    exposure: str = "0.25",
) -> str:
    outcome = check_mandate(
        mandate,
        person("olga", Role.OPERATOR),
        key,
        account_id=account_id,
        strategy_id=strategy_id,
        tx_equivalent=Decimal(exposure),
        protection_points=None,
        now=NOW,
    )
    return code(outcome)


@pytest.mark.parametrize(
    ("account", "strategy", "exposure", "expected"),
    [
        ("acct_1", "trend", "0.25", ""),
        ("acct_2", "trend", "0.25", "MANDATE_SCOPE"),
        ("acct_1", "other", "0.25", "MANDATE_SCOPE"),
        ("acct_1", "trend", "0.26", "MANDATE_SCOPE"),
    ],
)
def test_i1_an_order_outside_the_scope_is_refused(
    account: str, strategy: str, exposure: str, expected: str
) -> None:
    """TX-G4: account, strategy and exposure, each alone; the bound itself is inside."""
    assert asked(signed_mandate(), key_of("olga"), account, strategy, exposure) == expected


def test_i1_a_mandate_is_used_up_and_dies_with_its_key_or_by_revocation() -> None:
    """TX-G4: two orders, then none."""
    key, once = key_of("olga"), decide_use(signed_mandate())
    revoked = key.amended(revoked_at=NOW, revoked_reason="lost")

    assert asked(once, key) == ""
    assert asked(decide_use(once), key) == "MANDATE_USED_UP"
    assert asked(once, revoked) == asked(once, None) == "MANDATE_INVALID"
    assert asked(once, key_of("kai")) == "MANDATE_INVALID"
    assert asked(once.amended(status=MandateStatus.REVOKED), key) == "MANDATE_EXPIRED"
