"""Settings from the environment.

Job: read and check what an installation may be told, and refuse what is unsafe.

Invariants
  I1  Anything that could mean live trading refuses to start.
  I2  A setting may tighten a limit of the policy, never loosen it.
  I3  What is told twice, or cannot be read, refuses to start; nothing is guessed.

Not here: what a policy allows (policies/), command-line options (ui).
Source: TX-A2, TX-A3; architecture part 7.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import unquote

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from counterseal.kernel.errors import InputError
from counterseal.policy.limits import SETTING_OF_LIMIT
from counterseal.policy.safety import TradingMode, check_mode

if TYPE_CHECKING:
    from storage.databases import Database

POLICY_VERSION: Final = "2026.11.1"
_SQLITE: Final = "sqlite:///"
Port = Annotated[int, Field(ge=1, le=65_535)]
"""A TCP port to listen on, on this machine only."""


def _signer_folder() -> Path:
    return Path.home() / ".local/state/counterseal/signer"


class Settings(BaseSettings):
    """Effective settings.

    Attributes:
        counterseal_home: Where database and key files lie.
        counterseal_database_url: The database, instead of the file in the home: a SQLite file
            (`sqlite:///FILE`) or a PostgreSQL database (`postgresql+psycopg://USER@HOST/NAME`,
            its password there or where libpq looks for it). It is never shown.
        counterseal_policies: The policy folder.
        counterseal_signer_state: Folder of the signer's memory, outside the home; a file per log.
        counterseal_log_key_passphrase_file: Its first line opens the log key.
        counterseal_signer_socket: Where the signer's own process listens; without it this process
            opens the log key and signs.
        counterseal_outside: Folder of outside evidence, not in the home (storage.outside_folder).
        counterseal_stamp_url: Time-stamp authority; its root certificates lie in that folder.
        counterseal_gateway: Who works orders: `none` fills them where they are submitted,
            `paper` is the paper gateway with a book of its own, which a worker hands them to.
        counterseal_quotes: A file of quotes that grows while the house runs: its market feed
            (storage.quote_file); a quote of it older than `counterseal_quotes_stale_seconds` is
            none.
        counterseal_demo_ahead_seconds: How far the clock of a visited demo home is ahead of the
            machine's; with any, every other home stays closed.
        app_env: A label of this installation; it changes nothing.
        paper_execution_audit_db_path: The SQLite file; a relative path starts at the home.
        api_port, web_port: Where the HTTP API and the pages listen.
        max_tx_equivalent_exposure, max_daily_loss_twd, stale_quote_seconds: TX-equivalents, TWD
            and seconds, as exact text; None leaves the limit of the policy.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    counterseal_home: Path = Path("var")
    counterseal_database_url: str | None = Field(default=None, repr=False)
    counterseal_policies: Path = Path("policies")
    counterseal_signer_state: Path = Field(default_factory=_signer_folder)
    counterseal_log_key_passphrase_file: Path | None = None
    counterseal_signer_socket: Path | None = None
    counterseal_outside: Path | None = None
    counterseal_stamp_url: str | None = None
    counterseal_gateway: Annotated[str, StringConstraints(pattern=r"^(none|paper)$")] = "none"
    counterseal_quotes: Path | None = None
    counterseal_quotes_stale_seconds: Annotated[int, Field(ge=1, le=3_600)] = 60
    counterseal_demo_ahead_seconds: Annotated[int, Field(ge=0)] = 0
    app_env: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] = "local"
    trading_mode: str = TradingMode.PAPER.value
    enable_live_trading: bool = False
    broker_provider: str = "paper"
    paper_execution_audit_db_path: Path = Path("data/paper_execution_audit.sqlite")
    api_port: Port = 8000
    web_port: Port = 3000
    max_tx_equivalent_exposure: str | None = None
    max_daily_loss_twd: str | None = None
    stale_quote_seconds: str | None = None

    def check(self) -> "Settings":
        """These settings, when they are safe.

        Raises:
            InputError: `UNSAFE_SETTINGS`, `OUTSIDE_INSIDE_HOME`, `DATABASE_UNSUPPORTED` or
                `SETTING_INVALID`.
        """
        check_mode(self.trading_mode, self.enable_live_trading, self.broker_provider)
        self._check_outside()
        if self.api_port == self.web_port:
            raise InputError(
                "SETTING_INVALID", "two servers on one port", field="WEB_PORT", got=self.web_port
            )
        if self.counterseal_database_url is not None:
            _ = self.database
            if "paper_execution_audit_db_path" in self.model_fields_set:
                raise InputError(
                    "SETTING_INVALID",
                    "the database is told twice",
                    field="PAPER_EXECUTION_AUDIT_DB_PATH",
                    expected="either this or COUNTERSEAL_DATABASE_URL",
                    got=self.paper_execution_audit_db_path,
                )
        return self

    def _check_outside(self) -> None:
        if self.counterseal_outside is not None:
            from storage.outside_folder import OutsideFolder  # noqa: PLC0415 - homes with one only

            OutsideFolder(self.counterseal_outside).checked_beside(self.counterseal_home)
        elif self.counterseal_stamp_url is not None:
            raise InputError(
                "SETTING_INVALID",
                "time-stamps need a folder to lie in",
                field="COUNTERSEAL_STAMP_URL",
                expected="COUNTERSEAL_OUTSIDE as well",
            )

    @property
    def live_trading_enabled(self) -> bool:
        """Flag and mode together; never true for checked settings."""
        return self.enable_live_trading and self.trading_mode == TradingMode.LIVE

    def limit_overrides(self) -> Mapping[str, str]:
        """Limits that these settings tighten, by their setting's name."""
        told = {name: getattr(self, name.lower()) for name in SETTING_OF_LIMIT}
        return {name: value for name, value in told.items() if value is not None}

    def placed(self, *, home: Path, database: Path, signer_state: Path) -> "Settings":
        """The same settings with other places, each told outright.

        A home at another place has neither the signer's process, the witnesses nor the market feed
        of this one.
        """
        places = {
            "counterseal_home": home,
            "counterseal_database_url": None,
            "paper_execution_audit_db_path": database.absolute(),
            "counterseal_signer_state": signer_state,
            "counterseal_signer_socket": None,
            "counterseal_outside": None,
            "counterseal_stamp_url": None,
            "counterseal_quotes": None,
        }
        return Settings(**{**dict(self), **places})

    @property
    def database(self) -> "Database":
        """Where log and tables are: a SQLite file, or a database on a server.

        Raises:
            InputError: `DATABASE_UNSUPPORTED`.
        """
        from storage.databases import SqliteFile, database_at  # noqa: PLC0415 - help needs none

        url = self.counterseal_database_url
        if url is None or url.startswith("sqlite:"):
            return SqliteFile(self.database_file)
        return database_at(url)

    @property
    def database_file(self) -> Path:
        """The SQLite file.

        Raises:
            InputError: `DATABASE_UNSUPPORTED`, also for a database on a server.
        """
        if self.counterseal_database_url is not None:
            return _sqlite_file(self.counterseal_database_url)
        return self.counterseal_home / self.paper_execution_audit_db_path


def load_settings(home: Path | None = None) -> Settings:
    """Checked settings of the environment; a told home wins over it.

    Raises:
        InputError: `SETTING_INVALID`, `UNSAFE_SETTINGS` or `DATABASE_UNSUPPORTED`.
    """
    try:
        if home is None:
            told = _told(frozenset(os.environ.items()))
        else:
            told = Settings(counterseal_home=home)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            "SETTING_INVALID",
            "this setting cannot be read",
            field=".".join(str(part) for part in first["loc"]).upper(),
            expected=first["msg"],
            got=first["input"],
        ) from None
    return told.check()


@lru_cache(maxsize=4)
def _told(environment: frozenset[tuple[str, str]]) -> Settings:
    """What the environment tells, read once for as long as it says the same."""
    del environment
    return Settings()


def _sqlite_file(url: str) -> Path:
    """The file that a database URL names; the URL itself is never shown, it may hold a password.

    Raises:
        InputError: `DATABASE_UNSUPPORTED`.
    """
    file = unquote(url.removeprefix(_SQLITE))
    if not url.startswith(_SQLITE) or not file or file == ":memory:" or "?" in url:
        raise InputError(
            "DATABASE_UNSUPPORTED",
            "this URL names no SQLite file",
            field="COUNTERSEAL_DATABASE_URL",
            expected=f"{_SQLITE}FILE without options",
            got=url.partition(":")[0],
        )
    return Path(file)
