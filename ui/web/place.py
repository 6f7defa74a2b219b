"""Where the pages stand, and which provider they send people to.

Job: read the window's own settings, and check them before anything starts.

Invariants
  I1  Passkeys are bound to one origin for ever: https, or http://localhost.
  I2  The pages listen on this machine only; what faces others is a proxy with TLS.

Not here: the settings of an installation (storage.settings), the server (ui.web.launch).
Source: ui part 5; WebAuthn level 2, part 5.1.2.
"""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from counterseal.identity.schemes import SignatureScheme, check_web_origin
from counterseal.kernel.errors import InputError
from storage.home_keys import read_passphrase
from storage.settings import Settings

ADDRESS: Final = "127.0.0.1"
SOURCES: Final = "COUNTERSEAL_WEB_SOURCES"
"""Environment of the server: where its settings came from, since every place is told outright."""
HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
"""What a handle looks like: 32 random bytes, base64url."""


class WebSettings(BaseSettings):
    """What only the pages are told.

    Attributes:
        counterseal_web_origin: As browsers see the pages; http://localhost and the port otherwise.
        counterseal_oidc_client_secret_file: Its first line is the secret that the identity
            provider gave to this client; without it nobody signs in by a provider.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    counterseal_web_origin: str | None = None
    counterseal_oidc_client_secret_file: Path | None = None


def web_settings() -> WebSettings:
    """The window's settings from the environment.

    Raises:
        InputError: `SETTING_INVALID`.
    """
    try:
        return WebSettings()
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]).upper()
        raise InputError("SETTING_INVALID", first["msg"], field=field) from None


def web_origin(settings: Settings) -> str:
    """The one origin that browsers know the pages by.

    Raises:
        InputError: `SETTING_INVALID` for one that no passkey could be bound to.
    """
    told = web_settings().counterseal_web_origin
    origin = told or f"http://localhost:{settings.web_port}"
    try:
        check_web_origin(SignatureScheme.WEBAUTHN, rp_id(origin), origin)
    except ValueError as error:
        raise InputError(
            "SETTING_INVALID",
            str(error),
            field="COUNTERSEAL_WEB_ORIGIN",
            expected="https://HOST or http://localhost:PORT",
            got=origin,
        ) from None
    return origin


def rp_id(origin: str) -> str:
    """The relying party of passkeys: the host itself."""
    return urlsplit(origin).hostname or ""


def allowed_hosts(origin: str) -> list[str]:
    """The names by which a browser may ask for the pages; any other one is turned away."""
    return sorted({"localhost", ADDRESS, rp_id(origin)})


def client_secret() -> SecretStr | None:
    """The secret for the identity provider; None when nobody told one.

    Raises:
        InputError: those of `storage.home_keys.read_passphrase`.
    """
    path = web_settings().counterseal_oidc_client_secret_file
    return None if path is None else SecretStr(read_passphrase(path))


def browser_cookie(origin: str) -> str:
    """The cookie with a browser's handle; behind TLS no other host or path can plant one."""
    prefix = "__Host-" if origin.startswith("https:") else ""
    return f"{prefix}counterseal_browser"
