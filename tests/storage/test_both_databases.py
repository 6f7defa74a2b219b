"""One log, two databases: what the store promises holds on SQLite and on PostgreSQL."""

import itertools
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import pytest
from sqlalchemy.exc import IntegrityError as ConstraintError

from counterseal.audit.record import parse_record, stored_row
from counterseal.desk.commands import CommandRecord
from counterseal.desk.installation import Installation
from counterseal.desk.ports import Wanted, newest_of, since_of
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from storage import placing
from storage.guards import missing_guards
from storage.store import SqlStore, create_database
from storage.system import ReplayClock
from tests.bench.bench_seal import AT
from tests.storage.log_room import AFTER_LEASE, LogRoom, event_id, heard, named_draft, recorded

DIGEST = "sha256:" + "0" * 64
KEY = attrgetter("idempotency_key")
STEPS = ("recorded", "placed", "signed", "checkpointed")
TEXTS = ("", "plain", "caf\u00e9", "\u0000\u0001\u001f", "\U0001f512\ue000", '"\\\n', "x" * 20_000)


def installation(**changes: object) -> Installation:
    told = {
        "installation_id": "one",
        "origin": "counterseal.example/log",
        "log_vkey": "",
        "tenant": "0",
        "mode": "demo",
        "created_at": AT,
    }
    return Installation.model_validate({**told, **changes})


class Jumping:
    """A clock that was set forward and back between any two readings."""

    source = "jumping"
    max_error_us = 0

    def __init__(self) -> None:
        self._jumps = itertools.cycle((0, 86_400, -86_400, 5, -7_200))
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return datetime(2026, 1, 5, 3, tzinfo=UTC) + timedelta(seconds=next(self._jumps))


def test_every_field_comes_back_as_it_was_hashed(room: LogRoom) -> None:
    """F04: the stored bytes are the hashed ones, the columns are theirs, and it verifies."""
    after = {"documents": {}, "texts": list(TEXTS), "numbers": [0, -1, 2**53 - 1, 1 - 2**53]}
    with room.store() as store:
        with store.transaction() as work:
            work.record(named_draft("odd", after=after, stream="case:odd\"\\'%s"), ())
            work.record(named_draft("even", 1, meaning=TEXTS[4]), ())
        assert store.seal() == 2
    odd, even = room.rows()
    assert parse_record(odd.body)["after"] == after
    assert parse_record(even.body)["meaning"] == TEXTS[4]
    assert [stored_row(row.body) for row in (odd, even)] == [odd, even]
    room.is_whole()


def test_documents_come_back_equal_and_in_the_order_of_their_keys(room: LogRoom) -> None:
    """Rows I1: order is that of bytes, whatever language a server speaks."""
    keys = ["a", "B", "_", "z1", "Z", "10", "9"]
    made = {key: installation(installation_id=key, tenant=f"t-{key}") for key in keys}
    with room.store() as store:
        with store.transaction() as work:
            work.record(named_draft("all"), tuple(made.values()))
        with store.transaction() as work:
            made["a"] = made["a"].amended(mode="paper")
            work.record(named_draft("again"), (made["a"],))
            assert work.get(Installation, "a") == made["a"]
        with store.reader() as reader:
            assert reader.find(Installation) == tuple(made[key] for key in sorted(keys))
            assert reader.find(Installation, mode=("paper", "live")) == (made["a"],)
            assert reader.count(Installation, mode="demo") == len(keys) - 1
            assert reader.get(Installation, "none") is None


def command(key: str, seconds: int, **told: object) -> CommandRecord:
    named: dict[str, object] = {"name": "a", "actor_id": "ann", "subject_id": "s"}
    fixed = {"payload_digest": DIGEST, "event_id": key, "decided_at": AT + timedelta(0, seconds)}
    return CommandRecord.model_validate({"idempotency_key": key, **named, **fixed, **told})


def test_documents_are_ranked_and_passed_over_by_either_database(room: LogRoom) -> None:
    """The port: behind an index of the asked field, beside one, of several values, and by keys."""
    made = [command(f"k{n}", n // 2, name="ab"[n % 2], actor_id=f"{n % 3}") for n in range(9)]
    asked: tuple[dict[str, Wanted], ...] = (
        {},
        {"name": "a"},
        {"name": ("a", "b"), "subject_id": "s"},
        {"actor_id": ("0", "2"), "name": "a"},
        {"name": "c"},
    )
    with room.store() as store:
        with store.transaction() as work:
            work.record(named_draft("all"), made)
        with store.reader() as reader, store.batch() as batch, batch.reader() as unranked:
            for equal in asked:
                ways = [(one, equal) for one in (reader, unranked)]
                found = [newest_of(one, CommandRecord, "decided_at", 3, 1, **e) for one, e in ways]
                whole = newest_of(reader, CommandRecord, "decided_at", 9, **equal)
                later = [since_of(o, CommandRecord, "idempotency_key", "k4", **e) for o, e in ways]
                assert found == [whole[1:4]] * 2
                assert set(whole) == set(reader.find(CommandRecord, **equal))
                assert later == [tuple(sorted((c for c in whole if c.key >= "k4"), key=KEY))] * 2


def test_records_are_looked_for_in_either_database(room: LogRoom) -> None:
    """UI-22: by a hash, by who acted through a command of theirs, by a stream."""
    with room.store() as store:
        with store.transaction() as work:
            for place in range(3):
                work.record(named_draft(f"n{place}", place), ())
            last = named_draft("last", 3)
            who = last["actor"]["id"]
            work.record(last, (command("k", 0, event_id=event_id("last"), actor_id=who),))
        store.seal()
    rows = room.rows()
    with room.reader() as reader:
        assert reader.found(str(rows[1].leaf_hash)[:14]) == (1,)
        assert reader.found(str(rows[0].stream)) == tuple(
            row.seq for row in reversed(rows) if row.stream == rows[0].stream
        )
        assert reader.found(who) == (3, 2, 1, 0)
        assert reader.found("ann") == ()


def failing(store: SqlStore) -> None:
    with store.transaction() as work:
        work.record(named_draft("never"), (installation(),))
        pytest.fail("in the middle")


def test_a_transaction_that_fails_leaves_nothing(room: LogRoom) -> None:
    """Port I1: together or not at all; and one event waits once."""
    with room.store() as store:
        with pytest.raises(pytest.fail.Exception):
            failing(store)
        with pytest.raises(ConstraintError):
            recorded(store, "twice", "twice")
        with store.reader() as reader:
            assert reader.find(Installation) == ()
    assert room.waiting() == 0


def test_no_update_is_lost_between_two_stores(room: LogRoom) -> None:
    """ADR 0009: what a business transaction read stays true until it commits."""
    together, failures = threading.Barrier(2), list[BaseException]()

    def count(store: SqlStore, name: str) -> None:
        try:
            together.wait()
            for turn in range(15):
                with store.transaction() as work:
                    found = work.get(Installation, "one") or installation()
                    more = found.amended(tenant=str(int(found.tenant) + 1))
                    work.record(named_draft(f"{name}-{turn}"), (more,))
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    with room.store() as left, room.store() as right:
        threads = [
            threading.Thread(target=count, args=told) for told in ((left, "l"), (right, "r"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with left.reader() as reader:
            found = reader.get(Installation, "one")
    assert found is not None
    assert found.tenant == "30"


def test_a_clock_that_jumps_both_ways_changes_no_order(room: LogRoom) -> None:
    """F05: order is that of the outbox."""
    names = [f"n{n}" for n in range(12)]
    with room.store(clock=Jumping()) as store:
        for name in names:
            recorded(store, name)
            store.seal()
    assert [row.event_id for row in room.rows()] == [event_id(name) for name in names]
    assert len({row.recorded_at for row in room.rows()}) > 2
    room.is_whole()


def test_32_threads_record_and_seal_without_a_fork(room: LogRoom) -> None:
    """F01, F02, F03, F07: everybody is answered by a size that covers the record."""
    failures: list[BaseException] = []
    together = threading.Barrier(32)

    def work(store: SqlStore, writer: int) -> None:
        try:
            together.wait()
            for turn in range(3):
                recorded(store, f"w{writer}-{turn}")
                assert store.seal() > turn
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    with room.store() as left, room.store() as right:
        threads = [threading.Thread(target=work, args=((left, right)[n % 2], n)) for n in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(room.rows()) == 96
    room.is_whole([event_id(f"w{n}-{t}") for n in range(32) for t in range(3)])


def test_32_writers_in_four_processes_make_one_chain(room: LogRoom) -> None:
    """F01, F07: 0 forks, and what each acknowledged is in the log, once."""
    with ExitStack() as running:
        writers = [running.enter_context(room.process(f"p{n}", 0.6)) for n in range(4)]
        told = [heard(writer) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert all(told)
    room.is_whole(list(itertools.chain(*told)))


@pytest.mark.parametrize("step", STEPS)
def test_a_leader_that_is_killed_loses_nothing_that_was_acknowledged(
    room: LogRoom, step: str
) -> None:
    """Journal I2: kill -9 after each durable step; the next leader signs what is left."""
    with room.process("killed", 30, step) as writer:
        told = heard(writer)
    assert writer.returncode == -9
    with room.store() as store:
        recorded(store, "after")
        store.seal()
    room.is_whole([*told, event_id("after")])


@pytest.mark.parametrize(("wanted", "code"), [("placed", "LEASE_STALE"), ("signed", "LEASE_LOST")])
def test_two_leaders_at_once_and_the_old_one_fails_at_the_fence(
    room: LogRoom, wanted: str, code: str
) -> None:
    """F06: nothing that was remembered outside the lock is written."""
    clock = ReplayClock(AT)

    def later() -> None:
        clock.move_to(clock.now() + timedelta(seconds=AFTER_LEASE))

    with room.store(clock=clock) as store, room.journal(clock) as rival:

        def overtaken(step: str) -> None:
            if step == wanted:
                later()
                recorded(store, "of the rival")
                rival.seal()

        with room.journal(clock, overtaken) as first:
            recorded(store, "one")
            with pytest.raises(AdapterError, match=code) as lost:
                first.seal()
            assert lost.value.retriable
    assert len(room.rows()) == 2
    room.is_whole()


def test_a_head_that_moved_meanwhile_is_not_moved_again(room: LogRoom) -> None:
    """F06: the update of the head meets exactly one row, or nothing is placed."""
    with room.store(clock=ReplayClock(AT)) as store:
        recorded(store, "one")
        with room.raw() as connection:
            found = placing.read_head(connection)
        store.seal()
        with room.raw() as connection:
            with pytest.raises(IntegrityError, match="HEAD_MOVED"):
                placing.lead(connection, found, found.lease)
            connection.rollback()
    room.is_whole()


def test_a_draft_whose_number_comes_late_is_not_passed_over(room: LogRoom) -> None:
    """Append: drained by what is not in the log, never by the highest number that was seen."""
    with room.store() as store:
        recorded(store, "one", "two")
        store.seal()
        recorded(store, "late", "later")
        assert room.changed("UPDATE audit_outbox SET position = position - 1000") == 2
        assert store.seal() == 4
    room.is_whole([event_id(name) for name in ("one", "two", "late", "later")])


def test_a_group_after_a_crash_is_sealed_with_what_came_later(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal I2: also when what was placed fills a whole group."""
    monkeypatch.setattr(placing, "GROUP_MAX", 5)

    def die(step: str) -> None:
        if step == "placed":
            raise KeyboardInterrupt

    with room.store(die) as store:
        recorded(store, *(f"a{n}" for n in range(12)))
        with pytest.raises(KeyboardInterrupt):
            store.seal()
    with room.store() as store:
        recorded(store, "b")
        assert store.seal() == 13
    room.is_whole()


def test_a_group_of_large_records_ends_early(
    room: LogRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal I5: what one group keeps in memory is bounded in bytes, too."""
    monkeypatch.setattr(placing, "GROUP_BYTES_MAX", 100_000)
    monkeypatch.setattr(placing, "_ROWS_AT_ONCE", 2)
    after = {"text": "x" * 30_000}
    with room.store() as store:
        with store.transaction() as work:
            for n in range(9):
                work.record(named_draft(f"n{n}", n, after=after), ())
        assert store.seal() == 9
    with room.reader() as reader:
        assert [note.size for note in reader.checkpoints()] == [4, 8, 9]
    room.is_whole()


@pytest.mark.parametrize("column", ["digest", "event_id", "draft"])
def test_a_changed_draft_is_never_sealed(room: LogRoom, column: str) -> None:
    """TX-Z10: neither what it says nor what binds it."""
    with room.store() as store:
        recorded(store, "one")
        value = "''" if column != "draft" else "CAST('{}' AS bytea)"
        if column == "draft" and type(room.database).__name__ == "SqliteFile":
            value = "CAST('{}' AS BLOB)"
        room.changed(f"UPDATE audit_outbox SET {column} = {value}")
        with pytest.raises(IntegrityError, match="OUTBOX_DIFFERS"):
            store.seal()
    assert room.rows() == []


def test_a_sealed_draft_that_waits_again_is_told(room: LogRoom) -> None:
    """TX-Z10: a draft that a checkpoint covers has no business in the outbox."""
    with room.store() as store:
        recorded(store, "one")
        store.seal()
        recorded(store, "one")
        with pytest.raises(IntegrityError, match="OUTBOX_DIFFERS"):
            store.seal()
    assert len(room.rows()) == 1


def test_a_database_is_created_once(room: LogRoom) -> None:
    """Store I1: what lies there is never built over."""
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        create_database(room.database, "counterseal.example/another")
    with room.raw() as connection:
        assert missing_guards(connection) == ()
