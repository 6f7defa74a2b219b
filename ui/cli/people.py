"""`counterseal people`: who there is, who may do what, and the signatures behind it.

Two people put a key or a role into force: at one terminal (`--by A --by B`), or one after the other
(`--by A`, then `approve PROPOSAL --as B`).
"""

from typing import Annotated

import typer

from counterseal.desk.installation import Installation
from counterseal.desk.people import key_of, register_of
from counterseal.desk.views.people import AccessList, access_list, roles_text
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.proposals import PeopleProposal, Register
from counterseal.identity.recheck import check_register
from counterseal.kernel.canonical import Json
from counterseal.kernel.clock import utc_text
from counterseal.policy.authorize import Action, allowed_roles
from counterseal.policy.words import Role
from storage.home_reader import read_home
from storage.homes import keys_folder
from storage.keyring import Keyring
from ui.cli import own_drills, own_keys, people_acts
from ui.cli.acknowledged import settled
from ui.cli.acting import Act, acting
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.render import answer, leave, notice, table
from ui.cli.session import CLOCK, command_key, desk_at, logged_in, settings_for

OFFICERS_WANTED = 3
"""Two sign for the third: with fewer, an officer who loses a key gets no other."""

app = typer.Typer(no_args_is_help=True)
app.command()(people_acts.grant)
app.command()(people_acts.enrol)
app.command()(people_acts.approve)
app.command("revoke-key")(people_acts.revoke_key)
app.command("statement")(own_keys.proposal_statement)
app.command("drill-statement")(own_drills.drill_statement)
app.command("drill-answer")(own_drills.drill_answer)


@app.command("list")
def list_people(home: Home = None, as_json: AsJson = False) -> None:
    """Everybody, with roles and keys."""
    with read_home(settings_for(home)) as reader:
        people, keys = reader.find(Person), reader.find(PersonKey)
    rows = [
        (
            person.person_id,
            person.status.value,
            roles_text(person.roles, person.scopes) or "-",
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
@acting
def disable(person: str, act: Act) -> None:
    """Close a leaver's access at once: roles, keys, mandates, accounts, sessions."""
    act.settled(act.desk.leaving.disable(person, act.actor, key=act.key), what="disabled")


@app.command("withdraw-role")
@acting
def withdraw_role(person: str, role: Role, act: Act) -> None:
    """Take one role from a person; an administrator does it, at once."""
    outcome = act.desk.leaving.withdraw_role(person, role, act.actor, key=act.key)
    act.settled(outcome, what=f"{role.value} withdrawn from")


@app.command()
def proposals(home: Home = None, as_json: AsJson = False) -> None:
    """Acts about keys and roles, and what they wait for."""
    now = CLOCK.now()
    with read_home(settings_for(home)) as reader:
        found = reader.find(PeopleProposal)
        owners = {k.key_id: k.person_id for k in reader.find(PersonKey)}
    rows = [
        (
            one.proposal_id,
            one.kind,
            one.person_id,
            "expired" if one.in_force_at is None and now >= one.expires_at else one.status.value,
            ",".join(owners.get(s.key_id, "the new key") for s in one.signatures),
            utc_text(one.expires_at),
        )
        for one in found
    ]
    lines = table(rows, "PROPOSAL", "KIND", "PERSON", "STATUS", "SIGNED BY", "UNTIL")
    answer({"proposals": [one.json_value() for one in found]}, lines, as_json=as_json)


@app.command()
def review(home: Home = None, as_json: AsJson = False) -> None:
    """Who may do what, and the last act of each: the list of an access review."""
    with read_home(settings_for(home)) as reader:
        seen = access_list(reader)
    answer({"digest": seen.digest, **seen.json_value()}, _lines(seen), as_json=as_json)


@app.command("attest-review")
@acting
def attest_review(act: Act) -> None:
    """Look at the list of the access review and sign that you did."""
    from counterseal.identity.access_reviews import (  # noqa: PLC0415 - only signing needs it
        AccessClaim,
        review_statement,
    )

    base = act.key
    with read_home(act.settings) as reader:
        seen, own = access_list(reader), reader.get(Person, act.person_id)
    for line in _lines(seen):
        notice(line)
    desk, actor = act.desk, act.actor
    tenant = "none" if own is None else own.tenant
    terms = desk.people.terms(tenant, CLOCK.now(), key=base)
    claim = AccessClaim(terms=terms, list_digest=seen.digest, people_count=len(seen.people))
    notice(f"signing: attested_review as {actor.id}")
    signature = act.sign("attest", review_statement(claim))
    outcome = desk.leaving.attest_review(claim, signature, actor, key=base)
    act.settled(outcome, what="reviewed")


@app.command()
@acting
def drill(act: Act) -> None:
    """Sign a drill: on record that you can still sign; it decides nothing."""
    from counterseal.identity.drills import drill_statement  # noqa: PLC0415 - only signing needs it

    desk, actor = act.desk, act.actor
    with read_home(act.settings) as reader:
        own, held = reader.get(Person, actor.id), key_of(reader, actor.id, "ed25519")
    terms = desk.people.terms("none" if own is None else own.tenant, CLOCK.now(), key=act.key)
    notice(f"signing: a drill as {actor.id}; it decides nothing")
    key_id = "none" if held is None else held.key_id
    signature = act.sign("attest", drill_statement(terms, actor.id, key_id))
    act.settled(desk.drills.drill(terms, signature, actor, key=act.key), what="drilled")


@app.command()
def drills(home: Home = None, as_json: AsJson = False) -> None:
    """When each reviewer last signed, and whose drill is due."""
    from counterseal.desk.views.drills import signing_drills  # noqa: PLC0415 - only here
    from storage.law import law_in_force  # noqa: PLC0415 - the same

    now = CLOCK.now()
    with read_home(settings_for(home)) as reader:
        told = signing_drills(reader, law_in_force(reader, now).bundle, now)
    rows = [
        (
            one.person_id,
            None if one.last_signed_at is None else utc_text(one.last_signed_at),
            None if one.due is None else utc_text(one.due.since),
        )
        for one in told.rows
    ]
    lines = [*table(rows, "REVIEWER", "LAST SIGNED", "DRILL DUE SINCE")]
    lines.append(f"a drill is due {told.every_days} days after the newest signature")
    answer(told.json_value(), lines, as_json=as_json)


@app.command()
def verify(home: Home = None, as_json: AsJson = False) -> None:
    """Recheck every key and role from the signatures that put them into force.

    Exit status 0 when all hold, 1 when one is forged.
    """
    with read_home(settings_for(home)) as reader:
        installed = reader.find(Installation)
        register = register_of(reader, installed[0].origin if installed else "none")
    faults = check_register(register)
    officers = _officers(register)
    if officers < OFFICERS_WANTED:
        notice("counterseal: fewer than three officers have keys: none of them can get a new one")
    founders = list(next((k.enrolled_by for k in register.person_keys if k.bootstrap), ()))
    lines = [
        f"founded by  {', '.join(founders) or 'nobody'}",
        f"checked     {len(register.person_keys)} keys, {len(register.grants)} grants",
        *(
            table([(f.kind, f.key, f.problem) for f in faults], "KIND", "ID", "PROBLEM")
            if faults
            else ()
        ),
    ]
    value: dict[str, Json] = {
        "founded_by": founders,
        "officers": officers,
        "keys": len(register.person_keys),
        "grants": len(register.grants),
        "faults": [fault.json_value() for fault in faults],
    }
    answer(value, lines, as_json=as_json)
    leave(1 if faults else 0)


def _officers(register: Register) -> int:
    """How many people could sign for a new key."""
    keyed = {k.person_id for k in register.person_keys if k.revoked_at is None}
    able = allowed_roles(Action.ENROL_KEY)
    return sum(bool(p.held_roles() & able) and p.person_id in keyed for p in register.people)


def _lines(seen: AccessList) -> list[str]:
    rows = [
        (
            one.person_id,
            one.status.value,
            roles_text(one.roles, one.scopes) or "-",
            ",".join(f"{k.key_id} ({k.scheme})" for k in one.keys) or "-",
            None if one.last_act_at is None else utc_text(one.last_act_at),
            one.last_act,
        )
        for one in seen.people
    ]
    heads = ("PERSON", "STATUS", "ROLES", "KEYS", "LAST ACT", "WHAT")
    return [*table(rows, *heads), f"digest {seen.digest}"]
