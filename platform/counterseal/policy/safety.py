"""Refuse settings that point at live trading.

Job: stop the start before anything is opened, whenever mode, flag or provider is not paper-safe.

Invariants
  I1  Only mode paper or shadow, the live flag off and provider paper pass.
  I2  `live_trading_enabled` is false for everything that passes: no live path exists.

Not here: reading the settings (storage.system).
Source: features TX-A2, TX-A3.
"""

from enum import StrEnum
from typing import Final

from counterseal.kernel.errors import InputError

PAPER_PROVIDER: Final = "paper"


class TradingMode(StrEnum):
    """Words of the `TRADING_MODE` setting."""

    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


_SAFE_MODES: Final = frozenset({TradingMode.PAPER, TradingMode.SHADOW})


def check_mode(trading_mode: str, live_flag: bool, broker_provider: str) -> None:
    """Pass silently when the settings are paper-safe.

    Raises:
        InputError: `UNSAFE_SETTINGS` with the offending setting as its field.
    """
    for field, safe, expected, got in (
        ("TRADING_MODE", trading_mode in _SAFE_MODES, "paper or shadow", trading_mode),
        ("ENABLE_LIVE_TRADING", not live_flag, "false", "true"),
        ("BROKER_PROVIDER", broker_provider == PAPER_PROVIDER, PAPER_PROVIDER, broker_provider),
    ):
        if not safe:
            raise InputError(
                "UNSAFE_SETTINGS",
                "this product has no live path and refuses to start",
                field=field,
                expected=expected,
                got=got,
            )
