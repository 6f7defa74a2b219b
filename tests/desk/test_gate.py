"""The gate before every command, whatever is asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.gate import check_gate
from counterseal.kernel.model import Actor
from counterseal.policy.words import DecisionWord
from tests.desk.access_room import Room
from tests.world import ACCOUNT, NONE


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "home")


ASKED: dict[str, Callable[[Room, Actor], Outcome]] = {
    "switch": lambda room, actor: room.desk.setup.switch(
        ACCOUNT, actor, active=True, reason="stop", key=room.key()
    ),
    "reset": lambda room, actor: room.desk.setup.reset_state(ACCOUNT, actor, key=room.key()),
    "cancel": lambda room, actor: room.desk.lifecycle.cancel(
        "ord_none", actor, reason="none", key=room.key()
    ),
    "disable": lambda room, actor: room.desk.leaving.disable("risk", actor, key=room.key()),
    "account": lambda room, actor: room.desk.accounts.open("name", "risk", actor, key=room.key()),
    "revoke": lambda room, actor: room.desk.sessions.revoke_all(
        "operator", "all", actor, key=room.key()
    ),
    "log out": lambda room, actor: room.desk.sessions.log_out(actor, key=room.key()),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED.keys())
def test_a_login_that_has_ended_asks_for_nothing(
    room: Room, asked: Callable[[Room, Actor], Outcome]
) -> None:
    """Bad input: expired session; the refusal is a record in the command's own stream."""
    session = room.logged_in(room.named())
    room.done(room.desk.sessions.log_out(session.actor, key=room.key()))
    refusal = asked(room, session.actor).refusal
    assert refusal is not None
    assert refusal.code == "SESSION_REVOKED"
    assert room.told()[0] == ("command.refused", "SESSION_REVOKED")


def test_a_review_is_not_even_prepared_under_an_ended_login(room: Room) -> None:
    """Nothing to sign, so nothing signed."""
    request_id = room.requested()
    session = room.logged_in(room.named("researcher"))
    room.clock.move_to(session.expires_at)
    prepared = room.desk.approvals.prepare(
        request_id,
        DecisionWord.RESEARCH_APPROVED,
        "checked the evidence and agree with it",
        session.actor,
        shown_hash=NONE,
        key=room.key(),
    )
    assert prepared.refusal is not None
    assert prepared.refusal.code == "SESSION_EXPIRED"


def test_a_session_of_a_person_who_is_not_registered_passes_nothing(room: Room) -> None:
    """Fail closed: a row without its person."""
    session = room.logged_in(room.named())
    ghost = session.amended(session_id="ses_ghost", person_id="ghost")

    class Planted:
        """A reader that knows the session and no person."""

        def get(self, kind: type[object], key: str) -> object:
            del kind
            return ghost if key == "ses_ghost" else None

    refusal = check_gate(Planted(), ghost.actor, room.clock.now())  # type: ignore[arg-type]  # only get is asked
    assert refusal is not None
    assert refusal.code == "NOT_FOUND"


def test_identities_without_registry_pass_as_before(room: Room) -> None:
    """A key opens one command: the command line, services and rehearsals have no session here."""
    with room.store.reader() as reader:
        for issuer in ("counterseal:local", "counterseal:service", "counterseal:demo"):
            actor = room.actor("operator").amended(issuer=issuer)
            assert check_gate(reader, actor, room.clock.now()) is None
