"""What risk lets pass now: states and switches, limits and how much of them is used, judgements."""

from collections.abc import Callable

from counterseal.risk.facts import TradingState
from ui.web.parts import panels
from ui.web.parts.pieces import Tone, banner, choice, simulated
from ui.web.parts.words import moment
from ui.web.views.risk_facts import RiskFacts, read_risk
from ui.web.views.risk_judged import evaluations
from ui.web.views.risk_limits import limits
from ui.web.views.risk_overrides import overrides
from ui.web.views.risk_state import state
from ui.web.views.risk_trial import trial
from ui.web.wording import say, term


def show() -> None:
    """The page."""
    panels.title(say("risk.title"), say("risk.scope"), simulated())
    told = read_risk()
    _standing(told)
    views: dict[str, tuple[str, Callable[[RiskFacts], None]]] = {
        "state": (say("risk.view_state"), state),
        "limits": (say("risk.view_limits"), limits),
        "judged": (say("risk.view_judged"), lambda _: evaluations()),
        "overrides": (say("risk.view_overrides"), overrides),
        "trial": (say("risk.trial"), trial),
    }
    chosen = choice("view", say("risk.view"), {name: told for name, (told, _) in views.items()})
    if not told.panel.accounts and chosen in ("state", "limits", "trial"):
        panels.empty(say("portfolio.nothing"), say("portfolio.nothing_then"))
        return
    views[chosen][1](told)


def _standing(told: RiskFacts) -> None:
    """The strictest of everything that is switched, in one line."""
    at = say("risk.read_at", moment=moment(told.now))
    if told.killed:
        banner(Tone.BAD, say("risk.killed"), ", ".join(told.killed), at)
        return
    if not told.beats:
        banner(Tone.BAD, say("risk.beat_lost"), say("risk.beat_lost_told"), at)
        return
    if told.locked:
        accounts = ", ".join(told.locked)
        banner(Tone.BAD, say("risk.locked"), say("risk.locked_told", accounts=accounts), at)
        return
    match told.strictest:
        case TradingState.ACTIVE:
            banner(Tone.GOOD, term(TradingState.ACTIVE), say("risk.active_told"), at)
        case TradingState.REDUCING:
            banner(Tone.WARN, term(TradingState.REDUCING), say("risk.reducing_told"), at)
        case TradingState.HALTED:
            banner(Tone.BAD, term(TradingState.HALTED), say("risk.halted_told"), at)
