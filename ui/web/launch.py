"""The server of the pages, started for one home.

Job: write what the server reads at its start, run it, and leave nothing of that behind.

Invariants
  I1  The files of a start lie in a folder of their own (0700), secrets in 0600, and go with it.
  I2  The server listens on this machine only, tells nobody anything, and shows no error's details.
  I3  A provider is written only when it was found to be who the policy names, here and now.

Not here: Streamlit itself, which only the started process imports (ui.web.asgi).
Source: ui parts 4 and 5; governance part 5 (`st.login` traps).
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from counterseal.desk.installation import PolicyActivation
from counterseal.policy.access import IssuerRule
from storage.home_reader import read_home
from storage.law import law_in_force
from storage.providers import discovered
from storage.settings import Settings
from storage.settings_told import sources_of
from storage.system import process_clock
from storage.telling import House, Told, telling
from ui.web.place import (
    ADDRESS,
    SOURCES,
    allowed_hosts,
    client_secret,
    rp_id,
    web_origin,
    web_settings,
)

SCRIPT: Final = Path(__file__).with_name("asgi.py")
THEME: Final = Path(__file__).with_name("theme.toml")
TOLD: Final = "COUNTERSEAL_WEB_PROVIDER"
"""Environment of the server: the issuer that people may sign in by, when there is one."""
SIGN_IN: Final = "default"
STEP_UP: Final = "signing"
_PLACES: Final = (
    *("counterseal_home", "counterseal_policies", "counterseal_signer_state"),
    *("counterseal_log_key_passphrase_file", "counterseal_signer_socket", "counterseal_outside"),
)


def serve(settings: Settings) -> int:
    """Run the pages until told to stop; gives the server's exit status.

    Raises:
        InputError: `SETTING_INVALID`, or no client secret can be read.
        IntegrityError: `ISSUER_DIFFERS`, `PROVIDER_WITHOUT_PKCE`.
        AdapterError: the home cannot be read, or `PROVIDER_FAILED`.
        CountersealError: another of these.
    """
    with tempfile.TemporaryDirectory(prefix="counterseal-web-") as name:
        folder = Path(name)
        told = prepared(settings, folder)
        command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT)]
        with subprocess.Popen(command, cwd=folder, env=told) as server:  # noqa: S603 - our own interpreter and script
            log = telling(settings.counterseal_home, House.PAGES, process_clock())
            log(Told.PAGES_UP, port=settings.web_port, pid=server.pid)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _passed_on(server))
            return server.wait()


def prepared(settings: Settings, folder: Path) -> dict[str, str]:
    """Write what a server in this folder reads; gives its environment.

    Raises:
        CountersealError: those of `serve`.
    """
    origin = web_origin(settings)
    place = folder / ".streamlit"
    place.mkdir(mode=0o700)
    written = place / "secrets.toml"
    look = THEME.read_text("utf-8")
    _write(place / "config.toml", _toml(config_of(settings, origin, written)) + look)
    rule = provider_of(settings)
    _write(written, _toml({} if rule is None else auth_of(rule, origin)))
    return _environment(settings, origin, rule)


def provider_of(settings: Settings) -> IssuerRule | None:
    """The first issuer of the policy in force, when a secret for it is told and it is who it says.

    Raises:
        CountersealError: those of `serve`.
    """
    if client_secret() is None:
        return None
    with read_home(settings) as reader:
        if not reader.count(PolicyActivation):
            return None
        issuers = law_in_force(reader, process_clock().now()).bundle.access.issuers
    if issuers:
        discovered(issuers[0])
    return issuers[0] if issuers else None


def config_of(settings: Settings, origin: str, secrets_file: Path) -> dict[str, object]:
    """Streamlit's settings, as dotted names."""
    return {
        "server.headless": True,
        "server.address": ADDRESS,
        "server.port": settings.web_port,
        "server.allowedHosts": allowed_hosts(origin),
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.enableStaticServing": True,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": 1,
        "server.disconnectedSessionTTL": 60,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": rp_id(origin),
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.showSidebarNavigation": True,
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "secrets.files": [str(secrets_file)],
    }


def auth_of(rule: IssuerRule, origin: str) -> dict[str, object]:
    """The two providers of `st.login`: one to sign in, one to prove it again before signing.

    What `client_kwargs` would drop in silence, age and level, stands in `authorize_params`.
    """
    secret = client_secret()
    client: dict[str, object] = {
        "client_id": rule.client_id,
        "client_secret": "" if secret is None else secret.get_secret_value(),
        "server_metadata_url": f"{rule.issuer.rstrip('/')}/.well-known/openid-configuration",
        "client_kwargs.scope": "openid",
        "client_kwargs.prompt": "login",
    }
    level = {"authorize_params.acr_values": " ".join(rule.acr_values)} if rule.acr_values else {}
    fresh = {"authorize_params.max_age": "0"}
    return {
        "auth.redirect_uri": f"{origin}/oauth2callback",
        "auth.cookie_secret": secrets.token_urlsafe(32),
        "auth.expose_tokens": ["id"],
        **{f"auth.{SIGN_IN}.{name}": value for name, value in (client | level).items()},
        **{f"auth.{STEP_UP}.{name}": value for name, value in (client | level | fresh).items()},
    }


def _environment(settings: Settings, origin: str, rule: IssuerRule | None) -> dict[str, str]:
    """That of this process, with every place told outright: the server runs in another folder."""
    told = {**os.environ, "COUNTERSEAL_WEB_ORIGIN": origin, "WEB_PORT": str(settings.web_port)}
    for name in _PLACES:
        path = getattr(settings, name)
        if isinstance(path, Path):
            told[name.upper()] = str(path.absolute())
    for name in ("COUNTERSEAL_OIDC_CLIENT_SECRET_FILE", TOLD):
        told.pop(name, None)
    found = sources_of(settings, Settings(), os.environ)
    found |= sources_of(web_settings(), web_settings(), os.environ)
    told[SOURCES] = json.dumps(found)
    return told if rule is None else told | {TOLD: rule.issuer}


def _passed_on(server: "subprocess.Popen[bytes]") -> Callable[[int, FrameType | None], None]:
    """A handler that tells the server to end."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        server.terminate()

    return stop


def _toml(values: Mapping[str, object]) -> str:
    """Dotted names and values; JSON's spelling of texts, numbers, truths and lists is TOML's."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
