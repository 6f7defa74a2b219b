"""The map of the pages, in the order of the river, the same for everybody.

Job: name every page that exists, what it needs, and the page that leads to it.

A page is a module of `ui.web.views` with `show()`: it asks the desk for a view of this moment and
draws it; `here()` says for whom. Its words are in `ui/web/words/<name>.toml`, `title` and `scope`
among them.

Invariants
  I1  Leaving a page out is a courtesy: the desk decides who may do what.

Not here: who is in (ui.web.app), the pages (ui.web.views).
Source: ui part 1 (page map).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple

import streamlit as st

from counterseal.identity.people import Person
from counterseal.policy.words import Role
from ui.web import house
from ui.web.parts import panels
from ui.web.views import (
    approvals,
    audit,
    bulk,
    demo,
    evidence,
    home,
    market,
    order,
    orders,
    portfolio,
    propose,
    readiness,
    record,
    request,
    research,
    risk,
    settings,
    submit,
)
from ui.web.wording import say


class Place(NamedTuple):
    """One page.

    Attributes:
        name: Its path, and the file of its words; the first page of the map has no path.
        within: The page whose links lead to it; None for a page of the navigation.
        roles: One of these is needed to use it; empty for everybody who is in.
        for_strangers: Shown to whom nobody knows as well: it reads nothing of the home.
    """

    name: str
    show: Callable[[], None]
    within: str | None = None
    roles: frozenset[Role] = frozenset()
    for_strangers: bool = False


_REVIEWERS: Final = frozenset(
    {Role.RESEARCH_REVIEWER, Role.RISK_REVIEWER, Role.COMPLIANCE_REVIEWER}
)
MAP: Final = (
    Place("home", home.show),
    Place("approvals", approvals.show),
    Place("request", request.show, within="approvals"),
    Place("bulk", bulk.show, within="approvals", roles=_REVIEWERS),
    Place("propose", propose.show, within="approvals", roles=frozenset({Role.REQUESTER})),
    Place("orders", orders.show),
    Place("order", order.show, within="orders"),
    Place("submit", submit.show, within="orders", roles=frozenset({Role.OPERATOR})),
    Place("portfolio", portfolio.show),
    Place("risk", risk.show),
    Place("market", market.show),
    Place("research", research.show),
    Place("audit", audit.show),
    Place("record", record.show, within="audit"),
    Place("evidence", evidence.show),
    Place("readiness", readiness.show),
    Place("demo", demo.show, for_strangers=True),
    Place("settings", settings.show),
)


def pages_for(person: Person | None) -> Mapping[str, st.Page]:
    """Every page by its name; those of others' roles are known to their address alone."""
    return {place.name: _page(place, person, default=place is MAP[0]) for place in MAP}


def shows_itself_to_strangers(page: st.Page) -> bool:
    """Whether a page needs nobody to be in."""
    return any(place.name == page.url_path for place in MAP if place.for_strangers)


def _page(place: Place, person: Person | None, *, default: bool) -> st.Page:
    barred = bool(place.roles) and not (person is not None and person.held_roles() & place.roles)
    hidden = barred or place.within is not None
    return st.Page(
        partial(_barred, place) if barred else place.show,
        title=say(f"{place.name}.title"),
        url_path=None if default else place.name,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


def _barred(place: Place) -> None:
    with house.reading() as reader:
        people = reader.find(Person)
    panels.not_for_role(say(f"{place.name}.title"), place.roles, _holders(people, place.roles))


def _holders(people: Iterable[Person], roles: frozenset[Role]) -> list[str]:
    return [person.person_id for person in people if person.held_roles() & roles]
