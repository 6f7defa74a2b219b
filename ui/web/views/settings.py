"""Who one is here and what holds for everybody: own keys, people, policies, runs, installation."""

from collections.abc import Callable

from counterseal.policy.authorize import Action, allowed_roles
from ui.web.parts import panels
from ui.web.parts.pieces import choice
from ui.web.views.me import mine
from ui.web.views.settings_installation import installation
from ui.web.views.settings_people import people
from ui.web.views.settings_policies import policies
from ui.web.views.settings_runs import runs
from ui.web.visit import here
from ui.web.wording import say

ME = "me"


def show() -> None:
    """The page."""
    panels.title(say("settings.title"), say("settings.scope"))
    views: dict[str, tuple[str, Callable[[], None]]] = {
        ME: (say("settings.view_me"), mine),
        "people": (say("settings.view_people"), people),
        "policies": (say("settings.view_policies"), policies),
        "runs": (say("settings.view_runs"), runs),
        "installation": (say("settings.view_installation"), installation),
    }
    named = {name: told for name, (told, _) in views.items()}
    chosen = choice("view", say("settings.view"), named)
    if chosen != ME and not here().person.held_roles() & allowed_roles(Action.READ):
        panels.empty(say("settings.no_role"), say("settings.no_role_then"))
        return
    views[chosen][1]()
