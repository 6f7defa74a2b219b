"""What people are shown of records whose bytes or words are gone."""

from pathlib import Path

import pytest

from counterseal.audit.accounts import RecordStanding, standings
from counterseal.audit.retention import CASE_PREFIX
from counterseal.audit.verify import Evidence
from counterseal.desk.views.integrity import IntegrityState, IntegrityView, integrity
from storage.home_reader import read_home
from tests.desk.keeping import YEAR, KeptWorld
from ui.cli.absence import left_of, record_states, words_of


@pytest.fixture
def world(tmp_path: Path) -> KeptWorld:
    """A world with one filled order, six years ago."""
    made = KeptWorld(tmp_path / "home")
    made.done(made.named("ann", "Ann-Example"))
    made.done(made.submitted(made.approved()))
    made.after(6.1 * YEAR)
    return made


def shown(world: KeptWorld) -> dict[int, RecordStanding]:
    with read_home(world.settings) as reader:
        return record_states(reader, reader.records())


def words(world: KeptWorld) -> set[str]:
    return {words_of(told) for told in shown(world).values()}


def seen(world: KeptWorld) -> IntegrityView:
    evidence = Evidence(log_key=world.log_key.key, heads=(world.remembered(),))
    return integrity(world.log(), world.notes(), evidence)


def number(world: KeptWorld, kind: str) -> int:
    return next(row.seq for row in world.log() if row.type == kind)


def test_a_whole_log_needs_no_words(world: KeptWorld) -> None:
    """Design 7: PRESENT and OPENED are the rule."""
    assert words(world) == {""}


def test_what_is_erased_says_by_which_record(world: KeptWorld) -> None:
    """Design 7: ERASED by #seq."""
    world.done(world.erase("ann"))
    assert words(world) == {"", f"ERASED by #{number(world, 'pii.erased')}"}


def test_what_is_purged_says_by_which_record(world: KeptWorld) -> None:
    """Design 7: PURGED by #seq; number, stream, type and leaf hash are left."""
    case = [row.seq for row in world.log() if row.stream.startswith(CASE_PREFIX)]
    hashes = [world.log()[seq].leaf_hash for seq in case]
    world.purged()
    by = number(world, "retention.purged")
    assert words(world) == {"", f"PURGED by #{by}"}
    assert [seq for seq, told in shown(world).items() if told.purged_by == by] == case
    left = [left_of(world.log()[seq]) for seq in case]
    assert [(one["seq"], one["leaf_hash"]) for one in left if isinstance(one, dict)] == list(
        zip(case, hashes, strict=True)
    )


def test_what_is_held_withheld_or_missing_says_so(world: KeptWorld) -> None:
    """Design 7: HELD; a reader without keys sees WITHHELD; a body that just went is MISSING."""
    stream = next(row.stream for row in world.log() if row.stream.startswith(CASE_PREFIX))
    world.hold(stream)
    assert words(world) == {"", "HELD"}
    told = {words_of(one) for one in standings(world.log())}
    assert told == {"", "HELD", "HELD, WITHHELD", "WITHHELD"}
    seq = next(row.seq for row in world.log() if row.stream == stream)
    world.forge("UPDATE audit_records SET body = x'' WHERE seq = ?", seq)
    assert words_of(shown(world)[seq]) == "MISSING"
    world.forge("DELETE FROM audit_openings")
    assert "HELD, MISSING" in words(world)


def test_a_purge_leaves_the_panel_verified(world: KeptWorld) -> None:
    """TX-K4: purged records stand in the chain by their kept hashes, and are counted."""
    world.purged()
    view = seen(world)
    gone = sum(not row.body for row in world.log())
    assert (view.state, view.broken_chain_count, view.first_bad) == (
        IntegrityState.VERIFIED,
        0,
        None,
    )
    assert view.purged_count == sum(event.purged for event in view.events) == gone > 0
    assert all(event.verified for event in view.events)


def test_a_body_that_no_purge_names_breaks_the_panel(world: KeptWorld) -> None:
    """TX-K4: an empty body is a purge only where the log says so."""
    seq = world.log()[-1].seq
    world.forge("UPDATE audit_records SET body = x'' WHERE seq = ?", seq)
    view = seen(world)
    assert (view.state, view.first_bad) == (IntegrityState.BROKEN, seq)
    assert view.purged_count == 0


@pytest.mark.parametrize("column", ["leaf_hash", "prev", "stream_prev"])
def test_a_changed_hash_of_a_purged_record_breaks_the_panel(world: KeptWorld, column: str) -> None:
    """TX-K4: what is left of a purged record is still compared."""
    case = [row.seq for row in world.log() if row.stream.startswith(CASE_PREFIX)]
    world.purged()
    world.forge(f"UPDATE audit_records SET {column} = ? WHERE seq = ?", "1" * 64, case[1])
    view = seen(world)
    assert view.state is IntegrityState.BROKEN
    assert view.broken_chain_count > 0
