"""A tick file replayed event by event: strategies, resting orders, and days that are killed."""

import random
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from counterseal.approvals.model import ApprovalRequest, RequestStatus
from counterseal.kernel.errors import InputError
from counterseal.market.replay import moments
from counterseal.market.ticks import in_time_order
from counterseal.signals.model import SignalRecord
from flows.day.command import add_words, run_demo
from flows.day.home import demo_settings
from flows.day.markets import DayMarket
from flows.day.resting import FeedReach
from flows.day.results import DaySummary
from flows.day.run import run_day
from flows.day.strategies import chosen_from
from storage.homes import read_home
from storage.market_feeds import TapeFeed
from storage.settings import Settings
from storage.tick_files import read_tick_file
from tests.day.conftest import SEED
from tests.day.replays import log_of
from tests.day.tick_days import PRODUCT, cut_file, said_on, tick_day
from tests.day.tick_kills import campaign, counted

CUTS = 12
QUARTER = Decimal("0.25")
"""Of a TX contract: one MTX."""
KILLS = 2
Theirs = Callable[[str, str], str]
EVERY_LISTENER = ("mean-reversion", "opening-range-breakout", "momentum")

THEIRS = """
from counterseal.kernel.model import DomainModel
from counterseal.kernel.money import Price
from counterseal.signals.model import Direction
from counterseal.signals.strategies import NoParameters, Proposal, Said, Strategy
from decimal import Decimal

class Last(DomainModel):
    close: Price | None = None

class Rising(Strategy[Last]):
    name, version, parameters = "rising", "2.1.0", NoParameters()
    def start(self):
        return Last()
    def on_bar(self, bar, state):
        rose = state.close is not None and bar.close - state.close > 8
        target = Decimal("0.25" if bar.close % 2 else "0.2")
        says = Proposal(direction=Direction.LONG, target_tx_equivalent=target)
        return Said(Last(close=bar.close), (says,) if rose else ())
"""


@dataclass(frozen=True)
class ShortDay:
    """A part of the real day, and what came of it."""

    file: Path
    out: Path
    market: DayMarket
    summary: DaySummary
    steps: int


@pytest.fixture(scope="module")
def short_day(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> ShortDay:
    place = tmp_path_factory.mktemp("ticks")
    file, out = cut_file(place), place / "demo"
    steps = counted(settings, file, out)
    plan, market = tick_day(settings, file)
    return ShortDay(file, out, market, run_day(out, settings, plan, market), steps)


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Theirs:
    """Writes somebody else's module, and gives the word that names the strategy in it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        return f"{name}:Rising"

    return write


def failing(*words: str) -> str:
    with pytest.raises(InputError) as failed:
        chosen_from(words)
    return failed.value.code


def test_each_strategy_is_told_with_what_became_of_its_signals(short_day: ShortDay) -> None:
    """Issue, point 6: signals, refused, approved, fills and simulated profit by strategy."""
    told = {one.strategy_id: one for one in short_day.summary.strategies}
    assert {*told} == {"mean-reversion", "opening-range-breakout"}
    assert sum(one.signals for one in told.values()) == len(said_on(short_day.market))
    assert sum(one.fills for one in told.values()) == short_day.summary.fills > 0
    assert all(one.simulated and one.approved == one.requests for one in told.values())


def test_profits_of_the_strategies_add_up_to_that_of_the_account(short_day: ShortDay) -> None:
    """I1 of strategy_results: after costs, exact."""
    summary = short_day.summary
    gained = sum(one.profit - one.costs for one in summary.strategies if one.profit is not None)
    assert gained == summary.valuation.equity - summary.plan.opening_cash


def test_signals_appear_at_the_instants_at_which_strategies_spoke(
    short_day: ShortDay, settings: Settings
) -> None:
    """Virtual clock: recorded when said, followed by approvals at their own times."""
    with read_home(demo_settings(short_day.out, settings)) as reader:
        signals = reader.find(SignalRecord)
        requests = reader.find(ApprovalRequest)
    assert {(s.timestamp, s.received_at) for s in signals} == {
        (spoken.at, spoken.at) for spoken in said_on(short_day.market)
    }
    decided = {r.execution_valid_until - r.created_at for r in requests if r.execution_valid_until}
    assert len(decided) == 1
    assert {request.status for request in requests} == {RequestStatus.CONSUMED}


def test_cutting_the_tape_leaves_what_was_said_before_it(
    short_day: ShortDay, settings: Settings
) -> None:
    """No look-ahead, on real prints, strategies of bars and of ticks alike."""
    _, market = tick_day(settings, short_day.file, *EVERY_LISTENER)
    whole = said_on(market)
    assert {one.strategy_id for one in whole} == {*EVERY_LISTENER}
    tape = in_time_order(read_tick_file(short_day.file, [PRODUCT])[0].prints)
    dice = random.Random(SEED)  # noqa: S311 - a seeded choice, no secret
    for at in sorted(deal.at for deal in dice.sample(tape, CUTS)):
        left = [deal for deal in tape if deal.at < at]
        cut = replace(market, moments=partial(moments, {market.traded[0]: left}))
        before = [one for one in said_on(cut) if one.at <= at]
        assert before == [one for one in whole if one.at <= at]


def test_orders_looked_at_where_the_market_came_end_as_if_looked_at_always(
    short_day: ShortDay, settings: Settings, tmp_path: Path
) -> None:
    """I1 of resting: the same log, byte for byte."""
    plan, market = tick_day(settings, short_day.file)
    assert isinstance(market.feed, TapeFeed)
    run_day(tmp_path / "demo", settings, plan, replace(market, reach=FeedReach(market.feed)))
    assert log_of(tmp_path / "demo") == log_of(short_day.out)


def test_a_day_killed_at_random_points_resumes_to_the_same_state(
    short_day: ShortDay, settings: Settings
) -> None:
    """A sample of `make torture`: states of strategies are heard again, never stored."""
    day = (short_day.file, short_day.out, short_day.steps)
    told: list[str] = []
    assert list(campaign(settings, *day, KILLS, 20260105, told.append)) == []
    assert f"{KILLS} kills" in told[0]


def test_somebody_elses_strategy_is_governed_like_ours(
    short_day: ShortDay, settings: Settings, theirs: Theirs, tmp_path: Path
) -> None:
    """Issue, point 6: ten lines in a module of their own; recorded with the digest of its text.

    TX-E4: the platform makes contracts of a target; one below a contract is not asked for.
    """
    word = theirs("small", THEIRS)
    summary = run_day(tmp_path / "demo", settings, *tick_day(settings, short_day.file, word))
    [told] = summary.strategies
    assert (told.strategy_id, told.version) == ("rising", "2.1.0")
    assert told.signals > told.requests == told.approved > 0
    with read_home(demo_settings(tmp_path / "demo", settings)) as reader:
        signals = reader.find(SignalRecord)
    [chosen] = chosen_from([word])
    assert sum(signal.target_tx_equivalent < QUARTER for signal in signals) == (
        told.signals - told.requests
    )
    assert {(s.code_version, s.parameters_hash) for s in signals} == {
        (chosen.code, chosen.identity)
    }
    assert chosen.code.startswith("small@")
    fact = next(fact for fact in summary.market if fact.name == "strategy")
    assert fact.value == f"rising 2.1.0, code {chosen.code}"


def test_another_text_of_a_strategy_is_another_day(theirs: Theirs) -> None:
    """Home rules: nobody goes on with a day under another rule of the same name."""
    words = [theirs(f"m{least}", THEIRS.replace("> 8", f"> {least}")) for least in (7, 8)]
    codes = {chosen.code.partition("@")[2] for word in words for chosen in chosen_from([word])}
    assert len(codes) == len(words)


def test_what_is_no_strategy_is_named(theirs: Theirs) -> None:
    """Bad input: a stable code, before anything is made."""
    assert failing("no-such-sample") == "STRATEGY_UNKNOWN"
    assert failing("nowhere.at.all:Rising") == "STRATEGY_UNKNOWN"
    assert failing("json:nothing") == "STRATEGY_UNKNOWN"
    assert failing(theirs("broken", "raise OSError('gone')")) == "STRATEGY_UNKNOWN"
    assert failing("json:JSONDecoder") == "STRATEGY_INVALID"
    blank = THEIRS.replace('"rising"', '"two words"')
    assert failing(theirs("blank", blank)) == "STRATEGY_INVALID"
    loose = THEIRS.replace("return Last()", "return {}")
    assert failing(theirs("loose", loose)) == "STRATEGY_INVALID"
    assert failing("momentum", "momentum") == "STRATEGY_INVALID"


def test_a_strategy_that_fails_ends_the_day_with_its_name(
    short_day: ShortDay, settings: Settings, theirs: Theirs
) -> None:
    """Somebody else's mistake is told as such."""
    word = theirs("failing", THEIRS.replace("> 8", "> 8 / 0"))
    _, market = tick_day(settings, short_day.file, word)
    with pytest.raises(InputError) as failed:
        said_on(market)
    assert failed.value.code == "STRATEGY_FAILED"
    assert "division by zero" in str(failed.value)


def test_strategies_without_a_tick_file_are_refused(settings: Settings, tmp_path: Path) -> None:
    """STYLE 5: an option that would have no effect is bad usage, and nothing is made."""
    parser = ArgumentParser()
    add_words(parser)
    words = ["--out", str(tmp_path / "demo"), "--strategy", "momentum"]
    with pytest.raises(InputError, match="STRATEGY_NEEDS_TICKS"):
        run_demo(settings, parser.parse_args(words))
    assert not (tmp_path / "demo").exists()
