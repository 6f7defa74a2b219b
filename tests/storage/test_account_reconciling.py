"""Gateway, orders, books and log side by side, on the real store."""

from pathlib import Path

import pytest

from counterseal.audit.verdict import Outcome as Verdict
from counterseal.desk.commands import Outcome
from counterseal.desk.comparing import LogDifference
from counterseal.desk.discrepancies import (
    KIND,
    AccountLock,
    DifferenceKind,
    ReconciliationRun,
    ResolutionTerms,
    Severity,
    resolution_statement,
)
from counterseal.identity.people import Role
from counterseal.kernel.model import Actor, Refusal
from storage.reconcile import reconcile
from tests.core.audit.log_builder import edited
from tests.desk.test_signed_log import found
from tests.storage.forger import documents_of
from tests.storage.paper_room import PaperRoom
from tests.world import ACCOUNT

K = DifferenceKind


@pytest.fixture
def room(tmp_path: Path) -> PaperRoom:
    made = PaperRoom(tmp_path / "home")
    made.queued()
    made.delivered()
    made.polled()
    return made


def compared(room: PaperRoom, *log: LogDifference, actor: Actor | None = None) -> ReconciliationRun:
    world = room.world
    by = actor or world.service()
    done = world.desk.account_reconciling.compare(room.gateway, log, by, key=world.key())
    with world.store.reader() as reader:
        found = reader.get(ReconciliationRun, world.done(done))
    assert found is not None
    return found


def kinds(run: ReconciliationRun) -> list[DifferenceKind]:
    return [one.kind for one in run.differences]


def lock(room: PaperRoom) -> AccountLock | None:
    with room.world.store.reader() as reader:
        return reader.get(AccountLock, ACCOUNT)


def terms(room: PaperRoom, name: str = "risk") -> ResolutionTerms:
    books, actor = room.world.desk.account_reconciling, room.world.actor(name)
    found = books.terms(ACCOUNT, actor, reason="compared with the venue's own list")
    assert isinstance(found, ResolutionTerms)
    return found


def resolved(
    room: PaperRoom,
    name: str = "risk",
    *,
    told: ResolutionTerms | None = None,
    by: str | None = None,
    key: str | None = None,
) -> Outcome:
    """A decision over what is open, or over these terms, signed by its person or by another."""
    world, what = room.world, told or terms(room, name)
    [signature] = world.signed_by(KIND, resolution_statement(what), by or name)
    return world.desk.account_reconciling.resolve(
        what, signature, world.actor(name), key=key or world.key()
    )


def submitted(room: PaperRoom) -> str:
    world = room.world
    world.quote()
    outcome = world.desk.orders.enqueue(room.asked(1), world.actor("operator"), key=world.key())
    return "" if outcome.refusal is None else outcome.refusal.code


def code_of(outcome: Outcome) -> str:
    return "" if outcome.refusal is None else outcome.refusal.code


def test_records_that_agree_differ_in_nothing(room: PaperRoom) -> None:
    """TX-I11: four records, no difference, no lock; again the same findings."""
    first, again = compared(room), compared(room, actor=room.world.actor("operator"))

    assert (kinds(first), first.critical, first.warnings) == ([], 0, 0)
    assert (first.orders, first.reports, first.fills, first.accounts) == (1, 2, 1, 1)
    assert first.findings == again.findings
    assert lock(room) is None
    assert submitted(room) == ""


def test_what_is_on_its_way_is_no_difference(room: PaperRoom) -> None:
    """TX-I11: fills that nobody has read yet, and messages that wait."""
    room.queued(quantity=1, size=0)
    waiting = compared(room)
    room.delivered()
    room.world.after(1)
    room.world.quote(size=9)
    unread = compared(room, actor=room.world.actor("operator"))

    assert (kinds(waiting), kinds(unread)) == ([], [])
    assert unread.reports == 4
    assert kinds(compared(room)) == []


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE orders SET leaves_quantity = '0'", None),
        ("UPDATE positions SET quantity = '5'", K.POSITION_DIFFERS),
        ("UPDATE accounts SET cash = '1'", K.CASH_DIFFERS),
        ("UPDATE lots SET remaining_quantity = '3'", K.LOTS_DIFFER),
        ("DELETE FROM fills", K.FILL_NOT_BOOKED),
        ("DELETE FROM orders", K.MISSING_HERE),
        ("DELETE FROM broker_reports WHERE sequence = 2", K.REPORT_MISSING_HERE),
    ],
)
def test_each_changed_row_is_named_by_what_it_breaks(
    room: PaperRoom, sql: str, kind: DifferenceKind | None
) -> None:
    """TX-I11: a critical difference locks the account until it is resolved."""
    room.world.forge(sql)
    found = compared(room)

    if kind is None:
        assert kinds(found) == []
        return
    assert kind in kinds(found)
    assert all(one.severity is Severity.CRITICAL for one in found.differences)
    locked = lock(room)
    assert locked is not None
    assert (locked.locked, locked.run_id) == (True, found.run_id)
    assert submitted(room) == "TRADING_ACCOUNT_LOCKED"


def test_a_gateway_that_lost_its_book_is_seen(room: PaperRoom) -> None:
    """TX-I11: two records of every order, neither made from the other."""
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    found = compared(room)

    assert kinds(found) == [K.REPORTS_LOST, K.MISSING_AT_GATEWAY]
    assert submitted(room) == "TRADING_ACCOUNT_LOCKED"


def test_tables_that_differ_from_the_log_lock_every_account(room: PaperRoom) -> None:
    """TX-I11, TX-Z10: the fourth record."""
    room.world.forge("UPDATE orders SET approved_quantity = '9'")
    told = [
        LogDifference(row=f"{d.table} {d.key} {d.column}", expected=d.expected, got=d.got)
        for d in reconcile(room.world.settings.database_file).differences
    ]
    found = compared(room, *told)

    assert kinds(found) == [K.LOG_DIFFERS]
    assert found.differences[0].account_id is None
    assert submitted(room) == "TRADING_ACCOUNT_LOCKED"


def test_only_a_risk_reviewer_who_did_not_submit_resolves(room: PaperRoom) -> None:
    """TX-I11: with a reason, on the record; what was accepted locks nothing again."""
    world = room.world
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    early = world.desk.account_reconciling.terms(ACCOUNT, world.actor("risk"), reason="x")
    compared(room)
    barred = resolved(room, "operator")
    world.done(world.granted("operator", Role.RISK_REVIEWER))
    own = resolved(room, "operator")
    done = resolved(room)
    again = compared(room)

    assert isinstance(early, Refusal)
    assert early.code == "ACCOUNT_NOT_LOCKED"
    assert [code_of(one) for one in (barred, own, done)] == [
        "ROLE",
        "SUBMITTER_RESOLVES",
        "",
    ]
    after = lock(room)
    assert after is not None
    assert (after.locked, after.resolved_by, len(after.accepted)) == (False, "risk", 2)
    assert again.critical == 2
    assert submitted(room) == ""
    assert world.verdict().outcome is Verdict.OK


def test_a_decision_is_signed_over_exactly_what_is_open(room: PaperRoom) -> None:
    """TX-I11: another's key, a changed word, another log or an earlier lock unlock nothing."""
    world = room.world
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    compared(room)
    own = terms(room)
    [signature] = world.signed_by(KIND, resolution_statement(own), "risk")
    books, actor = world.desk.account_reconciling, world.actor("risk")
    changed = own.amended(reason="something else")
    outcomes = [
        resolved(room, by="compliance"),
        books.resolve(changed, signature, actor, key=world.key()),
        resolved(room, told=own.amended(log_origin="another.example/log")),
        resolved(room, told=own.amended(person="compliance"), by="compliance"),
    ]
    room.world.forge("UPDATE accounts SET cash = '1'")
    compared(room)
    outcomes.append(resolved(room, told=own))

    assert [code_of(one) for one in outcomes] == [
        "KEY_NOT_ENROLLED",
        "SIGNATURE_INVALID",
        "OTHER_LOG",
        "SIGNER_NOT_ACTING",
        "LOCK_CHANGED",
    ]
    assert submitted(room) == "TRADING_ACCOUNT_LOCKED"
    assert code_of(resolved(room)) == ""


def test_the_same_decision_again_is_answered_from_its_record(room: PaperRoom) -> None:
    """TX-G9: signed again after it was recorded, under one key; another key finds nothing open."""
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    compared(room)
    first = resolved(room, key="resolve-1")
    room.world.after(5)
    again, other = resolved(room, key="resolve-1"), resolved(room)

    assert (code_of(first), first.replayed) == ("", False)
    assert (code_of(again), again.replayed) == ("", True)
    assert code_of(other) == "ACCOUNT_NOT_LOCKED"


def test_what_nobody_signed_unlocks_no_account_in_the_log(room: PaperRoom) -> None:
    """TX-K4: whoever writes the log accepts no difference in a person's name."""
    world = room.world
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    compared(room)
    world.done(resolved(room))
    world.forge("UPDATE accounts SET cash = '1'")
    compared(room)
    world.done(resolved(room))
    rows = world.log()
    told = [documents_of(row).get(AccountLock.KIND, ()) for row in rows]
    places = [place for place, one in enumerate(told) if one]
    first, last = (next(iter(told[place])) for place in (places[1], places[-1]))
    forged: list[dict[str, object]] = [
        dict(last) | {"signature": None},
        dict(last) | {"terms": None, "signature": None},
        dict(last) | {"resolution": "something else"},
        dict(last) | {"accepted": [*accepted(last), "sha256:" + "7" * 64]},
        dict(first),
        dict(last) | {"locked": True},
    ]
    for start in (0, places[-1]):
        assert found(rows, start) == []
        for one in forged:
            after = {"documents": {AccountLock.KIND: [one]}, "facts": {}}
            changed = edited(rows[places[-1]], {"after": after, "approver_sig": None})
            whole = [*rows[: places[-1]], changed, *rows[places[-1] + 1 :]]
            assert found(whole, start) == [(places[-1], f"lock:{ACCOUNT}")], one


def accepted(told: dict[str, object]) -> list[object]:
    kept = told["accepted"]
    assert isinstance(kept, list)
    return kept


def test_a_new_difference_locks_again(room: PaperRoom) -> None:
    """TX-I11: accepting one difference accepts no other."""
    for file in (room.home / "gateway").iterdir():
        file.unlink()
    compared(room)
    room.world.done(resolved(room))
    room.world.forge("UPDATE accounts SET cash = '1'")
    compared(room)

    assert submitted(room) == "TRADING_ACCOUNT_LOCKED"


def test_an_order_of_unknown_outcome_is_a_warning(tmp_path: Path) -> None:
    """Trading reference 3.3 rule 9: it blocks its instrument already."""
    room = PaperRoom(tmp_path / "home")
    room.given_up()
    room.polled()
    found = compared(room)

    assert kinds(found) == [K.OUTCOME_UNKNOWN]
    assert (found.critical, found.warnings) == (0, 1)
    assert lock(room) is None


def test_who_may_stop_an_account_may_compare(room: PaperRoom) -> None:
    """TX-I11: on demand; a requester may not."""
    world = room.world
    outcome = world.desk.account_reconciling.compare(
        room.gateway, (), world.actor("quant"), key=world.key()
    )

    assert code_of(outcome) == "ROLE"
