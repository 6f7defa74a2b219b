"""Settings from the environment.

Job: read and check what an installation may be told, and refuse what is unsafe.

Invariants
  I1  Anything that could mean live trading refuses to start.
  I2  A setting may tighten a limit of the policy, never loosen it.

Not here: what a policy allows (policies/), command-line options (ui).
Source: TX-A2, TX-A3; architecture part 7.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from counterseal.policy.limits import SETTING_OF_LIMIT
from counterseal.policy.safety import check_mode

POLICY_VERSION: Final = "2026.11.1"


def _state_folder() -> Path:
    return Path.home() / ".local/state/counterseal"


class Settings(BaseSettings):
    """Effective settings.

    Attributes:
        counterseal_home: Where database and key files lie.
        counterseal_policies: The policy folder.
        counterseal_signer_state: The signer's memory, outside the home.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    counterseal_home: Path = Path("var")
    counterseal_policies: Path = Path("policies")
    counterseal_signer_state: Path = Field(default_factory=_state_folder)
    counterseal_log_key_passphrase_file: Path | None = None
    app_env: str = "local"
    trading_mode: str = "paper"
    enable_live_trading: bool = False
    broker_provider: str = "paper"
    max_tx_equivalent_exposure: str | None = None
    max_daily_loss_twd: str | None = None
    stale_quote_seconds: str | None = None

    def check(self) -> "Settings":
        """These settings, when they are safe.

        Raises:
            InputError: `UNSAFE_SETTINGS`.
        """
        check_mode(self.trading_mode, self.enable_live_trading, self.broker_provider)
        return self

    def limit_overrides(self) -> Mapping[str, str]:
        """Limits that these settings tighten, by their setting's name."""
        told = {name: getattr(self, name.lower()) for name in SETTING_OF_LIMIT}
        return {name: value for name, value in told.items() if value is not None}

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.counterseal_home / "counterseal.sqlite"
