"""A home whose people sign in, a real server of its pages, and a real browser before it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple, Self

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect, sync_playwright

from counterseal.desk.commands import Outcome
from counterseal.identity.drills import drill_statement
from counterseal.kernel.clock import utc_text
from flows.engine import free_port
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file
from storage.policy_drafts import list_version
from storage.settings import POLICY_VERSION, Settings
from storage.system import MachineClock
from tests import household
from tests.desk.access_room import PASSWORD, Name, Room
from tests.ground import SECRET
from tests.household import ROOT, START, SYMBOL
from tests.ui.sealed_keys import seal_keys

CHROMIUM: Final = shutil.which("chromium")
HERE: Final = [] if CHROMIUM is None else [CHROMIUM]
QUIET: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--process-per-site",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
STARTS_WITHIN_SECONDS: Final = 120
SETTLES_WITHIN_MS: Final = 45_000
_FOUNDED: Final[dict[tuple[str, int | None], list[tuple[bytes, bytes, int]]]] = {}
PROOF_COUNTS_SECONDS: Final = 4
"""In a house with a provider, so that a fresh proof is asked for while a test runs."""
REVIEWERS: Final = ("quant", "researcher", "risk", "compliance")
FED_QUOTES: Final = 900
FED_EVERY: Final = timedelta(seconds=2)
BEGAN_AGO: Final = timedelta(minutes=6)
"""So that nothing of the home lies in a running server's future."""


def law_at(folder: Path, issuer: str, proof_counts: int | None) -> Path:
    """A copy of the policies that believes an issuer, and lists itself; a fresh proof counts for so
    many seconds, or for those of the policy.
    """
    root = folder / "law"
    if not root.exists():
        shutil.copytree(ROOT / "policies", root / "policies")
        if issuer:
            access = root / f"policies/access/{POLICY_VERSION}/access.yaml"
            told = f"issuers: [{{issuer: '{issuer}', client_id: desk}}]"
            access.write_text(access.read_text().replace("issuers: []", told))
        if proof_counts is not None:
            params = root / f"policies/approval/{POLICY_VERSION}/params.yaml"
            params.write_text(params.read_text().replace(": 120", f": {proof_counts}", 1))
        list_version(root / "policies", POLICY_VERSION, "author", START)
    return root


class WebHouse(Room):
    """A home founded a moment ago; named people have accounts, and all of them key files."""

    def __init__(self, folder: Path, issuer: str = "", *, proof_counts: int | None = None) -> None:
        if issuer and proof_counts is None:
            proof_counts = PROOF_COUNTS_SECONDS
        self.root, law = law_at(folder.parent, issuer, proof_counts), (issuer, proof_counts)
        founded, root = household._FOUNDED, household.ROOT
        household.ROOT, household._FOUNDED = self.root, _FOUNDED.setdefault(law, [])
        try:
            super().__init__(folder, credentials=SqliteCredentials(credentials_file(folder)))
        finally:
            household.ROOT, household._FOUNDED = root, founded
        self.clock.move_to(MachineClock().now() - BEGAN_AGO)
        self.quote()
        self.accounts: dict[str, Name] = {}
        for name in REVIEWERS:
            self.done(self.drilled(name))

    def drilled(self, name: str) -> Outcome:
        """A signing drill, so that none is due in a home whose people came long ago."""
        terms = self.terms()
        statement = drill_statement(terms, name, f"key-of-{name}")
        (signature,) = self.signed_by("attest", statement, name)
        return self.desk.drills.drill(terms, signature, self.actor(name), key=self.key())

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"counterseal_policies": self.root / "policies"})

    def furnished(self, *names: str) -> Self:
        """Key files and accounts for these people."""
        seal_keys(self, *names)
        for name in names:
            self.accounts[name] = self.named(name)
        return self

    @property
    def quotes(self) -> Path:
        """The file that the pages of this home follow, once there is one (`fed`)."""
        return self.home.parent / "quotes.jsonl"

    def fed(self) -> Self:
        """Half an hour of quotes from now on, so that a server always knows a fresh one."""
        now = MachineClock().now()
        with self.quotes.open("w", encoding="utf-8") as told:
            for place in range(FED_QUOTES):
                at = utc_text(now + place * FED_EVERY)
                bid, sizes = 19_990 + place % 20, {"bid_size": 5, "ask_size": 7}
                prices = {"bid": bid, "ask": bid + 1, "last": bid + place % 2}
                told.write(json.dumps({"symbol": SYMBOL, "event_time": at} | prices | sizes))
                told.write("\n")
        return self

    def environment(self) -> dict[str, str]:
        told = self.settings
        secret = self.home.parent / "secret"
        secret.write_text(SECRET + "\n", "utf-8")
        return {
            "COUNTERSEAL_HOME": str(told.counterseal_home),
            "COUNTERSEAL_POLICIES": str(told.counterseal_policies),
            "COUNTERSEAL_SIGNER_STATE": str(told.counterseal_signer_state),
            "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": str(secret),
            **({"COUNTERSEAL_QUOTES": str(self.quotes)} if self.quotes.exists() else {}),
        }

    def tick(self) -> None:
        """The house's own clock, moved to where the server's is."""
        self.clock.move_to(MachineClock().now())

    def asked(self) -> str:
        """A request of now."""
        self.tick()
        self.quote()
        return self.requested()

    def code(self, name: str, steps: int = 0) -> str:
        """The one-time code of now, or of a later step."""
        at = MachineClock().now() + timedelta(seconds=30 * steps)
        return self.accounts[name].codes.at(at)


@contextmanager
def serving(
    house: WebHouse, more: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[str]:
    """The origin of the pages of a house; see `serving_with`."""
    environment = {**house.environment(), **(more or {})}
    with serving_with(environment, house.home.parent / "server.log", port) as origin:
        yield origin


@contextmanager
def serving_with(
    environment: Mapping[str, str], said: Path, port: int | None = None
) -> Iterator[str]:
    """The origin of the pages of a home, by the command that people type; it says what it does."""
    port = port or free_port()
    told = {**os.environ, **environment}
    command = [sys.executable, "-m", "ui.cli.app", "web", "--port", str(port)]
    with (
        said.open("w") as out,
        subprocess.Popen(command, env=told, cwd=ROOT, stdout=out, stderr=out) as running,  # noqa: S603 - our own program
    ):
        try:
            until_healthy(port, lambda: running.poll() is None, said)
            yield f"http://localhost:{port}"
        finally:
            running.terminate()
            running.wait(20)


def until_healthy(port: int, lives: Callable[[], bool], said: Path) -> None:
    """Wait for the server at a port, which writes what it says to a file.

    Raises:
        AssertionError: it does not answer in time, or lives no longer.
    """
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until:
        assert lives(), said.read_text()
        with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
            try:
                asked.request("GET", "/healthz")
                if asked.getresponse().read() == b"ok":
                    return
            except OSError:
                time.sleep(0.1)
    raise AssertionError(said.read_text())


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=[*QUIET])
        yield browser
        browser.close()


def watched(context: BrowserContext) -> list[str]:
    """What pages asked for beyond this machine, and what their own policy barred."""
    foreign: list[str] = []

    def asked(url: str) -> None:
        if not url.startswith(("http://localhost:", "http://127.0.0.1:", "data:", "blob:")):
            foreign.append(url)

    def said(text: str) -> None:
        if "Content Security Policy" in text:
            foreign.append(text)

    context.on("request", lambda request: asked(request.url))
    context.on("console", lambda message: said(message.text))
    return foreign


def settled(page: Page) -> None:
    """The script has run, nothing is left to load, and nothing failed."""
    expect(page.get_by_test_id("stApp")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=SETTLES_WITHIN_MS
    )
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SETTLES_WITHIN_MS)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def choose(page: Page, verdict: str) -> None:
    """Choose a verdict, and wait until the page knows it."""
    page.get_by_role("radio", name=verdict, exact=True).check(force=True)
    unanswered = page.get_by_role("button", name="Choose a verdict")
    expect(unanswered).to_have_count(0, timeout=SETTLES_WITHIN_MS)
    settled(page)


def opened(page: Page, url: str) -> None:
    page.goto(url, wait_until="domcontentloaded")
    settled(page)


def signed_in(page: Page, house: WebHouse, name: str, steps: int = 0) -> None:
    """Fill in the form that the page shows."""
    page.get_by_label("Name", exact=True).fill(house.accounts[name].account_id)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("One-time code").fill(house.code(name, steps))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text(f"Signed in as {name}")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    settled(page)


class Device(NamedTuple):
    """A virtual platform authenticator that verifies its user, plugged into one page."""

    wire: CDPSession
    device_id: str

    def unplugged(self) -> list[dict[str, object]]:
        """Take it away; gives what it holds."""
        told = {"authenticatorId": self.device_id}
        held: list[dict[str, object]] = self.wire.send("WebAuthn.getCredentials", told)[
            "credentials"
        ]
        self.wire.send("WebAuthn.removeVirtualAuthenticator", told)
        return held


def with_passkeys(
    page: Page, held: Sequence[dict[str, object]] = (), wire: CDPSession | None = None
) -> Device:
    """Plug in an authenticator that holds these passkeys."""
    devices = wire or page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    device = Device(devices, made["authenticatorId"])
    for credential in held:
        told = {"authenticatorId": device.device_id, "credential": credential}
        devices.send("WebAuthn.addCredential", told)
    return device
