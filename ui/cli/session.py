"""What a command needs before it can act: settings, a desk, a person who proved who they are.

What only an act needs is loaded when one is asked for: looking stays fast.
"""

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import InputError
from counterseal.kernel.model import Actor
from counterseal.kernel.money import parse_exact
from counterseal.market.ports import MarketFeed
from storage.home_reader import read_home
from storage.settings import Settings, load_settings
from storage.system import MachineIdSource, process_clock
from ui.cli.render import TAKEN_KEY

if TYPE_CHECKING:
    from counterseal.desk.desk import Desk
    from storage.keyring import Keyring, OpenedKey

CLOCK: Clock = process_clock()
IDS = MachineIdSource()


def settings_for(home: Path | None) -> Settings:
    """Checked settings; `--home` wins over the environment.

    Raises:
        InputError: `SETTING_INVALID`, `UNSAFE_SETTINGS` or `DATABASE_UNSUPPORTED`.
    """
    return load_settings(home)


def passphrase_from(path: Path | None, owner: str) -> str:
    """From the file, or asked at the terminal.

    Raises:
        InputError: `PASSPHRASE_FILE_UNSET` without file and terminal; those of `read_passphrase`.
    """
    if path is None and sys.stdin.isatty():
        return getpass(f"passphrase of {owner}: ", stream=sys.stderr)
    if path is None:
        raise InputError(
            "PASSPHRASE_FILE_UNSET", "no terminal to ask at", field="--passphrase-file", got=owner
        )
    from storage.homes import read_passphrase  # noqa: PLC0415 - only acting asks for it

    return read_passphrase(path)


def logged_in(settings: Settings, person_id: str, file: Path | None) -> tuple[Actor, "OpenedKey"]:
    """A person at this terminal; errors of `proved` and `passphrase_from`."""
    return proved(settings, person_id, partial(passphrase_from, file, person_id))


def proved(
    settings: Settings, person_id: str, passphrase_of: Callable[[], str]
) -> tuple[Actor, "OpenedKey"]:
    """A person who opened the key that is enrolled for them.

    Args:
        settings: Of the home.
        person_id: Who is said to act.
        passphrase_of: Gives the passphrase, when the home is there to open a key of.

    Raises:
        InputError: `KEY_NOT_ENROLLED`, `KEY_LOCKED`, and those of `Keyring.open`, which name the
            person.
    """
    from counterseal.desk.people import key_of  # noqa: PLC0415 - only acting needs it
    from counterseal.identity.schemes import SignatureScheme  # noqa: PLC0415 - the same
    from storage.home_keys import keys_folder, settle_person_key  # noqa: PLC0415 - the same
    from storage.keyring import Keyring  # noqa: PLC0415 - the same
    from ui.cli.key_limits import limited  # noqa: PLC0415 - the same

    ring = Keyring(keys_folder(settings))
    settle_person_key(settings, person_id)
    with read_home(settings) as reader:
        enrolled = key_of(reader, person_id, SignatureScheme.ED25519)
    passphrase, now = passphrase_of(), CLOCK.now()
    with limited(settings, person_id, now):
        opened = opened_key(ring, person_id, passphrase)
    if enrolled is None or enrolled.public_key != opened.public_key:
        raise InputError("KEY_NOT_ENROLLED", "this key is not enrolled", got=person_id)
    actor = Actor(
        id=person_id,
        issuer="counterseal:local",
        amr=("key",),
        acr="none",
        auth_time=now,
        session=IDS.new("ses", person_id, now),
    )
    return actor, opened


def opened_key(ring: "Keyring", person_id: str, passphrase: str) -> "OpenedKey":
    """A person's key; who it is about is told when it does not open.

    Raises:
        InputError: those of `Keyring.open`.
    """
    try:
        return ring.open(person_id, passphrase)
    except InputError as error:
        if error.got is not None:
            raise
        raise InputError(
            error.code, error.message, field=error.field, expected=error.expected, got=person_id
        ) from None


def all_logged_in(
    settings: Settings, people: Sequence[str], files: Sequence[Path]
) -> list[tuple[Actor, "OpenedKey"]]:
    """Several people at one terminal, each with their own passphrase.

    Raises:
        InputError: `PASSPHRASE_FILES_DIFFER` when the files do not match the people; those of
            `logged_in`.
    """
    if files and len(files) != len(people):
        raise InputError(
            "PASSPHRASE_FILES_DIFFER",
            "one passphrase file for each person, in the same order",
            expected=len(people),
            got=len(files),
        )
    named: Sequence[Path | None] = files or [None] * len(people)
    return [logged_in(settings, p, f) for p, f in zip(people, named, strict=True)]


def desk_at(settings: Settings, feed: MarketFeed | None = None) -> "Desk":
    """The desk for writing; errors of `storage.homes.open_home`."""
    from storage.homes import open_home  # noqa: PLC0415 - only acting opens a desk
    from storage.quote_file import home_feed  # noqa: PLC0415 - the same

    return open_home(settings, clock=CLOCK, ids=IDS, feed=feed or home_feed(settings))


def command_key(told: str | None) -> str:
    """The caller's idempotency key, or a fresh one; a failure from here on shows it."""
    key = told or IDS.new("cmd", "cli", CLOCK.now())
    TAKEN_KEY.set(key)
    return key


def decimal_of(text: str, option: str) -> Decimal:
    """An exact number.

    Raises:
        InputError: `BAD_NUMBER`.
    """
    try:
        return parse_exact(text)
    except ValueError:
        raise InputError(
            "BAD_NUMBER", "expected a decimal number", field=option, got=text
        ) from None


def content_of(source: str, field: str = "FILE") -> bytes:
    """A file's bytes as they are; `-` is the standard input.

    Raises:
        InputError: `FILE_MISSING`.
    """
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError("FILE_MISSING", f"cannot read: {error}", field=field, got=source) from None


def text_of(content: bytes, source: str, field: str = "FILE") -> str:
    """The text of a file's bytes, which may begin with a byte order mark.

    Raises:
        InputError: `NOT_TEXT`.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("NOT_TEXT", f"not UTF-8: {error}", field=field, got=source) from None
