"""A person's new key, before two officers put it into force."""

from dataclasses import dataclass
from pathlib import Path

from counterseal.desk.people import key_of
from counterseal.identity.keys import PersonKey
from counterseal.identity.schemes import SignatureScheme
from storage.home_keys import (
    Officer,
    keys_folder,
    new_person_key,
    next_keys_folder,
    settle_person_key,
)
from storage.home_reader import read_home
from storage.keyring import Keyring, OpenedKey
from storage.settings import Settings
from ui.cli.own_keys import ssh_person_key
from ui.cli.session import CLOCK, IDS, logged_in, opened_key


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be enrolled.

    Attributes:
        proofs: The owner's keys that sign here: the new one, and the one that it replaces.
        file: Where it was sealed by this command; None when it lay there before, or lies elsewhere.
    """

    key: PersonKey
    proofs: tuple[OpenedKey, ...] = ()
    file: Path | None = None

    def forget(self) -> None:
        """Remove what this command sealed, when nobody may enrol it."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


def own_key(person_id: str, source: str) -> NewKey:
    """An SSH key, whose owner signs elsewhere; errors of `own_keys.ssh_person_key`."""
    return NewKey(ssh_person_key(person_id, source))


def made_key(
    settings: Settings, person_id: str, passphrase: str, present_file: Path | None
) -> NewKey:
    """A new sealed key file; the one that an earlier enrolment left is taken up again.

    Args:
        settings: Of the home.
        person_id: The owner.
        passphrase: Seals the new key.
        present_file: Passphrase of the key that it replaces; asked for when there is one.

    Raises:
        InputError: those of `Keyring.create`, `Keyring.open` and `logged_in`.
    """
    settle_person_key(settings, person_id)
    ring = Keyring(next_keys_folder(settings))
    path = ring.path(person_id)
    fresh = not path.exists()
    if fresh:
        key = new_person_key(ring, Officer(person_id, passphrase), CLOCK, IDS)
    else:
        key = _left_behind(ring, person_id, passphrase)
    proofs = [opened_key(ring, person_id, passphrase)]
    with read_home(settings) as reader:
        present = key_of(reader, person_id, SignatureScheme.ED25519)
    if present is not None and Keyring(keys_folder(settings)).path(person_id).exists():
        _, opened = logged_in(settings, person_id, present_file)
        proofs.append(opened)
        key = key.amended(supersedes=present.key_id)
    return NewKey(key, tuple(proofs), path if fresh else None)


def _left_behind(ring: Keyring, person_id: str, passphrase: str) -> PersonKey:
    left = opened_key(ring, person_id, passphrase)
    return PersonKey(
        key_id=left.key_id,
        person_id=person_id,
        public_key=left.public_key,
        key_class=1,
        enrolled_by=(),
        effective_at=CLOCK.now(),
    )
