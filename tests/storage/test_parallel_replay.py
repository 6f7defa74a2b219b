"""Recorded decisions judged again by several workers, against one process that does it alone."""

import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from counterseal.kernel.canonical import digest
from counterseal.kernel.errors import IntegrityError
from counterseal.policy.bundle import RuleText
from counterseal.policy.counterfactual import ReplayReport, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation, Verdict, judge
from counterseal.policy.universe import universe
from storage import parallel_replay
from storage.home_reader import read_home
from storage.parallel_replay import PARALLEL_MIN, replay_all_recorded
from storage.settings import Settings
from storage.store import create_database
from storage.tables import DOCUMENT_TABLES
from tests.core.policy.shelf import NOW, lacking, shipped

EVERY = 701
BUNDLE = shipped().bundle
OTHER = digest("another bundle")
RULES = {BUNDLE.bundle_hash: BUNDLE.rules, OTHER: lacking(BUNDLE.rules, "key.class")}


def recorded() -> list[PolicyEvaluation]:
    """Decisions under two bundles in turn, each as it was decided."""
    hashes = list(RULES)
    return [
        judge(f"apr-{n}", one, RULES[hashes[n % 2]], bundle_hash=hashes[n % 2], now=NOW)
        for n, (_, one) in enumerate(universe(BUNDLE.approval, EVERY))
    ]


def stored(folder: Path, decisions: Sequence[PolicyEvaluation]) -> Settings:
    settings = Settings(counterseal_home=folder)
    create_database(settings.database_file, "test/replay")
    cells = [DOCUMENT_TABLES[d.KIND].cells(d.json_value()) for d in decisions]
    marks = ", ".join("?" * len(PolicyEvaluation.model_fields))
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        told = [tuple(row.values()) for row in cells]
        file.executemany(f"INSERT INTO policy_evaluations VALUES ({marks})", told)
    return settings


def reports(
    settings: Settings, rules: Mapping[str, RuleText] = RULES
) -> tuple[ReplayReport, ReplayReport]:
    """Of two workers, and of one process."""
    with read_home(settings) as reader:
        together = replay_all_recorded(reader, rules, jobs=2)
        return together, replay_recorded(reader.find(PolicyEvaluation), rules)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that start at once, and parts of a few decisions."""
    monkeypatch.setattr(parallel_replay, "worker_pool", ThreadPoolExecutor)
    monkeypatch.setattr(parallel_replay, "PART_DECISIONS", 7)


@pytest.mark.usefixtures("threads")
def test_an_honest_history_comes_out_the_same(tmp_path: Path) -> None:
    """N3: every decision, each under its own bundle."""
    decisions = recorded()
    together, alone = reports(stored(tmp_path, decisions))
    assert together == alone == ReplayReport(replayed=len(decisions))


@pytest.mark.usefixtures("threads")
def test_workers_name_what_one_process_names_in_the_same_order(tmp_path: Path) -> None:
    """N3: changed verdicts, rules and facts in both bundles, and a bundle that is not at hand."""
    told = recorded()
    told[3] = told[3].amended(verdict=Verdict.ALLOW, rule_ids=("submit.operator",))
    told[4] = told[4].amended(codes=("TERMINAL",))
    told[20] = told[20].amended(entities="[]")
    told[21] = told[21].amended(context="{}")
    told[30] = told[30].amended(bundle_hash=digest("gone"))
    together, alone = reports(stored(tmp_path, told))
    assert together == alone
    changed = {told[place].evaluation_id for place in (3, 4, 20, 21, 30)}
    assert [d.evaluation_id for d in together.differences] == sorted(changed)


@pytest.mark.usefixtures("threads")
def test_an_engine_that_refuses_the_rules_is_no_agreement(tmp_path: Path) -> None:
    """Fail closed: a worker that cannot load the rules finds that every decision differs."""
    broken = BUNDLE.rules.amended(rules="permit (principal")
    decisions = recorded()
    together, alone = reports(stored(tmp_path, decisions), dict.fromkeys(RULES, broken))
    assert together == alone
    assert len(together.differences) == len(decisions)
    assert all("POLICY_ERROR" in one.now for one in together.differences)


@pytest.mark.usefixtures("threads")
def test_a_row_that_is_no_decision_is_named_as_one_process_names_it(tmp_path: Path) -> None:
    settings = stored(tmp_path, recorded())
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        file.execute("UPDATE policy_evaluations SET verdict = 'maybe' WHERE subject = 'apr-9'")
    with (
        pytest.raises(IntegrityError, match="does not hold") as found,
        read_home(settings) as reader,
    ):
        replay_all_recorded(reader, RULES, jobs=2)
    assert (found.value.code, found.value.field) == ("DOCUMENT_INVALID", "verdict")


@pytest.mark.usefixtures("threads")
def test_what_is_decided_meanwhile_is_not_replayed(tmp_path: Path) -> None:
    """One moment: the one in which the reader first looked."""
    decisions = recorded()
    settings = stored(tmp_path, decisions[:40])
    with closing(sqlite3.connect(settings.database_file)) as writer, read_home(settings) as reader:
        assert reader.count(PolicyEvaluation) == 40
        writer.execute("DELETE FROM policy_evaluations")
        writer.commit()
        assert replay_all_recorded(reader, RULES, jobs=2).replayed == 40


def test_processes_of_their_own_give_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions are sent to a fresh process, and differences come back whole."""
    monkeypatch.setattr(parallel_replay, "PART_DECISIONS", 40)
    told = recorded()
    told[5] = told[5].amended(verdict=Verdict.ERROR)
    together, alone = reports(stored(tmp_path, told))
    assert together == alone
    assert [d.evaluation_id for d in together.differences] == [told[5].evaluation_id]


def test_a_worker_that_dies_leaves_the_replay_to_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory, or killed: the same report, later."""

    def broken(workers: int) -> Executor:
        pool = ThreadPoolExecutor(workers)
        monkeypatch.setattr(pool, "submit", _dies)
        return pool

    monkeypatch.setattr(parallel_replay, "worker_pool", broken)
    together, alone = reports(stored(tmp_path, recorded()))
    assert together == alone


def test_a_short_history_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the bound one process is done before others have started; an empty one as well."""
    monkeypatch.setattr(parallel_replay, "worker_pool", _dies)
    decisions = recorded()
    assert 0 < len(decisions) < PARALLEL_MIN
    with read_home(stored(tmp_path / "few", decisions)) as reader:
        assert replay_all_recorded(reader, RULES) == ReplayReport(replayed=len(decisions))
    with read_home(stored(tmp_path / "none", [])) as reader:
        assert replay_all_recorded(reader, RULES) == ReplayReport(replayed=0)


def test_a_long_history_starts_as_many_as_there_are_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more than one where there is one."""
    started: list[int] = []

    def pool(workers: int) -> Executor:
        started.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(parallel_replay, "worker_pool", pool)
    monkeypatch.setattr(parallel_replay, "PARALLEL_MIN", 1)
    with read_home(stored(tmp_path, recorded())) as reader:
        for processors in (3, 1):
            monkeypatch.setattr(parallel_replay, "processors", lambda n=processors: n)
            replay_all_recorded(reader, RULES)
    assert started == [3]


def _dies(*_: object) -> Executor:
    raise BrokenExecutor
