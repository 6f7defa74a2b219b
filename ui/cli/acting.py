"""What a command that acts is given: who acts, the desk they act at, and how it answers.

A command says `@acting` and takes an `Act`. Its command line then has the options that every act
has: `--as` where the act stands, the others at the end. Nobody is asked for a passphrase, no desk
opens and no idempotency key is taken before the command asks for it, so that a command checks what
it was told, or shows what will be signed, first.

Commands of several people, and those where a token or a signature is the login, are no such acts.
"""

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING

from counterseal.kernel.canonical import Json
from counterseal.kernel.model import Actor
from ui.cli.acknowledged import settled
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.session import command_key, desk_at, logged_in, settings_for

if TYPE_CHECKING:
    from counterseal.desk.commands import Outcome
    from counterseal.desk.desk import Desk
    from counterseal.kernel.model import Signature as Signed
    from storage.keyring import OpenedKey


class Act:
    """One act of one person at this terminal; settings are checked when it is made.

    Attributes:
        settings: Of the home.
        person_id: Who is said to act; `actor` proves it.
        as_json: Whether one JSON document is the answer.

    Raises:
        InputError: those of `settings_for`.
    """

    def __init__(
        self,
        acting_as: str,
        passphrase_file: Path | None,
        key: str | None,
        home: Path | None,
        *,
        as_json: bool,
    ) -> None:
        self.settings = settings_for(home)
        self.person_id = acting_as
        self.as_json = as_json
        self._passphrase_file = passphrase_file
        self._key = key

    @cached_property
    def _logged_in(self) -> "tuple[Actor, OpenedKey]":
        return logged_in(self.settings, self.person_id, self._passphrase_file)

    @property
    def actor(self) -> Actor:
        """Who acts, proved by opening their key; errors of `logged_in`."""
        return self._logged_in[0]

    @cached_property
    def desk(self) -> "Desk":
        """The desk for writing, for who has proved who they are; errors of `desk_at`."""
        _ = self.actor
        return desk_at(self.settings)

    @cached_property
    def key(self) -> str:
        """The idempotency key, told or fresh; a failure from here on shows it."""
        return command_key(self._key)

    @property
    def key_id(self) -> str:
        """The key that signs; errors of `logged_in`."""
        return self._logged_in[1].key_id

    def sign(self, kind: str, statement: dict[str, Json]) -> "Signed":
        """One statement signed with the actor's own key; errors of `OpenedKey.sign`."""
        return self._logged_in[1].sign(kind, statement)

    def settled(
        self, outcome: "Outcome", *, what: str, more: Mapping[str, Json] | None = None
    ) -> None:
        """Answer with what came of it; a refusal leaves with status 1."""
        settled(self.settings, outcome, as_json=self.as_json, what=what, more=more)


def acting(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `act` is made of the options that every act has.

    Its signature, which Typer reads, has these options in place of the act.
    """

    def run(
        acting_as: ActingAs,
        passphrase_file: PassphraseFile = None,
        key: Key = None,
        home: Home = None,
        as_json: AsJson = False,
        **told: object,
    ) -> None:
        command(act=Act(acting_as, passphrase_file, key, home, as_json=as_json), **told)

    acting_as, *options, _ = signature(run).parameters.values()
    told = signature(command, eval_str=True).parameters.values()
    words = [acting_as if one.name == "act" else one for one in told]
    made = wraps(command)(run)
    vars(made)["__signature__"] = Signature([*words, *options])
    return made
