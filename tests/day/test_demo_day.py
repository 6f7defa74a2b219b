"""The deterministic day: what it shows, and that it is the same again."""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalDecision, RequestStatus
from counterseal.identity.people import Person
from counterseal.kernel.errors import InputError
from counterseal.oms.states import OrderState
from counterseal.signals.intent import PaperOrderIntent
from flows.day.home import demo_settings
from flows.day.plan import AUTOMATIC, OFFICERS, OPERATOR, QUANT, ROLES, Topic
from flows.day.plans import demo_market, demo_plan
from flows.day.results import DaySummary
from flows.day.run import run_day
from storage.homes import read_home
from storage.keyring import UnsafeDemoKeyring
from storage.settings import Settings
from tests.day import accounts
from tests.day.conftest import SEED
from tests.day.replays import Forked, campaign, log_of, results_of

Day = tuple[Path, DaySummary]

SHOWN = {
    Topic.REJECTION: (RequestStatus.REJECTED, None),
    Topic.NEEDS_DATA: (RequestStatus.NEEDS_DATA, None),
    Topic.SELF_APPROVAL: (RequestStatus.CONSUMED, OrderState.FILLED),
    Topic.EXPIRED: (RequestStatus.EXPIRED, None),
    Topic.STALE: (RequestStatus.CONSUMED, OrderState.REJECTED),
    Topic.TIME_OUT: (RequestStatus.CONSUMED, OrderState.EXPIRED),
    Topic.CANCEL: (RequestStatus.CONSUMED, OrderState.CANCELLED),
    Topic.LARGEST: (RequestStatus.CONSUMED, OrderState.FILLED),
    Topic.ASKED_AGAIN: (RequestStatus.CONSUMED, OrderState.FILLED),
    Topic.SUPERSEDED: (RequestStatus.SUPERSEDED, None),
    Topic.AMENDED: (RequestStatus.CONSUMED, OrderState.FILLED),
    Topic.DELEGATED: (RequestStatus.CONSUMED, OrderState.FILLED),
}
REASONS = {Topic.SELF_APPROVAL: ("REQUESTER_IS_REVIEWER",), Topic.STALE: ("STALE_QUOTE",)}


@pytest.mark.parametrize("topic", list(SHOWN))
def test_the_day_shows_each_topic_once(finished_day: Day, topic: Topic) -> None:
    """TX-F7 to F10, F17, F18, H6, I8, J7: approvals, refusals, expiry, cancel, time-out."""
    [case] = [case for case in finished_day[1].cases if case.topic is topic]
    assert (case.request, case.order) == SHOWN[topic]
    assert case.reasons == REASONS.get(topic, ())


def test_the_day_has_full_and_partial_fills_and_position_rejections(finished_day: Day) -> None:
    """TX-J7, TX-H12: TMF orders fill whole or in parts; the live position stops others."""
    cases = finished_day[1].cases
    assert any(case.fills == (case.quantity,) for case in cases)
    assert any(len(case.fills) > 1 and sum(case.fills) == case.quantity for case in cases)
    assert any("POSITION_LIMIT" in case.reasons for case in cases)


def test_nothing_is_refused_in_passing(tallies: Mapping[str, int]) -> None:
    """The only refusal of a command is the one the day is there to show."""
    assert {code for code in tallies if code.isupper()} - set(OrderState) == {
        "REQUESTER_IS_REVIEWER"
    }


def test_eight_people_live_here_and_all_act_by_themselves(
    finished_day: Day, settings: Settings
) -> None:
    """TX-F20: a quant who may review, three reviewers and a deputy, an operator, two officers."""
    with read_home(demo_settings(finished_day[0], settings)) as reader:
        people = {person.person_id: person for person in reader.find(Person)}
        decisions = reader.find(ApprovalDecision)
        intents = reader.find(PaperOrderIntent)
    assert set(people) == {*ROLES, *OFFICERS}
    assert all(AUTOMATIC in people[name].labels for name in ROLES)
    assert QUANT not in {decision.reviewer_id for decision in decisions}
    assert {intent.submitted_by for intent in intents} == {OPERATOR}
    assert all(intent.mandate_id for intent in intents)


def test_the_summary_says_that_all_of_it_is_simulated(finished_day: Day) -> None:
    """TX-L8: stated in the file itself, beside the proof."""
    told = json.loads(results_of(finished_day[0])["summary.json"])
    assert (told["simulated"], told["performance_claim"]) == (True, False)
    assert (told["clock_source"], told["verified"], told["reconciled"]) == ("replay", "ok", True)


def test_every_record_carries_the_replay_clock(finished_day: Day) -> None:
    """The machine's time enters no record of a replayed day."""
    bodies = [json.loads(row[3]) for row in log_of(finished_day[0]) if len(row) == 4]  # type: ignore[arg-type]  # a body is bytes
    assert {body["clock"]["source"] for body in bodies} == {"replay"}
    assert {body["recorded_at"][:10] for body in bodies} == {"2026-01-05"}


def test_positions_cash_and_profit_follow_from_the_fills_alone(finished_day: Day) -> None:
    """TX-C12, TX-D4: recomputed in exact fractions by another program."""
    lines = results_of(finished_day[0])["fills.jsonl"].splitlines()
    fills = [json.loads(line) for line in lines]
    check_accounts(finished_day[1], fills)


def check_accounts(summary: DaySummary, fills: list[accounts.Fill]) -> None:
    held, value = accounts.replay(fills), summary.valuation
    assert fills
    cash = Fraction(str(summary.plan.opening_cash)) - accounts.costs(fills)
    cash += sum(holding.realized for holding in held.values())
    assert Fraction(str(value.cash)) == cash
    open_profit = Fraction(0)
    for position in value.positions:
        own, fill = held[position.symbol], next(f for f in fills if f["symbol"] == position.symbol)
        assert Fraction(str(position.quantity)) == own.quantity
        if position.mark_price is not None:
            mark = Fraction(str(position.mark_price))
            gain = accounts.unrealized(own, mark, Fraction(fill["multiplier"]))
            assert Fraction(str(position.unrealized_pnl)) == gain
            open_profit += gain
    assert Fraction(str(value.equity)) == cash + open_profit


def test_the_same_day_again_is_the_same_byte_for_byte(
    finished_day: Day, settings: Settings, tmp_path: Path
) -> None:
    """Same seed, market, policies and code: same results, same records, same checkpoints."""
    run_day(tmp_path / "again", settings, demo_plan(SEED), demo_market())
    assert results_of(tmp_path / "again") == results_of(finished_day[0])
    assert log_of(tmp_path / "again") == log_of(finished_day[0])


def test_killed_days_resume_to_the_same_result(
    finished_day: Day, settings: Settings, tmp_path: Path
) -> None:
    """A sample of `make torture`: nothing acknowledged is lost, nothing done twice."""
    expected = results_of(finished_day[0])
    days = Forked(settings, SEED)
    assert list(campaign(tmp_path, expected, 2, 20260105, 6.0, days)) == []


def touched(folder: Path) -> dict[Path, int]:
    """When each file was written last; SQLite's reader makes and removes files of its own."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {p: p.stat().st_mtime_ns for p in files if not p.name.endswith(("-wal", "-shm"))}


def test_a_finished_day_is_not_run_again(finished_day: Day, settings: Settings) -> None:
    """Home rules: a no-op that shows the same summary; no file is touched."""
    before = touched(finished_day[0])
    steps: list[object] = []
    again = run_day(
        finished_day[0],
        settings,
        demo_plan(SEED),
        demo_market(),
        notice=lambda _, step: steps.append(step),
    )
    assert (again, steps) == (finished_day[1], [])
    assert touched(finished_day[0]) == before


def test_another_seed_is_another_day_and_needs_another_home(
    finished_day: Day, settings: Settings
) -> None:
    """Home rules: the log's origin names what decides the day."""
    with pytest.raises(InputError, match="DEMO_HOME_OTHER"):
        run_day(finished_day[0], settings, demo_plan("another"), demo_market())


def test_a_folder_with_something_else_is_refused_and_left_alone(
    settings: Settings, tmp_path: Path
) -> None:
    """Home rules: only a new or empty folder becomes a demo home."""
    kept = tmp_path / "papers" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("mine", "utf-8")
    with pytest.raises(InputError, match="NOT_A_DEMO_HOME"):
        run_day(tmp_path / "papers", settings, demo_plan(SEED), demo_market())
    assert [*tmp_path.rglob("*")] == [kept.parent, kept]


def test_automatic_people_exist_in_demo_homes_only(tmp_path: Path) -> None:
    """Governance 3: the keyring that signs for everybody refuses any other home."""
    with pytest.raises(InputError, match="NOT_A_DEMO_HOME"):
        UnsafeDemoKeyring(tmp_path, "paper")
