"""Holds, erasures and purges at the command line."""

from collections.abc import Iterator

import pytest

from counterseal.audit.retention import CASE_PREFIX, Purge
from counterseal.kernel.errors import AdapterError
from storage.archive import SqlArchive
from tests.desk.keeping import YEAR
from tests.ui.kept_house import KeptHouse, kept

__all__ = ["kept"]


@pytest.fixture
def house(kept: KeptHouse) -> Iterator[KeptHouse]:
    """A home with a name, and a filled order of six years ago."""
    world = kept.world
    world.done(world.named("ann", "Ann-Example"))
    world.done(world.submitted(world.approved()))
    world.after(6.1 * YEAR)
    yield kept
    assert world.verdict().outcome == "ok"
    assert world.report().irregularities == ()
    assert world.differences == ()


def _rows(value: dict[str, object], name: str) -> list[dict[str, object]]:
    found = value[name]
    assert isinstance(found, list)
    return found


def _case(house: KeptHouse) -> str:
    return next(row.stream for row in house.world.log() if row.stream.startswith(CASE_PREFIX))


def _gone(house: KeptHouse) -> list[int]:
    return [row.seq for row in house.world.log() if not row.body]


def _held(house: KeptHouse, *streams: str) -> str:
    words = ("--reason", "a case in court", *house.proof("compliance"))
    return str(house.done("records", "hold", *streams, *words)["subject_id"])


def _planned(house: KeptHouse) -> str:
    return str(house.done("records", "plan", *house.proof("compliance"))["subject_id"])


def test_a_hold_is_placed_shown_and_released(house: KeptHouse) -> None:
    """Design 7: hold.placed, hold.released; who, scope and reason are shown."""
    hold = _held(house, "people", _case(house))
    (shown,) = _rows(house.done("records", "holds"), "holds")
    assert (shown["hold_id"], shown["placed_by"], shown["matter"]) == (
        *(hold, "compliance", "a case in court"),
    )
    assert shown["streams"] == sorted(["people", _case(house)])
    release = ("records", "release", hold, *house.proof("compliance"))
    house.done(*release)
    assert house.done("records", "holds")["holds"] == []
    (ended,) = _rows(house.done("records", "holds", "--all"), "holds")
    assert ended["released_by"] == "compliance"
    assert house.code(*release) == (1, "HOLD_RELEASED")
    assert hold in house.text("records", "holds", "--all")[1]
    kinds = [row.type for row in house.world.log() if row.stream == "retention"]
    assert kinds == ["hold.placed", "hold.released", "command.refused"]


def test_the_same_key_places_one_hold(house: KeptHouse) -> None:
    """TX-G9: idempotent by key."""
    words = ("records", "hold", "people", "--reason", "x", *house.proof("compliance"))
    first = house.done(*words, "--key", "one")
    again = house.done(*words, "--key", "one")
    assert (again["subject_id"], again["replayed"]) == (first["subject_id"], True)


def test_a_stream_without_records_is_told(house: KeptHouse) -> None:
    """Design 7: a mistyped case must not look held; one to come may be held."""
    words = ("records", "hold", "case:tpyo", "--reason", "x", *house.proof("compliance"))
    status, _, told = house.text(*words)
    assert status == 0
    assert "nothing is recorded under case:tpyo yet" in told


@pytest.mark.parametrize(
    "words",
    [
        ("hold", "people", "--reason", "x"),
        ("release", "hld_1"),
        ("erase", "ann", "--basis", "x"),
        ("plan",),
    ],
)
def test_other_roles_are_refused(house: KeptHouse, words: tuple[str, ...]) -> None:
    """Governance 5: compliance keeps records; a refusal is exit status 1 and is recorded."""
    assert house.code("records", *words, *house.proof("operator")) == (1, "ROLE")
    assert house.world.log()[-1].type == "command.refused"


def test_a_person_is_erased_with_basis_and_approver(house: KeptHouse) -> None:
    """Design 7: pii.erased; a hold blocks; again nothing is left."""
    words = ("records", "erase", "ann", "--basis", "Art. 17", *house.proof("compliance"))
    hold = _held(house, "people")
    assert house.code(*words) == (1, "HELD")
    house.done("records", "release", hold, *house.proof("compliance"))
    house.done(*words)
    assert house.code(*words) == (1, "NOTHING_TO_ERASE")
    assert house.world.archive.openings("ann") == ()
    report = house.world.report().pii
    assert report is not None
    assert (report.erased, report.missing) == (1, 0)


def test_the_outlook_tells_rule_date_and_hold_of_every_case(house: KeptHouse) -> None:
    """BK-05: what would go, what is held, and what has to stay until when; nothing is written."""
    world = house.world
    world.quote()
    world.requested()
    size = len(world.log())
    old, young = _rows(house.done("records", "outlook"), "cases")
    assert (old["stream"], old["state"], old["years"]) == (_case(house), "due", 6)
    assert (young["state"], young["holds"]) == ("not_yet", [])
    assert str(young["until"]) > world.clock.now().isoformat()
    hold = _held(house, _case(house))
    value = house.done("records", "outlook")
    held, _ = _rows(value, "cases")
    assert (held["state"], held["holds"]) == ("held", [hold])
    assert value["counts"] == {"due": 0, "held": 1, "needed": 0, "not_yet": 1, "without_end": 0}
    shown = house.text("records", "outlook")[1]
    assert f"{hold}" in shown
    assert "0 due, 1 held, 0 needed, 1 not_yet, 0 without_end" in shown
    assert len(world.log()) == size + 1


def test_two_people_at_one_terminal_let_a_plan_go(house: KeptHouse) -> None:
    """Design 7: dual control; leaf hashes stay, receipts and roots recompute."""
    before = house.world.log()
    purge = _planned(house)
    assert house.text("records", "purges")[1].count(purge) == 1
    assert _gone(house) == []
    words = ("records", "purge", purge, *house.approvers("compliance", "officer-1"))
    value = house.done(*words)
    assert value["purged"] is True
    case = [row.seq for row in before if row.stream == _case(house)]
    assert _gone(house) == case
    assert [row.leaf_hash for row in house.world.log()[: len(before)]] == [
        row.leaf_hash for row in before
    ]
    (told,) = _rows(house.done("records", "purges"), "purges")
    assert told["status"] == "purged"
    assert house.code("records", "plan", *house.proof("compliance")) == (1, "NOT_DUE")
    assert house.done(*words)["purged"] is True
    assert _rows(house.done("records", "outlook"), "cases") == []


def test_what_was_decided_in_a_purged_case_is_not_replayable(house: KeptHouse) -> None:
    """Governance part 1, row "frozen payload"; N3: the replay counts what nobody can judge again,
    and judges the rest.
    """
    whole = house.done("policies", "replay", "--all")
    assert (whole["replayable"], whole["records_gone"]) == (True, 0)
    purge = _planned(house)
    house.done("records", "purge", purge, *house.approvers("compliance", "officer-1"))
    told = house.done("policies", "replay", "--all")
    assert (told["replayable"], told["records_gone"]) == (False, len(_gone(house)))
    assert int(str(told["replayed"])) < int(str(whole["replayed"]))
    gone = f"not replayable: {len(_gone(house))} records of cases"
    assert gone in house.text("policies", "replay")[1]


def test_two_people_one_after_the_other(house: KeptHouse) -> None:
    """Design 7: the first consent lets nothing go; the same person twice is not two."""
    purge = _planned(house)
    value = house.done("records", "purge", purge, *house.approvers("compliance"))
    assert (value["purged"], _gone(house)) == (False, [])
    again = ("records", "purge", purge, *house.approvers("compliance"))
    assert house.code(*again) == (1, "TWO_PEOPLE_NEEDED")
    assert house.done("records", "purge", purge, *house.approvers("officer-2"))["purged"] is True
    assert _gone(house) != []


def test_bad_usage_of_a_purge_is_told_before_anything_is_recorded(house: KeptHouse) -> None:
    """Architecture 7: exit status 2."""
    purge, size = _planned(house), len(house.world.log())
    twice = house.approvers("compliance", "compliance")
    assert house.code("records", "purge", purge) == (2, "TWO_PEOPLE_NEEDED")
    assert house.code("records", "purge", purge, *twice) == (2, "TWO_PEOPLE_NEEDED")
    three = house.approvers("compliance", "officer-1", "officer-2")
    assert house.code("records", "purge", purge, *three) == (2, "TWO_PEOPLE_NEEDED")
    files = (*house.approvers("compliance"), "--approver", "officer-1")
    assert house.code("records", "purge", purge, *files) == (2, "PASSPHRASE_FILES_DIFFER")
    assert house.code("records", "purge", "prg_x", *three[:4]) == (2, "NOT_FOUND")
    stranger = house.approvers("compliance", "quant")
    assert house.code("records", "purge", purge, *stranger) == (2, "KEY_FILE_MISSING")
    assert len(house.world.log()) == size


def test_a_hold_between_plan_and_purge_wins(house: KeptHouse) -> None:
    """Flag legal_hold_enabled: NOT_DUE, and nothing goes."""
    purge = _planned(house)
    _held(house, "*")
    words = ("records", "purge", purge, *house.approvers("compliance", "officer-1"))
    assert house.code(*words) == (1, "NOT_DUE")
    assert _gone(house) == []


@pytest.mark.parametrize("method", ["carry_out", "scrub"])
def test_a_purge_that_a_crash_cut_short_is_completed_by_the_same_command(
    house: KeptHouse, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Design 7: recorded first, then carried out; in between everything is accounted for."""
    purge = _planned(house)
    words = ("records", "purge", purge, *house.approvers("compliance", "officer-1"))
    with monkeypatch.context() as patch:
        patch.setattr(SqlArchive, method, _busy)
        assert house.code(*words) == (4, "DATABASE_BUSY")
    assert house.world.log()[-1].type == "retention.purged"
    assert house.world.report().irregularities == ()
    assert house.done("records", "purge", purge)["purged"] is True
    assert _gone(house) != []


def test_a_crash_before_the_second_consent_leaves_a_plan(
    house: KeptHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design 7: nothing half done; the second person goes on."""
    purge = _planned(house)
    house.done("records", "purge", purge, *house.approvers("compliance"))
    with monkeypatch.context() as patch:
        patch.setattr("counterseal.desk.purging.leftovers", _busy)
        words = ("records", "purge", purge, *house.approvers("officer-1"))
        assert house.code(*words) == (4, "DATABASE_BUSY")
    assert _gone(house) == []
    with house.world.store.reader() as reader:
        found = reader.get(Purge, purge)
    assert found is not None
    assert [given.person_id for given in found.approvals] == ["compliance"]
    house.done("records", "purge", purge, *house.approvers("officer-1"))
    assert _gone(house) != []


def test_reconcile_finds_personal_data_that_nothing_opens_any_more(kept: KeptHouse) -> None:
    """Design 7: a key that is lost is MISSING, also where tables are compared with the log."""
    world = kept.world
    world.done(world.named("ann", "Ann-Example"))
    assert kept.done("audit", "reconcile")["clean"] is True
    (opening,) = world.archive.openings()
    world.data_keys.let_go([opening.commitment])
    world.data_keys.destroy([opening.commitment])
    status, value = kept("audit", "reconcile")
    assert (status, value["clean"]) == (1, False)


def test_show_says_of_each_record_what_is_left(house: KeptHouse) -> None:
    """Design 7: PURGED and ERASED by #seq, in words and for scripts; place and leaf hash stay."""
    case = [row.seq for row in house.world.log() if row.stream == _case(house)]
    house.done("records", "erase", "ann", "--basis", "Art. 17", *house.proof("compliance"))
    purge = _planned(house)
    house.done("records", "purge", purge, *house.approvers("compliance", "officer-1"))
    log = house.world.log()
    erased = next(row.seq for row in log if row.type == "pii.erased")
    purged = next(row.seq for row in log if row.type == "retention.purged")
    value = house.done("audit", "show", "--seq", str(case[0]))
    (record,) = _rows(value, "records")
    assert (record["seq"], record["leaf_hash"], record["body"]) == (
        *(case[0], log[case[0]].leaf_hash, None),
    )
    assert value["states"] == {str(case[0]): f"PURGED by #{purged}"}
    text = house.text("audit", "show")[1]
    assert text.count(f"PURGED by #{purged}") == len(case)
    assert text.count(f"ERASED by #{erased}") == 1
    assert house.done("audit", "show", "--seq", "0")["states"] == {}


def _busy(*_: object) -> None:
    raise AdapterError("DATABASE_BUSY", "cut off", retriable=True)
