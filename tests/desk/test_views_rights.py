"""Who holds which right, since when and by whom; what no two people gave is named."""

from datetime import timedelta
from pathlib import Path

import pytest

from counterseal.desk.views.rights import KeyHeld, KeyStanding, PersonRights, Rights, rights_of
from counterseal.identity.acts import EnrolKey, KeyEnding, grant_role
from counterseal.identity.people import PersonStatus, Role
from tests.world import START, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def rights(world: World, tenant: str = "tenant-1") -> Rights:
    with world.store.reader() as reader:
        return rights_of(reader, tenant, world.clock.now())


def one(world: World, name: str) -> PersonRights:
    [found] = [person for person in rights(world).people if person.person_id == name]
    return found


def keys(world: World, name: str) -> dict[str, KeyHeld]:
    return {key.key_id: key for key in one(world, name).keys}


def test_every_role_says_since_when_and_by_which_two_people(world: World) -> None:
    """Governance 5: a dated grant from two people; the founders' own say who founded."""
    [role] = one(world, "researcher").roles
    assert (role.role, role.strategies) == (Role.RESEARCH_REVIEWER, ())
    assert (role.since, role.granted_by) == (START, ("officer-1", "officer-2"))
    assert {r.role for r in one(world, "officer-1").roles} == {
        Role.ADMINISTRATOR,
        Role.ENROLMENT_OFFICER,
    }
    assert one(world, "author").roles == ()
    assert rights(world).faults == ()


def test_a_role_names_the_strategies_that_it_is_limited_to(world: World) -> None:
    """Governance 2.6: strategies of the grant, as the person's record has them."""
    act = grant_role(world.terms(), "quant", Role.RISK_REVIEWER, strategies=("mean-reversion",))
    world.done(world.agreed(act, "officer-1", "officer-2"))
    limits = {role.role: role.strategies for role in one(world, "quant").roles}
    assert limits[Role.RISK_REVIEWER] == ("mean-reversion",)
    assert limits[Role.REQUESTER] == ()


def test_a_key_waits_counts_and_ends(world: World) -> None:
    """Governance 3: a proposed key waits while it may be signed for; an ended one says why."""
    world.after(1)
    act = EnrolKey(terms=world.terms(), key=world.new_key("quant", 2, supersedes="key-of-quant"))
    world.done(world.agreed(act, "officer-1", "quant", "quant.2"))
    assert {k: v.standing for k, v in keys(world, "quant").items()} == {
        "key-of-quant": KeyStanding.IN_FORCE,
        "key-of-quant.2": KeyStanding.WAITING,
    }
    world.clock.move_to(world.clock.now() + timedelta(days=8))
    assert "key-of-quant.2" not in keys(world, "quant")
    end, risk = world.desk.leaving.end_own_key, world.actor("risk")
    world.done(end("key-of-risk", KeyEnding.LOST, risk, key=world.key()))
    ended = keys(world, "risk")["key-of-risk"]
    assert (ended.standing, ended.why) == (KeyStanding.ENDED, "lost")
    assert ended.ended_at == world.clock.now()


def test_a_leaver_holds_nothing(world: World) -> None:
    """Governance 5: leavers are closed at once."""
    world.done(world.desk.leaving.disable("quant", world.actor("officer-1"), key=world.key()))
    left = one(world, "quant")
    assert (left.status, left.roles) == (PersonStatus.DISABLED, ())
    assert left.disabled_at == world.clock.now()
    assert {key.standing for key in left.keys} == {KeyStanding.ENDED}


def test_what_was_only_written_into_the_tables_is_named_as_such(world: World) -> None:
    """Governance 3: nobody's row enrols a key or gives a role."""
    world.forge("UPDATE role_grants SET role = 'auditor' WHERE person_id = ?", "researcher")
    world.forge(
        "UPDATE person_keys SET enrolled_by = '[]', signatures = '[]' WHERE key_id = ?",
        "key-of-risk",
    )
    found = rights(world)
    assert {(fault.kind, fault.key) for fault in found.faults} >= {
        ("person_keys", "key-of-risk"),
        ("people", "researcher"),
    }
    [role] = one(world, "researcher").roles
    assert (role.since, role.granted_by) == (None, ())
    assert keys(world, "risk")["key-of-risk"].standing is KeyStanding.UNPROVEN


def test_another_tenant_sees_none_of_them(world: World) -> None:
    """Governance 1 (tenants): nobody, nothing lent, no fault."""
    world.forge("UPDATE role_grants SET role = 'auditor' WHERE person_id = ?", "researcher")
    found = rights(world, "tenant-2")
    assert (found.people, found.delegations, found.mandates, found.faults) == ((), (), (), ())


def test_what_is_lent_is_told_until_it_ends(world: World) -> None:
    """Governance 2.6 and 3: a mandate in force, then over."""
    mandate_id = world.mandate()
    assert [one.mandate_id for one in rights(world).mandates] == [mandate_id]
    revoke = world.desk.mandates.revoke
    world.done(revoke(mandate_id, world.actor("operator"), key=world.key()))
    assert rights(world).mandates == ()
