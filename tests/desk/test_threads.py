"""Comments on a case, on the real store."""

from pathlib import Path

import pytest

from counterseal.approvals.comments import CaseComment
from counterseal.desk.commands import Outcome
from counterseal.desk.views.threads import CaseThread, CommentLine, case_thread
from counterseal.kernel.errors import InputError
from counterseal.policy.words import DecisionWord
from tests.desk.casework import codes, stored
from tests.world import World

HOSTILE = (
    "'; DROP TABLE approval_requests; --",
    "{{ 7 * 7 }} ${7*7} <script>alert(1)</script>",
    "\x1b[2J\x1b[31mAPPROVED\x1b[0m",
    "\u202etxet desrever\u202c and \u0430pproved",
    "line one\nline two\r\nline three",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def said(
    world: World, request_id: str, text: str, name: str = "risk", reply_to: str | None = None
) -> Outcome:
    actor = world.actor(name)
    return world.desk.comments.comment(request_id, text, actor, key=world.key(), reply_to=reply_to)


def lines(world: World, request_id: str) -> tuple[CommentLine, ...]:
    with world.store.reader() as reader:
        found = case_thread(reader, request_id, world.desk.bench.bundle.approval.void_matrix)
    assert isinstance(found, CaseThread)
    return found.comments


def test_people_answer_each_other_and_the_case_stays_as_it_is(world: World) -> None:
    """Governance 2.3: outside the payload; no status, no chain, no clock changes."""
    request_id = world.approved()
    before = stored(world, request_id)
    first = world.done(said(world, request_id, "is the stop right?"))
    world.after(1)
    world.done(said(world, request_id, "  twenty points, as tested  ", "quant", first))
    assert [(c.person_id, c.reply_to, c.text) for c in lines(world, request_id)] == [
        ("risk", None, "is the stop right?"),
        ("quant", first, "twenty points, as tested"),
    ]
    assert stored(world, request_id) == before
    assert world.submitted(request_id).accepted
    assert world.verdict().outcome == "ok"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(world: World, text: str) -> None:
    """Issue 4: injections come back as the words that they are; the log holds none of them."""
    request_id = world.requested()
    world.done(said(world, request_id, text))
    assert [c.text for c in lines(world, request_id)] == [text]
    assert not any(text.encode() in row.body for row in world.log())
    assert stored(world, request_id).approval_request_id == request_id


def test_a_comment_has_a_size(world: World) -> None:
    """Issue 4: huge comments; 2,000 characters pass, one more does not, and blanks are none."""
    request_id = world.requested()
    world.done(said(world, request_id, "x" * 2000))
    size = len(world.log())
    for text in ("x" * 2001, "", "   "):
        with pytest.raises(InputError, match="COMMENT_TEXT"):
            said(world, request_id, text)
    assert len(world.log()) == size


def test_who_holds_no_role_and_what_is_not_there_is_refused(world: World) -> None:
    """Governance 2.8: refused and recorded, in the case's stream."""
    request_id, other = world.requested(), world.requested()
    elsewhere = world.done(said(world, other, "about another case"))
    assert codes(said(world, request_id, "may I?", "author")) == ("ROLE",)
    assert codes(said(world, request_id, "a reply", "risk", elsewhere)) == ("NOT_FOUND",)
    assert codes(said(world, request_id, "a reply", "risk", "com_none")) == ("NOT_FOUND",)
    assert codes(said(world, "apr_none", "nothing")) == ("NOT_FOUND",)
    assert lines(world, request_id) == ()
    assert [row.type for row in world.log()[-4:]] == ["command.refused"] * 4


def test_an_ended_case_can_be_talked_about(world: World) -> None:
    """Governance 2.4: expired and rejected cases keep everything."""
    request_id = world.requested()
    world.done(world.reviewed(request_id, "researcher", DecisionWord.REJECTED))
    world.done(said(world, request_id, "the data will be redone"))


def test_a_key_gives_the_first_comment_again_and_no_other(world: World) -> None:
    """TX-G9: the same words are answered from the record; others are a conflict."""
    request_id = world.requested()
    comment, actor = world.desk.comments.comment, world.actor("risk")
    first = comment(request_id, "once", actor, key="com-1")
    again = comment(request_id, "once", actor, key="com-1")
    assert (again.subject_id, again.replayed) == (first.subject_id, True)
    other = comment(request_id, "something else", actor, key="com-1")
    assert codes(other) == ("IDEMPOTENCY_KEY_CONFLICT",)
    with world.store.reader() as reader:
        assert len(reader.find(CaseComment)) == 1
