"""`counterseal people grant`, `enrol`, `approve`, `revoke-key`: what two people put into force."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterseal.identity.acts import KeyEnding
from counterseal.policy.words import Role
from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.options import ActingAs, AsJson, Home, Key, PassphraseFile
from ui.cli.render import notice, reject
from ui.cli.session import (
    CLOCK,
    IDS,
    all_logged_in,
    command_key,
    desk_at,
    logged_in,
    passphrase_from,
    settings_for,
)

if TYPE_CHECKING:
    from counterseal.desk.commands import Outcome
    from counterseal.desk.desk import Desk
    from counterseal.identity.acts import Act
    from counterseal.identity.people import Person
    from counterseal.identity.proposals import PeopleProposal
    from counterseal.kernel.model import Actor, Signature
    from storage.keyring import OpenedKey
    from storage.settings import Settings

By = Annotated[
    list[str],
    typer.Option("--by", "--as", help="Who decides; twice for two people at this terminal."),
]
Files = Annotated[
    list[Path] | None, typer.Option("--passphrase-file", help="One for each --by, in order.")
]


def grant(
    person: str,
    role: Role,
    by: By,
    passphrase_file: Files = None,
    reason: Annotated[str, typer.Option(help="A plain code.")] = "duty",
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="That a reviewer's role is limited to; may repeat. Every one without."),
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give a role to a person; two people decide, each with their own key."""
    from counterseal.identity.acts import grant_role  # noqa: PLC0415 - only acting needs it

    settings, base = settings_for(home), command_key(key)
    subject = _person(settings, person)
    signers = all_logged_in(settings, by, passphrase_file or [])
    desk = desk_at(settings)
    terms = desk.people.terms(subject.tenant, CLOCK.now(), key=base)
    act = grant_role(terms, person, role, reason, strategy or ())
    outcome = _proposed(desk, act, signers, base)
    limits = f" for {', '.join(act.grant.strategies)}" if act.grant.strategies else ""
    _told(settings, outcome, as_json=as_json, what=f"{role.value} granted to {person}{limits}")


def enrol(
    person: str,
    by: By,
    passphrase_file: Files = None,
    new_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase that will seal the person's new key.")
    ] = None,
    present_passphrase_file: Annotated[
        Path | None, typer.Option(help="Passphrase of the key that the new one replaces.")
    ] = None,
    ssh_public_key: Annotated[
        str | None, typer.Option(help="Enrol this SSH key (.pub file) instead of making one.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a person and enrol it; two officers decide, the owner proves possession.

    An owner who has a key signs with that one too; a new key file replaces it. A key that an
    enrolment made and could not record is taken up again. The owner of an SSH key signs at home:
    `people statement`, then `people approve --signature`.
    """
    from counterseal.identity.acts import EnrolKey  # noqa: PLC0415 - only enrolling needs it
    from ui.cli.new_keys import made_key, own_key  # noqa: PLC0415 - the same

    settings, base = settings_for(home), command_key(key)
    owner = _person(settings, person)
    signers = all_logged_in(settings, by, passphrase_file or [])
    desk = desk_at(settings)
    if ssh_public_key is None:
        passphrase = passphrase_from(new_passphrase_file, person)
        made = made_key(settings, person, passphrase, present_passphrase_file)
    else:
        made = own_key(person, ssh_public_key)
    terms = desk.people.terms(owner.tenant, CLOCK.now(), key=base)
    act = EnrolKey(terms=terms, key=made.key)
    outcome = _proposed(desk, act, signers, base, made.proofs)
    if outcome.refusal is not None:
        made.forget()
    _settle(settings, person)
    _told(settings, outcome, as_json=as_json, what=f"{made.key.key_id} enrolled for {person}")


def approve(
    proposal: str,
    acting_as: ActingAs,
    passphrase_file: PassphraseFile = None,
    signature: Annotated[
        str | None, typer.Option(help="File that ssh-keygen -Y sign wrote; it is the login.")
    ] = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """See a proposal about a key or a role, and sign it; the second who decides enforces it."""
    settings, base = settings_for(home), command_key(key)
    found = _proposal(settings, proposal)
    notice(found.statement)
    if signature is None:
        actor, opened = logged_in(settings, acting_as, passphrase_file)
        signed = _signed(found, opened)
    else:
        actor, signed = _from_elsewhere(settings, found, acting_as, signature)
    outcome = desk_at(settings).proposals.approve(proposal, [signed], actor, key=base)
    _settle(settings, found.person_id)
    _told(settings, outcome, as_json=as_json, what=f"{found.kind} of {found.person_id}")


def revoke_key(
    key_id: str,
    reason: Annotated[KeyEnding, typer.Option()],
    by: By,
    passphrase_file: Files = None,
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """End a key: its owner alone and at once (lost, compromised), or two officers.

    What it signed before stays signed; `compromised` also revokes approvals that nobody used.
    """
    from counterseal.identity.acts import EndKey  # noqa: PLC0415 - only acting needs it
    from counterseal.identity.keys import PersonKey  # noqa: PLC0415 - the same

    settings, base = settings_for(home), command_key(key)
    with read_home(settings) as reader:
        ending = reader.get(PersonKey, key_id)
    if ending is None:
        reject("NOT_FOUND", "no such key", field="KEY_ID", got=key_id)
    signers = all_logged_in(settings, by, passphrase_file or [])
    desk, actor = desk_at(settings), signers[0][0]
    if actor.id == ending.person_id and len(signers) == 1:
        outcome = desk.leaving.end_own_key(key_id, reason, actor, key=base)
        settled(settings, outcome, as_json=as_json, what=f"{key_id} ended:")
        return
    owner = _person(settings, ending.person_id)
    terms = desk.people.terms(owner.tenant, CLOCK.now(), key=base)
    act = EndKey(terms=terms, key_id=key_id, person_id=owner.person_id, reason=reason)
    outcome = _proposed(desk, act, signers, base)
    _told(settings, outcome, as_json=as_json, what=f"{key_id} ended")


def _proposed(
    desk: "Desk",
    act: "Act",
    signers: "Sequence[tuple[Actor, OpenedKey]]",
    key: str,
    proofs: "Sequence[OpenedKey]" = (),
) -> "Outcome":
    """Everybody at this terminal signs the same statement."""
    from counterseal.identity.acts import kind_of, statement_of  # noqa: PLC0415 - only signing

    kind, statement = kind_of(act), statement_of(act)
    opened = [*(own for _, own in signers), *proofs]
    signatures = [one.sign(kind, statement) for one in opened]
    return desk.proposals.propose(signatures, signers[0][0], key=key)


def _signed(found: "PeopleProposal", opened: "OpenedKey") -> "Signature":
    from counterseal.identity.acts import kind_of, statement_of  # noqa: PLC0415 - only signing
    from counterseal.identity.proposals import proposed_act  # noqa: PLC0415 - the same

    act = proposed_act(found)
    return opened.sign(kind_of(act), statement_of(act))


def _from_elsewhere(
    settings: "Settings", found: "PeopleProposal", person_id: str, source: str
) -> "tuple[Actor, Signature]":
    """Who signed with an SSH key on their own machine, and the signature."""
    from counterseal.desk.elsewhere import claimed_actor  # noqa: PLC0415 - only here
    from counterseal.desk.people import key_of  # noqa: PLC0415 - the same
    from counterseal.identity.acts import EnrolKey  # noqa: PLC0415 - the same
    from counterseal.identity.proposals import proposed_act  # noqa: PLC0415 - the same
    from counterseal.identity.schemes import SignatureScheme  # noqa: PLC0415 - the same
    from ui.cli.own_keys import signed_elsewhere  # noqa: PLC0415 - the same

    act, now = proposed_act(found), CLOCK.now()
    with read_home(settings) as reader:
        present = key_of(reader, person_id, SignatureScheme.SSHSIG)
    keys = [] if present is None else [present]
    if isinstance(act, EnrolKey) and act.key.person_id == person_id:
        keys.insert(0, act.key)
    signature = signed_elsewhere(found, keys, source)
    return claimed_actor(person_id, IDS.new("ses", person_id, now), now), signature


def _person(settings: "Settings", person_id: str) -> "Person":
    from counterseal.identity.people import Person  # noqa: PLC0415 - only acting needs it

    with read_home(settings) as reader:
        found = reader.get(Person, person_id)
    if found is None:
        reject("NOT_FOUND", "no such person", field="person", got=person_id)
    return found


def _proposal(settings: "Settings", proposal_id: str) -> "PeopleProposal":
    from counterseal.identity.proposals import PeopleProposal  # noqa: PLC0415 - only acting

    with read_home(settings) as reader:
        found = reader.get(PeopleProposal, proposal_id)
    if found is None:
        reject("NOT_FOUND", "no such proposal", field="PROPOSAL", got=proposal_id)
    return found


def _settle(settings: "Settings", person_id: str) -> None:
    from storage.home_keys import settle_person_key  # noqa: PLC0415 - only acting needs it

    settle_person_key(settings, person_id)


def _told(settings: "Settings", outcome: "Outcome", *, as_json: bool, what: str) -> None:
    """Answer, and say whether another signature is needed."""
    if outcome.refusal is not None:
        settled(settings, outcome, as_json=as_json, what=what)
    found = _proposal(settings, outcome.subject_id)
    in_force = found.in_force_at is not None
    words = what if in_force else f"proposed, another signature is needed: {what}"
    settled(settings, outcome, as_json=as_json, what=words, more={"in_force": in_force})
    if not in_force:
        notice(f"next: counterseal people approve {found.proposal_id} --as OFFICER; who signs on")
        notice(f"their own machine: counterseal people statement {found.proposal_id} --out FILE")
