"""Different means different people; and there must be enough of them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.independence import (
    Candidate,
    LinkKind,
    PersonLink,
    closure,
    independence_codes,
    is_staffable,
    links_of_keys,
)
from counterseal.policy.words import Role, Stage
from tests.core.approvals import world

RES, RISK, COMP = Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER
PARAMS = world.bundle().approval
TWO, ALL = PARAMS.stages[:2], PARAMS.stages
PEOPLE = st.sampled_from("abcdefg")
LINKS = st.lists(st.tuples(PEOPLE, PEOPLE), max_size=8)


def link(left: str, right: str, kind: LinkKind = LinkKind.ACCOUNT) -> PersonLink:
    return PersonLink(left=left, right=right, kind=kind)


def who(name: str, *roles: Role, key_class: int = 1) -> Candidate:
    return Candidate(person_id=name, roles=roles, key_class=key_class)


@given(LINKS, PEOPLE)
def test_i1_closure_ignores_order_and_direction(pairs: list[tuple[str, str]], start: str) -> None:
    """TX-F17: a link is symmetric, and links may come in any order."""
    links = [link(a, b) for a, b in pairs]
    turned = [link(b, a) for a, b in reversed(pairs)]
    assert closure(start, links) == closure(start, turned)


@given(LINKS)
def test_i1_closures_part_the_people(pairs: list[tuple[str, str]]) -> None:
    """TX-F17: transitive: everybody in a closure has that same closure."""
    links = [link(a, b) for a, b in pairs]
    for person in "abcdefg":
        group = closure(person, links)
        assert person in group
        assert all(closure(other, links) == group for other in group)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ((), ()),
        ((link("rex", "x"), link("x", "rita")), ("DELEGATION_CONFLICT",)),
        ((link("adam", "y"), link("rex", "y")), ("AUTHOR_CONFLICT",)),
        ((link("rex", "kai", LinkKind.DELEGATION),), ("DELEGATION_CONFLICT",)),
        ((link("other", "rita"),), ()),
    ],
)
def test_i2_nobody_linked_to_requester_author_or_reviewer_counts(
    links: Sequence[PersonLink], expected: tuple[str, ...]
) -> None:
    """TX-F17: also through a third id."""
    assert independence_codes("rex", "rita", ("adam",), ("kai",), links) == expected


def test_i2_requester_author_and_earlier_reviewer_conflict_themselves() -> None:
    """TX-F10, TX-Z1: without any link."""
    codes = [
        independence_codes(name, "rita", ("adam",), ("kai",), ())
        for name in ("rita", "adam", "kai")
    ]
    assert codes == [("REQUESTER_IS_REVIEWER",), ("AUTHOR_CONFLICT",), ("ALREADY_REVIEWED",)]


def test_i3_unknown_authors_are_a_conflict() -> None:
    """TX-F17: an empty author list clears nobody."""
    assert independence_codes("rex", "rita", (), (), ()) == ("AUTHOR_CONFLICT",)


def test_a_shared_public_key_links_its_owners() -> None:
    """TX-F17: also when one of the keys is revoked; own keys link nobody."""
    kai, rex = world.key_of("kai"), world.key_of("rex")
    shared = rex.amended(key_id="key_rex2", public_key=kai.public_key, revoked_at=world.NOW)
    again = kai.amended(key_id="key_kai2")

    assert links_of_keys((kai, rex, again)) == ()
    assert links_of_keys((kai, rex, shared)) == (link("kai", "rex", LinkKind.SHARED_KEY),)


@pytest.mark.parametrize(
    ("people", "links", "barred", "expected"),
    [
        ((who("a", RES), who("b", RISK)), (), (), True),
        ((who("a", RES, RISK),), (), (), False),
        ((who("a", RES), who("b", RISK, key_class=0)), (), (), False),
        ((who("a", RES), who("b", RES)), (), (), False),
        ((who("a", COMP), who("b", COMP)), (), (), True),
        ((who("a", RES), who("b", RISK)), (link("a", "b"),), (), False),
        ((who("a", RES), who("b", RISK)), (), ("b",), False),
        ((who("a", RES), who("b", RISK)), (link("b", "x"),), ("x",), False),
        ((who("a", RES, RISK), who("b", RES)), (), (), True),
        ((who("b", RES), who("a", RES, RISK)), (), (), True),
        ((), (), (), False),
    ],
)
def test_staff_is_enough_only_with_an_independent_person_per_seat(
    people: Sequence[Candidate], links: Sequence[PersonLink], barred: Sequence[str], expected: bool
) -> None:
    """TX-F17: `UNSTAFFABLE` at request time, not after days of waiting."""
    assert is_staffable(TWO, people, barred, links) is expected


def test_quorum_and_third_stage_need_more_people() -> None:
    """TX-F9, TX-F17: two seats of a stage are two people."""
    research = TWO[0].amended(quorum=2)
    staff = (who("a", RES), who("b", RISK), who("c", COMP))

    assert is_staffable(ALL, staff, (), ())
    assert not is_staffable(ALL, staff[:2], (), ())
    assert is_staffable((research, TWO[1]), (*staff[:2], who("d", RES)), (), ())
    assert not is_staffable((research, TWO[1]), staff[:2], (), ())
    assert not is_staffable((research, *ALL[1:]), staff, (), ())


def test_a_person_is_moved_to_another_seat_when_that_fills_all() -> None:
    """TX-F17: the first assignment need not be the last one."""
    staff = (who("a", RES, COMP), who("b", RES), who("c", RISK))
    assert {rule.id for rule in ALL} == set(Stage)
    assert is_staffable(ALL, staff, (), ())
