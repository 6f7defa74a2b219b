"""Whom a requester would like to review.

Job: give each seat that a request names somebody for to an eligible person.

Invariants
  I1  A routed seat names nobody who is the requester, an author, an earlier reviewer or the person
      of another routed seat, by any of their ids.
  I2  Whoever is named and may not take the seat is replaced by an eligible person, with a reason;
      the same facts give the same person. A wish that can be met is never moved to meet another.
  I3  Routing tells people first and decides nothing: who may review stays what it was.

Not here: who may review (approvals.decide), telling people (desk.notices).
Source: governance rules 2.3 (outside the payload) and 2.6.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from pydantic import Field

from counterseal.approvals.independence import Candidate, PersonLink, closure, fits
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.model import DomainModel, Name, Refusal, refuse
from counterseal.policy.params import StageRule
from counterseal.policy.words import Stage

ROUTED_MAX = 60
"""Seats of the largest policy: three stages of twenty."""


class RoutingReason(StrEnum):
    """Why a seat went to somebody else than was named; explained in policies/reason-codes.md."""

    CONFLICT = "SELF_REVIEW_REASSIGNED"
    NO_HOLDER = "NO_HOLDER_REASSIGNED"


class Preferred(DomainModel):
    """Somebody whom the requester would like to review at a stage."""

    stage: Stage
    person_id: Name


class RoutedSeat(DomainModel):
    """A seat that a request names somebody for.

    Attributes:
        preferred: Whom the request named.
        person_id: Whose seat it is; None when nobody eligible is left to be named.
        reason: Why that is somebody else; None when it is not.
    """

    stage: Stage
    seat: int = Field(ge=1)
    preferred: Name
    person_id: Name | None
    reason: RoutingReason | None = None


def route_seats(
    wishes: Sequence[Preferred],
    stages: Sequence[StageRule],
    candidates: Sequence[Candidate],
    conflicted: Iterable[str],
    links: Sequence[PersonLink],
) -> tuple[RoutedSeat, ...]:
    """The seats that are routed, in the order of the stages.

    A replacement is the first by id of those who fit the fewest stages, so that who can do more
    stays free. A wish for a seat that does not exist (any more) is left out; `check_wishes` refuses
    it where a request is opened.

    Args:
        wishes: In the order of the seats of each stage.
        stages: That still have to review.
        candidates: Everybody who could review in the tenant.
        conflicted: Requester, authors and earlier reviewers.
        links: Ids that are one person.
    """
    barred, seats = set(conflicted), list(_seats(wishes, stages))
    named = {candidate.person_id: candidate for candidate in candidates}
    given: dict[int, str] = {}

    def free(person_id: str) -> bool:
        return closure(person_id, links).isdisjoint({*barred, *given.values()})

    for place, (rule, _, wish) in enumerate(seats):
        if wish in named and fits(rule, (named[wish],)) and free(wish):
            given[place] = wish
    reasons = {
        place: RoutingReason.NO_HOLDER if free(wish) else RoutingReason.CONFLICT
        for place, (_, _, wish) in enumerate(seats)
        if place not in given
    }
    ranked = sorted(candidates, key=lambda c: (sum(fits(r, (c,)) for r in stages), c.person_id))
    for place in reasons:
        able = (c for c in ranked if fits(seats[place][0], (c,)) and free(c.person_id))
        found = next(able, None)
        if found is not None:
            given[place] = found.person_id
    return tuple(
        RoutedSeat(
            stage=rule.id,
            seat=seat,
            preferred=wish,
            person_id=given.get(place),
            reason=reasons.get(place),
        )
        for place, (rule, seat, wish) in enumerate(seats)
    )


def check_wishes(wishes: Sequence[Preferred], stages: Sequence[StageRule]) -> Refusal | None:
    """`SEAT_UNKNOWN` for a wish beyond the seats of these stages; the first one is named."""
    left = {rule.id: rule.quorum for rule in stages}
    for wish in wishes:
        left[wish.stage] = left.get(wish.stage, 0) - 1
        if left[wish.stage] < 0:
            seats = sum(rule.quorum for rule in stages if rule.id == wish.stage)
            told = "this request has no such seat to be routed"
            return refuse(
                "SEAT_UNKNOWN", told, stage=wish.stage, person=wish.person_id, seats=seats
            )
    return None


def asked_of(payload_digest: str, wishes: Sequence[Preferred]) -> str:
    """Digest of a request with its wishes; without any it is that of the payload."""
    told: list[Json] = [wish.json_value() for wish in wishes]
    return digest({"payload": payload_digest, "wishes": told}) if told else payload_digest


def wishes_of(routing: Iterable[RoutedSeat]) -> tuple[Preferred, ...]:
    """What was asked for at first, for a new version of the request."""
    return tuple(Preferred(stage=one.stage, person_id=one.preferred) for one in routing)


def _seats(
    wishes: Sequence[Preferred], stages: Sequence[StageRule]
) -> Iterator[tuple[StageRule, int, str]]:
    for rule in stages:
        named = [wish.person_id for wish in wishes if wish.stage == rule.id]
        for seat, person_id in enumerate(named[: rule.quorum], start=1):
            yield rule, seat, person_id
