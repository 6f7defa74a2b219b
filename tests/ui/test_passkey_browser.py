"""A passkey in a real browser: registered, asked to sign, and judged by two checks.

Chromium's virtual authenticator stands for the hardware: it verifies its user, or does not.
"""

import base64
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from playwright.sync_api import CDPSession, Page, sync_playwright

from counterseal.identity.dsse import enveloped, signed_bytes
from counterseal.identity.exported import PASSKEY_SCRIPT, public_key_pem
from counterseal.identity.keys import PersonKey
from counterseal.identity.passkeys import Assertion, challenge_of
from counterseal.identity.signatures import verify_signed
from counterseal.kernel.canonical import Json
from counterseal.kernel.errors import IntegrityError
from tests.core.identity.programs import status
from tests.core.identity.signers import NOW, WEBAUTHN, statement

CHROMIUM: Final = shutil.which("chromium")
HERE = [] if CHROMIUM is None else [CHROMIUM]
QUIET: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SCRIPT: Final = Path(__file__).parents[2] / "evidence" / PASSKEY_SCRIPT
SAID = statement(WEBAUTHN).json_value()
MESSAGE = signed_bytes("decision", SAID)
REGISTER = """
async () => {
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const made = await navigator.credentials.create({publicKey: {
    challenge: crypto.getRandomValues(new Uint8Array(32)),
    rp: {id: "localhost", name: "Counterseal"},
    user: {id: new Uint8Array([1, 2, 3]), name: "olga", displayName: "olga"},
    pubKeyCredParams: [{type: "public-key", alg: -7}],
    authenticatorSelection: {residentKey: "required", userVerification: "required"},
  }});
  return {
    id: text(made.rawId),
    key: text(made.response.getPublicKey()),
    algorithm: made.response.getPublicKeyAlgorithm(),
    device: text(made.response.getAuthenticatorData()),
  };
}
"""
SIGN = """
async ({id, challenge, verification}) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const got = await navigator.credentials.get({publicKey: {
    challenge: bytes(challenge), rpId: "localhost", userVerification: verification,
    allowCredentials: [{type: "public-key", id: bytes(id)}],
  }});
  return {
    authenticator_data: text(got.response.authenticatorData),
    client_data_json: text(got.response.clientDataJSON),
    signature: text(got.response.signature),
  };
}
"""


class Blank(http.server.BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>approvals</title>")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def served() -> Iterator[str]:
    """The origin of an empty page on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Browser(NamedTuple):
    """A page with a platform authenticator, and the key that is registered for it."""

    page: Page
    devices: CDPSession
    device: str
    credential: str
    key: PersonKey

    def sign(self, message: bytes, verification: str = "required") -> bytes:
        challenge = base64.b64encode(challenge_of(message)).decode()
        asked = {"id": self.credential, "challenge": challenge, "verification": verification}
        return Assertion.model_validate(self.page.evaluate(SIGN, asked)).as_bytes()


@contextmanager
def browsing(chromium: str) -> Iterator[Browser]:
    with served() as origin, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=[*QUIET])
        page = browser.new_page()
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto(origin)
        made = page.evaluate(REGISTER)
        assert made["algorithm"] == -7
        yield Browser(page, devices, added["authenticatorId"], made["id"], record(made, origin))
        browser.close()


def record(made: dict[str, str], origin: str) -> PersonKey:
    """The key record of what was registered: the browser's public key ends with the point."""
    info = base64.b64decode(made["key"])
    assert base64.b64decode(made["device"])[32] & 0x45 == 0x45
    return PersonKey(
        key_id="key_1",
        person_id="olga",
        public_key=base64.b64encode(info[-65:]).decode(),
        key_class=3,
        scheme=WEBAUTHN,
        rp_id="localhost",
        web_origin=origin,
        enrolled_by=(),
        effective_at=NOW,
    )


def refused(content: bytes, key: PersonKey, said: Mapping[str, Json] = SAID) -> str:
    told = enveloped("decision", said, "key_1", WEBAUTHN, content)
    with pytest.raises(IntegrityError, match="SIGNATURE_INVALID") as caught:
        verify_signed(told, key, "decision")
    return caught.value.message


def independent(folder: Path, content: bytes, key: PersonKey, message: bytes = MESSAGE) -> int:
    for name, told in (("m", message), ("a", content), ("k", public_key_pem(key))):
        (folder / name).write_bytes(told)
    words = ["m", "a", "k", "localhost", str(key.web_origin)]
    return status([sys.executable, "-I", str(SCRIPT), *words], folder)


def test_a_browser_that_did_not_run_is_named(request: pytest.FixtureRequest) -> None:
    """Governance test 12: an absent browser is a notice, never a silent pass."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    for name in () if HERE else ("chromium",):
        reporter.write_line(f"\nNOT CHECKED by {name}: not installed here (.ci/debian)", red=True)
    assert SCRIPT.is_file()


def test_a_passkey_signs_a_decision_in_a_browser(tmp_path: Path) -> None:
    """Governance test 12: register, sign, verify by both checks; a changed payload, another origin,
    another relying party and an unverified user are refused by both.
    """
    for chromium in HERE:
        with browsing(chromium) as browser:
            key, content = browser.key, browser.sign(MESSAGE)
            told = enveloped("decision", SAID, "key_1", WEBAUTHN, content)
            assert verify_signed(told, key, "decision") == SAID
            assert independent(tmp_path, content, key) == 0
            assert "another statement" in refused(content, key, {**SAID, "person": "kai"})
            assert independent(tmp_path, content, key, MESSAGE + b"\n") == 1
            elsewhere = key.amended(web_origin="http://localhost:1")
            assert "another origin" in refused(content, elsewhere)
            assert independent(tmp_path, content, elsewhere) == 1
            site = key.amended(rp_id="desk.example", web_origin="https://desk.example")
            refused(content, site)
            unverified = {"authenticatorId": browser.device, "isUserVerified": False}
            browser.devices.send("WebAuthn.setUserVerified", unverified)
            silent = browser.sign(MESSAGE, "discouraged")
            assert "did not verify its user" in refused(silent, key)
            assert independent(tmp_path, silent, key) == 1
