"""The numbers of a home, as scrapers read them. Issue "Always on", point 4."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.desk.day_end import DayEnd
from counterseal.oms.model import Order, OutboxStatus
from counterseal.oms.states import OrderState
from counterseal.risk.switches import RiskScope
from flows.work import judge_log
from flows.workplace import Workplace
from storage.databases import PostgresDatabase
from storage.gauge_text import gauge_text
from storage.last_rounds import FILE, LastRounds
from storage.schedules import ROUND_SECONDS
from storage.settings import Settings
from tests.desk.gateway_room import GatewayRoom
from tests.storage.test_desk_on_postgres import MovedWorld
from tests.world import ACCOUNT, PEOPLE, World

Sample = tuple[str, tuple[tuple[str, str], ...]]
LABELS = {
    "status": {*RequestStatus, *OutboxStatus},
    "state": {*OrderState},
    "scope": {*RiskScope},
    "round": {*ROUND_SECONDS},
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "home")
    yield world
    world.store.close()


def scraped(world: World, settings: Settings | None = None) -> dict[Sample, float]:
    """Every sample by its name and labels; the text is one that Prometheus reads."""
    text = gauge_text(settings or world.settings, world.clock.now()).decode()
    return {
        (sample.name.removeprefix("counterseal_"), tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def one(found: dict[Sample, float], name: str, **labels: str) -> float:
    return found[name, tuple(labels.items())]


def test_counts_are_those_of_the_documents(world: World) -> None:
    """Requests and orders by their states, the log and its newest checkpoint."""
    world.done(world.submitted(world.approved(quantity=2), quantity=2))
    world.requested()
    world.approved(quantity=1)
    world.after(90)
    found = scraped(world)
    with world.store.reader() as reader:
        requests = Counter(r.status.value for r in reader.find(ApprovalRequest))
        orders = Counter(r.state.value for r in reader.find(Order))
    for status in RequestStatus:
        assert one(found, "requests", status=status.value) == requests[status.value]
    for state in OrderState:
        assert one(found, "orders", state=state.value) == orders[state.value]
    size = len(world.log())
    assert (one(found, "log_records"), one(found, "log_sealed_records")) == (size, size)
    assert one(found, "checkpoint_age_seconds") == one(found, "oldest_approved_age_seconds") == 90
    assert (one(found, "up"), one(found, "simulated")) == (1, 1)
    assert one(found, "drafts_waiting") == 0


def test_what_is_late_or_stopped_is_counted(world: World) -> None:
    world.requested()
    world.approved()
    assert one(scraped(world), "requests_late") == 0
    world.after(3_700)
    world.forge("UPDATE risk_states SET kill_switch_active = 1")
    found = scraped(world)
    assert one(found, "requests_late") == 1
    assert one(found, "kill_switches", scope="account") == 1
    assert one(found, "kill_switches", scope="all") == 0
    assert one(found, "accounts_locked") == 0


def test_messages_wait_and_are_given_up_by_their_age(tmp_path: Path) -> None:
    """The gateway's outbox: what waits, since when, and dead letters apart."""
    room = GatewayRoom(World(tmp_path / "home"))
    world = room.world
    room.queued()
    world.after(40)
    found = scraped(world)
    assert one(found, "messages", status="pending") == 1
    assert one(found, "oldest_message_age_seconds") == 40
    world.forge("UPDATE order_outbox SET status = 'failed'")
    world.forge("UPDATE orders SET state = 'UNKNOWN_NEEDS_RECONCILIATION'")
    found = scraped(world)
    assert (one(found, "messages_dead"), one(found, "orders_unknown")) == (1, 1)
    assert ("oldest_message_age_seconds", ()) not in found
    world.store.close()


def test_a_draft_that_a_crash_left_waits_with_its_age(world: World) -> None:
    class CrashError(Exception):
        pass

    def crash(step: str) -> None:
        if step == "recorded":
            raise CrashError

    world.reopen(crash)
    with pytest.raises(CrashError):
        world.signal()
    world.after(200)
    found = scraped(world)
    assert (one(found, "drafts_waiting"), one(found, "oldest_draft_age_seconds")) == (1, 200)


@pytest.mark.parametrize("harm", ["gone", "no database", "policy", "verified"])
def test_a_home_that_cannot_be_read_is_down_and_nothing_else(world: World, harm: str) -> None:
    """Never a number of before, and never a part of the truth."""
    world.done(world.submitted(world.approved()))
    LastRounds(world.home, world.clock.now(), ["sweep"])
    assert one(scraped(world), "up") == 1
    file = world.settings.database_file
    if harm == "gone":
        file.rename(file.with_suffix(".gone"))
    elif harm == "no database":
        world.store.close()
        file.write_bytes(b"none" * 1_000)
    elif harm == "policy":
        world.forge("UPDATE policy_activations SET files = '[]'")
    else:
        (world.home / "log" / "verified.json").write_text("{")
    assert scraped(world) == {("up", ()): 0}


def test_labels_are_members_of_closed_lists_and_no_name_or_id_is_told(world: World) -> None:
    world.done(world.submitted(world.approved()))
    world.requested()
    LastRounds(world.home, world.clock.now(), ROUND_SECONDS)
    told = (world.home / "log" / FILE).read_text("utf-8")
    (world.home / "log" / FILE).write_text(told.replace('"sweep"', '"ann"'), "utf-8")
    for _, labels in scraped(world):
        for name, value in labels:
            assert value in LABELS[name]
    text = gauge_text(world.settings, world.clock.now()).decode()
    assert not re.search(r"[a-z]{3}_[0-9a-f]{32}|sha256:", text)
    assert not [name for name in (*PEOPLE, ACCOUNT, "signal-1", "tenant-1") if f'"{name}"' in text]


def test_the_loop_tells_its_rounds_and_leads_only_while_it_is_on_time(world: World) -> None:
    now = world.clock.now()
    last = LastRounds(world.home, now, ["sweep", "notify"])
    last.note("sweep", now, now + timedelta(milliseconds=1_500), "done")
    last.note("notify", now, now + timedelta(milliseconds=500), "HTTP_FAILED")
    world.after(30)
    found = scraped(world)
    assert one(found, "loop_leads") == 1
    assert one(found, "loop_rounds_made_total", round="sweep") == 1
    assert one(found, "loop_rounds_failed_total", round="notify") == 1
    assert one(found, "loop_rounds_seconds_total", round="sweep") == 1.5
    assert one(found, "loop_done_age_seconds", round="sweep") == 28.5
    assert ("loop_done_age_seconds", (("round", "notify"),)) not in found
    world.after(600)
    assert one(scraped(world), "loop_leads") == 0
    (world.home / "log" / FILE).unlink()
    assert one(scraped(world), "loop_leads") == 0


def test_the_last_full_verification_is_told_with_its_verdict_and_age(world: World) -> None:
    place = Workplace(world.settings, clock=world.clock)
    assert ("verification_clean", ()) not in scraped(world)
    judge_log(place)
    world.after(70)
    found = scraped(world)
    assert one(found, "verification_clean") == 1
    assert one(found, "verification_age_seconds") == 70
    assert one(found, "verification_records") == len(world.log())
    world.forge("UPDATE audit_records SET body = x'7b7d' WHERE seq = 3")
    judge_log(place)
    assert one(scraped(world), "verification_clean") == 0


def test_how_old_is_what_those_outside_gave(world: World, tmp_path: Path) -> None:
    outside, now = tmp_path / "outside", world.clock.now().timestamp()
    for place, age in (("stamps/1.tsr", 50), ("cosigned/1.note", 20), ("cosigned/2.note", 5)):
        path = outside / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (now - age, now - age))
    settings = world.settings.model_copy(update={"counterseal_outside": outside})
    found = scraped(world, settings)
    assert (one(found, "time_stamp_age_seconds"), one(found, "cosignature_age_seconds")) == (50, 5)
    assert ("time_stamp_age_seconds", ()) not in scraped(world)


def test_days_without_a_statement_are_counted_as_the_round_would_make_them(world: World) -> None:
    """MB-E4: what `end_of_day` records next is exactly what was behind."""
    world.after(5 * 86_400)
    found = one(scraped(world), "statements_behind")
    assert found > 0
    made = DayEnd(world.desk.bench).end_days(world.service())
    assert len([outcome for outcome in made if outcome.accepted]) == found
    assert one(scraped(world), "statements_behind") == 0


def test_a_server_counts_as_a_file_does(tmp_path: Path, empty: PostgresDatabase) -> None:
    """The same queries on PostgreSQL."""
    moved = MovedWorld(tmp_path / "moved" / "home")
    moved.done(moved.submitted(moved.approved()))
    moved.requested()
    before = scraped(moved)
    moved.move(empty)
    assert scraped(moved) == before
    moved.store.close()
