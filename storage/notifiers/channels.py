"""Which ways to reach people a home has.

Job: read `notify/channels.yaml` and `notify/addresses.yaml` of a home, strictly.

```yaml
# channels.yaml: without the file, notices go to notify/notices.jsonl and nowhere else
log: true
mail:
  host: mail.example.org
  port: 587
  security: starttls        # tls, starttls; none for a server on this machine only
  sender: counterseal@example.org
  user: counterseal         # user and password_file together, or neither
  password_file: mail-password
prefect_block: slack-webhook/desk

# addresses.yaml: personal data; mode 0600, never in the log
researcher: researcher@example.org
```

Invariants
  I1  An unknown key, a key named twice or an address that is none refuses the file.
  I2  Addresses and password are read from files that only their owner may read.
  I3  A password or a notice never leaves this machine unprotected.

Not here: sending (mail, line_file), Prefect's blocks (flows).
"""

import stat
from pathlib import Path
from typing import Annotated, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from counterseal.desk.notices import Notifier
from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError, PolicyError
from counterseal.kernel.model import Name
from storage.keyring import read_secret
from storage.notifiers.line_file import FileNotifier
from storage.notifiers.mail import MailNotifier, MailServer, Security
from storage.policy_files import parse_yaml
from storage.settings import Settings

CHANNELS_FILE: Final = "channels.yaml"
ADDRESSES_FILE: Final = "addresses.yaml"
NOTICES_FILE: Final = "notices.jsonl"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

MailAddress = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]+$"
    ),
]
"""A plain address: no display name, no quotes, no list."""

Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")]

M = TypeVar("M", bound=BaseModel)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class MailSettings(_File):
    """How mail leaves; paths start at the notify folder."""

    host: Host
    port: int = Field(ge=1, le=65_535)
    security: Security
    sender: MailAddress
    user: Name | None = None
    password_file: Path | None = None
    authority_file: Path | None = None
    timeout_seconds: int = Field(default=10, ge=1, le=60)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.user is None) is not (self.password_file is None):
            raise ValueError("user and password_file belong together")
        if self.security is Security.NONE and self.host not in _LOOPBACK:
            raise ValueError("security none is for a server on this machine only")
        return self


class ChannelSettings(_File):
    """What channels.yaml may say.

    Attributes:
        prefect_block: `type/name` of a notification block on the home's own workflow server.
    """

    log: bool = True
    mail: MailSettings | None = None
    prefect_block: Annotated[
        str | None, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$", max_length=120)
    ] = None


class _Addresses(_File):
    by_person: dict[Name, MailAddress]


def notify_folder(settings: Settings) -> Path:
    """Where a home keeps its channels, and what waits for them."""
    return settings.counterseal_home / "notify"


def channel_settings(settings: Settings) -> ChannelSettings:
    """What the home's file says; the log file alone without one.

    Raises:
        InputError: `CHANNELS_INVALID`.
    """
    path = notify_folder(settings) / CHANNELS_FILE
    return _read(path, ChannelSettings) if path.is_file() else ChannelSettings()


def notifiers(settings: Settings, told: ChannelSettings) -> tuple[Notifier, ...]:
    """The channels that need no workflow engine.

    Raises:
        InputError: `CHANNELS_INVALID`, `ADDRESSES_OPEN`, `KEY_FILE_MISSING`.
        IntegrityError: `KEY_FILE_OPEN` when others may read the mail password.
    """
    folder = notify_folder(settings)
    log = (FileNotifier(folder / NOTICES_FILE),) if told.log else ()
    if told.mail is None:
        return log
    return (*log, MailNotifier(_server(told.mail, folder), _addresses(folder / ADDRESSES_FILE)))


def _server(told: MailSettings, folder: Path) -> MailServer:
    password = None if told.password_file is None else read_secret(folder / told.password_file)
    authority = None if told.authority_file is None else folder / told.authority_file
    return MailServer(
        host=told.host,
        port=told.port,
        security=told.security,
        sender=told.sender,
        user=told.user,
        password=password,
        authority=authority,
        timeout_seconds=told.timeout_seconds,
    )


def _addresses(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError("ADDRESSES_OPEN", "others may read these addresses", got=path)
    return dict(_read(path, _Addresses, inside="by_person").by_person)


def _read(path: Path, kind: type[M], inside: str | None = None) -> M:
    try:
        value = parse_yaml(path.read_bytes(), path.name)
        value = value if inside is None else {inside: value}
        return kind.model_validate_json(canonical_bytes(value))
    except PolicyError as error:
        raise InputError("CHANNELS_INVALID", error.message, field=path.name) from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join((path.name, *map(str, first["loc"])))
        raise InputError("CHANNELS_INVALID", first["msg"], field=place) from None
