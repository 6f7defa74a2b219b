"""`counterseal policies` on a real home: from a draft to a law, and what is refused on the way."""

import json
from pathlib import Path

import pytest

from counterseal.policy.words import DecisionWord
from flows.day.governance import replayed
from storage import parallel_replay
from storage.home_reader import read_home
from storage.parallel_replay import PARALLEL_MIN
from storage.settings import POLICY_VERSION
from tests.desk.policy_room import LOWER, NEXT, PARAMS, STAFF, PolicyWorld, a_sample_is_enough
from tests.ui.sealed_keys import seal_keys
from ui.cli import policies, session
from ui.cli.app import run


class PolicyHouse:
    """A home with policy people, and a way to call the command line on it."""

    def __init__(self, world: PolicyWorld, capsys: pytest.CaptureFixture[str], secret: str) -> None:
        self.world, self._capsys, self._secret = world, capsys, secret

    def text(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        status = run(["policies", *words, "--home", str(self.world.home)])
        shown = self._capsys.readouterr()
        return status, shown.out + shown.err

    def __call__(self, *words: str) -> tuple[int, dict[str, object]]:
        self._capsys.readouterr()
        status = run(["policies", *words, "--home", str(self.world.home), "--json"])
        return status, json.loads(self._capsys.readouterr().out)

    def acting(self, name: str, *words: str) -> tuple[int, dict[str, object]]:
        return self(*words, "--as", name, "--passphrase-file", self._secret)

    def done(self, name: str, *words: str) -> str:
        status, value = self.acting(name, *words)
        assert status == 0, value
        return str(value["subject_id"])

    def refused(self, name: str, *words: str) -> dict[str, object]:
        status, value = self.acting(name, *words)
        assert status == 1, value
        found = value["refusal"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def house(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> PolicyHouse:
    world = PolicyWorld(workplace / "home").staffed()
    for module in (session, policies):
        monkeypatch.setattr(module, "CLOCK", world.clock)
    a_sample_is_enough(monkeypatch)
    monkeypatch.setenv("COUNTERSEAL_POLICIES", str(world.folder))
    seal_keys(world, *STAFF)
    world.store.close()
    return PolicyHouse(world, capsys, str(workplace / "secret"))


def test_a_policy_is_checked_proposed_approved_and_activated(house: PolicyHouse) -> None:
    """Issue 4: the whole way by four commands, by three people."""
    house.world.version(LOWER)
    status, told = house.text("check", NEXT)
    assert (status, "a check over a small universe, not a proof" in told) == (0, True)

    proposal = house.done("scribe", "propose", NEXT)
    house.done("vera", "approve", proposal)
    house.done("viktor", "approve", proposal)
    bundle = house.done("vera", "activate", proposal)

    _, shown = house("show")
    assert shown["in_force"] == bundle
    status, lines = house.text("show")
    assert f"{POLICY_VERSION}  superseded" in lines
    assert f"{NEXT}  " in lines
    assert "activated" in lines
    assert house("show", NEXT)[0] == 0
    assert house("show", "1999.1.1")[0] == 2


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (("sod.distinct_reviewers",), "nobody decides twice on one request: but researcher"),
        (
            ("order.research_first", "order.risk_first"),
            "research comes before risk, and both before compliance: but ",
        ),
    ],
    ids=["without distinct reviewers", "without order"],
)
def test_a_mutant_policy_is_refused_with_a_counterexample(
    house: PolicyHouse, rules: tuple[str, ...], sentence: str
) -> None:
    """Issue 4, done when: two mutants; their own tests are silent, the sweep is not (N5)."""
    house.world.lacking(*rules)
    for found in (house.refused("scribe", "propose", NEXT), house("check", NEXT)[1]["refusal"]):
        assert isinstance(found, dict)
        assert found["code"] == "POLICY_INVARIANT_BROKEN"
        assert str(found["message"]).startswith(sentence)
        assert "; allowed by " in str(found["message"])


def test_a_mutant_with_its_old_tests_fails_them(house: PolicyHouse) -> None:
    """Gate step 2 comes first: the bundle's own tests name the case."""
    house.world.lacking("key.class")
    whole = house.world.folder / "approval" / POLICY_VERSION / "tests.yaml"
    own = whole.parents[1] / NEXT / whole.name
    own.write_bytes(whole.read_bytes())
    assert house("manifest", NEXT, "--author", "scribe")[0] == 0
    found = house.refused("scribe", "propose", NEXT)
    assert found["code"] == "POLICY_CASE_FAILED"
    assert str(found["message"]).startswith("a weak key signs nothing: expected refused by key")


def test_a_version_that_is_not_as_listed_is_flawed(house: PolicyHouse) -> None:
    """Gate step 1: what the manifest does not say is not proposed."""
    house.world.version(LOWER)
    path = house.world.folder / "approval" / NEXT / PARAMS
    path.write_bytes(path.read_bytes() + b"\n")
    assert house.refused("scribe", "propose", NEXT)["code"] == "POLICY_FLAWED"
    assert house("diff", NEXT)[0] == 2
    assert house("check", "1999.1.1")[0] == 2


def test_who_may_not_approve_is_told_why(house: PolicyHouse) -> None:
    """Part 8, test 9: the author's own approval, one approver twice, a missing vote."""
    house.world.version(LOWER)
    proposal = house.done("scribe", "propose", NEXT, "--author", "viktor")
    assert house.refused("viktor", "approve", proposal)["code"] == "AUTHOR_CONFLICT"
    house.done("vera", "approve", proposal)
    assert house.refused("vera", "approve", proposal)["code"] == "ALREADY_REVIEWED"
    assert house.refused("vera", "activate", proposal)["code"] == "VOTES_MISSING"
    assert house.acting("vera", "approve", "ppr_unknown")[0] == 2
    assert house.acting("vera", "activate", proposal, "--effective-from", "soon")[0] == 2


def test_a_folder_of_another_place_is_checked_without_a_home(house: PolicyHouse) -> None:
    """`policies check DIR`: a developer's machine has no decisions to hold it against."""
    status = run(["policies", "check", str(house.world.folder), "--home", "nowhere", "--json"])
    assert status == 0
    assert run(["policies", "check", str(house.world.home), "--home", "nowhere"]) == 2


def test_replay_finds_a_changed_evaluation(house: PolicyHouse) -> None:
    """N3: every recorded decision comes out as recorded, or it says where not; status 1."""
    world = house.world
    world.reopen()
    world.approved()
    world.store.close()
    status, told = house("replay", "--all")
    assert (status, told["differences"]) == (0, [])
    assert int(str(told["replayed"])) >= 2

    forged = "UPDATE policy_evaluations SET verdict = 'deny' WHERE action = 'approve'"
    forged_rows = world.forge(forged)
    assert forged_rows >= 2
    status, told = house("replay")
    differences = told["differences"]
    assert isinstance(differences, list)
    assert (status, len(differences)) == (1, forged_rows)
    status, lines = house.text("replay")
    assert ": deny by review.research.approve -> allow by review.research.approve" in lines


def test_command_line_and_desk_tell_the_same_replay(
    house: PolicyHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N3: alone or by several processes, of honest and of changed records."""
    world, differ = house.world, []
    world.reopen()
    world.approved()
    world.store.close()
    for forged in ("SET subject = subject", "SET verdict = 'error'"):
        world.forge(f"UPDATE policy_evaluations {forged}")
        with read_home(session.settings_for(world.home)) as reader:
            report = replayed(reader)
        differ.append(len(report.differences))
        for bound in (1, PARALLEL_MIN):
            monkeypatch.setattr(parallel_replay, "PARALLEL_MIN", bound)
            _, told = house("replay", "--all")
            whole = {"replayable": True, "records_gone": 0, **report.json_value()}
            assert told == {"ok": not report.differences, **whole}
    assert differ == [0, report.replayed]


def test_diff_lists_the_decisions_that_would_flip(house: PolicyHouse) -> None:
    """N4: a lower threshold asks for a third stage; the submit without it flips, nothing else."""
    world = house.world
    world.reopen()
    request = world.requested()
    world.done(world.reviewed(request, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request, "risk", DecisionWord.APPROVED_FOR_PAPER))
    world.done(world.submitted(request))
    world.store.close()
    world.version(LOWER)
    status, told = house("diff", NEXT)
    flips = told["flips"]
    assert isinstance(flips, list)
    assert (status, [flip["action"] for flip in flips]) == (0, ["submit"])
    assert flips[0]["now"].startswith("deny by threshold.compliance_required")
    status, lines = house.text("check", NEXT)
    assert "diff: 1 of " in lines
