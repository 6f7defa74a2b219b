"""What the command line hands to an outsider: proofs, checkpoints, and verification by parts."""

import json
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import check_consistency
from counterseal.audit.receipt import check_receipt, parse_receipt
from counterseal.audit.witness import parse_add_checkpoint
from counterseal.kernel.errors import IntegrityError
from tests.storage.forger import Forger
from tests.storage.long_log import lengthen
from tests.world import World
from ui.cli import verified_state
from ui.cli.acknowledged import receipt_of
from ui.cli.app import run


class Line:
    """The command line on one home."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys
        self.vkey = world.log_key.key.text

    def __call__(self, *words: str) -> tuple[int, str]:
        """Exit status and what was printed."""
        self._capsys.readouterr()
        status = run(["audit", *words, "--home", str(self.world.home)])
        self.err, out = "", self._capsys.readouterr()
        self.err = out.err
        return status, out.out

    def told(self, *words: str) -> dict[str, object]:
        """The JSON of a command that succeeds."""
        status, out = self(*words, "--json")
        assert status == 0, out
        value = json.loads(out)
        assert isinstance(value, dict)
        return value


@pytest.fixture
def line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(World(tmp_path / "home"), capsys)


def test_a_proof_by_number_or_event_id_holds_without_the_home(line: Line) -> None:
    """TX-K7: bytes, public key and receipt are enough."""
    rows = line.world.log()
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        status, text = line("prove", str(row.seq))
        assert status == 0
        assert line.told("prove", "--event", row.event_id)["proof"] == text
        opened = check_receipt(parse_receipt(text), row.body, line.world.log_key.key)
        assert opened.checkpoint.size == len(rows)
        with pytest.raises(IntegrityError, match="PROOF_INVALID"):
            check_receipt(parse_receipt(text), row.body + b" ", line.world.log_key.key)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["prove"], "PROOF_RANGE"),
        (["prove", "0", "--event", "evt_1"], "PROOF_RANGE"),
        (["prove", "99999"], "NOT_FOUND"),
        (["prove", "--event", "evt_1"], "NOT_FOUND"),
        (["prove", "0", "--consistency", "1"], "PROOF_RANGE"),
        (["prove", "99999999999999999999"], "USAGE"),
        (["prove", "--consistency", "0"], "PROOF_RANGE"),
        (["prove", "--consistency", "99999"], "PROOF_RANGE"),
    ],
)
def test_a_proof_of_nothing_is_refused(line: Line, words: list[str], code: str) -> None:
    """TX-K7."""
    status, out = line(*words, "--json")
    assert status == 2
    assert json.loads(out)["error"]["code"] == code


def test_no_proof_comes_from_a_log_that_was_changed(line: Line) -> None:
    """TX-K7: for the changed record neither, nor for any other."""
    line.world.forge("UPDATE audit_records SET seq = seq WHERE seq = 0")
    line.world.forge("UPDATE audit_records SET body = ? WHERE seq = 1", b"{}")
    assert line("prove", "0")[0] == 1
    assert "TILE_DIFFERS" in line.err
    assert line("prove", "1")[0] == 1
    assert "COLUMN_MISMATCH" in line.err


def test_a_proof_from_tiles_holds_and_none_comes_from_a_false_one(line: Line) -> None:
    """TX-K7: what the tile says must lead from the record's bytes to the signed root."""
    lengthen(line.world, 700)
    rows, key = line.world.log(), line.world.log_key.key
    for seq in (3, 300, len(rows) - 1):
        receipt = parse_receipt(line("prove", str(seq))[1])
        assert check_receipt(receipt, rows[seq].body, key).checkpoint.size == len(rows)

    line.world.forge("UPDATE audit_tiles SET hashes = zeroblob(8192) WHERE number = 1")
    status, out = line("prove", "300", "--json")
    assert status == 1
    error = json.loads(out)["error"]
    assert error["code"] == "TILE_DIFFERS"
    assert "audit verify" in error["message"]
    assert line("prove", "3")[0] == 0
    line.world.forge("DELETE FROM audit_tiles WHERE number = 1")
    assert line("prove", "300")[0] == 1
    assert "tile/0/001" in line.err


def test_a_changed_record_has_no_proof_and_a_purged_one_keeps_its_own(line: Line) -> None:
    """TX-K7: a receipt is made for the bytes that are stored, or for the leaf hash that is left."""
    lengthen(line.world, 400)
    rows = line.world.log()
    line.world.forge("UPDATE audit_records SET body = ? WHERE seq = 100", rows[100].body + b" ")
    assert line("prove", "100")[0] == 1
    line.world.forge("UPDATE audit_records SET body = x'' WHERE seq IN (200, ?)", len(rows) - 1)
    for seq in (99, 200, len(rows) - 1):
        receipt = parse_receipt(line("prove", str(seq))[1])
        opened = check_receipt(receipt, rows[seq].body, line.world.log_key.key)
        assert opened.checkpoint.size == len(rows)
    line.world.forge("UPDATE audit_records SET leaf_hash = ? WHERE seq = 200", rows[0].leaf_hash)
    assert line("prove", "200")[0] == 1
    assert "TILE_DIFFERS" in line.err


def test_growth_is_proved_to_who_kept_an_older_checkpoint(line: Line) -> None:
    """TX-K5: verified with both roots and nothing else; a witness reads the same form."""
    lengthen(line.world, 300)
    for kept in (line.world.notes()[0], line.world.notes()[-1]):
        old = read_checkpoint(kept.note)
        status, text = line("prove", "--consistency", str(old.size))
        assert status == 0
        asked = parse_add_checkpoint(text.encode())
        new = read_checkpoint(asked.note)
        assert asked.old == old.size
        assert check_consistency(old.size, new.size, old.root, new.root, asked.proof)
    told = line.told("prove", "--consistency", str(old.size))
    assert (told["old"], told["size"], told["proof"]) == (old.size, new.size, text)
    line.world.forge("UPDATE audit_tiles SET root = zeroblob(32), hashes = zeroblob(8192)")
    assert line("prove", "--consistency", "200")[0] == 1
    assert "TILE_DIFFERS" in line.err


def test_the_newest_checkpoint_is_printed_verbatim_and_is_evidence(line: Line) -> None:
    """TX-K5."""
    status, text = line("checkpoint")
    assert status == 0
    assert text == line.world.notes()[-1].note
    kept = line.world.home.parent / "checkpoint"
    kept.write_text(text, "utf-8")
    assert line("verify", "--vkey", line.vkey, "--expect", str(kept))[0] == 0
    assert line("verify", "--vkey", line.vkey)[0] == 3
    assert line.told("checkpoint")["size"] == len(line.world.log())


def test_stats_are_totals_of_the_log(line: Line) -> None:
    """TX-K3."""
    rows = line.world.log()
    told = line.told("stats")
    assert told["records"] == told["sealed"] == len(rows)
    assert told["unsealed"] == 0
    assert told["body_bytes"] == sum(len(row.body) for row in rows)
    assert told["streams"] == len({row.stream for row in rows})
    types = told["types"]
    assert isinstance(types, dict)
    assert sum(types.values()) == len(rows)


def test_verifying_goes_on_from_the_state_that_was_kept(line: Line) -> None:
    """TX-K5: first in full, then the new records only, and a cut log is found."""
    state = line.world.home.parent / "state.json"
    words = ("verify", "--vkey", line.vkey, "--incremental-state", str(state))
    assert line(*words)[0] == 3
    size = json.loads(state.read_text("utf-8"))["size"]
    assert size == len(line.world.log())

    line.world.approved(quantity=1)
    line.world.store.seal()
    told = line.told(*words)["verdict"]
    assert isinstance(told, dict)
    assert (told["outcome"], told["totals"]["read_from"]) == ("ok", size)
    assert json.loads(state.read_text("utf-8"))["size"] == told["totals"]["size"] > size

    before = state.read_bytes()
    line.world.forge("DELETE FROM audit_records WHERE seq >= ?", size - 2)
    line.world.forge("DELETE FROM audit_checkpoints WHERE size > ?", size - 2)
    assert line(*words)[0] == 1
    assert "SHORTER_THAN_REMEMBERED" in line(*words)[1]
    assert state.read_bytes() == before


def test_a_state_that_is_none_or_unpinned_is_refused(line: Line) -> None:
    """TX-K5."""
    state = line.world.home.parent / "state.json"
    words = ("verify", "--incremental-state", str(state))
    assert line(*words)[0] == 3
    assert not state.exists()
    assert line(*words, "--vkey", line.vkey)[0] == 3
    assert line(*words)[0] == 2
    assert "KEY_UNKNOWN" in line.err
    state.write_text("{}", "utf-8")
    assert line(*words, "--vkey", line.vkey)[0] == 2
    assert "STATE_UNREADABLE" in line.err


def test_every_signature_is_verified_unless_fewer_are_asked_for(line: Line) -> None:
    """TX-K7."""
    status, out = line("verify", "--vkey", line.vkey, "--json")
    totals = json.loads(out)["verdict"]["totals"]
    assert status == 3
    assert totals["signatures_verified"] == totals["checkpoints_seen"] > 1
    _, out = line("verify", "--vkey", line.vkey, "--signatures", "1", "--json")
    assert json.loads(out)["verdict"]["totals"]["signatures_verified"] == 1


def test_a_false_snapshot_is_tampering_and_an_older_one_shows_to_who_looks_deeper(
    line: Line,
) -> None:
    """MAP_MISMATCH: whoever holds the log's key seals another end of a stream."""
    forger = Forger(line.world.settings.database_file, line.world.log_key)
    place = forger.snapshot(root="00" * 32)
    forger.seal()
    status, out = line("verify", "--vkey", line.vkey, "--jobs", "2")
    assert status == 1
    assert f"MAP_MISMATCH at {place} (snapshot)" in out
    forger.snapshot()
    forger.seal()
    assert line("verify", "--vkey", line.vkey)[0] == 3
    status, out = line("verify", "--vkey", line.vkey, "--deep", "--json")
    verdict = json.loads(out)["verdict"]
    assert (status, verdict["first_bad"]["seq"]) == (1, place)
    assert verdict["maps"] == {"taken": 2, "checked": 2}


def test_a_long_run_tells_its_progress_on_stderr_and_a_short_one_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 9."""
    line("verify", "--vkey", line.vkey)
    assert line.err == ""
    monkeypatch.setattr(verified_state, "QUIET_SECONDS", 0)
    line("verify", "--vkey", line.vkey, "--json")
    assert f"{len(line.world.log())} records read" in line.err


@pytest.mark.parametrize("body", ["x'7b7d'", "x'ff'", "x''"])
def test_a_record_about_keys_that_was_edited_is_tampering_and_no_bad_input(
    line: Line, body: str
) -> None:
    """A1: whoever looks for later keys before the pass does not fall over it."""
    line.world.forge(f"UPDATE audit_records SET body = {body} WHERE seq = 0")
    status, out = line("verify", "--vkey", line.vkey)
    assert status == 1
    assert "outcome  tampered" in out


def test_an_answer_without_a_receipt_is_still_the_answer(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """TX-K7: what was sealed is told as done, and why no receipt came."""
    assert receipt_of(line.world.settings, "evt_1") is None
    assert "no receipt: NOT_FOUND" in capsys.readouterr().err
    newest = line.world.log()[-1]
    receipt = receipt_of(line.world.settings, newest.event_id)
    assert receipt is not None
    check_receipt(parse_receipt(receipt), newest.body, line.world.log_key.key)
