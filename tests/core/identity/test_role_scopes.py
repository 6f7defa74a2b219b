"""A reviewer's role that reaches some strategies only: signed by two, shown, rechecked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.identity.acts import GrantRole, read_act, statement_of
from counterseal.identity.people import (
    Person,
    Role,
    RoleScope,
    decide_disable,
    decide_grant,
    decide_withdrawal,
)
from counterseal.identity.recheck import check_register
from counterseal.kernel.model import Refusal
from tests.core.identity.town import NOW, OFFICERS, Town, code, in_force, person

REVIEWS = (Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER)
limits = st.lists(st.sampled_from(("s1", "s2", "s3")), unique=True, max_size=3).map(tuple)


@pytest.fixture
def town() -> Town:
    town = Town().found()
    town.add(person("kai"))
    return town


def kai(town: Town) -> Person:
    found = town.register.person("kai")
    assert found is not None
    return found


def granted(town: Town, *strategies: str, role: Role = Role.RISK_REVIEWER) -> GrantRole:
    act = town.grant("kai", role, *strategies)
    assert isinstance(act, GrantRole)
    assert in_force(town.propose(act, *OFFICERS))
    return act


@given(st.dictionaries(st.sampled_from(REVIEWS), limits), st.sampled_from(("s1", "s2", "s9")))
def test_i4_a_limit_only_ever_narrows(told: dict[Role, tuple[str, ...]], strategy: str) -> None:
    """Governance part 1, row filters: what is reached is held, and without limits it is all."""
    scopes = tuple(RoleScope(role=r, strategies=s) for r, s in told.items() if s)
    one = person("kai", *REVIEWS).amended(scopes=scopes)
    reached = one.roles_for(strategy)
    assert reached <= one.held_roles()
    assert one.amended(scopes=()).roles_for(strategy) == one.held_roles()
    for role in REVIEWS:
        assert (role in reached) is (not told.get(role) or strategy in told[role])
    assert one.amended(roles=()).roles_for(strategy) == frozenset()


def test_i1_two_people_sign_the_limit_with_the_role(town: Town) -> None:
    """Governance 5: the strategies stand in the signed statement, each once and sorted."""
    act = granted(town, "s2", "s1", "s1")
    assert statement_of(act)["strategies"] == ["s1", "s2"]
    assert read_act(statement_of(act)) == act
    assert kai(town).scopes == (RoleScope(role=Role.RISK_REVIEWER, strategies=("s1", "s2")),)
    assert check_register(town.register) == ()


def test_a_role_for_every_strategy_is_signed_as_it_always_was(town: Town) -> None:
    """Governance 5: an old statement keeps its bytes and its meaning."""
    act = granted(town)
    assert "strategies" not in statement_of(act)
    assert (kai(town).scopes, check_register(town.register)) == ((), ())


@pytest.mark.parametrize("forged", [("s1", "s2"), (), ("s3",)])
def test_i2_a_limit_that_was_changed_in_the_record_is_named(
    town: Town, forged: tuple[str, ...]
) -> None:
    """Governance 8, test 5: of the grant as of the person."""
    granted(town, "s1")
    scopes = (RoleScope(role=Role.RISK_REVIEWER, strategies=forged),) if forged else ()
    honest = town.register
    town.add(kai(town).amended(scopes=scopes))
    (fault,) = check_register(town.register)
    told = "the role risk_reviewer was granted for other strategies"
    assert (fault.kind, fault.key, fault.problem) == ("people", "kai", told)

    grant = next(g for g in honest.grants if g.person_id == "kai")
    town.take((grant.amended(strategies=forged),))
    assert {f.problem for f in check_register(town.register)} == {
        "nobody signed this record",
        "the role risk_reviewer rests on a grant that does not hold",
    }


def test_only_a_reviewers_role_is_limited(town: Town) -> None:
    """Governance part 1, row filters: no limit is promised that nothing would keep."""
    act = town.grant("kai", Role.OPERATOR, "s1")
    assert code(town.propose(act, *OFFICERS)) == "ROLE_NOT_LIMITED"
    assert code(town.propose(act, OFFICERS[0])) == "ROLE_NOT_LIMITED"


def test_a_limit_is_changed_by_giving_the_role_anew(town: Town) -> None:
    """Governance 5: a second grant of a held role is refused, and withdrawal ends the limit."""
    granted(town, "s1")
    again = town.grant("kai", Role.RISK_REVIEWER, "s2")
    assert code(town.propose(again, *OFFICERS)) == "ROLE_HELD"

    officer = town.register.person("eva")
    assert officer is not None
    grants = tuple(g for g in town.register.grants if g.person_id == "kai")
    left = decide_withdrawal(kai(town), Role.RISK_REVIEWER, grants, officer, NOW)
    assert not isinstance(left, Refusal)
    town.take((left[0], *left[1]))
    assert (kai(town).roles, kai(town).scopes) == ((), ())

    granted(town)
    assert kai(town).roles_for("s9") == {Role.RISK_REVIEWER}
    assert check_register(town.register) == ()


def test_i3_a_disabled_person_reaches_nothing() -> None:
    """Governance 5: leavers are closed at once."""
    boss = person("eva", Role.ADMINISTRATOR)
    closed = decide_disable(person("kai", *REVIEWS), boss, NOW)
    assert isinstance(closed, Person)
    assert closed.roles_for("s1") == frozenset()


def test_a_grant_says_what_it_limits(town: Town) -> None:
    """Governance part 1, row filters: two roles of one person, two reaches."""
    granted(town, "s1")
    granted(town, role=Role.COMPLIANCE_REVIEWER)
    assert kai(town).roles_for("s1") == {Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}
    assert kai(town).roles_for("s2") == {Role.COMPLIANCE_REVIEWER}
    grant = next(g for g in town.register.grants if g.role is Role.RISK_REVIEWER)
    assert code(decide_grant(grant, person("olga"))) == "NOT_FOUND"
