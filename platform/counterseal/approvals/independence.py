"""Different means different people.

Job: compute who a person really is after links, and whether a reviewer is independent.

Invariants
  I1  A link makes both ends one person, transitively: order and direction do not matter.
  I2  Nobody linked to the requester, an author or an earlier reviewer counts as another person.
  I3  Unknown authors are a conflict, never an absence of one.

Not here: roles and order (approvals.decide).
Source: governance rule 2.5.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from counterseal.approvals.reasons import ReasonCode
from counterseal.identity.keys import PersonKey
from counterseal.kernel.model import DomainModel, Name
from counterseal.policy.params import StageRule
from counterseal.policy.words import Role, Stage


class LinkKind(StrEnum):
    """Why two person ids count as one."""

    ACCOUNT = "account"
    DELEGATION = "delegation"
    SHARED_KEY = "shared_key"


class PersonLink(DomainModel):
    """Two person ids that are one person for the rules."""

    left: Name
    right: Name
    kind: LinkKind


class Candidate(DomainModel):
    """Someone who could review, with the roles that reach the strategy of the request.

    Attributes:
        key_class: The best of the keys that count (0 = none).
    """

    person_id: Name
    roles: tuple[Role, ...]
    key_class: int = 0


def closure(person_id: str, links: Sequence[PersonLink]) -> frozenset[str]:
    """Every person id that is the same person as the given one, itself included."""
    found = {person_id}
    grew = True
    while grew:
        touching = {i for k in links if {k.left, k.right} & found for i in (k.left, k.right)}
        grew = not touching <= found
        found |= touching
    return frozenset(found)


def links_of_keys(keys: Sequence[PersonKey]) -> tuple[PersonLink, ...]:
    """Links between people who ever shared a public key; each is an alarm, too."""
    first: dict[str, str] = {}
    links: list[PersonLink] = []
    for key in keys:
        owner = first.setdefault(key.public_key, key.person_id)
        if owner != key.person_id:
            links.append(PersonLink(left=owner, right=key.person_id, kind=LinkKind.SHARED_KEY))
    return tuple(links)


def independence_codes(
    person_id: str,
    requester_id: str,
    author_ids: Iterable[str],
    earlier_reviewers: Iterable[str],
    links: Sequence[PersonLink],
) -> tuple[ReasonCode, ...]:
    """Conflicts of a reviewer; empty when independent."""
    self_ids = closure(person_id, links)
    authors, earlier = set(author_ids), set(earlier_reviewers)
    codes: list[ReasonCode] = []
    if person_id == requester_id:
        codes.append(ReasonCode.REQUESTER_IS_REVIEWER)
    if not authors or self_ids & authors:
        codes.append(ReasonCode.AUTHOR_CONFLICT)
    if person_id in earlier:
        codes.append(ReasonCode.ALREADY_REVIEWED)
    if (self_ids - {person_id}) & ({requester_id} | earlier):
        codes.append(ReasonCode.DELEGATION_CONFLICT)
    return tuple(codes)


def is_staffable(
    stages: Sequence[StageRule],
    candidates: Sequence[Candidate],
    conflicted: Iterable[str],
    links: Sequence[PersonLink],
) -> bool:
    """Whether some assignment of independent, keyed people fills every seat of every stage.

    Augmenting paths over groups of linked ids: polynomial, so a long staff list cannot stall it.
    """
    barred = set(conflicted)
    groups: dict[frozenset[str], list[Candidate]] = {}
    for candidate in candidates:
        group = closure(candidate.person_id, links)
        if not group & barred:
            groups.setdefault(group, []).append(candidate)
    seats = [(rule, number) for rule in stages for number in range(rule.quorum)]
    people = list(groups.values())
    taken: dict[int, int] = {}
    return all(_seat(place, seats, people, taken, set()) for place in range(len(seats)))


def fits(rule: StageRule, group: Sequence[Candidate]) -> bool:
    """Whether one of these ids holds a role of the stage, and a key that is good enough."""
    return any(set(c.roles) & set(rule.roles) and c.key_class >= rule.key_class_min for c in group)


def _seat(
    place: int,
    seats: Sequence[tuple[StageRule, int]],
    people: Sequence[Sequence[Candidate]],
    taken: dict[int, int],
    tried: set[int],
) -> bool:
    for index, group in enumerate(people):
        if index in tried or not fits(seats[place][0], group):
            continue
        tried.add(index)
        if index not in taken or _seat(taken[index], seats, people, taken, tried):
            taken[index] = place
            return True
    return False


def stage_of(stages: Sequence[StageRule], stage: Stage | None) -> StageRule | None:
    """The rule of a stage among the required ones, or None."""
    return next((rule for rule in stages if rule.id == stage), None)
