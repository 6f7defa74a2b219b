"""Who a visitor of a demo home may be.

Job: keep names, password and one-time secrets of the people of a demo, and tell what to type now.

Invariants
  I1  Only a home that its log calls a demo has visitors; anybody else's secrets are never told.
  I2  The file is its owner's alone and lies beside the home, with the passphrase of the demo.

Not here: accounts (desk), how people of a demo come to be (flows.day.people), visits (flows.visit).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import pyotp
from pydantic import TypeAdapter

from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.ports import Reader
from counterseal.kernel.model import DomainModel, Name
from storage.keyring import DEMO_PASSPHRASE, read_secret, write_secret
from storage.settings import Settings

FILE: Final = "UNSAFE-DEMO-VISITORS.json"


class Visitor(DomainModel):
    """A person of a demo, as whom anybody may sign in.

    Attributes:
        name: To sign in with; the person's id.
        codes: Secret of the one-time codes (base32).
    """

    name: Name
    codes: str


class Card(NamedTuple):
    """What a visitor types, now."""

    name: str
    password: str
    code: str


_MANY: Final = TypeAdapter(tuple[Visitor, ...])


def visitors(settings: Settings, reader: Reader) -> tuple[Visitor, ...]:
    """Who may be visited as; nobody in a home that is no demo, or that was not opened to visitors.

    Raises:
        IntegrityError: `KEY_FILE_OPEN` when others may read the file.
        ValidationError: when it is none of ours.
    """
    installation, file = reader.get(Installation, INSTALLATION_ID), visitors_file(settings)
    if installation is None or installation.mode != "demo" or not file.is_file():
        return ()
    return _MANY.validate_json(read_secret(file))


def keep_visitors(settings: Settings, told: Sequence[Visitor]) -> None:
    """Remember them for later visits."""
    file = visitors_file(settings)
    file.unlink(missing_ok=True)
    write_secret(file, _MANY.dump_json(tuple(told)).decode())


def visitors_file(settings: Settings) -> Path:
    """Where the visitors of a home are kept."""
    return settings.counterseal_signer_state / FILE


def card(visitor: Visitor, now: datetime) -> Card:
    """Name, password and the code of this half minute."""
    return Card(visitor.name, DEMO_PASSPHRASE, code_at(visitor.codes, now))


def code_at(secret: str, now: datetime) -> str:
    """The one-time code of a secret at an instant."""
    return pyotp.TOTP(secret).at(now)
