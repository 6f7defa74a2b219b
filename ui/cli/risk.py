"""`counterseal risk`: show."""

import typer

from counterseal.desk.installation import PolicyActivation
from counterseal.policy.limits import tightened
from counterseal.risk.model import RiskEvaluation, RiskState
from storage.homes import read_home
from storage.policy_files import bundle_from
from ui.cli.options import AsJson, Home
from ui.cli.render import answer, table
from ui.cli.session import settings_for

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _risk() -> None:
    """Switches, limits and evaluations."""


@app.command()
def show(home: Home = None, as_json: AsJson = False) -> None:
    """Switches of each account, the limits in force, and every evaluation."""
    settings = settings_for(home)
    with read_home(settings) as reader:
        states, evaluations = reader.find(RiskState), reader.find(RiskEvaluation)
        activations = reader.find(PolicyActivation)
    limits = None
    active = max(activations, key=lambda a: a.effective_from, default=None)
    if active is not None:
        files = {file.path: file.text.encode() for file in active.files}
        bundle = bundle_from(files, active.version, active.effective_from)
        limits = tightened(bundle.limits, settings.limit_overrides()).json_value()
    switches = [
        (s.account_id, s.kill_switch_active, s.broker_heartbeat_healthy, s.reason or "-")
        for s in states
    ]
    judged = [
        (e.evaluation_id, e.order_id, "approved" if e.approved else ",".join(e.failed))
        for e in evaluations
    ]
    lines = [
        *table(switches, "ACCOUNT", "KILL_SWITCH", "HEARTBEAT", "REASON"),
        "",
        *(f"{name}: {value}" for name, value in (limits or {}).items()),
        "",
        *table(judged, "EVALUATION", "ORDER", "OUTCOME"),
    ]
    value = {
        "states": [s.json_value() for s in states],
        "limits": limits,
        "evaluations": [e.json_value() for e in evaluations],
        "trading_mode": settings.trading_mode,
        "live_trading_enabled": settings.enable_live_trading,
    }
    answer(value, lines, as_json=as_json)
