"""Many reviews in one signing ceremony, on the real store (N12)."""

from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.approvals.batch import check_batch, key_signature, statement_of
from counterseal.approvals.model import BatchNonce, RequestStatus, ReviewNonce
from counterseal.desk.desk import Desk
from counterseal.desk.views.bulk import bulk_candidate, own_register
from counterseal.desk.views.history import RecordFacts, verify_cases
from counterseal.desk.views.integrity import IntegrityState
from counterseal.identity.keys import PersonKey
from counterseal.oms.states import OrderState
from counterseal.policy.params import BULK_COUNT_MAX
from counterseal.policy.words import DecisionWord
from tests.desk.bulk_room import REASON, RESEARCH, RISK, Room, accepted, codes
from tests.world import NONE, World


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(World(tmp_path / "home"))


def foretold(
    room: Room, request_id: str, name: str = "risk", key: str | None = "key-of-risk"
) -> tuple[str, ...]:
    """What would be against the reviewer's word, were it in a ceremony by this key."""
    bundle, now = room.world.desk.bench.bundle, room.world.clock.now()
    with room.world.store.reader() as reader:
        own = None if key is None else reader.get(PersonKey, key)
        register = own_register(reader, bundle, name, own)
        told = bulk_candidate(reader, register, request_id, name, RISK, RecordFacts(), now)
    return told.codes


def test_one_ceremony_decides_many_and_each_proves_itself_alone(room: Room) -> None:
    """N12, governance 2.7: one signature; every decision verifies, executes and submits by itself.

    The signature over N decisions is one; `approvals verify`, the execution check and the submit
    read each decision with its own path to the signed root.
    """
    world = room.world
    ids = [world.requested() for _ in range(3)]
    assert accepted(room.reviewed("researcher", RESEARCH, *ids)) == set(ids)
    assert accepted(room.reviewed("risk", RISK, *ids)) == set(ids)
    for place, name in enumerate(("researcher", "risk")):
        made = [room.decisions(request_id)[place] for request_id in ids]
        key = room.key_of(name)
        statements = [statement_of(decision, key) for decision in made]
        assert len({key_signature(d).signature for d in made}) == 1
        assert {d.signature.signature for d in made} == {""}
        assert check_batch(key_signature(made[0]), key, statements).count == 3
    with world.store.reader() as reader:
        cases = verify_cases(reader, world.desk.bench.bundle)
    assert (cases.state, cases.decisions_checked) == (IntegrityState.VERIFIED, 6)
    order = world.order(world.done(world.submitted(ids[1])))
    assert order.state is OrderState.FILLED
    assert world.verdict().outcome == "ok"


def test_the_largest_batch_passes_and_one_more_is_refused_and_recorded(room: Room) -> None:
    """N12, governance 2.7: 25 pass; 26, or none, are refused as a whole."""
    world = room.world
    ids = [world.requested() for _ in range(BULK_COUNT_MAX + 1)]
    for asked in (ids, []):
        preparation = room.prepared("researcher", RESEARCH, room.shown(*asked))
        assert preparation.refusal is not None
        assert preparation.refusal.code == "BULK_LIMIT"
        assert preparation.prepared is None
    refused = world.rows(
        "SELECT count(*) FROM audit_records WHERE stream = 'reviews:researcher'"
        " AND json_extract(body, '$.reason.code') = 'BULK_LIMIT'"
    )
    assert refused == [(2,)]
    assert len(accepted(room.reviewed("researcher", RESEARCH, *ids[:-1]))) == BULK_COUNT_MAX
    assert room.decisions(ids[-1]) == ()


def test_a_request_that_may_not_be_prepared_is_refused_beside_the_rest(room: Room) -> None:
    """N12: unknown, changed since it was shown, of another stage, own: each refused by itself."""
    world = room.world
    fine, seen, later = world.requested(), world.requested(), world.requested()
    world.done(world.reviewed(later, "researcher", RESEARCH))
    shown = room.shown(fine, seen, later) | {"apr_none": NONE}
    world.done(world.reviewed(seen, "compliance", RESEARCH))
    preparation = room.prepared("researcher", RESEARCH, shown)
    assert preparation.prepared is not None
    assert preparation.prepared.statement.request_ids == (fine,)
    told = {item.request_id: codes(item) for item in preparation.settled}
    assert told["apr_none"] == ("NOT_FOUND",)
    assert told[seen] == ("NOT_SHOWN",)
    assert {"ALREADY_REVIEWED", "STAGE_FULL"} <= set(told[later])
    own = room.prepared("quant", RESEARCH, room.shown(fine))
    assert own.prepared is None
    assert "REQUESTER_IS_REVIEWER" in codes(own.settled[0])
    assert world.verdict().outcome == "ok"


def test_nothing_is_prepared_for_who_was_not_shown_it(room: Room) -> None:
    """Governance 2.7: nothing with unopened evidence; the hash of another request is none."""
    world = room.world
    first, second = world.requested(), world.requested()
    shown = room.shown(first, second)
    for other in ({first: NONE}, {first: shown[second]}):
        preparation = room.prepared("researcher", RESEARCH, other)
        assert preparation.prepared is None
        assert codes(preparation.settled[0]) == ("NOT_SHOWN",)
    assert room.prepared("researcher", RESEARCH, {first: shown[first]}).prepared is not None


def test_a_forged_case_is_not_prepared(room: Room) -> None:
    """TX-F19: a case that is not what its reviewers signed is offered to nobody."""
    world = room.world
    forged, fine = world.requested(), world.requested()
    for request_id in (forged, fine):
        world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.forge(
        "UPDATE approval_decisions SET decision_reason = ? WHERE approval_request_id = ?",
        NONE,
        forged,
    )
    preparation = room.prepared("risk", RISK, room.shown(forged, fine))
    assert preparation.prepared is not None
    assert preparation.prepared.statement.request_ids == (fine,)
    assert codes(preparation.settled[0]) == ("CHAIN_BROKEN",)
    assert (foretold(room, forged), foretold(room, fine)) == (("CHAIN_BROKEN",), ())


def test_what_is_foretold_of_a_ceremony_is_what_it_refuses(room: Room) -> None:
    """I2 of views.bulk: by the own key alone, and before anything is signed; as at the commit."""
    later, due = room.world.requested(), room.world.requested()
    room.world.done(room.world.reviewed(due, "researcher", RESEARCH))
    told = foretold(room, later)
    preparation = room.prepared("risk", RISK, room.shown(later, due))
    assert told == codes(preparation.settled[0])
    assert foretold(room, due) == ()
    assert "KEY_NOT_ENROLLED" in foretold(room, due, key=None)
    other = room.world.desk.bulk.prepare_batch(
        room.shown(due), RISK, REASON, room.world.actor("risk"), key="other", key_id="no-such-key"
    )
    assert "KEY_NOT_ENROLLED" in codes(other.settled[0])
    assert foretold(room, "apr_none") == foretold(room, due, "nobody") == ("NOT_FOUND",)


def test_requests_of_two_stages_are_not_signed_together(room: Room) -> None:
    """Governance 2.7: a rejection may be prepared for either stage, never for both at once."""
    world = room.world
    first, second = world.requested(), world.requested()
    world.done(world.reviewed(second, "researcher", RESEARCH))
    rejected = DecisionWord.REJECTED
    preparation = room.prepared("compliance", rejected, room.shown(first, second))
    assert preparation.refusal is not None
    assert preparation.refusal.code == "BULK_MIXED"
    assert accepted(room.reviewed("compliance", rejected, first)) == {first}
    assert room.status(first) is RequestStatus.REJECTED


def test_two_reviewers_race_on_one_leaf_and_the_other_leaves_stand(room: Room) -> None:
    """N12: a leaf refused at commit is a recorded refusal and sinks nothing else."""
    world = room.world
    ids = [world.requested() for _ in range(3)]
    preparation = room.prepared("researcher", RESEARCH, room.shown(*ids))
    world.done(world.reviewed(ids[1], "compliance", RESEARCH))
    items = room.committed("researcher", preparation.prepared, key="late")
    told = {item.request_id: item for item in items}
    assert accepted(told) == {ids[0], ids[2]}
    assert "LOST_RACE" in codes(told[ids[1]])
    assert [len(room.decisions(request_id)) for request_id in ids] == [1, 1, 1]
    [(code,)] = world.rows(
        "SELECT json_extract(body, '$.reason.code') FROM audit_records"
        " WHERE type = 'command.refused' AND stream = ?",
        f"case:{ids[1]}",
    )
    assert code == codes(told[ids[1]])[0]
    with world.store.reader() as reader:
        assert verify_cases(reader, world.desk.bench.bundle).forged == ()
    assert world.verdict().outcome == "ok"


def test_a_changed_policy_person_or_login_refuses_every_leaf_by_itself(room: Room) -> None:
    """Governance 2.10: judged at commit; another login, another person's key, a late commit."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    prepared = room.prepared("researcher", RESEARCH, room.shown(*ids)).prepared
    signed, bulk = room.signed("researcher", prepared), world.desk.bulk
    foreign = room.signed("compliance", prepared)
    assert all(
        "SIGNATURE_INVALID" in codes(item)
        for item in bulk.review_batch(foreign, world.actor("researcher"), key="foreign")
    )
    assert all(
        "KEY_NOT_ENROLLED" in codes(item)
        for item in bulk.review_batch(signed, world.actor("compliance"), key="borrowed")
    )
    actor = world.actor("researcher")
    world.after(world.desk.bench.bundle.approval.nonce_ttl_seconds)
    late = bulk.review_batch(signed, actor, key="late")
    assert all({"NONCE_USED", "REAUTH_REQUIRED"} <= set(codes(item)) for item in late)
    assert all(room.decisions(request_id) == () for request_id in ids)


def test_a_batch_that_the_desk_did_not_prepare_is_refused(room: Room) -> None:
    """N12: one nonce, one statement: a reviewer's own key signs no other set under it."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    prepared = room.prepared("researcher", RESEARCH, room.shown(*ids)).prepared
    assert prepared is not None
    for field, value in (("nonce", "non_other"), ("issued_at", prepared.statement.expires_at)):
        bent = prepared.amended(statement=prepared.statement.amended(**{field: value}))
        items = room.committed("researcher", bent, key=f"bent-{field}")
        assert [codes(item) for item in items] == [("NONCE_USED",)] * 2
    assert [i.refusal for i in room.committed("researcher", prepared, key="own")] == [None, None]


def test_a_batch_beyond_the_policy_is_refused_at_commit_as_well(room: Room) -> None:
    """Governance 2.7: the limit is the bundle's; what was prepared is no right."""
    world = room.world
    ids = [world.requested() for _ in range(3)]
    prepared = room.prepared("researcher", RESEARCH, room.shown(*ids)).prepared
    bench = world.desk.bench
    rules = bench.bundle.approval.amended(bulk_max=2)
    world.desk = Desk(replace(bench, bundle=bench.bundle.amended(approval=rules)))
    items = room.committed("researcher", prepared, key="large")
    assert [codes(item) for item in items] == [("BULK_LIMIT",)] * 3


def test_a_leaf_of_a_spent_batch_decides_nothing_again(room: Room) -> None:
    """Governance 3: each decision's nonce is single use, also within a batch."""
    world = room.world
    ids = [world.requested() for _ in range(2)]
    prepared = room.prepared("researcher", RESEARCH, room.shown(*ids)).prepared
    first = room.committed("researcher", prepared, key="once")
    again = room.committed("researcher", prepared, key="once")
    assert [item.refusal for item in first] == [None, None]
    assert [item.replayed for item in again] == [True, True]
    assert [i.decision_id for i in again] == [i.decision_id for i in first]
    twice = room.committed("researcher", prepared, key="twice")
    assert all("NONCE_USED" in codes(item) for item in twice)
    with world.store.reader() as reader:
        assert all(nonce.used_at is not None for nonce in reader.find(ReviewNonce))
        assert len(reader.find(BatchNonce)) == 1


@pytest.mark.parametrize("done", [1, 2])
@pytest.mark.parametrize("relogged", [False, True])
def test_a_crash_between_two_leaves_is_mended_by_the_same_call(
    room: Room, done: int, relogged: bool
) -> None:
    """N12: what was decided stays, the rest follows, also under a later login; nothing twice."""
    world = room.world
    ids = [world.requested() for _ in range(3)]
    prepared = room.prepared("researcher", RESEARCH, room.shown(*ids), key="bulk").prepared
    left = [done]

    def stop(step: str) -> None:
        left[0] -= step == "recorded"
        if not left[0]:
            raise KeyboardInterrupt

    world.reopen(stop)
    with pytest.raises(KeyboardInterrupt):
        room.committed("researcher", prepared, key="bulk")
    world.reopen()
    if relogged:
        world.after(400)
        told = room.reviewed("researcher", RESEARCH, *ids, key="bulk")
    else:
        items = room.committed("researcher", prepared, key="bulk")
        told = {item.request_id: item for item in items}
    assert accepted(told) == set(ids)
    assert sum(item.replayed for item in told.values()) == done
    assert [len(room.decisions(request_id)) for request_id in ids] == [1, 1, 1]
    assert world.verdict().outcome == "ok"


def test_the_same_key_is_not_another_decision(room: Room) -> None:
    """TX-G9: another word or another person under the key of a decided leaf is a conflict."""
    world = room.world
    request_id = world.requested()
    assert accepted(room.reviewed("researcher", RESEARCH, request_id, key="bulk"))
    for name, word in (("researcher", DecisionWord.REJECTED), ("compliance", RESEARCH)):
        told = room.reviewed(name, word, request_id, key="bulk")
        assert codes(told[request_id]) == ("IDEMPOTENCY_KEY_CONFLICT",)
    again = room.reviewed("researcher", RESEARCH, request_id, key="bulk")
    assert (accepted(again), again[request_id].replayed) == ({request_id}, True)
