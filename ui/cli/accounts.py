"""`counterseal accounts`: list, add, link, issue-token, set-password, enrol-totp, disable.

A password, a code or a token is read from a file or asked at the terminal, never from a command
line, which others on the machine can see.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from counterseal.identity.accounts import FederatedAccount, LocalAccount
from counterseal.kernel.clock import utc_text
from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.acting import Act, acting
from ui.cli.options import AsJson, Home, Key, PassphraseFile
from ui.cli.render import answer, refused, reject, table
from ui.cli.session import command_key, desk_at, logged_in, passphrase_from, settings_for

if TYPE_CHECKING:
    from datetime import datetime

    from counterseal.desk.accounts import Right
    from storage.settings import Settings

app = typer.Typer(no_args_is_help=True)
Account = Annotated[str, typer.Argument(help="As `accounts list` shows it.")]
Owner = Annotated[str | None, typer.Option("--as", help="The account's person, by their key.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="First line is an enrolment token.")
]


@app.command("list")
def list_accounts(home: Home = None, as_json: AsJson = False) -> None:
    """Every account, whose it is, and when its secrets were last set."""
    with read_home(settings_for(home)) as reader:
        local, federated = reader.find(LocalAccount), reader.find(FederatedAccount)
    rows = [
        (
            one.account_id,
            one.person_id,
            one.status.value,
            _when(one.password_set_at),
            _when(one.totp_enrolled_at),
        )
        for one in local
    ]
    rows += [(f.account_id[:16], f.person_id, f.status.value, f.issuer, "-") for f in federated]
    value = {
        "local": [one.json_value() for one in local],
        "federated": [one.json_value() for one in federated],
    }
    heads = ("ACCOUNT", "PERSON", "STATUS", "PASSWORD SET, OR ISSUER", "CODES ENROLLED")
    answer(value, table(rows, *heads), as_json=as_json)


@app.command()
@acting
def add(
    name: Annotated[str, typer.Argument(help="Small letters, digits, dot, dash, underscore.")],
    person: Annotated[str, typer.Option(help="Whose account it becomes.")],
    act: Act,
) -> None:
    """Open an account without any secret; an enrolment officer does it for somebody else."""
    outcome = act.desk.accounts.open(name, person, act.actor, key=act.key)
    act.settled(outcome, what="opened")


@app.command()
@acting
def link(
    issuer: Annotated[str, typer.Argument(help="The identity provider, as the policy names it.")],
    subject_file: Annotated[Path, typer.Argument(help="First line is the provider's subject.")],
    person: Annotated[str, typer.Option(help="Who that is.")],
    act: Act,
) -> None:
    """Say who an identity provider's subject is; only a digest of the subject is recorded."""
    actor, subject = act.actor, passphrase_from(subject_file, "the subject")
    outcome = act.desk.accounts.link(issuer, subject, person, actor, key=act.key)
    act.settled(outcome, what="linked")


@app.command("issue-token")
@acting
def issue_token(account: Account, act: Act) -> None:
    """Print a token, once, with which its person sets password and codes within minutes."""
    issued = act.desk.accounts.issue(account, act.actor, key=act.key)
    token = None if issued.token is None else issued.token.get_secret_value()
    what = "issued before for" if token is None else f"token {token} issued for"
    act.settled(issued.outcome, what=what, more={"token": token})


@app.command("set-password")
def set_password(
    account: Account,
    acting_as: Owner = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
    new_password_file: Annotated[
        Path | None, typer.Option(help="First line is the new password.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Replace a password, by the person's key or an enrolment token; open logins of it end."""
    settings = settings_for(home)
    right = _right(settings, acting_as, passphrase_file, token_file)
    password = SecretStr(passphrase_from(new_password_file, f"the new password for {account}"))
    outcome = desk_at(settings).accounts.set_password(
        account, password, right, key=command_key(key)
    )
    settled(settings, outcome, as_json=as_json, what="password set for")


@app.command("enrol-totp")
def enrol_totp(
    account: Account,
    acting_as: Owner = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
    code_file: Annotated[
        Path | None, typer.Option(help="First line is the first code of the offered secret.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Offer a one-time secret, by the person's key or a token; with --code-file take it into use.

    What is offered counts for nothing before its first code is told.
    """
    settings = settings_for(home)
    accounts = desk_at(settings).accounts
    if code_file is not None:
        code = SecretStr(passphrase_from(code_file, "the first code"))
        outcome = accounts.confirm_codes(account, code, key=command_key(key))
        settled(settings, outcome, as_json=as_json, what="codes enrolled for")
        return
    right = _right(settings, acting_as, passphrase_file, token_file)
    from counterseal.kernel.model import Refusal  # noqa: PLC0415 - only an offer is refused so

    offer = accounts.offer_codes(account, right)
    if isinstance(offer, Refusal):
        refused(offer, as_json=as_json)
    uri = offer.uri.get_secret_value()
    lines = [uri, f"then: counterseal accounts enrol-totp {account} --code-file FILE"]
    answer({"ok": True, "account": account, "uri": uri}, lines, as_json=as_json)


@app.command()
@acting
def disable(account: Account, act: Act) -> None:
    """Close an account for ever, with its logins and secrets."""
    act.settled(act.desk.accounts.disable(account, act.actor, key=act.key), what="closed")


def _right(
    settings: "Settings", acting_as: str | None, file: Path | None, token_file: Path | None
) -> "Right":
    """The token, or who opened their key; exactly one of them."""
    if (acting_as is None) == (token_file is None):
        reject("RIGHT_UNCLEAR", "either --as or --token-file", field="--token-file")
    if acting_as is None:
        return SecretStr(passphrase_from(token_file, "the enrolment token"))
    return logged_in(settings, acting_as, file)[0]


def _when(at: "datetime | None") -> str:
    return "never" if at is None else utc_text(at)
