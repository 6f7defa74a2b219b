"""A request that names whom it would like to review: who is told first, and who may still act."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest
from counterseal.approvals.routing import Preferred, RoutingReason
from counterseal.desk.commands import Outcome
from counterseal.desk.notices import Notice, NoticeKind, notices
from counterseal.desk.views.duties import Duties, duties
from counterseal.desk.views.standing import load_register
from counterseal.desk.views.turns import Turn, cases_of, turn_of
from counterseal.identity.people import PersonStatus
from counterseal.policy.words import DecisionWord, Stage
from tests.desk.casework import amended, stored
from tests.world import World

RESEARCH = DecisionWord.RESEARCH_APPROVED


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def asked(world: World, *names: str, ttl: int = 3600) -> Outcome:
    """A request routed to these people, as `stage=person`."""
    told = [name.partition("=") for name in names]
    wishes = [Preferred(stage=Stage(stage), person_id=person) for stage, _, person in told]
    payload = world.payload(world.signal()).amended(review_ttl_seconds=ttl)
    actor = world.actor("quant")
    return world.desk.approvals.request(payload, actor, key=world.key(), wishes=wishes)


def told(world: World, kind: NoticeKind) -> set[str]:
    return {notice.person_id for notice in found(world) if notice.kind is kind}


def found(world: World) -> tuple[Notice, ...]:
    with world.store.reader() as reader:
        every = [r.approval_request_id for r in reader.find(ApprovalRequest)]
        register = load_register(reader, world.desk.bench.bundle)
        return notices(reader, register, every, world.clock.now())


def turn(world: World, request_id: str) -> Turn:
    with world.store.reader() as reader:
        [case] = cases_of(reader, stored(world, request_id))
        register = load_register(reader, world.desk.bench.bundle)
        due = turn_of(register, case, world.clock.now())
    assert due is not None
    return due


def waiting(world: World, name: str) -> list[str]:
    with world.store.reader() as reader:
        mine = duties(reader, world.desk.bench.bundle, name, world.clock.now())
    assert isinstance(mine, Duties)
    return [duty.sentence for duty in mine.duties]


def test_the_routed_person_is_told_first_and_all_at_the_reminder(world: World) -> None:
    """Governance 2.6: nobody is left out for long."""
    request_id = world.done(asked(world, "research=compliance", ttl=24 * 3600))
    seconds = world.desk.bench.bundle.approval.remind_after_seconds
    world.after(seconds - 1)
    assert told(world, NoticeKind.STAGE_DUE) == {"compliance"}
    world.after(1)
    assert told(world, NoticeKind.STAGE_DUE) == set()
    assert told(world, NoticeKind.REMINDER) == {"compliance", "researcher"}
    assert turn(world, request_id).routed == ("compliance",)


def test_a_request_that_wishes_for_a_seat_it_does_not_have_is_refused(world: World) -> None:
    """Governance 2.6: below the threshold nobody reviews compliance; on the record, with names."""
    refused = asked(world, "compliance=compliance").refusal
    assert refused is not None
    assert refused.code == "SEAT_UNKNOWN"
    told = {detail.name: detail.value for detail in refused.details}
    assert told == {"stage": "compliance", "person": "compliance", "seats": "0"}
    with world.store.reader() as reader:
        assert reader.find(ApprovalRequest) == ()


def test_everybody_is_told_at_once_where_nobody_is_named(world: World) -> None:
    """Without a wish, and at the next stage, nothing changes."""
    request_id = world.done(asked(world, "research=researcher"))
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert told(world, NoticeKind.STAGE_DUE) == {"risk", "compliance"}
    assert turn(world, request_id).routed == ()


def test_a_request_routed_to_its_requester_goes_to_another_with_the_reason(world: World) -> None:
    """Governance 2.6: quant reviews research elsewhere, never this; the record says why."""
    request_id = world.done(asked(world, "research=quant"))
    [seat] = stored(world, request_id).routing
    assert (seat.preferred, seat.person_id) == ("quant", "researcher")
    assert seat.reason is RoutingReason.CONFLICT
    assert told(world, NoticeKind.STAGE_DUE) == {"researcher"}
    [record] = [row for row in world.log() if row.type == "approval.requested"]
    assert b'"reason":"SELF_REVIEW_REASSIGNED"' in record.body


def test_who_is_not_routed_to_may_review_all_the_same(world: World) -> None:
    """Routing narrows nobody: eligible stays everybody, and their inbox has the work."""
    request_id = world.done(asked(world, "research=compliance"))
    assert turn(world, request_id).eligible == ("compliance", "researcher")
    assert waiting(world, "compliance")[0].endswith("asked for by quant, routed to you")
    assert waiting(world, "researcher")[0].endswith("asked for by quant")
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert stored(world, request_id).stages_done == (Stage.RESEARCH,)


def test_the_requester_may_not_review_however_the_request_is_routed(world: World) -> None:
    """Routing gives no right."""
    request_id = world.done(asked(world, "research=quant", "risk=quant"))
    refused = world.reviewed(request_id, "quant", RESEARCH)
    assert refused.refusal is not None
    assert "REQUESTER_IS_REVIEWER" in refused.refusal.codes


def test_a_routed_person_who_may_not_act_any_more_is_passed_over(world: World) -> None:
    """Disabled after the request: all others are told at once."""
    request_id = world.done(asked(world, "research=researcher"))
    with world.store.reader() as reader:
        [case] = cases_of(reader, stored(world, request_id))
        register = load_register(reader, world.desk.bench.bundle)
    gone = register.people["researcher"].amended(status=PersonStatus.DISABLED)
    people = {**register.people, "researcher": gone}
    due = turn_of(replace(register, people=people), case, world.clock.now())
    assert due is not None
    assert (due.routed, due.eligible) == ((), ("compliance",))


def test_a_person_of_another_tenant_is_never_routed_to(world: World) -> None:
    """Groups are per tenant: a holder of the role elsewhere is no holder here."""
    world.forge("UPDATE people SET tenant = 'tenant-2' WHERE person_id = 'compliance'")
    request_id = world.done(asked(world, "research=compliance"))
    [seat] = stored(world, request_id).routing
    assert (seat.person_id, seat.reason) == ("researcher", RoutingReason.NO_HOLDER)


def test_the_same_key_asks_for_the_same_people(world: World) -> None:
    """Idempotency: another wish under one key is another command."""
    payload, actor = world.payload(world.signal()), world.actor("quant")
    wishes = [Preferred(stage=Stage.RESEARCH, person_id="researcher")]
    ask = world.desk.approvals.request
    first = ask(payload, actor, key="asked-1", wishes=wishes)
    assert ask(payload, actor, key="asked-1", wishes=wishes).subject_id == world.done(first)
    other = ask(payload, actor, key="asked-1")
    assert other.refusal is not None
    assert other.refusal.code == "IDEMPOTENCY_KEY_CONFLICT"


def test_an_amended_request_keeps_its_wish(world: World) -> None:
    """Governance 2.3: routing is no bound field; the new version is routed by it again."""
    request_id = world.done(asked(world, "research=compliance"))
    changed = world.done(amended(world, request_id, {"request_reason": "another good reason"}))
    assert [s.person_id for s in stored(world, changed).routing] == ["compliance"]
