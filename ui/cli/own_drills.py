"""`counterseal people drill-statement | drill-answer`: a drill with an SSH key, signed at home.

The statement says itself whose drill it is and until when it may be signed: nothing is kept of it
here before it comes back signed.
"""

from typing import Annotated

import typer

from storage.home_reader import read_home
from ui.cli.acknowledged import settled
from ui.cli.options import AsJson, Home, Key
from ui.cli.own_keys import Claimed, Out, recording_refusals, to_sign
from ui.cli.render import notice
from ui.cli.session import CLOCK, IDS, command_key, content_of, desk_at, settings_for, text_of


def drill_statement(
    acting_as: Claimed, out: Out, key: Key = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Write a signing drill to be signed on your own machine; it decides nothing."""
    from counterseal.desk.elsewhere import ssh_key_of  # noqa: PLC0415 - only here
    from counterseal.identity import drills  # noqa: PLC0415 - the same
    from counterseal.identity.acts import ATTEST  # noqa: PLC0415 - the same
    from counterseal.identity.dsse import signed_bytes  # noqa: PLC0415 - the same
    from counterseal.identity.people import Person  # noqa: PLC0415 - the same
    from counterseal.kernel.canonical import canonical_bytes  # noqa: PLC0415 - the same
    from counterseal.kernel.clock import utc_text  # noqa: PLC0415 - the same

    settings = settings_for(home)
    with read_home(settings) as reader:
        held, own = ssh_key_of(reader, acting_as), reader.get(Person, acting_as)
    tenant = "none" if own is None else own.tenant
    terms = desk_at(settings).people.terms(tenant, CLOCK.now(), key=command_key(key))
    stated = drills.drill_statement(terms, acting_as, held.key_id)
    notice(canonical_bytes(stated).decode())
    to_sign(
        out,
        signed_bytes(ATTEST, stated),
        {"sign_before": utc_text(terms.expires_at), "nonce": terms.nonce},
        as_json=as_json,
    )


def drill_answer(
    acting_as: Claimed,
    statement: Annotated[str, typer.Option(help="File that `drill-statement` wrote.")],
    signature: Annotated[str, typer.Option(help="File that ssh-keygen -Y sign wrote.")],
    key: Key = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put on record that you signed a drill on your own machine; the signature is the login."""
    from counterseal.desk.elsewhere import recognise_drill  # noqa: PLC0415 - only here
    from counterseal.identity.sshsig import unarmored  # noqa: PLC0415 - the same

    settings, base = settings_for(home), command_key(key)
    message = content_of(statement, "--statement")
    blob = unarmored(text_of(content_of(signature, "--signature"), signature, "--signature"))
    session = IDS.new("ses", acting_as, CLOCK.now())
    with recording_refusals(settings, acting_as), read_home(settings) as reader:
        found = recognise_drill(reader, acting_as, message, blob, session)
    drill = desk_at(settings).drills.drill
    outcome = drill(found.terms, found.signature, found.actor, key=base)
    settled(settings, outcome, as_json=as_json, what="drilled")
