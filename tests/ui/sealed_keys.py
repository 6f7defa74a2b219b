"""Keys of a world, sealed in its home, so that the command line can act in it."""

from functools import cache

from counterseal.identity.sealing import seal_key
from counterseal.kernel.canonical import digest
from storage.home_keys import keys_folder, log_key_path
from storage.keyring import Keyring, write_secret
from tests.ground import SECRET
from tests.world import ORIGIN, World

SALT = bytes(16)


def seal_keys(world: World, *names: str) -> None:
    """The log's key and those of the people named, all under one passphrase."""
    write_secret(log_key_path(world.settings), _sealed(bytes(range(32)), ORIGIN))
    seal_people(world, *names)


def seal_people(world: World, *names: str) -> None:
    """Keys of people alone, for a home whose log has its key already."""
    ring = Keyring(keys_folder(world.settings))
    for name in names:
        write_secret(ring.path(name), _sealed(digest(name).encode()[7:39], f"key-of-{name}"))


@cache
def _sealed(seed: bytes, key_id: str) -> str:
    """Sealing is meant to cost; the same key under the same passphrase is sealed once."""
    return seal_key(seed, key_id, SECRET, SALT)
