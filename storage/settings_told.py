"""Effective settings as people may see them: each with its value and where that came from.

Job: write down what settings are in force, and leave out what may be secret.

Invariants
  I1  A value that may hold a password is never written down: a database's address not at all, any
      other address without what stands before its host and behind its path.
  I2  A value comes from the command line when the environment alone would give another one.

Not here: reading and checking settings (storage.settings), limits of the policy (policy.limits).
Source: ui part 1 (Settings: effective settings with their source); TX-A2.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from counterseal.kernel.model import DomainModel, Name

HIDDEN: Final = frozenset({"COUNTERSEAL_DATABASE_URL"})
"""Settings whose value is a secret, or may hold one anywhere."""


class SettingSource(StrEnum):
    """Where a value came from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command_line"


class SettingTold(DomainModel):
    """One setting.

    Attributes:
        name: Of its environment variable.
        value: As text; None when there is none, or when it is hidden.
        hidden: There is a value, and it is not shown; also one that was kept from this process.
    """

    name: Name
    value: str | None
    source: SettingSource
    hidden: bool = False


def sources_of(
    settings: BaseSettings, alone: BaseSettings, environment: Iterable[str]
) -> dict[str, SettingSource]:
    """Where each setting of a command came from, by the name of its variable.

    Args:
        settings: As the command uses them.
        alone: As the environment alone tells them.
        environment: Names of the variables that are set.
    """
    named = {name.upper() for name in environment}
    found: dict[str, SettingSource] = {}
    for field, value in settings:
        name = field.upper()
        if value != getattr(alone, field):
            found[name] = SettingSource.COMMAND_LINE
        else:
            told = name in named
            found[name] = SettingSource.ENVIRONMENT if told else SettingSource.DEFAULT
    return found


def settings_told(
    settings: BaseSettings, sources: Mapping[str, SettingSource]
) -> tuple[SettingTold, ...]:
    """Every setting, in the order of its class; one without a source has its default."""
    return tuple(
        _told(name.upper(), value, sources.get(name.upper(), SettingSource.DEFAULT))
        for name, value in settings
    )


def _told(name: str, value: object, source: SettingSource) -> SettingTold:
    secret = name in HIDDEN or isinstance(value, SecretStr)
    if value is None or secret:
        hidden = value is not None or source is not SettingSource.DEFAULT
        return SettingTold(name=name, value=None, source=source, hidden=hidden)
    return SettingTold(name=name, value=_shown(str(value)), source=source)


def _shown(text: str) -> str:
    """A text; of an address its scheme, host, port and path alone."""
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc:
        return text
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
