"""Whom a requester would like to review: told first when eligible, replaced when not."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.approvals.amend import Amendment, AmendmentCase, decide_amendment
from counterseal.approvals.independence import Candidate, LinkKind, PersonLink, closure, fits
from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.routing import (
    Preferred,
    RoutedSeat,
    check_wishes,
    route_seats,
    wishes_of,
)
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.core.approvals import world
from tests.core.approvals.world import NOW, RATIO, Desk, person

RES, RISK, COMP = Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER
PARAMS = world.bundle().approval
TWO, ALL = PARAMS.stages[:2], PARAMS.stages
NAMES = tuple("abcdefgh")
PEOPLE = st.sampled_from(NAMES)
WISHES = st.lists(
    st.builds(Preferred, stage=st.sampled_from(Stage), person_id=st.sampled_from((*NAMES, "zoe"))),
    max_size=6,
)
STAFF = st.lists(
    st.builds(
        Candidate,
        person_id=PEOPLE,
        roles=st.sets(st.sampled_from((RES, RISK, COMP, Role.REQUESTER))).map(tuple),
        key_class=st.integers(0, 1),
    ),
    unique_by=lambda c: c.person_id,
    max_size=8,
)
PAIRS = st.lists(st.tuples(PEOPLE, PEOPLE), max_size=5)


def wish(told: str) -> Preferred:
    stage, _, name = told.partition("=")
    return Preferred(stage=Stage(stage), person_id=name)


def who(name: str, *roles: Role, key_class: int = 1) -> Candidate:
    return Candidate(person_id=name, roles=roles, key_class=key_class)


def linked(*pairs: tuple[str, str]) -> list[PersonLink]:
    return [PersonLink(left=a, right=b, kind=LinkKind.DELEGATION) for a, b in pairs]


def told(seats: Sequence[RoutedSeat]) -> list[tuple[str, str | None, str | None]]:
    return [
        (s.stage.value, s.person_id, None if s.reason is None else s.reason.value) for s in seats
    ]


HOUSE = (
    who("ann", RES),
    who("ben", RES, RISK),
    who("cora", COMP),
    who("dan", RISK),
    who("keyless", RES, RISK, key_class=0),
    who("rita", Role.REQUESTER, RES, RISK),
)


def routed(
    *wishes: str, links: Sequence[PersonLink] = ()
) -> list[tuple[str, str | None, str | None]]:
    return told(route_seats([wish(w) for w in wishes], TWO, HOUSE, {"rita", "adam"}, links))


def test_an_eligible_person_gets_the_seat_that_was_asked_for() -> None:
    """Governance 2.3, 2.6: named and able; a stage that nobody is named for is not routed."""
    assert routed("risk=ben", "research=ann") == [("research", "ann", None), ("risk", "ben", None)]
    assert routed("research=cora") == [("research", "cora", None)]
    assert routed() == []


def test_a_seat_routed_to_the_requester_or_an_author_is_reassigned_with_the_reason() -> None:
    """Governance 2.6: `SELF_REVIEW_REASSIGNED`, always to the same person."""
    moved = ("research", "ann", "SELF_REVIEW_REASSIGNED")
    assert routed("research=rita") == [moved]
    assert routed("research=adam") == [moved]
    assert routed("research=rita") == routed("research=rita")


def test_a_seat_routed_to_somebody_linked_to_the_requester_is_reassigned() -> None:
    """Rule 2.5: by a delegation or a shared key, also through a third id; so is the replacement."""
    links = linked(("ann", "x"), ("x", "rita"))
    assert routed("research=ann", links=links) == [("research", "ben", "SELF_REVIEW_REASSIGNED")]
    assert routed("risk=dan", links=links) == [("risk", "dan", None)]


@pytest.mark.parametrize("name", ["dan", "keyless", "nobody"])
def test_a_seat_routed_to_no_holder_of_the_role_is_reassigned_with_the_reason(name: str) -> None:
    """Governance 2.6: another role, no key that counts, unknown or of another tenant."""
    assert routed(f"research={name}") == [("research", "ann", "NO_HOLDER_REASSIGNED")]


def test_one_person_is_not_routed_to_two_seats() -> None:
    """Rule 2.5: who reviewed research would be conflicted at risk; nor the same by another id."""
    assert routed("research=ben", "risk=ben") == [
        ("research", "ben", None),
        ("risk", "dan", "SELF_REVIEW_REASSIGNED"),
    ]
    assert routed("research=ann", "risk=dan", links=linked(("ann", "dan"))) == [
        ("research", "ann", None),
        ("risk", "ben", "SELF_REVIEW_REASSIGNED"),
    ]


def test_a_wish_that_can_be_met_is_never_moved_to_meet_another() -> None:
    """I2: the seat of research, routed to nobody able, takes nobody whom risk is routed to."""
    assert routed("research=rita", "risk=ben")[1] == ("risk", "ben", None)
    few = (who("ben", RES, RISK), who("cora", COMP))
    seats = route_seats([wish("research=rita"), wish("risk=ben")], TWO, few, {"rita"}, ())
    assert told(seats) == [
        ("research", "cora", "SELF_REVIEW_REASSIGNED"),
        ("risk", "ben", None),
    ]


def test_a_seat_for_which_nobody_is_left_names_nobody() -> None:
    """Never somebody conflicted, rather than nobody."""
    seats = route_seats([wish("risk=rita")], TWO, [who("rita", RISK)], {"rita"}, ())
    assert told(seats) == [("risk", None, "SELF_REVIEW_REASSIGNED")]


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ((), None),
        (("research=ann", "risk=ben"), None),
        (("risk=nobody",), None),
        (("compliance=cora",), "SEAT_UNKNOWN"),
        (("risk=ben", "risk=dan"), "SEAT_UNKNOWN"),
    ],
)
def test_a_request_is_refused_that_wishes_for_a_seat_it_does_not_have(
    wishes: tuple[str, ...], code: str | None
) -> None:
    """Governance 2.6: never dropped in silence; the refusal names stage, person and seats."""
    refused = check_wishes([wish(told) for told in wishes], TWO)
    assert (None if refused is None else refused.code) == code
    if refused is not None:
        told = {detail.name: detail.value for detail in refused.details}
        assert f"{told['stage']}={told['person']}" == wishes[-1]
        assert told["seats"] == str(sum(rule.id == told["stage"] for rule in TWO))


def test_a_wish_for_a_seat_that_does_not_exist_any_more_is_left_out() -> None:
    """A new version may have no compliance stage; a quorum of one has one seat."""
    assert routed("compliance=cora") == []
    assert routed("risk=ben", "risk=dan") == [("risk", "ben", None)]
    two = TWO[1].amended(quorum=2)
    seats = route_seats([wish("risk=ben"), wish("risk=rita")], [two], HOUSE, {"rita"}, ())
    assert [(s.seat, s.person_id) for s in seats] == [(1, "ben"), (2, "cora")]


@given(WISHES, STAFF, PAIRS, st.sets(PEOPLE, max_size=3), PEOPLE)
def test_i1_a_routed_seat_never_names_the_requester_an_author_or_an_earlier_reviewer(
    wishes: list[Preferred],
    staff: list[Candidate],
    pairs: list[tuple[str, str]],
    conflicted: set[str],
    requester: str,
) -> None:
    """Rule 2.5: nobody in A or C(r), by any id; and each named holds a role and a key."""
    links = linked(*pairs)
    barred = closure(requester, links) | conflicted
    seats = route_seats(wishes, ALL, staff, barred, links)
    earlier: set[str] = set()
    for seat in seats:
        assert (seat.person_id == seat.preferred) is (seat.reason is None)
        if seat.person_id is None:
            continue
        own = closure(seat.person_id, links)
        assert own.isdisjoint(barred | earlier)
        earlier |= own
        rule = PARAMS.stage(seat.stage)
        assert rule is not None
        assert fits(rule, [c for c in staff if c.person_id == seat.person_id])


@given(WISHES, STAFF, PAIRS)
def test_i2_the_same_facts_give_the_same_people(
    wishes: list[Preferred],
    staff: list[Candidate],
    pairs: list[tuple[str, str]],
) -> None:
    """In whatever order staff and links were read."""
    first = route_seats(wishes, ALL, staff, {"a"}, linked(*pairs))
    again = route_seats(wishes, ALL, staff[::-1], {"a"}, linked(*pairs[::-1]))
    assert first == again


def test_i3_a_routed_request_is_the_same_request() -> None:
    """Governance 2.3: outside the payload: no hash moves, and no wish makes a request fail."""
    policy = world.bundle()

    def opened(*wishes: str) -> ApprovalRequest:
        return world.opened(policy, *(wish(w) for w in wishes))

    plain, seats = opened(), opened("research=rita", "risk=kai").routing
    assert plain.routing == ()
    assert opened("research=rita", "risk=kai").amended(routing=()) == plain
    assert told(seats) == [
        ("research", "rex", "SELF_REVIEW_REASSIGNED"),
        ("risk", "kai", None),
    ]


def test_a_person_who_was_not_routed_to_may_still_decide() -> None:
    """I3: routing narrows nobody: anna reviews what was routed to rex."""
    desk = Desk()
    seats = route_seats([wish("research=rex")], TWO, world.candidates(), {"rita"}, ())
    desk.request = desk.request.amended(routing=seats)
    desk.review("anna", DecisionWord.RESEARCH_APPROVED)
    assert desk.request.stages_done == (Stage.RESEARCH,)


def test_a_new_version_is_routed_anew_where_it_is_reviewed_again() -> None:
    """Governance 2.3: the wish stays; who reviewed research and carries is conflicted at risk."""
    desk = Desk()
    desk.request = desk.request.amended(
        routing=route_seats(
            [wish("research=rex"), wish("risk=anna")], TWO, world.candidates(), {"rita"}, ()
        )
    )
    desk.review("anna", DecisionWord.RESEARCH_APPROVED)
    made = decide_amendment(
        AmendmentCase(
            old=desk.request,
            decisions=desk.decisions,
            payload=desk.request.payload.amended(price_max=Decimal(22000)),
            signal=world.signal(),
            requester=person("rita"),
            actor=person("rita"),
            bundle=desk.bundle,
            candidates=world.candidates(),
            links=(),
            person_keys=world.keys(),
            ratio=RATIO,
        ),
        "apr_2",
        ("dec_a",),
        NOW + timedelta(minutes=5),
    )
    assert isinstance(made, Amendment), made
    assert [d.reviewer_id for d in made.carried] == ["anna"]
    assert told(made.new.routing) == [("risk", "both", "SELF_REVIEW_REASSIGNED")]
    assert wishes_of(made.new.routing) == (wish("risk=anna"),)
