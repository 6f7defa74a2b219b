"""Who is called to sign a proposal about a policy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.desk.notices import NoticeKind, notices
from counterseal.desk.views.duties import Duties, duties
from counterseal.desk.views.signing import SignatureDue, signatures_due
from counterseal.desk.views.standing import load_register
from tests.desk.policy_room import THRESHOLD, PolicyWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PolicyWorld]:
    made = PolicyWorld(tmp_path / "home").staffed()
    yield made
    made.store.close()


def due(world: PolicyWorld) -> tuple[SignatureDue, ...]:
    with world.store.reader() as reader:
        register = load_register(reader, world.desk.bench.bundle)
        return signatures_due(reader, register, world.clock.now())


def test_a_policy_waits_for_its_approvers_and_never_for_its_author(world: PolicyWorld) -> None:
    """Two approvals by non-authors: each is called until they voted, nobody after two votes."""
    world.version(("params.yaml", THRESHOLD, 'required_from_notional: "2000000"'))
    proposal_id = world.done(world.proposed())
    [waiting] = due(world)
    assert (waiting.proposal_id, waiting.noun, waiting.eligible) == (
        proposal_id,
        "policies",
        ("vera", "viktor"),
    )
    with world.store.reader() as reader:
        told = duties(reader, world.desk.bench.bundle, "vera", world.clock.now())
        register = load_register(reader, world.desk.bench.bundle)
        called = notices(reader, register, (), world.clock.now())
    assert isinstance(told, Duties)
    [duty] = told.duties
    assert duty.command == f"counterseal policies approve {proposal_id} --as vera"
    kinds = {(n.person_id, n.until) for n in called if n.kind is NoticeKind.SIGNATURE_DUE}
    assert kinds == {("vera", waiting.until), ("viktor", waiting.until)}
    world.done(world.voted(proposal_id, "vera"))
    assert [one.eligible for one in due(world)] == [("viktor",)]
    world.done(world.voted(proposal_id, "viktor"))
    assert [one.eligible for one in due(world)] == [()]
    world.done(world.activated(proposal_id))
    assert due(world) == ()
