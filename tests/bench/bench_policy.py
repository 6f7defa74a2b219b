"""What an authorization costs, alone and by the batch, and a replay of what was decided.

The floor asks the engine the same questions through handles kept by hand, and judges nothing.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cedarpy import Entities, PolicySet, Schema, is_authorized_batch

from counterseal.policy.cedar import evaluate, evaluate_all
from counterseal.policy.evaluation import judge, replay_all
from counterseal.policy.question import Question, RuleAction, question, questions
from tests.bench.measure import Measurement, percentile, seconds
from tests.core.policy.rules_room import CLOSING, HASH, person, request, reviewing, shipped

ASKED = 3_000
REQUESTS = 50
REPLAYED = 2_000
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
    del folder
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
        _replays(bare),
    ]


def _replays(bare: "_Bare") -> Measurement:
    """Decisions of the past, each about its own request."""
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
    spent = 1000 * seconds(partial(replay_all, kept, shipped()))

    def floor() -> None:
        for each in kept:
            bare.ask((each.question,))

    return Measurement(
        f"replay of {REPLAYED} decisions",
        spent,
        "ms",
        floor_name="engine alone",
        floor=1000 * seconds(floor),
    )


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
