"""What waits for a person, who must act next, and why somebody cannot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterseal.approvals.delegation import (
    Delegated,
    DelegationGrant,
    GrantScope,
    grant_statement,
)
from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.views.duties import (
    Duties,
    Duty,
    DutyKind,
    Explanation,
    duties,
    explanation,
)
from counterseal.desk.views.standing import load_register, review_codes
from counterseal.desk.views.turns import Turn, cases_of, turn_of
from counterseal.identity.acts import grant_role, kind_of, statement_of
from counterseal.kernel.model import Refusal
from counterseal.kernel.money import Currency
from counterseal.policy.words import DecisionWord, Role, Stage
from tests.world import ACCOUNT, LARGE, NONE, ORIGIN, PEOPLE, World

RESEARCH = DecisionWord.RESEARCH_APPROVED
PAPER = DecisionWord.APPROVED_FOR_PAPER


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def waiting(world: World, name: str) -> tuple[Duty, ...]:
    with world.store.reader() as reader:
        found = duties(reader, world.desk.bench.bundle, name, world.clock.now())
    assert isinstance(found, Duties)
    return found.duties


def kinds(world: World, name: str) -> list[DutyKind]:
    return [duty.kind for duty in waiting(world, name)]


def explained(world: World, request_id: str, name: str) -> Explanation:
    with world.store.reader() as reader:
        told = explanation(reader, world.desk.bench.bundle, request_id, name, world.clock.now())
    assert isinstance(told, Explanation)
    return told


def codes(world: World, request_id: str, name: str, act: str) -> set[str]:
    told = explained(world, request_id, name)
    [found] = [one for one in told.acts if one.name == act]
    assert found.allowed is not bool(found.codes)
    return set(found.codes)


def turn(world: World, request_id: str) -> Turn | None:
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
        assert request is not None
        [case] = cases_of(reader, request)
        register = load_register(reader, world.desk.bench.bundle)
        return turn_of(register, case, world.clock.now())


def a_grant(world: World, delegator: str, delegate: str) -> DelegationGrant:
    """A grant for research on everything that the world asks for, signed."""
    now = world.clock.now()
    unsigned = DelegationGrant(
        grant_id="grant-1",
        log_origin=ORIGIN,
        tenant="tenant-1",
        delegator=delegator,
        delegate=delegate,
        stages=(Stage.RESEARCH,),
        scope=GrantScope(
            strategies=("mean-reversion",),
            instruments=("TMF",),
            accounts=(ACCOUNT,),
            tx_equivalent_max=Decimal(10),
            notional_max=Decimal(100_000_000),
            currency=Currency.TWD,
        ),
        valid_from=now,
        valid_until=now + timedelta(minutes=30),
        reason=NONE,
        nonce="non_grant_1",
        issued_at=now,
        key_id=f"key-of-{delegator}",
    )
    [signature] = world.signed_by("grant", grant_statement(unsigned), delegator)
    return unsigned.amended(signature=signature)


def test_a_stage_waits_for_its_people_only_when_it_is_due(world: World) -> None:
    """Ordered stages: risk is not called while research is due, and research no longer after."""
    request_id = world.requested()
    assert kinds(world, "researcher") == [DutyKind.REVIEW]
    assert kinds(world, "risk") == []
    world.after(60)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert kinds(world, "researcher") == []
    [duty] = waiting(world, "risk")
    assert (duty.subject_id, duty.since) == (request_id, world.clock.now())
    assert duty.command == (
        f"counterseal approvals review {request_id} --as risk"
        " --decision approved_for_paper_simulation --reason REASON"
    )


def test_what_waited_too_long_comes_before_what_ends_sooner(world: World) -> None:
    """UI-11, governance 2.6: late is what fallback roles may take as well."""
    older = world.asked_for_a_day()
    world.after(12 * 3600 - 1)
    newer = world.requested()
    assert [(duty.subject_id, duty.late) for duty in waiting(world, "researcher")] == [
        (newer, False),
        (older, False),
    ]
    world.after(1)
    assert [(duty.subject_id, duty.late) for duty in waiting(world, "researcher")] == [
        (older, True),
        (newer, False),
    ]


def test_the_requester_and_the_author_are_never_asked_to_review(world: World) -> None:
    """TX-F17: the requester holds a reviewer's role here, and is not eligible all the same."""
    request_id = world.requested()
    due = turn(world, request_id)
    assert due is not None
    assert Role.RESEARCH_REVIEWER in PEOPLE["quant"]
    assert due.eligible == ("compliance", "researcher")
    assert codes(world, request_id, "quant", "research_approved") == {"REQUESTER_IS_REVIEWER"}
    assert {"AUTHOR_CONFLICT", "ROLE"} <= codes(world, request_id, "author", "rejected")


def test_a_turn_names_stage_roles_people_and_clocks(world: World) -> None:
    """Who must act next: the stage, its roles, who may, since when, until when."""
    begun = world.clock.now()
    request_id = world.requested(quantity=LARGE)
    due = turn(world, request_id)
    assert due is not None
    assert (due.stage, due.word, due.seats_open) == (Stage.RESEARCH, RESEARCH, 1)
    assert due.roles == (Role.RESEARCH_REVIEWER, Role.COMPLIANCE_REVIEWER)
    assert (due.since, due.until) == (begun, begun + timedelta(hours=1))
    assert due.remind_at == begun + timedelta(hours=4)
    assert due.escalate_at == begun + timedelta(hours=12)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.done(world.reviewed(request_id, "risk", PAPER))
    due = turn(world, request_id)
    assert due is not None
    assert (due.stage, due.eligible, due.step) == (
        Stage.COMPLIANCE,
        ("compliance",),
        "compliance review",
    )


def test_an_approved_request_waits_for_an_operator_who_did_not_review(world: World) -> None:
    """The submit is the next step, for the operator alone, until the approval ends."""
    request_id = world.approved()
    due = turn(world, request_id)
    assert due is not None
    assert (due.stage, due.eligible, due.step) == (None, ("operator",), "submit")
    [duty] = waiting(world, "operator")
    assert (duty.kind, duty.until) == (DutyKind.SUBMIT, due.until)
    assert codes(world, request_id, "operator", "submit") == set()
    assert codes(world, request_id, "risk", "submit") == {"ALREADY_REVIEWED", "ROLE"}
    world.done(world.submitted(request_id))
    assert kinds(world, "operator") == []
    assert turn(world, request_id) is None
    assert "ALREADY_CONSUMED" in codes(world, request_id, "operator", "submit")


def test_who_may_take_an_approval_back_is_told_before_they_sign(world: World) -> None:
    """Governance 2.1: a signer or compliance, once something was approved and until it ended."""
    request_id = world.requested()
    assert codes(world, request_id, "compliance", "revoke") == {"NOT_PENDING"}
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    for name in ("researcher", "compliance"):
        assert codes(world, request_id, name, "revoke") == set()
    assert codes(world, request_id, "risk", "revoke") == {"ROLE"}
    world.done(world.desk.approvals.withdraw(request_id, world.actor("quant"), key=world.key()))
    assert codes(world, request_id, "researcher", "revoke") == {"TERMINAL"}


def test_a_request_that_came_back_waits_for_its_requester(world: World) -> None:
    """Needs data: the requester answers by asking again; a newer request settles it."""
    request_id = world.requested()
    world.after(5)
    world.done(world.reviewed(request_id, "researcher", DecisionWord.NEEDS_DATA))
    [duty] = waiting(world, "quant")
    assert (duty.kind, duty.subject_id) == (DutyKind.ANSWER, request_id)
    assert waiting(world, "researcher") == ()
    world.after(2 * 3600)
    assert waiting(world, "quant") == ()


def test_an_expired_request_comes_back_before_anybody_records_it(world: World) -> None:
    """Rule 2.4: expiry is computed at every read; at the last moment it still waits."""
    request_id = world.requested()
    world.after(3599)
    assert kinds(world, "researcher") == [DutyKind.REVIEW]
    world.after(1)
    assert (kinds(world, "researcher"), turn(world, request_id)) == ([], None)
    assert kinds(world, "quant") == [DutyKind.ASK_AGAIN]
    assert "REVIEW_EXPIRED" in codes(world, request_id, "researcher", "research_approved")
    world.done(world.desk.approvals.expire(request_id, world.service(), key=world.key()))
    assert kinds(world, "quant") == [DutyKind.ASK_AGAIN]


def test_a_newer_request_for_the_same_signal_settles_one_that_came_back(world: World) -> None:
    """Needs data is answered by a new request: the old one waits for nobody then."""
    signal = world.signal()
    actor = world.actor("quant")
    payload = world.payload(signal)
    first = world.done(world.desk.approvals.request(payload, actor, key=world.key()))
    world.done(world.reviewed(first, "researcher", DecisionWord.NEEDS_DATA))
    assert kinds(world, "quant") == [DutyKind.ANSWER]
    world.after(1)
    again = world.payload(signal)
    world.done(world.desk.approvals.request(again, world.actor("quant"), key=world.key()))
    assert kinds(world, "quant") == []


def test_a_delegate_may_act_and_then_counts_as_the_delegator(world: World) -> None:
    """N8: under a grant a review waits for the delegate; after it both are one person."""
    request_id = world.requested()
    now = world.clock.now()
    grant = a_grant(world, "compliance", "operator")
    with world.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
        assert request is not None
        [case] = cases_of(reader, request)
        plain = load_register(reader, world.desk.bench.bundle)
    [key] = [k for k in plain.all_keys if k.person_id == "compliance"]
    under = Delegated(grant=grant, delegator=plain.people["compliance"], key=key)
    register = replace(plain, grants=(grant,), delegated=(under,))
    operator = plain.people["operator"]
    assert "ROLE" in review_codes(plain, case, operator, RESEARCH, now)
    assert review_codes(register, case, operator, RESEARCH, now) == ()
    due = turn_of(register, case, now)
    assert due is not None
    assert due.eligible == ("compliance", "operator", "researcher")
    later = grant.valid_until
    assert review_codes(register, case, operator, RESEARCH, later) == ("GRANT_INVALID",)


def test_an_open_proposal_waits_for_those_who_may_sign_it(world: World) -> None:
    """Two people for a role: the second officer, not the first, and nobody once it is in force."""
    act = grant_role(world.terms(), "author", Role.AUDITOR)
    world.done(world.agreed(act, "officer-1"))
    assert kinds(world, "officer-1") == []
    [duty] = waiting(world, "officer-2")
    assert duty.kind is DutyKind.SIGN
    assert duty.command == f"counterseal people approve {duty.subject_id} --as officer-2"
    signature = world.signed_by(kind_of(act), statement_of(act), "officer-2")
    actor = world.actor("officer-2")
    world.done(world.desk.proposals.approve(duty.subject_id, signature, actor, key=world.key()))
    assert kinds(world, "officer-2") == []


def test_nothing_waits_for_a_stranger_or_a_leaver(world: World) -> None:
    """I2, and an unknown person is a refusal."""
    request_id = world.requested()
    bundle = world.desk.bench.bundle
    with world.store.reader() as reader:
        stranger = duties(reader, bundle, "nobody", world.clock.now())
        lost = explanation(reader, bundle, "apr_none", "risk", world.clock.now())
        unknown = explanation(reader, bundle, request_id, "nobody", world.clock.now())
    for refusal in (stranger, lost, unknown):
        assert isinstance(refusal, Refusal)
        assert refusal.code == "NOT_FOUND"


@pytest.mark.parametrize("name", sorted(PEOPLE))
@pytest.mark.parametrize("word", [RESEARCH, PAPER, DecisionWord.REJECTED])
def test_what_is_explained_is_what_a_commit_refuses(
    world: World, name: str, word: DecisionWord
) -> None:
    """I1 of standing: a refusal is foretold, and for no reason that a commit does not give."""
    request_id = world.requested()
    with world.store.reader() as reader:
        [case] = cases_of(reader, *reader.find(ApprovalRequest))
        register = load_register(reader, world.desk.bench.bundle)
    told = review_codes(register, case, register.people[name], word, world.clock.now())
    outcome = world.reviewed(request_id, name, word)
    refused = () if outcome.refusal is None else outcome.refusal.codes
    assert bool(told) is bool(refused)
    reached = outcome.refusal is not None and outcome.refusal.message == "the review is refused"
    assert set(told) <= set(refused) or not reached
