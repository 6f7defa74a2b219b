"""Reviewing in somebody's name, on the real store."""

from pathlib import Path

import orjson
import pytest

from counterseal.approvals.model import RequestStatus
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.desk.casework import (
    codes,
    decided,
    delegated,
    drafted,
    grant_of,
    review_under,
    signed_grant,
    stored,
)
from tests.world import World

RESEARCH, RISK = DecisionWord.RESEARCH_APPROVED, DecisionWord.APPROVED_FOR_PAPER


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_a_delegate_reviews_by_the_role_of_the_delegator_and_the_order_fills(world: World) -> None:
    """N8, governance 2.6: the record keeps in whose name and under which grant."""
    grant = delegated(world, "researcher", "risk", Stage.RESEARCH)
    request_id = world.requested()
    assert codes(review_under(world, request_id, "risk", RESEARCH, grant)) == ()
    record = orjson.loads(world.log()[-1].body)
    [decision] = decided(world, request_id)
    assert (decision.reviewer_id, decision.on_behalf_of) == ("risk", "researcher")
    assert (decision.grant_id, decision.reviewer_role) == (grant, Role.RESEARCH_REVIEWER)
    assert record["on_behalf_of"] == "researcher"
    world.done(world.reviewed(request_id, "compliance", RISK))
    assert world.submitted(request_id).accepted
    assert world.verdict().outcome == "ok"


def test_the_role_is_not_there_without_the_grant(world: World) -> None:
    """Governance 2.6: the delegator's role counts under the grant only."""
    request_id = world.requested()
    assert "ROLE" in codes(review_under(world, request_id, "risk", RESEARCH, None))
    assert codes(review_under(world, request_id, "risk", RESEARCH, "del_none")) == (
        "GRANT_INVALID",
    )


def test_delegator_and_delegate_are_one_person_in_the_case(world: World) -> None:
    """Governance 2.5: whoever comes second is refused, whichever stage and role."""
    delegated(world, "risk", "researcher", Stage.RISK)
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    refused = codes(world.reviewed(request_id, "risk", RISK))
    assert refused == ("DELEGATION_CONFLICT",)
    world.done(world.reviewed(request_id, "compliance", RISK))


def test_an_ended_grant_still_joins_the_case_that_it_was_active_in(world: World) -> None:
    """Governance 2.5: active at any time of the case; a case that begins later is free."""
    grant = delegated(world, "risk", "researcher", Stage.RISK)
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.after(1)
    world.done(world.desk.delegations.end(grant, world.actor("risk"), key=world.key()))
    world.after(1)
    assert codes(world.reviewed(request_id, "risk", RISK)) == ("DELEGATION_CONFLICT",)
    world.quote()
    world.approved()


def test_a_delegate_inherits_the_conflicts_of_the_delegator(world: World) -> None:
    """N8: the requester's delegate may not review, in whoever's name."""
    grant = delegated(world, "quant", "risk", Stage.RESEARCH)
    request_id = world.requested()
    for under in (grant, None):
        refused = codes(review_under(world, request_id, "risk", RESEARCH, under))
        assert "DELEGATION_CONFLICT" in refused


@pytest.mark.parametrize(
    "bounds",
    [
        {"strategies": ("momentum",)},
        {"instruments": ("TX",)},
        {"accounts": ("acct-other",)},
        {"tx_equivalent_max": "0.19"},
        {"notional_max": "799999"},
    ],
)
def test_a_grant_outside_its_scope_is_refused(world: World, bounds: dict[str, object]) -> None:
    """Governance 2.6: 4 contracts are 0.20 TX-equivalent and 800,000; at the bound it passes."""
    grant = delegated(world, "researcher", "risk", Stage.RESEARCH, bounds=bounds)
    at_bound = delegated(
        world,
        "researcher",
        "risk",
        Stage.RESEARCH,
        bounds={"tx_equivalent_max": "0.2", "notional_max": "800000"},
    )
    request_id = world.requested()
    refused = codes(review_under(world, request_id, "risk", RESEARCH, grant))
    assert "GRANT_INVALID" in refused
    assert world.log()[-1].type == "command.refused"
    assert codes(review_under(world, request_id, "risk", RESEARCH, at_bound)) == ()


def test_a_grant_for_another_stage_or_past_its_end_is_refused(world: World) -> None:
    """Governance 2.6: half-open, and only for the stages named."""
    other = delegated(world, "risk", "researcher", Stage.RISK)
    short = delegated(world, "researcher", "risk", Stage.RESEARCH, days=1)
    world.after(24 * 3600 - 1)
    first, second = world.requested(), world.requested()
    assert "GRANT_INVALID" in codes(review_under(world, first, "researcher", RESEARCH, other))
    assert codes(review_under(world, first, "risk", RESEARCH, short)) == ()
    world.after(1)
    assert "GRANT_INVALID" in codes(review_under(world, second, "risk", RESEARCH, short))


def test_both_ends_and_compliance_end_a_grant_at_once_and_nobody_else(world: World) -> None:
    """Governance 2.6: revocable at once, and over for good."""
    request_id = world.requested()
    for name in ("researcher", "risk", "compliance"):
        grant = delegated(world, "researcher", "risk", Stage.RESEARCH)
        world.after(1)
        end = world.desk.delegations.end
        assert codes(end(grant, world.actor("operator"), key=world.key())) == ("ROLE",)
        world.done(end(grant, world.actor(name), key=world.key()))
        assert grant_of(world, grant).ended_by == name
        assert "GRANT_INVALID" in codes(review_under(world, request_id, "risk", RESEARCH, grant))
        assert codes(end(grant, world.actor(name), key=world.key())) == ("GRANT_INVALID",)


def test_nobody_passes_on_what_was_delegated(world: World) -> None:
    """Governance 2.6: no re-delegation; the own roles alone can be lent."""
    delegated(world, "researcher", "risk", Stage.RESEARCH)
    passed_on = signed_grant(world, drafted(world, "risk", "operator", Stage.RESEARCH))
    actor = world.actor("risk")
    assert codes(world.desk.delegations.delegate(passed_on, actor, key=world.key())) == ("ROLE",)


def test_a_grant_too_long_changed_foreign_or_stale_is_refused(world: World) -> None:
    """Governance 2.6: 30 days at the most; every bound is under the signature."""
    delegate = world.desk.delegations.delegate
    actor = world.actor("researcher")
    thirty = signed_grant(world, drafted(world, "researcher", "risk", Stage.RESEARCH, days=30))
    world.done(delegate(thirty, actor, key=world.key()))
    long = signed_grant(world, drafted(world, "researcher", "risk", Stage.RESEARCH, days=31))
    whole = signed_grant(world, drafted(world, "researcher", "risk", Stage.RESEARCH))
    self_grant = signed_grant(world, drafted(world, "researcher", "researcher", Stage.RESEARCH))
    foreign = signed_grant(world, drafted(world, "researcher", "risk", Stage.RESEARCH), "operator")
    wide = whole.amended(grant=whole.grant.amended(delegate="operator"))
    unsigned = whole.amended(grant=whole.grant.amended(signature=None))
    other_words = whole.amended(reason="something else entirely")
    for bad in (thirty, long, self_grant, foreign, wide, unsigned, other_words):
        assert "GRANT_INVALID" in codes(delegate(bad, actor, key=world.key()))
    assert "GRANT_INVALID" in codes(delegate(whole, world.actor("compliance"), key=world.key()))
    world.after(301)
    assert "GRANT_INVALID" in codes(delegate(whole, world.actor("researcher"), key=world.key()))
    assert codes(delegate(whole, actor, key=world.key()))[-1] == "REAUTH_REQUIRED"


@pytest.mark.parametrize(
    "forgery",
    [
        "UPDATE delegation_grants SET stages = '[\"risk\"]'",
        "UPDATE delegation_grants SET delegate = 'compliance'",
        "UPDATE delegation_grants SET valid_until = '2027-01-01T00:00:00.000000Z'",
        "DELETE FROM delegation_grants",
        "UPDATE approval_decisions SET grant_id = NULL, on_behalf_of = NULL WHERE sequence = 1",
        "UPDATE approval_decisions SET on_behalf_of = 'compliance' WHERE sequence = 1",
    ],
)
def test_a_forged_grant_stops_the_order(world: World, forgery: str) -> None:
    """Governance 2.10: the execution check verifies signature and scope of the grant again."""
    grant = delegated(world, "researcher", "risk", Stage.RESEARCH)
    request_id = world.requested()
    assert codes(review_under(world, request_id, "risk", RESEARCH, grant)) == ()
    world.done(world.reviewed(request_id, "compliance", RISK))
    assert world.forge(forgery) == 1
    refused = codes(world.submitted(request_id))
    assert "CHAIN_BROKEN" in refused
    assert stored(world, request_id).status is RequestStatus.APPROVED_FOR_PAPER
    assert world.fills() == ()


def test_a_compromised_key_of_the_delegator_stops_the_order(world: World) -> None:
    """Governance 3: what was lent with a stolen key is worth nothing, whoever reviewed."""
    grant = delegated(world, "researcher", "risk", Stage.RESEARCH)
    request_id = world.requested()
    assert codes(review_under(world, request_id, "risk", RESEARCH, grant)) == ()
    world.done(world.reviewed(request_id, "compliance", RISK))
    world.forge(
        "UPDATE person_keys SET status = 'revoked', revoked_reason = 'compromised', "
        "revoked_at = '2026-01-06T00:45:00.000000Z' WHERE person_id = 'researcher'"
    )
    assert codes(world.submitted(request_id)) == ("KEY_REVOKED",)
    assert world.fills() == ()
