"""`counterseal risk switch | override | sign-override | end-override`."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from counterseal.kernel.model import Refusal, refuse
from counterseal.policy.desk_limits import FurtherCheck
from counterseal.risk.facts import TradingState
from counterseal.risk.switches import RiskScope
from storage.home_reader import read_home
from ui.cli.acting import Act, acting
from ui.cli.render import notice, refused
from ui.cli.session import CLOCK

if TYPE_CHECKING:
    from counterseal.identity.people import Person
    from counterseal.risk.override import OverrideTerms, RiskOverride

Reason = Annotated[str, typer.Option(help="In your own words; recorded.")]


@acting
def switch(
    act: Act,
    scope: Annotated[RiskScope, typer.Option(help="Whose orders it concerns.")],
    reason: Reason,
    name: Annotated[str | None, typer.Option(help="Account or strategy; none for all.")] = None,
    state: Annotated[TradingState | None, typer.Option(help="What may be traded.")] = None,
    kill: Annotated[bool | None, typer.Option("--kill/--lift", help="Kill switch.")] = None,
) -> None:
    """Set a trading state, a kill switch, or both, for an account, a strategy or all."""
    from counterseal.desk.risk_switches import SwitchOrder  # noqa: PLC0415 - only acting needs it

    asked = SwitchOrder(scope=scope, subject=name, state=state, kill_switch=kill, reason=reason)
    act.settled(act.desk.switches.switch(asked, act.actor, key=act.key), what="switched")


@acting
def override(
    act: Act,
    check: Annotated[FurtherCheck, typer.Option(help="A check that the policy calls soft.")],
    account: Annotated[str, typer.Option()],
    reason: Reason,
    seconds: Annotated[int, typer.Option(help="Its life from now on.")] = 600,
    strategy: Annotated[str | None, typer.Option(help="This strategy only.")] = None,
    symbol: Annotated[str | None, typer.Option(help="This symbol only.")] = None,
) -> None:
    """Open an override of a soft check: the first of two signatures."""
    from counterseal.desk.risk_overrides import OverrideAsked  # noqa: PLC0415 - only acting

    asked = OverrideAsked(
        check=check,
        account_id=account,
        strategy_id=strategy,
        symbol=symbol,
        reason=reason,
        seconds=seconds,
    )
    overrides, person = act.desk.overrides, _person(act)
    _sign(act, overrides.terms(asked, person.tenant, CLOCK.now(), key=act.key), "opened")


@acting
def sign_override(
    override: Annotated[str, typer.Argument(help="As `risk show` lists it.")], act: Act
) -> None:
    """Put an override into force: the second signature, of another person."""
    _sign(act, _override(act, override).terms, "in force")


@acting
def end_override(
    override: Annotated[str, typer.Argument(help="As `risk show` lists it.")],
    act: Act,
    reason: Reason,
) -> None:
    """End an override at once."""
    ended = act.desk.overrides.end(override, act.actor, reason=reason, key=act.key)
    act.settled(ended, what="ended")


def _sign(act: Act, terms: "OverrideTerms", what: str) -> None:
    from counterseal.risk.override import KIND, override_statement  # noqa: PLC0415 - the same

    notice(
        f"signing: {terms.check} may be breached by {terms.account_id}"
        f" ({terms.strategy_id or 'any strategy'}, {terms.symbol or 'any symbol'})"
        f" until {terms.expires_at.isoformat()}: {terms.reason}"
    )
    signature = act.sign(KIND, override_statement(terms))
    act.settled(act.desk.overrides.sign(signature, act.actor, key=act.key), what=what)


def _person(act: Act) -> "Person":
    from counterseal.identity.people import Person  # noqa: PLC0415 - the same

    with read_home(act.settings) as reader:
        found = reader.get(Person, act.actor.id)
    return found or _missing(act, refuse("NOT_FOUND", "no such person", person=act.actor.id))


def _override(act: Act, override_id: str) -> "RiskOverride":
    from counterseal.risk.override import RiskOverride  # noqa: PLC0415 - the same

    with read_home(act.settings) as reader:
        found = reader.get(RiskOverride, override_id)
    return found or _missing(act, refuse("NOT_FOUND", "no such override", override=override_id))


def _missing(act: Act, refusal: Refusal) -> NoReturn:
    refused(refusal, as_json=act.as_json)
