"""What a pack holds, by its scope (design part "evidence pack", TX-M)."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.merkle import leaf_hash
from counterseal.audit.multiproof import check_multiproof, read_proof
from counterseal.audit.receipt import check_receipt, parse_receipt
from counterseal.audit.retention import CASE_PREFIX
from counterseal.desk.exports import ExportScope, ScopeKind
from counterseal.kernel.clock import utc_text
from counterseal.kernel.errors import InputError, IntegrityError
from counterseal.policy.words import DecisionWord
from evidence.claims import GOVERNANCE
from tests.desk.casework import amended
from tests.desk.keeping import YEAR
from tests.evidence.offline_script import offline_script
from tests.evidence.pack_room import ALL, PackWorld, Read, of_case
from tests.world import ACCOUNT, ROOT


@pytest.fixture
def world(tmp_path: Path) -> PackWorld:
    """A world with an auditor."""
    made = PackWorld(tmp_path / "home")
    made.audited()
    return made


def verified(pack: Read, world: PackWorld) -> int:
    """What the pack's verifier says of it to who holds the log's key, run without our code."""
    script, key = offline_script(), world.log_key.key.text
    command = [sys.executable, "-I", str(script), str(pack.path), "--vkey", key, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == json.loads(done.stdout)["exit"], done.stderr
    assert done.returncode == 0, done.stdout
    return done.returncode


def streams(pack: Read) -> set[str]:
    return {one["stream"] for one in pack.records}


def cases(pack: Read) -> set[str]:
    return {name for name in streams(pack) if name.startswith(CASE_PREFIX)}


def test_a_pack_of_a_case_holds_all_of_it_and_no_other_case(
    world: PackWorld, tmp_path: Path
) -> None:
    """Design 8: case and governance whole, nothing of anybody else's."""
    own, other = world.approved(), world.approved()
    world.done(world.submitted(own))

    pack = world.packed(tmp_path / "pack", of_case(own))

    stream = f"{CASE_PREFIX}{own}"
    assert cases(pack) == {stream}
    assert [json.dumps(one) for one in pack.records if one["stream"] == stream] == [
        json.dumps(json.loads(row.body)) for row in world.log() if row.stream == stream
    ]
    whole = b"".join(pack.content(name) for name in pack.names())
    assert own.encode() in whole
    assert other.encode() not in whole
    assert pack.claimed("case") == {stream}
    told = {one["stream"] for kind in ("stream", "absent") for one in pack.claims(kind)}
    assert told == {stream, *GOVERNANCE}
    assert verified(pack, world) == 0


def test_what_others_exported_is_withheld_and_accounted_for(
    world: PackWorld, tmp_path: Path
) -> None:
    """Pack I4: a second reader learns that there was an export, not of what."""
    own, other = world.requested(), world.requested()
    world.packed(tmp_path / "first", of_case(other))

    pack = world.packed(tmp_path / "second.zip", of_case(own))

    assert other.encode() not in b"".join(pack.content(name) for name in pack.names())
    [held] = pack.lines("data/withheld.jsonl")
    row = world.log()[held["seq"]]
    assert (row.type, held["state"], held["by"]) == ("evidence.exported", "WITHHELD", None)
    assert pack.totals.withheld == pack.description["counts"]["withheld"] == 1
    assert verified(pack, world) == 0
    everything = world.packed(tmp_path / "all", ALL)
    assert everything.content("data/withheld.jsonl") == b""


def test_linked_cases_come_along(world: PackWorld, tmp_path: Path) -> None:
    """Design 8: versions of a request, and what it answers, from whichever is asked for."""
    old = world.requested()
    new = world.done(amended(world, old, {"request_reason": "another good reason"}))
    lonely = world.requested()
    both = {f"{CASE_PREFIX}{old}", f"{CASE_PREFIX}{new}"}

    for place, request in enumerate((old, new)):
        pack = world.packed(tmp_path / f"pack-{place}", of_case(request))
        assert pack.claimed("case") == cases(pack) == both
        assert verified(pack, world) == 0
    alone = world.packed(tmp_path / "alone", of_case(lonely))
    assert cases(alone) == {f"{CASE_PREFIX}{lonely}"}


def test_answers_come_along_both_ways(world: PackWorld, tmp_path: Path) -> None:
    """Design 8: the request that was sent back, and the one that answers it."""
    asked = world.requested()
    world.done(world.reviewed(asked, "researcher", DecisionWord.NEEDS_DATA))
    payload = world.payload(world.signal()).amended(answers=asked)
    answer = world.done(
        world.desk.approvals.request(payload, world.actor("quant"), key=world.key())
    )
    both = {f"{CASE_PREFIX}{asked}", f"{CASE_PREFIX}{answer}"}

    for place, request in enumerate((asked, answer)):
        pack = world.packed(tmp_path / f"pack-{place}", of_case(request))
        assert pack.claimed("case") == both
        assert verified(pack, world) == 0


def test_a_case_that_never_was_is_proved_absent(world: PackWorld, tmp_path: Path) -> None:
    """Design 8, completeness 4: neighbours in the map, and no record of it."""
    world.requested()

    pack = world.packed(tmp_path / "pack", of_case("apr_never"))

    absent = [one["stream"] for one in pack.claims("absent")]
    assert f"{CASE_PREFIX}apr_never" in absent
    entries = {one["stream"]: one["entries"] for one in pack.lines("data/completeness.jsonl")}
    near = entries[f"{CASE_PREFIX}apr_never"]
    assert [one["index"] for one in near] == sorted(one["index"] for one in near)
    assert cases(pack) == set()
    assert verified(pack, world) == 0


def test_a_pack_of_an_account_holds_each_of_its_cases(world: PackWorld, tmp_path: Path) -> None:
    """Design 8: by what the requests name; another account has none."""
    made = {f"{CASE_PREFIX}{world.requested()}" for _ in range(3)}

    pack = world.packed(tmp_path / "own.zip", ExportScope(kind=ScopeKind.ACCOUNT, value=ACCOUNT))
    other = world.packed(
        tmp_path / "other", ExportScope(kind=ScopeKind.ACCOUNT, value="acct-other")
    )

    assert pack.claimed("case") == cases(pack) == made
    assert cases(other) == set()
    assert verified(pack, world) == verified(other, world) == 0


def test_a_period_holds_every_record_of_it_and_its_neighbours(
    world: PackWorld, tmp_path: Path
) -> None:
    """Design 8: the record before and the one behind bound the period."""
    for _ in range(4):
        world.after(3600)
        world.requested()
    since, until = world.clock.now() - timedelta(hours=2), world.clock.now()
    scope = ExportScope(kind=ScopeKind.PERIOD, since=since, until=until)

    pack = world.packed(tmp_path / "pack", scope)

    [claim] = pack.claims("range")
    rows = world.log()
    bounds = utc_text(since), utc_text(until)
    inside = [row.seq for row in rows if bounds[0] <= row.recorded_at < bounds[1]]
    assert (claim["first"], claim["last"]) == (inside[0] - 1, inside[-1] + 1)
    shown = {one["seq"] for one in pack.records}
    assert set(range(claim["first"], claim["last"] + 1)) <= shown
    beyond = [one for one in pack.records if one["seq"] > claim["last"]]
    assert {one["stream"] for one in beyond} <= set(GOVERNANCE)
    assert verified(pack, world) == 0
    open_end = scope.amended(until=until + timedelta(days=365))
    last = world.packed(tmp_path / "open", open_end)
    assert last.claims("range")[0]["last"] == last.totals.size - 1
    assert verified(last, world) == 0


def test_a_pack_goes_on_from_the_checkpoint_of_an_earlier_one(
    world: PackWorld, tmp_path: Path
) -> None:
    """Incremental packs: all behind a kept size, none before it but who governs, and the proof."""
    kept = world.notes()[-1]
    world.requested()
    scope = ExportScope(kind=ScopeKind.GROWTH, value=str(kept.size))

    pack = world.packed(tmp_path / "pack", scope, expected=kept.note)

    [claim] = pack.claims("range")
    assert (claim["first"], claim["last"]) == (kept.size, pack.totals.size - 1)
    shown = {one["seq"] for one in pack.records}
    assert set(range(kept.size, pack.totals.size)) <= shown
    before = [one for one in pack.records if one["seq"] < kept.size]
    assert {one["stream"] for one in before} <= set(GOVERNANCE)
    assert verified(pack, world) == 0


@pytest.mark.parametrize("value", ["", "0", "01", "many", "-1"])
def test_a_growth_begins_behind_a_size(value: str) -> None:
    with pytest.raises(ValidationError):
        ExportScope(kind=ScopeKind.GROWTH, value=value)


def test_a_pack_of_a_control_claims_its_records_and_nothing_else(
    world: PackWorld, tmp_path: Path
) -> None:
    """Design 8: chosen records, with all that they are judged by."""
    world.requested()
    chosen = tuple(r.seq for r in world.log() if r.type == "approval.requested")
    scope = ExportScope(kind=ScopeKind.CONTROL, value="SD-01")

    pack = world.packed(tmp_path / "pack", scope, chosen=chosen)

    assert pack.claims("records") == [{"kind": "records", "seqs": list(chosen)}]
    shown = {one["seq"] for one in pack.records if one["stream"] not in GOVERNANCE}
    assert shown == set(chosen)
    assert verified(pack, world) == 0


def test_a_pack_of_all_is_the_log_with_the_export_itself(world: PackWorld, tmp_path: Path) -> None:
    """Exports: who exported what is in the pack, as the last record."""
    world.requested()

    pack = world.packed(tmp_path / "pack", ALL)

    bodies = pack.content("data/records.jsonl").splitlines()
    assert bodies == [row.body for row in world.log()]
    assert pack.claims("range") == [{"first": 0, "kind": "range", "last": len(bodies) - 1}]
    assert pack.records[-1]["event_id"] == pack.description["export"]
    assert pack.records[-2]["event_id"] == pack.description["snapshot"]
    assert pack.totals.export_seq == len(bodies) - 1
    assert verified(pack, world) == 0


def test_records_lead_to_the_signed_root_and_heads_have_receipts(
    world: PackWorld, tmp_path: Path
) -> None:
    """Pack I2: checked with our own code."""
    own = world.approved()

    pack = world.packed(tmp_path / "pack", of_case(own))

    signed = read_checkpoint(pack.content("data/checkpoint"))
    size, hashes = read_proof(pack.content("data/proof").splitlines(keepends=True))
    bodies = pack.content("data/records.jsonl").splitlines()
    leaves = [(json.loads(body)["seq"], leaf_hash(body)) for body in bodies]
    assert check_multiproof(size, leaves, hashes, signed.root)
    by_seq = {json.loads(body)["seq"]: body for body in bodies}
    receipts = [name for name in pack.names() if name.startswith("data/proofs/")]
    for name in receipts:
        receipt = parse_receipt(pack.content(name).decode())
        check_receipt(receipt, by_seq[receipt.index], world.log_key.key)
    last = max(seq for seq, body in by_seq.items() if own.encode() in body and b'"case:' in body)
    assert f"data/proofs/{last}.tlog-proof" in receipts
    assert f"data/proofs/{pack.totals.export_seq}.tlog-proof" in receipts


def test_purged_records_are_told_with_the_purge_that_let_them_go(
    world: PackWorld, tmp_path: Path
) -> None:
    """Design 7: PURGED by #seq, of the case and in a pack of all."""
    own = world.approved()
    world.done(world.submitted(own))
    world.after(6.1 * YEAR)
    world.purged()
    gone = [row.seq for row in world.log() if not row.body]
    [by] = [row.seq for row in world.log() if row.type == "retention.purged"]

    for scope in (of_case(own), ALL):
        pack = world.packed(tmp_path / scope.kind.value, scope)
        held = pack.lines("data/withheld.jsonl")
        assert [one["seq"] for one in held] == gone
        assert {(one["state"], one["by"]) for one in held} == {("PURGED", by)}
        assert by in {one["seq"] for one in pack.records}
        assert pack.totals.purged == len(gone)
        assert verified(pack, world) == 0


def test_bytes_that_are_gone_without_a_purge_make_no_pack(world: PackWorld, tmp_path: Path) -> None:
    """Pack I2, invariant 4 of the log: every absence is accounted for."""
    world.requested()
    last = world.log()[-1].seq
    world.forge("UPDATE audit_records SET body = x'' WHERE seq = ?", last)
    with pytest.raises(IntegrityError) as refused:
        world.packed(tmp_path / "pack", ALL)
    assert refused.value.code == "PURGE_UNACCOUNTED"
    assert not (tmp_path / "pack").exists()


def test_an_edited_record_makes_no_pack(world: PackWorld, tmp_path: Path) -> None:
    """Pack I2: what is stored has to lead to the signed root."""
    world.requested()
    row = world.log()[-1]
    edited = row.body.replace(b"sharp", b"blunt")
    assert edited != row.body
    world.forge("UPDATE audit_records SET body = ? WHERE seq = ?", edited, row.seq)
    with pytest.raises(IntegrityError) as refused:
        world.packed(tmp_path / "pack", ALL)
    assert refused.value.code == "TILE_DIFFERS"
    assert list(tmp_path.glob("*pack*")) == []


def test_openings_go_to_who_was_granted_them_only(world: PackWorld, tmp_path: Path) -> None:
    """Design 7: openings of what is shown, none of an erased person, on record."""
    world.done(world.named("ann", "Ann-Example"))
    world.done(world.named("bob", "Bob-Example"))
    world.done(world.erase("ann"))

    closed = world.packed(tmp_path / "closed", ALL)
    opened = world.packed(tmp_path / "opened", ALL, openings=True)

    assert "data/pii/openings.jsonl" not in closed.names()
    told = opened.lines("data/pii/openings.jsonl")
    assert "bob" in {one["person_id"] for one in told}
    assert "ann" not in {one["person_id"] for one in told}
    assert b"Bob-Example" not in closed.content("data/records.jsonl")
    facts = [pack.records[-1]["after"]["facts"]["openings"] for pack in (closed, opened)]
    assert facts == ["none", "granted"]
    assert verified(closed, world) == verified(opened, world) == 0


def test_the_pack_grows_from_the_checkpoint_that_the_auditor_kept(
    world: PackWorld, tmp_path: Path
) -> None:
    """Design 8: `--expect`."""
    kept = world.notes()[-1].note
    world.requested()

    pack = world.packed(tmp_path / "pack", ALL, expected=kept)

    assert pack.content("data/expected").decode() == kept
    assert pack.content("data/consistency").startswith(b"old %d\n" % read_checkpoint(kept).size)
    assert pack.content("data/consistency").endswith(pack.content("data/checkpoint"))
    assert verified(pack, world) == 0


def test_a_checkpoint_of_another_log_or_fork_makes_no_pack(
    world: PackWorld, tmp_path: Path
) -> None:
    """Pack I2: a contradiction is told, not packed."""
    kept = world.notes()[-1].note
    other = kept.replace("counterseal.example/test", "counterseal.example/other")
    root = kept.splitlines()[2]
    forked = kept.replace(root, "A" * 43 + "=")
    with pytest.raises(InputError) as strange:
        world.packed(tmp_path / "pack", ALL, expected=other)
    with pytest.raises(IntegrityError) as fork:
        world.packed(tmp_path / "pack", ALL, expected=forked)
    assert (strange.value.code, fork.value.code) == ("ORIGINS_DIFFER", "FORK_AT_SIZE")
    assert not (tmp_path / "pack").exists()


def test_policy_texts_are_those_of_the_activations(world: PackWorld, tmp_path: Path) -> None:
    """Design 8: what was in force, beside the records that say so."""
    pack = world.packed(tmp_path / "pack", ALL)
    name = "data/policies/2026.11.1/approval/2026.11.1/approval.cedar"
    assert pack.content(name) == (ROOT / "policies/approval/2026.11.1/approval.cedar").read_bytes()
