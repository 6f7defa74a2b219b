"""Prefect, closed in: the environment that every process of the hall starts from.

Job: build Prefect's settings from ours before Prefect is loaded, and run or find its server.

Invariants
  I1  Prefect's files lie in the home; the user's own Prefect profile is neither read nor written.
  I2  The server listens on loopback, asks for a shared secret, and reaches nobody outside.
  I3  No server starts by itself: a temporary one runs only where it was asked for.
  I4  Foreign `PREFECT_*` variables are dropped, so nothing but this module configures it.

Not here: ending processes (processes), flows, what a deployment is (prefect.yaml).
Source: workflow part 2, where each setting has its reason.
"""

import base64
import http.client
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from counterseal.kernel.errors import AdapterError, InputError, InvariantError
from counterseal.kernel.model import Name
from flows.processes import Guarded
from storage.keyring import read_secret, write_secret
from storage.settings import Settings
from storage.system import MachineIdSource

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout, where prefect.yaml and the flows lie."""

HOST: Final = "127.0.0.1"
STARTUP_SECONDS_MAX: Final = 120
"""A cold start migrates a new database and took up to 30 s on two shared cores."""

_NOWHERE: Final = f"http://{HOST}:9"
_NO_WAY_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE),
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), _NOWHERE),
}
"""Prefect's server asks a public registry for kinds of workers and has no setting against it; with
a dead proxy it falls back to its own copy at once."""

_USER: Final = "counterseal"
_POLL_SECONDS: Final = 0.1
_ANSWER_SECONDS_MAX: Final = 60
_UNAUTHORIZED: Final = 401


class HallSettings(BaseSettings):
    """What an installation may be told about its flows.

    Attributes:
        counterseal_engine_port: Where the resident server listens on loopback.
        counterseal_engine_database: Prefect's own database, never ours; SQLite in the home when
            None.
        counterseal_log_vkey: The log's public key as kept outside the home; the home's own key file
            tells it when None.
        counterseal_service_id: The person id that flows act as; it holds no review right.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    counterseal_engine_port: int = Field(default=4200, ge=1024, le=65_535)
    counterseal_engine_database: SecretStr | None = None
    counterseal_log_vkey: str | None = None
    counterseal_service_id: Name = "flows"


@dataclass(frozen=True, slots=True)
class Engine:
    """One Prefect server, running or not.

    Attributes:
        folder: Prefect's folder in the home.
        port: On loopback.
        environment: Everything that a process of ours needs to use or to be this server.
    """

    folder: Path
    port: int
    environment: Mapping[str, str]

    @property
    def logs(self) -> Path:
        """The folder of the home where its parts write; made when it is missing."""
        folder = self.folder.parent / "log"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def output_of(self, part: str) -> Path:
        """What a part of this home prints; another start goes on behind what is there.

        What a part tells of itself is a log of its own (storage.telling).
        """
        return self.logs / f"{part}.out"

    @property
    def api_url(self) -> str:
        """Where its API answers."""
        return _api_url(self.port)


def engine_of(settings: Settings, port: int | None = None) -> Engine:
    """The engine of a home; makes its secret when there is none yet.

    Args:
        settings: Of the home.
        port: Another port than the settings name, for a temporary server.

    Raises:
        InputError: `SETTINGS_INVALID`.
        IntegrityError: `KEY_FILE_OPEN` when others may read the secret.
        AdapterError: when the secret cannot be written or read.
    """
    told = hall_settings()
    file = secret_file(settings)
    folder = file.parent
    where = port or told.counterseal_engine_port
    ours = {
        **_our_settings(settings),
        **_prefect_settings(folder, where, _secret(file)),
        **_no_proxy(),
    }
    if told.counterseal_engine_database is not None:
        database = told.counterseal_engine_database.get_secret_value()
        ours["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return Engine(folder, where, {**inherited, **ours})


def secret_file(settings: Settings) -> Path:
    """Where the secret of a home's server lies; there is none before the first engine."""
    return settings.counterseal_home.resolve() / "prefect" / "auth"


def credentials(engine: Engine) -> dict[str, str]:
    """The header by which the engine's server knows its own clients."""
    secret = engine.environment["PREFECT_API_AUTH_STRING"].encode()
    return {"Authorization": f"Basic {base64.b64encode(secret).decode()}"}


def adopt(engine: Engine) -> None:
    """Make this process a client of the engine; Prefect may be imported afterwards.

    Raises:
        InvariantError: when Prefect was loaded under other settings before.
    """
    if "prefect" in sys.modules and os.environ.get("PREFECT_API_URL") != engine.api_url:
        raise InvariantError("Prefect was loaded before its settings were made")
    for name in set(os.environ) - set(engine.environment):
        del os.environ[name]
    os.environ.update(engine.environment)


def answers(engine: Engine, seconds: float = _ANSWER_SECONDS_MAX) -> bool:
    """Whether the engine's server answers, and knows our secret.

    Where no server is, the answer comes at once; a busy one is waited for.

    Args:
        engine: Whose server.
        seconds: How long a server that is there may take.

    Raises:
        AdapterError: `ENGINE_FOREIGN` when another server sits on the port.
    """
    connection = http.client.HTTPConnection(HOST, engine.port, timeout=seconds)
    with closing(connection):
        try:
            connection.request("GET", "/api/admin/version", headers=credentials(engine))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
    if status == _UNAUTHORIZED:
        raise AdapterError("ENGINE_FOREIGN", "another server sits on the port", got=engine.port)
    return status == http.HTTPStatus.OK


@contextmanager
def running_server(engine: Engine, *, services: bool, pages: bool = False) -> Iterator[Guarded]:
    """Run the engine's server, under a guardian, for the time of a block.

    Args:
        engine: Its port must be free.
        services: Schedules, late runs and the like; a temporary server needs none.
        pages: Prefect's own pages.

    Raises:
        AdapterError: `ENGINE_PORT_TAKEN`, `ENGINE_FOREIGN`, `ENGINE_NOT_STARTED`.
    """
    with start_server(engine, services=services, pages=pages) as server:
        await_server(engine, server)
        yield server


def start_server(engine: Engine, *, services: bool, pages: bool = False) -> Guarded:
    """Start the engine's server under a guardian, and do not wait for its first answer.

    Args:
        engine: Its port must be free.
        services: As for `running_server`.
        pages: The same.

    Raises:
        AdapterError: `ENGINE_PORT_TAKEN`, `ENGINE_FOREIGN`.
    """
    if answers(engine):
        raise AdapterError("ENGINE_PORT_TAKEN", "the server runs already", got=engine.port)
    pages_told = {"PREFECT_SERVER_UI_ENABLED": str(pages).lower()}
    environment = {**engine.environment, **_NO_WAY_OUT, **pages_told}
    if not services:
        environment["PREFECT__SERVER_EPHEMERAL"] = "1"
    command = (sys.executable, "-m", "prefect", "server", "start")
    with engine.output_of("server").open("ab") as log:
        return Guarded(command, environment, log)


@contextmanager
def open_engine(settings: Settings, *, temporary: bool = False) -> Iterator[Engine]:
    """An engine for this process; import flows inside the block only.

    Args:
        settings: Of the home.
        temporary: Run a server of our own for the time of the block: demo, tests, and runs by
            hand that ask for it. Without it the resident server must be there.

    Raises:
        AdapterError: `ENGINE_UNREACHABLE` without a server; those of `running_server`.
    """
    engine = engine_of(settings, free_port() if temporary else None)
    with ExitStack() as stack:
        if temporary:
            stack.enter_context(running_server(engine, services=False))
        elif not answers(engine):
            raise AdapterError(
                "ENGINE_UNREACHABLE",
                "no workflow server; start `flows serve`, or ask for a temporary one",
                retriable=True,
                got=engine.api_url,
            )
        adopt(engine)
        try:
            yield engine
        finally:
            _drain()


def hall_settings() -> HallSettings:
    """Settings of the hall.

    Raises:
        InputError: `SETTINGS_INVALID`.
    """
    try:
        return HallSettings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]).upper()
        raise InputError("SETTINGS_INVALID", first["msg"], field=place) from None


def _drain() -> None:
    if "prefect" in sys.modules:
        from flows.runs import drain  # noqa: PLC0415 - Prefect is loaded by now, or not at all

        drain()


def _our_settings(settings: Settings) -> dict[str, str]:
    """Our own settings with whole paths, for runs that start in another folder."""
    paths: dict[str, Path | None] = {
        "COUNTERSEAL_ROOT": ROOT,
        "COUNTERSEAL_HOME": settings.counterseal_home,
        "COUNTERSEAL_POLICIES": settings.counterseal_policies,
        "COUNTERSEAL_SIGNER_STATE": settings.counterseal_signer_state,
        "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": settings.counterseal_log_key_passphrase_file,
        "COUNTERSEAL_QUOTES": settings.counterseal_quotes,
    }
    return {name: str(path.resolve()) for name, path in paths.items() if path is not None}


def _prefect_settings(folder: Path, port: int, secret: str) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_PROFILES_PATH": str(folder / "profiles.toml"),
        "PREFECT_API_URL": _api_url(port),
        "PREFECT_API_AUTH_STRING": secret,
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(STARTUP_SECONDS_MAX),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": secret,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port}",
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "60",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }


def _no_proxy() -> dict[str, str]:
    """Loopback goes through nobody's proxy: our secret would travel along."""
    told = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    names = ",".join(part for part in (told, HOST, "localhost") if part)
    return dict.fromkeys(("NO_PROXY", "no_proxy"), names)


def _api_url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def _secret(path: Path) -> str:
    """`user:secret` from its file; made whole beside it first, so that two starts agree on one."""
    if not path.exists():
        ids = MachineIdSource()
        fresh = path.with_name(f"auth.{ids.secret('engine-file', 8).hex()}")
        write_secret(fresh, f"{_USER}:{ids.secret('engine-auth', 32).hex()}")
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return read_secret(path)


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def await_server(engine: Engine, server: Guarded) -> None:
    """Wait until the server answers.

    Raises:
        AdapterError: `ENGINE_NOT_STARTED` when it ends, or does not answer in time.
    """
    until = time.monotonic() + STARTUP_SECONDS_MAX
    while not answers(engine):
        if server.status is not None or time.monotonic() > until:
            raise AdapterError(
                "ENGINE_NOT_STARTED",
                "the workflow server did not start; see its log",
                got=engine.output_of("server"),
            )
        time.sleep(_POLL_SECONDS)
