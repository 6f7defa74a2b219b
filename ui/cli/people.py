"""`counterseal people`: list, add, grant, enrol."""

from pathlib import Path
from typing import Annotated

import typer

from counterseal.desk.people import enrolment_statement, key_of
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.policy.words import Role
from storage.home_reader import read_home
from storage.homes import Officer, keys_folder, new_person_key
from storage.keyring import Keyring
from storage.settings import Settings
from ui.cli.acknowledged import settled
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.render import answer, reject, table
from ui.cli.session import (
    CLOCK,
    IDS,
    all_logged_in,
    command_key,
    desk_at,
    logged_in,
    opened_key,
    passphrase_from,
    settings_for,
)

app = typer.Typer(no_args_is_help=True)
By = Annotated[list[str], typer.Option("--by", help="One of the two who decide; give twice.")]
Files = Annotated[
    list[Path] | None, typer.Option("--passphrase-file", help="One for each --by, in order.")
]


@app.command("list")
def list_people(home: Home = None, as_json: AsJson = False) -> None:
    """Everybody, with roles and keys."""
    with read_home(settings_for(home)) as reader:
        people, keys = reader.find(Person), reader.find(PersonKey)
    rows = [
        (
            person.person_id,
            person.status.value,
            ",".join(person.roles) or "-",
            sum(k.person_id == person.person_id and k.revoked_at is None for k in keys),
            ",".join(person.labels) or "-",
        )
        for person in people
    ]
    value = {
        "people": [person.json_value() for person in people],
        "keys": [key.json_value() for key in keys],
    }
    answer(value, table(rows, "PERSON", "STATUS", "ROLES", "KEYS", "LABELS"), as_json=as_json)


@app.command()
def add(
    person: str,
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    handle: Annotated[str | None, typer.Option(help="Shown name; the id by default.")] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a person without any role; an administrator does it."""
    settings = settings_for(home)
    Keyring(keys_folder(settings)).path(person)
    actor, _ = logged_in(settings, acting_as, passphrase_file)
    with read_home(settings) as reader:
        own = reader.get(Person, acting_as)
    fresh = Person(
        person_id=person,
        tenant="none" if own is None else own.tenant,
        handle=handle or person,
        created_at=CLOCK.now(),
    )
    outcome = desk_at(settings).people.add(fresh, actor, key=command_key(key))
    settled(settings, outcome, as_json=as_json, what="added")


@app.command()
def grant(
    person: str,
    role: Role,
    by: By,
    passphrase_file: Files = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give a role to a person; two administrators decide, each with their own key."""
    settings = settings_for(home)
    actors = [actor for actor, _ in all_logged_in(settings, by, passphrase_file or [])]
    outcome = desk_at(settings).people.grant(
        person, role, [a.id for a in actors], actors[0], key=command_key(key)
    )
    settled(settings, outcome, as_json=as_json, what=f"{role.value} granted to")


@app.command()
def enrol(
    person: str,
    by: By,
    passphrase_file: Files = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase that will seal the person's new key.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a person and enrol it; two officers decide, the owner proves possession.

    A key that an enrolment made and could not record is taken up again.
    """
    settings = settings_for(home)
    with read_home(settings) as reader:
        if reader.get(Person, person) is None:
            reject("NOT_FOUND", "no such person", field="person", got=person)
    actors = [actor for actor, _ in all_logged_in(settings, by, passphrase_file or [])]
    desk = desk_at(settings)
    passphrase = passphrase_from(new_passphrase_file, person)
    ring = Keyring(keys_folder(settings))
    made = _left_behind(settings, ring, Officer(person, passphrase))
    made = made or new_person_key(ring, Officer(person, passphrase), CLOCK, IDS)
    proof = ring.open(person, passphrase).sign("enrol", {**enrolment_statement(made)})
    officers = [a.id for a in actors]
    outcome = desk.people.enrol(made, proof, officers, actors[0], key=command_key(key))
    if outcome.refusal is not None:
        ring.path(person).unlink()
    settled(settings, outcome, as_json=as_json, what="enrolled")


def _left_behind(settings: Settings, ring: Keyring, owner: Officer) -> PersonKey | None:
    """The key in a file that no record knows; None when there is no file or it is enrolled."""
    with read_home(settings) as reader:
        known = {key.public_key for key in reader.find(PersonKey, person_id=owner.person_id)}
        enrolled = key_of(reader, owner.person_id) is not None
    if enrolled or not ring.path(owner.person_id).exists():
        return None
    left = opened_key(ring, owner.person_id, owner.passphrase)
    if left.public_key in known:
        return None
    return PersonKey(
        key_id=left.key_id,
        person_id=owner.person_id,
        public_key=left.public_key,
        key_class=1,
        enrolled_by=(),
        effective_at=CLOCK.now(),
    )
