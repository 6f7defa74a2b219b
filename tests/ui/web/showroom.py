"""A home in which every page has something to show; the same for screenshots and for browser tests.

Each page's builder adds here what their page needs, and gives it a name that addresses use.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from counterseal.broker.model import SimulationOutcome
from counterseal.identity.acts import grant_role
from counterseal.identity.credentials import Credentials
from counterseal.identity.people import Role
from counterseal.policy.access import AccessRules
from counterseal.policy.words import DecisionWord
from counterseal.signals.model import Direction
from storage.system import MachineClock
from tests.desk.casework import amended
from tests.desk.policy_room import LOWER, a_sample_is_enough
from tests.ui.web.law_room import LawHouse
from tests.ui.web.web_room import WebHouse

PEOPLE = ("researcher", "risk", "operator", "quant", "officer-2")
OUTCOMES = {
    "filled": SimulationOutcome.FILL,
    "acknowledged": SimulationOutcome.ACKNOWLEDGE,
    "refused": SimulationOutcome.REJECT,
}


WAITED = timedelta(hours=13)
"""For longer than half a day, after which a review that may last a day is escalated."""

SWINGS = (20_010, 19_990, 20_025, 20_005, 19_985, 19_995)
"""Prices at which one lot is sold, bought back, sold and so on."""


class Showroom(NamedTuple):
    """The home, and the ids of what stands in it, by name."""

    house: WebHouse
    ids: dict[str, str]


class TradingHouse(LawHouse):
    """A home whose people traded while the exchange was open, right behind its founding."""

    def furnish(
        self, credentials: Credentials | None = None, rules: AccessRules | None = None
    ) -> None:
        super().furnish(credentials, rules)
        self.after(1800)
        self.ids = traded(self)
        self.clock.move_to(MachineClock().now() - WAITED)
        self.ids["late"] = self.asked_for_a_day()


def showroom(folder: Path) -> Showroom:
    """A home with orders of an earlier session, and cases of now in several states."""
    house = TradingHouse(folder / "home")
    ids = house.ids
    ids["rejected"] = house.requested(direction=Direction.SHORT, quantity=2)
    house.done(house.reviewed(ids["rejected"], "researcher", DecisionWord.REJECTED))
    house.after(20)
    ids["approved"] = house.approved(quantity=2, target="0.10", symbol=coming(house))
    house.after(20)
    ids["at_risk"] = house.requested(quantity=3)
    house.done(house.reviewed(ids["at_risk"], "researcher", DecisionWord.RESEARCH_APPROVED))
    house.after(20)
    ids["amended"] = dearer(house)
    house.after(20)
    ids["signal"] = house.signal(target="0.05").signal_id
    ids["pending"] = house.requested()
    said, quant = "The spread was wide this morning; it is one tick now.", house.actor("quant")
    house.done(house.desk.comments.comment(ids["pending"], said, quant, key=house.key()))
    house.after(20)
    ids["pending_too"] = house.requested(direction=Direction.SHORT, quantity=2)
    ids["came_back"] = house.requested(quantity=2)
    house.done(house.reviewed(ids["came_back"], "researcher", DecisionWord.NEEDS_DATA))
    lent(house)
    return Showroom(house.furnished(*PEOPLE), ids)


def lent(house: TradingHouse) -> None:
    """A mandate in force, a role that waits for the second officer, and a policy for its votes."""
    house.mandate()
    act = grant_role(house.terms(), "risk", Role.COMPLIANCE_REVIEWER, strategies=("trend",))
    house.done(house.agreed(act, "officer-1"))
    house.staffed().version(LOWER)
    with pytest.MonkeyPatch.context() as patch:
        a_sample_is_enough(patch)
        house.done(house.voted(house.done(house.proposed()), "viktor"))
    house.accounts["vera"] = house.named("vera")
    house.done(house.granted("vera", Role.AUDITOR))


def dearer(house: WebHouse) -> str:
    """A second version of what research and risk approved: risk signs again, research need not."""
    request_id = house.requested(quantity=2, target="0.10")
    house.done(house.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    house.done(house.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    return house.done(amended(house, request_id, {"price_max": Decimal(20_500)}))


def coming(house: WebHouse) -> str:
    """The contract of the month after next: one that still trades, whatever day it is."""
    return f"TMF{house.clock.now() + timedelta(days=45):%Y%m}"


def cancelled(house: WebHouse) -> str:
    """An order that rested, and was cancelled a few seconds later."""
    request_id = house.approved(quantity=1, target="0.05")
    house.quote()
    chosen = SimulationOutcome.ACKNOWLEDGE
    order_id = house.done(house.submitted(request_id, quantity=1, selected=chosen))
    house.after(3.4)
    actor, cancel = house.actor("operator"), house.desk.lifecycle.cancel
    return house.done(cancel(order_id, actor, reason="the move faded", key=house.key()))


def traded(house: WebHouse) -> dict[str, str]:
    """What the orders of a session came to; the exchange must be open at the house's time."""
    ids: dict[str, str] = {}
    for name, outcome in OUTCOMES.items():
        house.after(15)
        house.quote()
        request_id = house.approved(quantity=1, target="0.05")
        house.after(5)
        house.quote()
        order_id = house.done(house.submitted(request_id, quantity=1, selected=outcome))
        ids |= {name: request_id, f"{name}_order": order_id}
    ids["cancelled_order"] = cancelled(house)
    for place, bid in enumerate(SWINGS):
        direction = Direction.LONG if place % 2 else Direction.SHORT
        house.after(600)
        request_id = house.approved(quantity=1, target="0.05", direction=direction)
        house.quote(bid=str(bid), ask=str(bid + 1))
        house.done(house.submitted(request_id, quantity=1, selected=SimulationOutcome.FILL))
    return ids
