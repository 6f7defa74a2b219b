"""Whoever holds every server secret forges what people do; only their signatures tell."""

import json
import shutil
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalDecision
from counterseal.identity.acts import EndKey, KeyEnding
from counterseal.policy.words import DecisionWord, Stage
from tests.desk.bulk_room import RESEARCH, RISK, Room
from tests.desk.casework import delegated, review_under
from tests.desk.test_risk_overrides import granted
from tests.storage.forger import Forger, only
from tests.ui.forged_people import (
    FORGERIES,
    Forgery,
    Ground,
    a_key_of_the_attacker,
    a_random_signature,
    a_signature_by_another_key,
    decided,
    decision_at,
    resigned,
)
from tests.world import World
from ui.cli.app import run


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    world = World(tmp_path_factory.mktemp("ground") / "home")
    room = Room(world)
    plain = world.approved()
    world.mandate()
    refused = world.requested()
    world.done(world.reviewed(refused, "researcher", RESEARCH))
    world.done(world.reviewed(refused, "compliance", DecisionWord.REJECTED))
    one, two = [(world.requested(), world.requested()) for _ in range(2)]
    for batch in (one, two):
        room.reviewed("researcher", RESEARCH, *batch)
    grant = delegated(world, "researcher", "compliance", Stage.RESEARCH)
    under_grant = world.requested()
    world.done(review_under(world, under_grant, "compliance", RESEARCH, grant))  # type: ignore[arg-type]  # a refusal fails there
    world.done(world.reviewed(under_grant, "risk", RISK))
    override = granted(world)
    ended = world.desk.overrides.end(override, world.actor("risk"), reason="x", key=world.key())
    world.done(ended)
    world.after(60)
    act = EndKey(terms=world.terms(), key_id="key-of-risk", person_id="risk", reason=KeyEnding.LOST)
    world.done(world.agreed(act, "officer-1", "officer-2"))
    world.store.close()
    return Ground(world, plain, refused, (one, two), under_grant)


class Attacked:
    """A copy of the home in the attacker's hands, and an auditor at the command line."""

    def __init__(self, ground: Ground, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        shutil.copytree(ground.world.home, home)
        self.ground, self._home, self._capsys = ground, home, capsys
        database = home / ground.world.settings.database_file.relative_to(ground.world.home)
        self.forger = Forger(database, ground.world.log_key)

    def verify(self, *words: str, pinned: bool = True) -> tuple[int, dict[str, object]]:
        """What an auditor finds who pinned the log's key; or has nothing."""
        self._capsys.readouterr()
        vkey = ("--vkey", self.ground.world.log_key.key.text) if pinned else ()
        told = ["audit", "verify", *vkey, "--home", str(self._home), *words, "--json"]
        status = run(told)
        verdict = json.loads(self._capsys.readouterr().out)["verdict"]
        assert isinstance(verdict, dict)
        return status, verdict

    def text(self) -> str:
        vkey = self.ground.world.log_key.key.text
        run(["audit", "verify", "--vkey", vkey, "--home", str(self._home)])
        return self._capsys.readouterr().out


@pytest.fixture
def attacked(ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Attacked:
    return Attacked(ground, tmp_path / "home", capsys)


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda one: one.__name__)
def test_what_people_did_not_sign_is_found_with_every_server_secret_in_the_wrong_hands(
    attacked: Attacked, forgery: Forgery
) -> None:
    """TX-K4, governance part 8, test 5: chain, tree and checkpoints all hold; the log does not."""
    seq, layer = forgery(attacked.forger, attacked.ground)
    attacked.forger.seal()
    status, verdict = attacked.verify()
    found = verdict["first_bad"]
    assert isinstance(found, dict)
    assert (status, verdict["outcome"], found["code"]) == (1, "tampered", "APPROVER_SIG_INVALID")
    assert (found["seq"], found["layer"][: len(layer)]) == (seq, layer)
    told = verdict["findings"]
    assert isinstance(told, list)
    assert {one["code"] for one in told} == {"APPROVER_SIG_INVALID"}


def test_an_untouched_log_is_as_good_as_its_evidence_and_so_is_one_sealed_anew(
    attacked: Attacked,
) -> None:
    """TX-K4: nothing is said against people's signatures that hold; A5 needs outside evidence."""
    for _ in range(2):
        status, verdict = attacked.verify()
        assert (status, verdict["outcome"], verdict["findings"]) == (3, "inconclusive", [])
        attacked.forger.seal()


def test_the_text_names_record_and_reason(attacked: Attacked) -> None:
    """TX-K4: who reads the table learns which record, which document, and why."""
    seq, _ = a_random_signature(attacked.forger, attacked.ground)
    attacked.forger.seal()
    text = attacked.text()
    assert f"APPROVER_SIG_INVALID at {seq} (decision:" in text
    assert "people's own signatures do not stand behind it: " in text
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("A5")] == [
        ["A5", "detected"]
    ]


def test_a_log_that_is_gone_on_from_is_checked_in_its_new_records(
    attacked: Attacked, tmp_path: Path
) -> None:
    """TX-K5: keys and the case's earlier decisions lie before the place to go on from."""
    forger, ground = attacked.forger, attacked.ground
    words = ("--incremental-state", str(tmp_path / "state"))
    before = decided(forger, ground.plain)
    honest = list(forger.rows)
    for end, expected in ((before, 3), (before + 1, 0), (None, 0)):
        forger.seal(end)
        status, verdict = attacked.verify(*words)
        assert (status, verdict["findings"]) == (expected, [])
    (tmp_path / "state").unlink()
    forger.seal(before)
    assert attacked.verify(*words)[0] == 3
    forger.rows = honest
    seq, _ = a_signature_by_another_key(forger, ground)
    forger.seal()
    status, verdict = attacked.verify(*words)
    assert status == 1
    told = verdict["first_bad"]
    assert isinstance(told, dict)
    assert (told["seq"], told["code"]) == (seq, "APPROVER_SIG_INVALID")


def test_the_database_alone_shows_it(attacked: Attacked) -> None:
    """TX-K4: people's keys rest on each other, back to the founding, and on no evidence beside."""
    seq, _ = a_signature_by_another_key(attacked.forger, attacked.ground)
    attacked.forger.seal()
    status, verdict = attacked.verify(pinned=False)
    found = verdict["first_bad"]
    assert isinstance(found, dict)
    assert (status, found["seq"], found["code"]) == (1, seq, "APPROVER_SIG_INVALID")


def test_several_processes_find_what_one_finds(attacked: Attacked) -> None:
    """TX-K4: the marked records come back from the workers."""
    assert attacked.verify("--jobs", "2")[1]["findings"] == []
    a_key_of_the_attacker(attacked.forger, attacked.ground)
    attacked.forger.seal()
    alone, together = attacked.verify("--jobs", "1")[1], attacked.verify("--jobs", "2")[1]
    assert alone == together
    assert together["outcome"] == "tampered"


def test_a_forgery_hides_in_no_other_type_and_no_other_stream(attacked: Attacked) -> None:
    """TX-K4: what a record is called does not decide whether it is read."""
    forger = attacked.forger
    like = decided(forger, attacked.ground.plain)
    decision = resigned(decision_at(forger, like), "key-of-risk")
    place = forger.insert(
        len(forger.rows),
        like,
        only(ApprovalDecision, decision.amended(approval_decision_id="dec_forged")),
        type="log.heartbeat",
        stream="heartbeat",
    )
    forger.seal()
    status, verdict = attacked.verify()
    found = verdict["first_bad"]
    assert isinstance(found, dict)
    assert (status, found["seq"], found["layer"]) == (1, place, "decision:dec_forged")
