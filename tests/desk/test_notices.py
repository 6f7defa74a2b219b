"""What people are told: when, once, and without a word too much."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.approvals.model import ApprovalRequest
from counterseal.desk.notices import KEPT_DAYS, Notice, NoticeKind, notices, person_notices
from counterseal.desk.views.standing import load_register
from counterseal.identity.acts import grant_role
from counterseal.identity.keys import PersonKey, decide_revocation
from counterseal.identity.people import Role
from counterseal.identity.sessions import LoginSession, SessionStatus
from counterseal.policy.words import DecisionWord
from tests.world import PEOPLE, START, World

RESEARCH = DecisionWord.RESEARCH_APPROVED
PAPER = DecisionWord.APPROVED_FOR_PAPER
Told = set[tuple[NoticeKind, str]]
SETTING_UP = {NoticeKind.KEY_ENROLLED, NoticeKind.ROLE_GRANTED}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "home")
    yield made
    made.store.close()


def found(world: World) -> tuple[Notice, ...]:
    with world.store.reader() as reader:
        every = [r.approval_request_id for r in reader.find(ApprovalRequest)]
        register = load_register(reader, world.desk.bench.bundle)
        return notices(reader, register, every, world.clock.now())


def told(world: World) -> Told:
    return {(n.kind, n.person_id) for n in found(world) if n.kind not in SETTING_UP}


def test_a_stage_is_announced_to_its_people_once_it_is_due(world: World) -> None:
    """Ordered stages: risk hears of the case when research is done, not before."""
    request_id = world.requested()
    assert told(world) == {
        (NoticeKind.REQUESTED, "quant"),
        (NoticeKind.STAGE_DUE, "researcher"),
        (NoticeKind.STAGE_DUE, "compliance"),
    }
    world.after(10)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert told(world) == {
        (NoticeKind.REQUESTED, "quant"),
        (NoticeKind.DECIDED, "quant"),
        (NoticeKind.STAGE_DUE, "risk"),
        (NoticeKind.STAGE_DUE, "compliance"),
    }


def requested_for_a_day(world: World) -> str:
    payload = world.payload(world.signal()).amended(review_ttl_seconds=24 * 3600)
    actor = world.actor("quant")
    return world.done(world.desk.approvals.request(payload, actor, key=world.key()))


def test_a_review_is_reminded_of_and_escalates_as_the_policy_says(world: World) -> None:
    """Rule 2.6: each rung from its instant on, the most urgent only; escalation calls more."""
    requested_for_a_day(world)
    rules = world.desk.bench.bundle.approval
    world.after(rules.remind_after_seconds - 1)
    assert (NoticeKind.STAGE_DUE, "researcher") in told(world)
    world.after(1)
    assert (NoticeKind.REMINDER, "researcher") in told(world)
    assert (NoticeKind.STAGE_DUE, "researcher") not in told(world)
    world.after(rules.escalate_after_seconds - rules.remind_after_seconds)
    escalated = {person for kind, person in told(world) if kind is NoticeKind.ESCALATED}
    assert escalated == {"quant", "researcher", "compliance", "risk"}


def test_a_stage_that_becomes_due_late_is_announced_before_it_is_reminded_of(
    world: World,
) -> None:
    """A rung that passed before the stage was due calls nobody to it."""
    request_id = requested_for_a_day(world)
    world.after(world.desk.bench.bundle.approval.remind_after_seconds + 60)
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    assert (NoticeKind.STAGE_DUE, "risk") in told(world)
    assert (NoticeKind.REMINDER, "risk") not in told(world)


def test_an_unused_approval_is_reminded_of_and_announced_before_its_end(world: World) -> None:
    """Reminder at half the time of a submit, a last call ten minutes before; then the expiry."""
    world.approved()
    world.after(1800)
    assert (NoticeKind.REMINDER, "operator") in told(world)
    world.after(1200)
    assert (NoticeKind.EXPIRING, "operator") in told(world)
    world.after(600)
    kinds = {kind for kind, _ in told(world)}
    assert kinds == {NoticeKind.REQUESTED, NoticeKind.DECIDED, NoticeKind.EXPIRED}


def test_a_review_is_announced_before_its_end_too(world: World) -> None:
    """A request with a short time of its own has its last call within it."""
    world.requested()
    world.after(3000)
    assert (NoticeKind.EXPIRING, "researcher") in told(world)
    world.after(600)
    assert told(world) == {(NoticeKind.REQUESTED, "quant"), (NoticeKind.EXPIRED, "quant")}


def test_a_proposal_calls_those_who_may_sign_it_until_it_is_in_force(world: World) -> None:
    """Two officers for a role: the second is called, the first and the subject are not."""
    act = grant_role(world.terms(), "author", Role.AUDITOR)
    world.done(world.agreed(act, "officer-1"))
    assert told(world) == {(NoticeKind.SIGNATURE_DUE, "officer-2")}
    world.clock.move_to(act.terms.expires_at)
    assert told(world) == set()


def test_a_login_that_somebody_else_ended_is_told_to_its_person(world: World) -> None:
    """Session revoked: an own log-out is no news, an administrator's act is."""
    now = world.clock.now()
    login = LoginSession(
        session_id="ses-1",
        person_id="risk",
        account_id="acc-1",
        issuer="counterseal:password",
        amr=("pwd", "otp"),
        acr="mfa",
        auth_time=now,
        opened_at=now,
        expires_at=now + timedelta(hours=8),
        idle_seconds=900,
        status=SessionStatus.REVOKED,
        ended_at=now,
        ended_by="officer-1",
    )
    own = login.amended(session_id="ses-2", ended_by="risk")
    with world.store.reader() as reader:
        register = load_register(reader, world.desk.bench.bundle)
    made = list(person_notices(register, (), (login, own)))
    ended = [n for n in made if n.kind is NoticeKind.SESSION_REVOKED]
    assert [(n.person_id, n.subject_id) for n in ended] == [("risk", "ses-1")]


def test_an_expiry_is_the_same_news_before_and_after_it_is_recorded(world: World) -> None:
    """I1: the sweeper's record makes no second notice, for a review or an approval."""
    reviewing, approved = world.requested(), world.approved()
    world.after(3600)
    before = {n.notice_id: n.at for n in found(world) if n.kind is NoticeKind.EXPIRED}
    for request_id in (reviewing, approved):
        world.after(60)
        world.done(world.desk.approvals.expire(request_id, world.service(), key=world.key()))
    after = {n.notice_id: n.at for n in found(world) if n.kind is NoticeKind.EXPIRED}
    assert before == after
    assert len(before) == 4
    assert set(before.values()) == {START + timedelta(hours=1)}


def test_an_approval_calls_the_operator_and_its_use_is_told_to_all_who_signed(
    world: World,
) -> None:
    """Notices on outcome: the requester and the signers hear how the case ended."""
    request_id = world.approved()
    assert (NoticeKind.SUBMIT_DUE, "operator") in told(world)
    world.done(world.submitted(request_id))
    ended = {(n.person_id, n.headline) for n in found(world) if n.kind is NoticeKind.ENDED}
    assert {person for person, _ in ended} == {"quant", "researcher", "risk"}
    assert all("ended as consumed" in headline for _, headline in ended)


@pytest.mark.parametrize("word", [DecisionWord.REJECTED, DecisionWord.NEEDS_DATA])
def test_who_knows_an_ending_from_its_decision_is_not_told_twice(
    world: World, word: DecisionWord
) -> None:
    """A rejection is told to the requester as a decision, to the earlier signer as an ending."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.done(world.reviewed(request_id, "risk", word))
    assert told(world) == {
        (NoticeKind.REQUESTED, "quant"),
        (NoticeKind.DECIDED, "quant"),
        (NoticeKind.ENDED, "researcher"),
    }
    headlines = [n.headline for n in found(world) if n.kind is NoticeKind.DECIDED]
    assert any(word.value in line for line in headlines)


def test_a_withdrawn_request_is_told_to_its_signers(world: World) -> None:
    """Nobody goes on reading what is over."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    actor = world.actor("quant")
    world.done(world.desk.approvals.withdraw(request_id, actor, key=world.key()))
    assert {p for kind, p in told(world) if kind is NoticeKind.ENDED} == {"quant", "researcher"}


def test_keys_and_roles_are_told_to_their_owner(world: World) -> None:
    """A key that somebody else had enrolled must not stay unseen by the person it signs for."""
    kept = [n for n in found(world) if n.kind in SETTING_UP]
    enrolled = {n.person_id for n in kept if n.kind is NoticeKind.KEY_ENROLLED}
    granted = sorted(n.person_id for n in kept if n.kind is NoticeKind.ROLE_GRANTED)
    assert enrolled == set(PEOPLE)
    assert granted == sorted(name for name, roles in PEOPLE.items() for _ in roles)


def test_a_revoked_key_is_told_to_its_owner(world: World) -> None:
    """Key changes: the revocation has an id and an instant of its own."""
    world.after(60)
    with world.store.reader() as reader:
        register = load_register(reader, world.desk.bench.bundle)
        [key] = reader.find(PersonKey, person_id="risk")
        revoked = decide_revocation(key, "lost", world.clock.now())
        assert isinstance(revoked, PersonKey)
        others = tuple(k for k in register.all_keys if k != key)
        told_of = replace(register, all_keys=(*others, revoked))
        made = notices(reader, told_of, (), world.clock.now())
    of_key = [n for n in made if n.subject_id == key.key_id]
    assert [n.kind for n in of_key] == [NoticeKind.KEY_ENROLLED, NoticeKind.KEY_REVOKED]
    assert of_key[1].at == world.clock.now()


def test_i1_the_same_occasion_has_the_same_id_and_another_has_another(world: World) -> None:
    """I1: made a hundred times or at another moment, a notice is the same notice."""
    world.requested()
    first = found(world)
    world.after(100)
    assert found(world) == first
    assert len({n.notice_id for n in first}) == len(first)
    world.requested()
    assert {n.notice_id for n in first} < {n.notice_id for n in found(world)}


def test_i3_a_notice_holds_no_comment_and_says_that_it_is_paper(world: World) -> None:
    """I3: words of people stay where they are, commitments included."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", RESEARCH))
    world.done(world.reviewed(request_id, "risk", DecisionWord.REJECTED))
    for notice in found(world):
        text = notice.headline + notice.body
        assert "agree with it" not in text
        assert "mean reversion after" not in text
        assert "sha256:" not in text
        assert notice.headline.startswith("[paper simulation] ")
        assert notice.body.startswith("Paper simulation: ")
        assert (notice.label, notice.paper_only) == ("paper simulation", True)


@pytest.mark.parametrize("line", ["a\r\nBcc: all", "a\nb", "\u2028", "", "x" * 201, "\x00"])
def test_a_headline_cannot_break_out_of_a_header(world: World, line: str) -> None:
    """Header injection has no value to travel in."""
    notice = found(world)[0]
    with pytest.raises(ValidationError):
        notice.amended(headline=line)


def test_what_happened_long_ago_is_no_news(world: World) -> None:
    """A reader that was away for long starts from what matters now."""
    world.requested()
    world.after(KEPT_DAYS * 24 * 3600 - 1)
    assert (NoticeKind.REQUESTED, "quant") in told(world)
    world.after(3602)
    assert told(world) == set()
