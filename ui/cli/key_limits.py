"""How often a key file's passphrase may be guessed at this terminal.

Who can read the file can guess elsewhere: its cost is scrypt. This stops whom we serve, and leaves
a record of every wrong passphrase.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from counterseal.desk.installation import PolicyActivation, in_force
from counterseal.identity.credentials import Attempt, Guessed
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import CountersealError, InputError
from counterseal.kernel.model import refuse
from counterseal.policy.access import AccessRules
from counterseal.policy.bundle import ACCESS_FILE, read_document
from storage.credentials import SqliteCredentials
from storage.credentials_file import credentials_file
from storage.home_reader import read_home
from storage.policy_files import parse_yaml
from ui.cli.render import notice

if TYPE_CHECKING:
    from storage.settings import Settings

WRONG: Final = "PASSPHRASE_WRONG"


@contextmanager
def limited(settings: "Settings", person_id: str, now: datetime) -> Iterator[None]:
    """Around the opening of a key: counts it, and refuses it while a wait runs.

    Raises:
        InputError: `KEY_LOCKED`, before anything is derived; and what the block raised.
        AdapterError: `CREDENTIALS_FAILED`.
        PolicyError: the policy in force cannot be read.
    """
    credentials = SqliteCredentials(credentials_file(settings.counterseal_home))
    rules = _rules_in_force(settings, now)
    guessed = Guessed(subject=f"key:{person_id}", allowed=rules.account_attempts)
    attempt = credentials.attempt((guessed,), rules, now)
    if attempt.not_before is not None:
        error = InputError(
            "KEY_LOCKED",
            "too many wrong passphrases",
            field="passphrase",
            expected=f"another try from {utc_text(attempt.not_before)} on",
            got=person_id,
        )
        record_refused(settings, person_id, error, attempt)
        raise error
    try:
        yield
    except InputError as error:
        if error.code == WRONG:
            record_refused(settings, person_id, error, attempt)
        else:
            credentials.succeeded((), (guessed.subject,))
        raise
    credentials.succeeded((guessed.subject,))


def _rules_in_force(settings: "Settings", now: datetime) -> AccessRules:
    """The rules of the policy in force, as the log holds its text."""
    with read_home(settings) as reader:
        active = in_force(reader.find(PolicyActivation), now)
    for path, content in () if active is None else active.contents.items():
        if path.endswith(f"/{ACCESS_FILE}"):
            return read_document(AccessRules, parse_yaml(content, path), path)
    return AccessRules()


def record_refused(
    settings: "Settings", person_id: str, error: CountersealError, attempt: Attempt
) -> None:
    """A record of the refusal; that none could be made is told, and changes no answer."""
    from ui.cli.session import CLOCK, IDS, desk_at  # noqa: PLC0415 - the session asks for this

    reason = refuse(error.code, error.message, attempts=attempt.attempts)
    try:
        key = IDS.new("cmd", "key", CLOCK.now())
        desk_at(settings).access.key_refused(person_id, reason, attempt, key=key)
    except CountersealError as failed:
        notice(f"counterseal: no record of it: {failed}")
