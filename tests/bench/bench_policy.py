"""What an authorization costs, alone and by the batch, and a replay of what was decided.

The floor asks the engine the same questions through handles kept by hand, and judges nothing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cedarpy import Entities, PolicySet, Schema, is_authorized_batch

from counterseal.policy.cedar import evaluate, evaluate_all
from counterseal.policy.counterfactual import ReplayReport
from counterseal.policy.evaluation import PolicyEvaluation, judge
from counterseal.policy.question import Question, RuleAction, question, questions
from storage.home_reader import read_home
from storage.parallel_replay import replay_all_recorded
from storage.settings import Settings
from storage.store import create_database
from storage.tables import DOCUMENT_TABLES
from tests.bench.measure import Measurement, percentile, seconds
from tests.core.policy.rules_room import CLOSING, HASH, person, request, reviewing, shipped

ASKED = 3_000
REQUESTS = 50
REPLAYED = 20_000
REPLAYED_A_SECOND_MIN = 5_000
P99_MS_MAX = 1.0
BUTTONS_MS_MAX = 30.0
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
BUTTONS = (
    (RuleAction.APPROVE, reviewing()),
    (RuleAction.REJECT, reviewing()),
    (RuleAction.ASK_DATA, reviewing()),
    (RuleAction.WITHDRAW, CLOSING),
)


def measure(folder: Path) -> list[Measurement]:
    """Milliseconds through the adapter, beside the bare engine."""
    one = question(person(), RuleAction.APPROVE, request(), reviewing())
    acts = [
        (action, request(request_id=f"apr_{place}"), context)
        for place in range(REQUESTS)
        for action, context in BUTTONS
    ]
    many = questions(person(), acts)
    bare = _Bare()
    evaluate(shipped(), one)
    alone = [1000 * seconds(partial(evaluate, shipped(), one)) for _ in range(ASKED)]
    floor = [1000 * seconds(partial(bare.ask, (one,))) for _ in range(ASKED)]
    batches = [1000 * seconds(partial(evaluate_all, shipped(), many)) for _ in range(9)]
    batch_floor = [1000 * seconds(partial(bare.ask, many)) for _ in range(9)]
    return [
        *(
            Measurement(
                f"authorize p{round(100 * share)}",
                percentile(alone, share),
                "ms",
                floor_name="engine alone",
                floor=percentile(floor, share),
                bar=bar,
            )
            for share, bar in ((0.5, None), (0.99, P99_MS_MAX))
        ),
        Measurement(
            f"{len(many)} button checks",
            percentile(batches, 0.5),
            "ms",
            floor_name="engine alone",
            floor=percentile(batch_floor, 0.5),
            bar=BUTTONS_MS_MAX,
        ),
        _replays(bare, folder),
    ]


def _replays(bare: "_Bare", folder: Path) -> Measurement:
    """Decisions of a stored home, each about its own request, by as many processes as there are.

    Reading them and starting the processes is in the figure; the floor is one process.
    """
    kept = [
        judge(
            f"apr_{place}",
            question(person(), RuleAction.APPROVE, request(request_id=f"apr_{place}"), reviewing()),
            shipped(),
            bundle_hash=HASH,
            now=NOW,
        )
        for place in range(REPLAYED)
    ]
    home = _stored(folder, kept)

    def replay() -> ReplayReport:
        with read_home(home) as reader:
            return replay_all_recorded(reader, {HASH: shipped()})

    def floor() -> None:
        for each in kept:
            bare.ask((each.question,))

    assert replay() == ReplayReport(replayed=REPLAYED)
    return Measurement(
        f"replay of {REPLAYED:,} decisions",
        min(seconds(replay) for _ in range(2)),
        floor_name="engine alone",
        floor=seconds(floor),
        bar=REPLAYED / REPLAYED_A_SECOND_MIN,
    )


def _stored(folder: Path, kept: Sequence[PolicyEvaluation]) -> Settings:
    """A home that holds these decisions and nothing else."""
    settings, table = Settings(counterseal_home=folder), DOCUMENT_TABLES[PolicyEvaluation.KIND]
    create_database(settings.database_file, "bench/replay")
    cells = [tuple(table.cells(one.json_value()).values()) for one in kept]
    marks = ", ".join("?" * len(cells[0]))
    with closing(sqlite3.connect(settings.database_file)) as file, file:
        file.executemany(f"INSERT INTO policy_evaluations VALUES ({marks})", cells)
    return settings


class _Bare:
    """The engine with handles kept by hand."""

    def __init__(self) -> None:
        self._schema = Schema.from_str(shipped().entity_schema)
        self._rules = PolicySet.from_str(shipped().rules)

    def ask(self, asked: tuple[Question, ...]) -> None:
        """Answers about the entities of the first question."""
        requests = [
            {
                "principal": each.principal.json_ref(),
                "action": {"type": "Counterseal::Action", "id": each.action.value},
                "resource": each.resource.json_ref(),
                "context": each.context,
            }
            for each in asked
        ]
        entities = Entities.from_json_str(asked[0].entities, self._schema)
        is_authorized_batch(requests, self._rules, entities, self._schema)
