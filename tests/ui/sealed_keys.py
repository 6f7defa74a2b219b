"""Keys of a world, sealed in its home, so that the command line can act in it."""

from counterseal.identity.sealing import seal_key
from counterseal.kernel.canonical import digest
from storage.home_keys import keys_folder, log_key_path
from storage.keyring import Keyring, write_secret
from tests.ground import SECRET
from tests.world import ORIGIN, World

SALT = bytes(16)


def seal_keys(world: World, *names: str) -> None:
    """The log's key and those of the people named, all under one passphrase."""
    sealed = seal_key(bytes(range(32)), ORIGIN, SECRET, SALT)
    write_secret(log_key_path(world.settings), sealed)
    ring = Keyring(keys_folder(world.settings))
    for name in names:
        seed = digest(name).encode()[7:39]
        ring.create(name, f"key-of-{name}", SECRET, seed=seed, salt=SALT)
