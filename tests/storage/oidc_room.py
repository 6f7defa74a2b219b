"""People who log in through an identity provider on this machine."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from pydantic import SecretStr

from counterseal.desk.access import Login
from counterseal.identity.oidc import Claims
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.ids import SeededIdSource
from counterseal.policy.access import AccessRules, IssuerRule
from storage.oidc import Departure, Provider, Relying
from storage.system import MachineClock
from tests.desk.access_room import Room

REDIRECT = "http://127.0.0.1:1/back"
SECRET = SecretStr("a-client-secret-for-tests")
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
FORM = re.compile(r'<form[^>]*action="([^"]+)"')


class OidcRoom(Room):
    """A world whose clock is the machine's, because tokens are dated by it."""

    relying: Relying
    provider: Provider

    def __init__(self, folder: Path, rule: IssuerRule, http: httpx.Client) -> None:
        super().__init__(folder, rules=AccessRules(issuers=(rule,)))
        self.relying = Relying(rule, SECRET, http)
        self.provider = self.relying.discover()
        self.ids = SeededIdSource("oidc")
        self.tick()

    def tick(self) -> None:
        self.clock.move_to(MachineClock().now())

    def depart(self, *, step_up: bool = False) -> Departure:
        return self.relying.depart(
            self.provider, REDIRECT, self.ids, key=self.key(), step_up=step_up
        )

    def arrive(self, departure: Departure, answer: dict[str, str]) -> Claims:
        claims, _ = self.relying.arrive(self.provider, departure, answer)
        self.tick()
        return claims

    def linked(self, subject: str, person_id: str = "operator") -> None:
        officer = self.actor("officer-1")
        accounts = self.desk.accounts
        issuer = self.provider.issuer
        self.done(accounts.link(issuer, subject, person_id, officer, key=self.key()))

    def by_token(self, claims: Claims, nonce: str | None) -> Login:
        return self.desk.access.log_in_by_token(claims, nonce=nonce, key=self.key())

    def step_up_by_token(self, session: LoginSession, claims: Claims, nonce: str) -> Login:
        access = self.desk.access
        return access.step_up_by_token(session, claims, nonce=nonce, key=self.key())


def answered(url: str | httpx.URL) -> dict[str, str]:
    """What a browser brings back."""
    return dict(parse_qsl(urlsplit(str(url)).query))


def asked(departure: Departure) -> dict[str, str]:
    return answered(departure.url)


class Browser:
    """A browser with cookies, which is stopped where it would come back to us."""

    def __init__(self) -> None:
        self._http = httpx.Client(follow_redirects=False, timeout=20)
        self.forms = 0

    def close(self) -> None:
        self._http.close()

    def goes(self, url: str, **form: str) -> dict[str, str]:
        """Follow an address, filling in every form that comes, until it leads back.

        Raises:
            AssertionError: when it never does.
        """
        response = self._http.get(url)
        for _ in range(20):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if url.startswith(REDIRECT):
                    return answered(url)
                response = self._http.get(url)
                continue
            found = FORM.search(response.text)
            assert found is not None, response.text[:500]
            self.forms += 'name="login"' in response.text
            told = form | dict(HIDDEN.findall(response.text))
            response = self._http.post(urljoin(str(response.url), found.group(1)), data=told)
        raise AssertionError("the browser never came back")


@contextmanager
def browser() -> Iterator[Browser]:
    opened = Browser()
    try:
        yield opened
    finally:
        opened.close()
