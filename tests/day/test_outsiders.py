"""What outsiders hold of a replayed day, and what it excludes."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.outside import OutsideView, view_outside
from counterseal.audit.receipt import check_receipt, parse_receipt
from counterseal.audit.record import StoredRow
from counterseal.audit.trust_policy import parse_policy
from counterseal.kernel.clock import parse_utc, utc_text
from counterseal.kernel.errors import CountersealError
from flows.day import outsiders
from flows.day.home import DemoHome, demo_settings, open_demo, origin_of, outside_of
from flows.day.keepsakes import AUTHORITY, stamp_once, unstamped
from flows.day.outsiders import Outsiders, looking, looks, prepare
from flows.day.plans import demo_market, demo_plan
from flows.day.results import DaySummary
from storage.home_keys import open_log_key
from storage.homes import read_home
from storage.outside_files import OutsideFiles, load_outside
from storage.outside_folder import OutsideFolder
from storage.policy_files import read_policy_files
from storage.sealed_log import SealedLog
from storage.settings import POLICY_VERSION, Settings
from tests.day.conftest import SEED

Day = tuple[Path, DaySummary]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def key_of(folder: OutsideFolder) -> VerifierKey:
    return parse_vkey(folder.log_key.read_text("utf-8").strip())


def view_of(folder: OutsideFolder) -> OutsideView:
    files = OutsideFiles(
        policy=folder.policy,
        cosigned=folder.cosigned,
        latest=tuple(folder.latest.iterdir()),
        anchors=tuple(folder.anchors.iterdir()),
        stamps=folder.stamps,
        roots=folder.roots,
    )
    evidence, policy = load_outside(files)
    return view_outside(evidence, [key_of(folder)], policy)


def rows_of(day: Day, settings: Settings) -> list[StoredRow]:
    with read_home(demo_settings(day[0], settings)) as reader:
        return list(reader.records())


def failing(call: Callable[[], object]) -> str:
    with pytest.raises(CountersealError) as failed:
        call()
    return failed.value.code


def test_witness_anchor_and_stamp_hold_the_whole_log(finished_day: Day) -> None:
    """A3b, A4 to A6: the day's last checkpoint is witnessed, fetched, anchored and stamped."""
    folder, summary = outside_of(finished_day[0]), finished_day[1]
    view = view_of(folder)
    assert view.findings == ()
    assert view.witnessed == view.latest
    assert view.latest is not None
    assert (view.latest.size, view.latest.at) == (summary.log_size, summary.ended_at)
    assert {head.source for head in view.heads} == {"witness", "anchor", "stamp"}
    assert {head.root.hex() for head in view.heads} == {summary.log_root}
    assert key_of(folder).text == summary.log_vkey


def test_the_witness_looks_every_ten_simulated_minutes(finished_day: Day) -> None:
    """A7: no record may be dated wrong by more than that, a lag and the stated errors."""
    windows = view_of(outside_of(finished_day[0])).windows
    market = demo_market()
    times = list(looks(market))
    assert times[0] == market.starts_at
    assert {after - before for before, after in pairwise(times)} == {timedelta(minutes=10)}
    assert windows.seen_to == finished_day[1].log_size
    within = [w for w in windows.windows if w.earliest is not None and w.latest is not None]
    assert len(within) > 20
    assert max(w.latest - w.earliest for w in within if w.latest and w.earliest) < timedelta(
        minutes=21
    )


def test_every_record_lies_in_its_window_and_a_dated_back_one_does_not(
    finished_day: Day, settings: Settings
) -> None:
    """A7: an event of the afternoon told as one of the morning, and the other way round."""
    windows = view_of(outside_of(finished_day[0])).windows
    rows = rows_of(finished_day, settings)
    errors = [json.loads(row.body)["clock"]["max_error_us"] for row in rows]
    told = zip(rows, errors, strict=True)
    assert not [row.seq for row, error in told if windows.outside(row.seq, row.recorded_at, error)]
    late, early = rows[-1], rows[60]
    for row, by in ((late, -timedelta(minutes=30)), (early, timedelta(minutes=30))):
        moved = utc_text(parse_utc(row.recorded_at) + by)
        assert windows.outside(row.seq, moved, 0)


def test_each_fill_and_the_newest_record_have_a_receipt(
    finished_day: Day, settings: Settings
) -> None:
    """A3a: a receipt verifies against the record's bytes under the log's and the witness's key."""
    folder, rows = outside_of(finished_day[0]), rows_of(finished_day, settings)
    witnesses = parse_policy(folder.policy.read_bytes()).witness_keys
    receipts = [
        parse_receipt(path.read_text("utf-8")) for path in sorted(folder.receipts.iterdir())
    ]
    assert len(receipts) == finished_day[1].fills + 1
    for receipt in receipts:
        opened = check_receipt(receipt, rows[receipt.index].body, key_of(folder), witnesses)
        assert len(opened.lines) == 2
    assert receipts[-1].index == len(rows) - 1
    changed = rows[receipts[0].index].body.replace(b"1", b"2", 1)
    assert failing(lambda: check_receipt(receipts[0], changed, key_of(folder))) == "PROOF_INVALID"


def test_everything_says_that_it_is_unsafe(finished_day: Day) -> None:
    """A witness that you run yourself proves nothing to others, and the files say so."""
    folder = outside_of(finished_day[0])
    for path in (folder.path / outsiders.MARK, folder.policy):
        assert outsiders.UNSAFE in path.read_text("utf-8")
    assert b"unsafe-demo-witness" in folder.policy.read_bytes()
    assert view_of(folder).heads[-1].source == "stamp"
    assert (folder.path / AUTHORITY).is_dir()


def a_copy(day: Day, place: Path) -> Path:
    """A copy of a finished day with all that lies beside it."""
    out = place / "demo"
    shutil.copytree(day[0], out)
    for suffix in ("signer", "outside"):
        shutil.copytree(day[0].with_name(f"demo.{suffix}"), place / f"demo.{suffix}")
    return out


def reopened(out: Path, settings: Settings, call: Callable[[DemoHome, Outsiders], None]) -> None:
    plan, market, told = demo_plan(SEED), demo_market(), demo_settings(out, settings)
    origin = origin_of(plan, market, read_policy_files(told.counterseal_policies, POLICY_VERSION))
    with open_demo(told, plan, market, origin) as home, looking(home, outside_of(out)) as seen:
        call(home, seen)


def test_what_was_seen_at_an_instant_is_not_seen_again(
    finished_day: Day, settings: Settings, tmp_path: Path
) -> None:
    """I2: a resumed day starts its clock again; a note that a kill left out is kept after all."""
    out = a_copy(finished_day, tmp_path)
    cosigned = sorted(outside_of(out).cosigned.glob("*.note"))
    before = [path.read_bytes() for path in cosigned]

    def look_twice(home: DemoHome, seen: Outsiders) -> None:
        seen.look()
        home.clock.move_to(demo_market().ends_at)
        cosigned[-1].unlink()
        seen.look()

    reopened(out, settings, look_twice)
    assert [path.read_bytes() for path in cosigned] == before


def test_the_witness_cosigns_no_other_history(
    finished_day: Day, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A6: a larger tree with another past, signed by the log's own key."""
    out = a_copy(finished_day, tmp_path)
    told = demo_settings(out, settings)
    forged = Checkpoint(finished_day[1].origin, finished_day[1].log_size + 1, bytes(32))
    note = sign_checkpoint(forged, open_log_key(told))
    monkeypatch.setattr(SealedLog, "newest", lambda _: note)
    monkeypatch.setattr(SealedLog, "growth", lambda *_: (bytes(32),))

    def look_late(home: DemoHome, seen: Outsiders) -> None:
        home.clock.move_to(demo_market().ends_at + timedelta(minutes=1))
        seen.look()

    assert failing(lambda: reopened(out, settings, look_late)) == "WITNESS_CONTRADICTS"
    assert sorted(path.name for path in outside_of(out).cosigned.glob("*.note")) == sorted(
        path.name for path in outside_of(finished_day[0]).cosigned.glob("*.note")
    )


def test_a_witness_that_lost_its_memory_is_not_begun_anew(
    finished_day: Day, settings: Settings, tmp_path: Path
) -> None:
    """A3b: what it held cannot be made up."""
    out = a_copy(finished_day, tmp_path)
    shutil.rmtree(outside_of(out).path / outsiders.MEMORY)
    code = failing(lambda: reopened(out, settings, lambda _, seen: seen.look()))
    assert code == "WITNESS_MEMORY_MISSING"


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Home rules: nothing of anybody is removed; what a gone demo left is."""
    folder = OutsideFolder(tmp_path / "demo.outside")
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("mine", "utf-8")
    assert failing(lambda: prepare(folder, fresh=True)) == "NOT_A_DEMO_HOME"
    assert [path.name for path in folder.path.iterdir()] == ["thesis.txt"]
    (folder.path / "thesis.txt").unlink()
    prepare(folder, fresh=True)
    (folder.path / "leftover").touch()
    prepare(folder, fresh=False)
    assert (folder.path / "leftover").exists()
    prepare(folder, fresh=True)
    assert {path.name for path in folder.path.iterdir()} == {outsiders.MARK, outsiders.MEMORY}


@pytest.mark.parametrize(
    ("path", "ended_at", "words"),
    [
        ("/nowhere", LONG_AGO, "is openssl installed? (STAMP_FAILED)"),
        (None, datetime(9000, 1, 1, tzinfo=UTC), "before the replayed day"),
    ],
)
def test_a_day_without_a_time_stamp_says_why(
    finished_day: Day,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str | None,
    ended_at: datetime,
    words: str,
) -> None:
    """I2, I3 of keepsakes: no openssl, or a clock that would contradict the records."""
    note = next(outside_of(finished_day[0]).latest.iterdir()).read_text("utf-8")
    folder = OutsideFolder(tmp_path)
    with monkeypatch.context() as patch:
        if path is not None:
            patch.setenv("PATH", path)
        stamp_once(folder, note, ended_at)
    assert words in (unstamped(folder) or "")
    assert [path.name for path in tmp_path.iterdir()] == ["NO-TIME-STAMP.txt"]
    stamp_once(folder, note, LONG_AGO)
    assert unstamped(folder) is None
    [token] = folder.stamps.glob("*.tsr")
    stamp_once(folder, note, LONG_AGO)
    assert [*folder.stamps.glob("*.tsr")] == [token]


def test_an_anchor_that_was_shortened_is_not_written_on(
    finished_day: Day, settings: Settings, tmp_path: Path
) -> None:
    """A3b: the file is compared with what the signer's side remembers of it."""
    out = a_copy(finished_day, tmp_path)
    [anchor] = outside_of(out).anchors.iterdir()
    anchor.write_bytes(b"")
    code = failing(lambda: reopened(out, settings, lambda _, seen: seen.finish(LONG_AGO)))
    assert code == "ANCHOR_SHORTER"
