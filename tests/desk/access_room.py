"""People of a household with names, passwords and one-time codes."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import orjson
import pyotp
from pydantic import SecretStr

from counterseal.desk.access import Login, Secrets
from counterseal.desk.desk import Desk
from counterseal.identity.credentials import CodesOffer, Credentials
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.model import Actor
from counterseal.policy.access import AccessRules
from tests.storage.fake_credentials import UnsafeFakeCredentials
from tests.world import World

PASSWORD = "planted-password-of-the-operator"


@dataclass
class Name:
    """An account as its person holds it."""

    account_id: str
    codes: pyotp.TOTP
    password: str = PASSWORD


class Room(World):
    """A world whose people log in; secrets lie in memory unless told otherwise."""

    credentials: Credentials

    def __init__(
        self,
        folder: Path,
        *,
        credentials: Credentials | None = None,
        rules: AccessRules | None = None,
    ) -> None:
        super().__init__(folder)
        self.furnish(credentials, rules)

    def furnish(
        self, credentials: Credentials | None = None, rules: AccessRules | None = None
    ) -> None:
        """A place of secrets behind the desk, and rules of access unless they are as shipped."""
        self.credentials = credentials or UnsafeFakeCredentials()
        bench = self.desk.bench
        bundle = bench.bundle.amended(access=rules or bench.bundle.access)
        self.desk = Desk(replace(bench, credentials=self.credentials, bundle=bundle))

    def opened(self, person_id: str = "operator", name: str | None = None) -> str:
        officer = self.actor("officer-1")
        return self.done(
            self.desk.accounts.open(name or person_id, person_id, officer, key=self.key())
        )

    def token(self, account_id: str) -> SecretStr:
        issued = self.desk.accounts.issue(account_id, self.actor("officer-1"), key=self.key())
        assert issued.token is not None, issued.outcome.refusal
        return issued.token

    def named(self, person_id: str = "operator") -> Name:
        """A person with an account, whose password and codes are set."""
        account_id = self.opened(person_id)
        token = self.token(account_id)
        accounts = self.desk.accounts
        self.done(accounts.set_password(account_id, SecretStr(PASSWORD), token, key=self.key()))
        offer = accounts.offer_codes(account_id, token)
        assert isinstance(offer, CodesOffer), offer
        codes = pyotp.TOTP(offer.secret.get_secret_value())
        first = SecretStr(codes.at(self.clock.now()))
        self.done(accounts.confirm_codes(account_id, first, key=self.key()))
        self.after(30)
        return Name(account_id, codes)

    def secrets(
        self, name: Name, *, password: str | None = None, code: str | None = None, at: str = "here"
    ) -> Secrets:
        return Secrets(
            password=SecretStr(password or name.password),
            code=SecretStr(code or name.codes.at(self.clock.now())),
            source=at,
        )

    def knock(self, name: Name, **told: str) -> Login:
        return self.desk.access.log_in(name.account_id, self.secrets(name, **told), key=self.key())

    def logged_in(self, name: Name) -> LoginSession:
        login = self.knock(name)
        assert login.session is not None, login.refusal
        return login.session

    def next_step(self) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=30))

    def kill_switch(self, actor: Actor) -> str:
        """What an act under a login comes to: `done`, or the code of its refusal."""
        outcome = self.desk.setup.switch(
            "acct-paper-1", actor, active=True, reason="stop at once", key=self.key()
        )
        return "done" if outcome.refusal is None else outcome.refusal.code

    def told(self) -> list[tuple[str, str]]:
        """Types and reason codes of the log, newest first."""
        read = [orjson.loads(row.body) for row in reversed(self.log())]
        return [(r["type"], r["reason"]["code"]) for r in read]
