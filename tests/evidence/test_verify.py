"""The verifier that lies in every pack: alone, as a stranger runs it, and beside the command."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from counterseal.audit.checkpoint import cosign_checkpoint
from counterseal.audit.note import COSIGNATURE, NoteSigner
from evidence.verify import Reader, UnusableError, notes, read_vkey, reader_of, verify
from tests.evidence import own_packs
from tests.evidence.offline_script import offline_script
from tests.evidence.own_packs import Json, Logged, exported, into_folder, into_zip, packed
from tests.evidence.pack_room import ALL, AUDITOR, PackWorld, of_case
from tests.world import ORIGIN
from ui.cli.app import run
from ui.cli.evidence_verify import verified

SCRIPT = offline_script()
WITNESSES = [NoteSigner(f"w{n}.example.org", bytes([n]) * 32, COSIGNATURE) for n in (1, 2, 3)]
LOG_KEY = NoteSigner(ORIGIN, bytes(range(32)))
BARE = "-S"
"""Without site-packages there is no `cryptography`: openssl must do."""


class Room(NamedTuple):
    """A log, a real pack of a case and one of everything, what the reader kept, both keys."""

    log: Logged
    case: Path
    whole: Path
    kept: Path
    vkey: Path


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    folder = tmp_path_factory.mktemp("packs")
    world = PackWorld(folder / "home")
    world.audited()
    request = world.approved()
    world.done(world.submitted(request))
    (folder / "kept").write_text(world.notes()[-1].note)
    (folder / "vkey").write_text(f"{world.log_key.key.text}\n")
    world.requested()
    kept = (folder / "kept").read_text()
    case = world.packed(folder / "case.zip", of_case(request), expected=kept, openings=True)
    whole = world.packed(folder / "whole", ALL, expected=kept)
    log = exported(world, "case", request, by=AUDITOR)
    return Room(log, case.path, whole.path, folder / "kept", folder / "vkey")


def python(*words: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """As a stranger runs it: isolated, nothing of ours on any path."""
    environment = {"PATH": os.environ["PATH"] if path is None else path}
    return subprocess.run(  # noqa: S603 - our own script over a pack of our own
        [sys.executable, "-I", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environment,
    )


@pytest.mark.parametrize("bare", [(), (BARE,)], ids=["cryptography", "openssl"])
def test_a_stranger_verifies_a_real_pack(room: Room, bare: tuple[str, ...]) -> None:
    """Part 8: python3 alone, outside the repository, with the package or with openssl."""
    for pack in (room.case, room.whole):
        words: list[str | Path] = [SCRIPT, pack, "--vkey", room.vkey, "--expect", room.kept]
        done = python(*bare, *words)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        first, second, *_ = done.stdout.splitlines()
        assert first == (
            "simulated execution; control-design evidence, not a statement of conformity"
        )
        assert second == "outcome  verified"
        assert "compliant" not in done.stdout


def test_the_copy_in_a_pack_verifies_the_folder_that_it_lies_in(room: Room) -> None:
    done = python(room.whole / "verify.py", "--vkey", room.vkey, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"], told["simulated"]) == (0, "verified", True)
    assert (room.whole / "verify.py").read_bytes() == SCRIPT.read_bytes()


def test_without_a_key_of_the_readers_own_nothing_is_proved(room: Room) -> None:
    """Nothing from outside the pack: inconclusive, never verified."""
    done = python(SCRIPT, room.case, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"], told["finding"]) == (3, "inconclusive", None)
    assert all(one["verdict"] != "excluded" for one in told["attackers"].values())


def test_statuses_two_and_four_say_that_nothing_was_verified(room: Room, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for pack in ("nowhere", "text.zip", "empty"):
        done = python(SCRIPT, tmp_path / pack, "--vkey", room.vkey)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("verify.py: ")
    for option in ("--vkey", "--expect", "--policy"):
        assert python(SCRIPT, room.case, option, tmp_path / "text.zip").returncode == 2
    assert python(SCRIPT, room.case, "--unheard-of").returncode == 2
    absent = python(BARE, SCRIPT, room.case, "--vkey", room.vkey, path=str(tmp_path))
    assert (absent.returncode, absent.stdout) == (4, "")


def test_the_command_says_the_same_and_checks_people_besides(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(room.case), "--vkey", str(room.vkey), "--expect", str(room.kept), "--json"]
    assert run(["evidence", "verify", *words]) == 0
    ours = json.loads(capsys.readouterr().out)
    alone = json.loads(python(SCRIPT, *words).stdout)
    assert ours["checked"].pop("people").endswith("back to the founding")
    assert len(ours.pop("not_checked")) < len(alone.pop("not_checked"))
    assert ours == alone
    assert run(["evidence", "verify", str(room.case)]) == 3
    assert run(["evidence", "verify", str(room.kept)]) == 2


def reader(room: Room, expect: str | None = None, policy: str | None = None) -> Reader:
    told = None if policy is None else notes.Policy(policy)
    return Reader(read_vkey(room.log.vkey), None if expect is None else expect.encode(), told)


def told_of(room: Room, files: own_packs.Files, tmp_path: Path, *evidence: str | None) -> Json:
    """What both verifiers say, which is the same."""
    place = into_folder(files, tmp_path / "pack")
    told = verify(place, reader(room, *evidence))
    assert verified(place, reader(room, *evidence))["finding"] == told["finding"]
    shutil.rmtree(place)
    return told


def test_a_pack_written_by_another_program_is_verified_as_well(room: Room, tmp_path: Path) -> None:
    """Two writers that share nothing, one reader."""
    for place in (
        into_zip(packed(room.log), tmp_path / "p.zip"),
        into_folder(packed(room.log), tmp_path / "p"),
    ):
        told = verify(place, reader(room))
        assert (told["outcome"], told["exit"]) == ("verified", 0), told["finding"]


def test_each_attacker_is_excluded_by_what_the_reader_holds_and_no_further(
    room: Room, tmp_path: Path
) -> None:
    kept = room.kept.read_text()
    size, last = int(kept.split("\n")[1]), len(room.log.bodies) - 1
    files = packed(room.log, kept=kept)
    pinned = told_of(room, files, tmp_path)["attackers"]
    headed = told_of(room, files, tmp_path, kept)["attackers"]
    verdicts = {name: one["verdict"] for name, one in pinned.items()}
    assert [n for n, v in verdicts.items() if v == "excluded"] == ["A1", "A2", "A4"]
    assert verdicts["A5"] == "not_excluded"
    assert {headed[name]["bound_seq"] for name in ("A3b", "A5")} == {size - 1}
    assert {headed[name]["bound_seq"] for name in ("A1", "A4")} == {last}
    assert headed["A2"]["bound_seq"] == room.log.covers - 1 < last
    assert verdicts["A8"] == verdicts["A3a"] == "no_evidence"
    assert all(one["because"] for one in headed.values())


def test_a_quorum_of_the_readers_witnesses_excludes_two_views(room: Room, tmp_path: Path) -> None:
    """A5, A6: cosignatures count under the reader's own policy alone."""
    note = room.log.note
    for witness in WITNESSES[:2]:
        note = cosign_checkpoint(note, witness, 1_795_243_000)
    files = packed(room.log._replace(note=note))
    lines = "".join(f"witness w{n} {w.key.text}\n" for n, w in enumerate(WITNESSES))
    two = f"{lines}group g 2 w0 w1 w2\nquorum g\n"
    told = told_of(room, files, tmp_path, None, two)
    assert told["outcome"] == "verified"
    assert {told["attackers"][name]["verdict"] for name in ("A5", "A6")} == {"excluded"}
    for policy in (two.replace("g 2", "g all"), f"{lines}quorum none\n", f"{lines}quorum w2\n"):
        short = told_of(room, files, tmp_path, None, policy)
        assert (short["exit"], short["outcome"]) == (3, "inconclusive")
        assert short["short"][0].startswith("QUORUM_NOT_MET")
    for line in note.splitlines()[-1:]:
        forged = note.replace(line, line[:-10] + ("A" if line[-10] != "A" else "B") + line[-9:])
        bad = packed(room.log._replace(note=forged))
        assert told_of(room, bad, tmp_path, None, two)["finding"]["code"] == "SIG_INVALID"


@pytest.mark.parametrize(
    "policy",
    ["", "quorum w\n", "witness w x\nquorum w\n", "group g 0 \nquorum g\n", "what is this\n"],
)
def test_a_policy_that_is_not_understood_is_refused(policy: str, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(policy)
    with pytest.raises(UnusableError):
        reader_of(None, None, tmp_path / "policy")


def test_a_policy_that_names_one_log_pins_its_key(room: Room, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(f"log {room.log.vkey}\nquorum none\n")
    told = reader_of(None, None, tmp_path / "policy")
    assert told.vkey == read_vkey(room.vkey.read_text())


def test_a_kept_checkpoint_is_never_contradicted_silently(room: Room, tmp_path: Path) -> None:
    """F10, F11: a shorter log, another root, a proof that does not hold, no proof at all."""
    kept = room.kept.read_text()
    same = own_packs.rechained(room.log, LOG_KEY, lambda _: None)
    other = own_packs.rechained(room.log, LOG_KEY, _louder)
    files = packed(room.log, kept=kept)
    assert same.note.split("\n")[:3] == room.log.note.split("\n")[:3]
    first, one, other_hash, *rest = files["data/consistency"].split(b"\n")
    forged = b"\n".join([first, other_hash, one, *rest])
    broken = own_packs.stated(files | {"data/consistency": forged}, room.log.private)
    broken = own_packs.bagged(broken)
    found = {
        "FORK_AT_SIZE": told_of(room, files, tmp_path, other.note),
        "CONSISTENCY_INVALID": told_of(room, broken, tmp_path, kept),
        "KEY_UNKNOWN": told_of(room, files, tmp_path, _by_another_key(kept)),
    }
    assert {code: told["finding"]["code"] for code, told in found.items()} == {c: c for c in found}
    longer = reader(room, room.log.note)
    assert verify(room.case, longer)["finding"]["code"] == "SHORTER_THAN_REMEMBERED"
    short = told_of(room, packed(room.log), tmp_path, kept)
    assert (short["exit"], short["finding"]) == (3, None)
    assert short["attackers"]["A5"]["verdict"] == "not_excluded"


def _louder(record: Json) -> None:
    record["meaning"] += "!" * (record["seq"] == 3)


def _by_another_key(note: str) -> str:
    signer = NoteSigner(ORIGIN, bytes(range(1, 33)))
    body = note.rpartition("\n\n")[0] + "\n"
    return f"{body}\n{signer.line(body).text}"


def test_an_operator_with_every_key_of_the_server_forges_no_approval(
    room: Room, tmp_path: Path
) -> None:
    """Invariant 6: the log key alone cannot forge an approval, nor may another person sign it."""

    def other_word(record: Json) -> None:
        for one in (record["after"] or {}).get("documents", {}).get("approval_decisions", ()):
            one["decision"] = "rejected"

    def other_person(record: Json) -> None:
        for one in (record["after"] or {}).get("documents", {}).get("approval_decisions", ()):
            one["reviewer_id"] = "operator"

    def other_signature(record: Json) -> None:
        for one in (record["after"] or {}).get("documents", {}).get("approval_decisions", ()):
            one["signature"]["signature"] = "AA" * 42 + "AA=="

    def late_key(record: Json) -> None:
        told = (record["after"] or {}).get("documents", {})
        if record["type"] == "key.enrolled":
            told.pop("person_keys", None)

    for edit in (other_word, other_person, other_signature, late_key):
        forged = own_packs.rechained(room.log, LOG_KEY, edit)
        told = told_of(room, packed(forged), tmp_path)
        assert told["finding"]["code"] == "APPROVER_SIG_INVALID", edit.__name__
        assert told["attackers"]["A5"]["verdict"] == "detected"


def test_unsafe_archives_are_refused(room: Room, tmp_path: Path) -> None:
    """Links, names that lead out, names twice, bytes around the archive."""
    files = packed(room.log)
    (folder := into_folder(files, tmp_path / "linked")).joinpath("data/link").symlink_to("/etc")
    assert code_of(folder, room) == "BAG_MALFORMED"
    whole = into_zip(files, tmp_path / "whole.zip").read_bytes()
    for n, content in enumerate((whole + b"more", b"more" + whole)):
        (tmp_path / f"{n}.zip").write_bytes(content)
        assert code_of(tmp_path / f"{n}.zip", room) == "BAG_MALFORMED"
    for n, name in enumerate(("../out", "/etc/passwd", "a\\b", "data//x", "data/./x")):
        place = into_zip(files | {name: b""}, tmp_path / f"unsafe{n}.zip")
        assert code_of(place, room) == "BAG_MALFORMED", name
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = own_packs.into_zip_twice(files, "data/proof", tmp_path / "twice.zip")
    assert code_of(twice, room) == "BAG_MALFORMED"


def code_of(place: Path, room: Room) -> str | None:
    told = verify(place, reader(room))
    return None if told["finding"] is None else told["finding"]["code"]
