"""`counterseal init`."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from storage.founding import HomePlan, found_home
from storage.home_keys import Officer
from storage.policy_files import contracts_from, read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import state_file
from storage.trading_calendar import desk_calendar
from ui.cli.options import AsJson, Home
from ui.cli.quotes import GivenQuotes
from ui.cli.render import answer, reject
from ui.cli.session import CLOCK, IDS, decimal_of, passphrase_from, settings_for

app = typer.Typer()


@app.command()
def init(
    officer: Annotated[list[str], typer.Option(help="One of the two first officers; give twice.")],
    passphrase_file: Annotated[
        list[Path] | None, typer.Option(help="Passphrase of each officer, in the same order.")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="Name of the log, like no other; a new one by default.")
    ] = None,
    tenant: Annotated[str, typer.Option()] = "tenant-1",
    account: Annotated[str, typer.Option(help="A first simulated account.")] = "acct-paper-1",
    cash: Annotated[str, typer.Option(help="Its opening cash in TWD.")] = "1000000",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Create a home: database, log key, policy, two officers, one account.

    The log key's passphrase comes from the file that COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE names.
    """
    settings = settings_for(home)
    files: list[Path | None] = [*(passphrase_file or [])] or [None] * len(officer)
    if len(files) != len(officer):
        reject("PASSPHRASE_FILES_DIFFER", "one passphrase file for each officer")
    people = tuple(
        Officer(name, passphrase_from(file, name))
        for name, file in zip(officer, files, strict=True)
    )
    plan = HomePlan(
        origin=origin or f"counterseal.local/{IDS.new('log', 'init', CLOCK.now())}",
        tenant=tenant,
        officers=people,
        account_id=account,
        opening_cash=_opening(cash),
    )
    made = found_home(settings, plan, clock=CLOCK, ids=IDS, feed=GivenQuotes())
    _leave_dates(settings)
    lines = [
        f"home       {settings.counterseal_home}",
        f"log        {made.origin}",
        f"vkey       {made.log_vkey}",
        f"signer     {state_file(settings.counterseal_signer_state, made.origin)}",
        f"officers   {', '.join(officer)}",
        "Keep the vkey outside this home: whoever verifies the log needs it.",
    ]
    answer({"ok": True, "installation": made.json_value()}, lines, as_json=as_json)


def _leave_dates(settings: Settings) -> None:
    """The copy of session dates for views, so that the first look is as fast as any."""
    contracts = contracts_from(read_policy_files(settings.counterseal_policies, POLICY_VERSION))
    desk_calendar(settings.counterseal_home, contracts.closures)


def _opening(cash: str) -> Decimal:
    """Opening cash in TWD, not below zero."""
    told = decimal_of(cash, "--cash")
    if told < 0:
        reject("CASH_NEGATIVE", "an account opens with zero or more", field="--cash", got=cash)
    return told
