"""Policies as people compare them: standings, votes, and what texts say otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterseal.desk.views.policies import (
    PolicyShelf,
    ProposalStanding,
    VersionStanding,
    changed_files,
    policy_shelf,
)
from counterseal.policy.proposal import PolicyText, policy_texts
from storage.policy_drafts import drafts_in
from storage.settings import POLICY_VERSION
from tests.desk.policy_room import LOWER, NEXT, PolicyWorld, sampled

OTHER = "2026.12.2"
HIGHER = (LOWER[0], LOWER[1], 'required_from_notional: "2000000"')


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyWorld]:
    yield from sampled(tmp_path, monkeypatch)


def shelf(world: PolicyWorld) -> PolicyShelf:
    with world.store.reader() as reader:
        return policy_shelf(reader, world.clock.now())


def standings(world: PolicyWorld) -> dict[str, str]:
    told = shelf(world)
    versions = {one.activation.version: one.standing.value for one in told.versions}
    asked = {f"{one.proposal.version}?": one.standing.value for one in told.candidates}
    return versions | asked


def test_a_proposal_is_open_then_overtaken_and_its_rival_in_force(world: PolicyWorld) -> None:
    """Governance 4: a superseded bundle is refused; a vote under it cannot be given any more."""
    world.version(LOWER)
    world.version(HIGHER, name=OTHER)
    world.done(world.proposed(OTHER))
    assert standings(world) == {POLICY_VERSION: "in_force", f"{OTHER}?": "open"}
    world.agreed_on()
    assert standings(world) == {
        POLICY_VERSION: "superseded",
        NEXT: "in_force",
        f"{NEXT}?": "activated",
        f"{OTHER}?": "overtaken",
    }
    told = shelf(world)
    assert told.active is not None
    assert told.active.version == NEXT
    [agreed] = [one for one in told.candidates if one.standing is ProposalStanding.ACTIVATED]
    assert [vote.person_id for vote in agreed.votes] == ["vera", "viktor"]
    assert told.versions[0].standing is VersionStanding.IN_FORCE


def test_a_version_may_be_to_come_and_a_proposal_ends_after_a_week(world: PolicyWorld) -> None:
    """Governance 4: an activation counts from its own time; a proposal is open for seven days."""
    world.version(LOWER)
    proposal_id = world.done(world.proposed())
    for voter in ("vera", "viktor"):
        world.done(world.voted(proposal_id, voter))
    later = world.clock.now().replace(year=2026, month=1, day=20)
    vera, key = world.actor("vera"), world.key()
    world.done(world.policies.activate(proposal_id, vera, key=key, effective_from=later))
    assert standings(world)[NEXT] == "to_come"
    world.version(HIGHER, name=OTHER)
    world.done(world.proposed(OTHER))
    world.after(8 * 86_400)
    assert standings(world)[f"{OTHER}?"] == "expired"


def texts(**files: str) -> tuple[PolicyText, ...]:
    return policy_texts({path.replace("__", "/"): text.encode() for path, text in files.items()})


def test_versions_are_compared_by_what_their_files_say_wherever_they_lie() -> None:
    """Issue 6: a changed line, a new file, a file that is gone; an equal one is not told."""
    old = texts(risk__v1__limits="a: 1\n-- b\n", risk__v1__same="x\n", risk__v1__gone="g\n")
    new = texts(risk__v2__limits="a: 2\n-- c\n", risk__v2__same="x\n", risk__v2__fresh="f\n")
    found = {c.path: c.lines[1:] for c in changed_files("v1", old, "v2", new)}
    assert found == {
        "risk/fresh": ("+f",),
        "risk/gone": ("-g",),
        "risk/limits": ("-a: 1", "--- b", "+a: 2", "+-- c"),
    }


def test_drafts_are_told_with_what_is_wrong_in_them(world: PolicyWorld) -> None:
    """Issue 6 (open drafts): a draft that cannot be read says why; a known one is none."""
    now = world.clock.now()
    world.version(LOWER)
    (world.folder / "approval" / OTHER).mkdir()
    broken, good = drafts_in(world.folder, {POLICY_VERSION}, now)
    assert (broken.version, broken.bundle, bool(broken.flaw)) == (OTHER, None, True)
    assert (good.version, good.flaw) == (NEXT, "")
    assert drafts_in(world.folder, {POLICY_VERSION, NEXT, OTHER}, now) == ()
