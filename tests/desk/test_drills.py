"""Reviewers who show that they can still sign."""

from pathlib import Path

import orjson
import pytest

from counterseal.desk.commands import Outcome
from counterseal.desk.views.drills import DrillRow, signing_drills
from counterseal.desk.views.duties import Duties, DutyKind, drill_command, duties
from counterseal.identity.acts import ActTerms
from counterseal.identity.drills import drill_statement
from counterseal.identity.schemes import SignatureScheme
from counterseal.kernel.model import Signature
from counterseal.policy.words import DecisionWord, Role
from tests.desk.casework import codes
from tests.world import World

DAY = 86_400
EVERY = 90


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def rows(world: World) -> dict[str, DrillRow]:
    with world.store.reader() as reader:
        told = signing_drills(reader, world.desk.bench.bundle, world.clock.now())
    return {row.person_id: row for row in told.rows}


def called(world: World, name: str) -> list[str]:
    """The commands by which the inbox calls somebody to a drill."""
    with world.store.reader() as reader:
        told = duties(reader, world.desk.bench.bundle, name, world.clock.now())
    assert isinstance(told, Duties)
    return [duty.command for duty in told.duties if duty.kind is DutyKind.DRILL]


def signed(
    world: World, name: str, *, signer: str | None = None, **changes: str
) -> tuple[ActTerms, Signature]:
    terms = world.terms()
    statement = drill_statement(terms, name, f"key-of-{signer or name}") | changes
    (signature,) = world.signed_by("attest", statement, signer or name)
    return terms, signature


def drilled(world: World, name: str, told: tuple[ActTerms, Signature]) -> Outcome:
    return world.desk.drills.drill(*told, world.actor(name), key=world.key())


def test_who_signed_nothing_for_long_is_called_until_the_drill_is_signed(world: World) -> None:
    """Governance 1 (liveness): the inbox says so and what to type; a drill is a signed record."""
    assert called(world, "risk") == []
    world.after(EVERY * DAY)
    assert called(world, "risk") == ["counterseal people drill --as risk"]
    assert rows(world)["risk"].last_signed_at is None
    outcome = drilled(world, "risk", signed(world, "risk"))
    world.done(outcome)
    assert called(world, "risk") == []
    assert rows(world)["risk"].last_signed_at == world.clock.now()
    record = orjson.loads(world.log()[-1].body)
    assert (record["type"], record["subject"]["id"]) == ("key.drilled", "risk")
    assert record["approver_sig"]["key_id"] == "key-of-risk"
    assert called(world, "researcher") != []
    assert world.verdict().outcome == "ok"


def test_a_decision_counts_like_a_drill_and_others_are_never_called(world: World) -> None:
    """I1: who reviews needs none; people who review nothing have nothing to show."""
    world.after((EVERY - 1) * DAY)
    world.done(world.reviewed(world.requested(), "researcher", DecisionWord.REJECTED))
    world.after(DAY)
    assert called(world, "researcher") == []
    assert set(rows(world)) == {"quant", "researcher", "risk", "compliance"}
    for name in ("operator", "officer-1", "author"):
        assert called(world, name) == []
    withdrawn = world.desk.leaving.withdraw_role(
        "risk", Role.RISK_REVIEWER, world.actor("officer-1"), key=world.key()
    )
    world.done(withdrawn)
    assert called(world, "risk") == []


def test_what_is_no_drill_of_the_own_key_counts_for_nothing(world: World) -> None:
    """I1: another's key, another statement, another log, the same statement twice: each refused
    with its code, and the drill stays due.
    """
    world.after(EVERY * DAY)
    foreign = signed(world, "risk", signer="researcher")
    for told, expected in (
        (foreign, "KEY_NOT_ENROLLED"),
        (signed(world, "risk", act="review_access"), "SIGNATURE_INVALID"),
        (signed(world, "risk", log_origin="another"), "SIGNATURE_INVALID"),
        (signed(world, "researcher"), "KEY_NOT_ENROLLED"),
    ):
        assert codes(drilled(world, "risk", told)) == (expected,)
    terms, signature = signed(world, "risk")
    other = terms.amended(log_origin="another")
    assert codes(drilled(world, "risk", (other, signature))) == ("OTHER_LOG",)
    assert called(world, "risk") != []
    world.done(drilled(world, "risk", (terms, signature)))
    assert codes(drilled(world, "risk", (terms, signature))) == ("NONCE_USED",)


def test_a_person_is_called_to_a_drill_by_the_way_their_keys_allow(world: World) -> None:
    """Governance 1 (liveness): a key file here, an SSH key at home, a passkey on the pages."""
    row = rows(world)["risk"]
    told = [drill_command(row.amended(schemes=(scheme,))) for scheme in SignatureScheme]
    assert row.schemes == (SignatureScheme.ED25519,)
    assert [command.removeprefix("counterseal ").split(" --")[0] for command in told] == [
        "people drill",
        "people drill-statement",
        "web",
    ]
