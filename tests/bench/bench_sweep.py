"""Seconds of a bounded sweep, and recorded decisions judged again in a second.

The peer of a replay asks the same questions through handles that are kept, and compares nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from counterseal.policy.bundle import PolicyBundle
from counterseal.policy.cedar import evaluate_all
from counterseal.policy.counterfactual import diff_decisions, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation, evaluation_of
from counterseal.policy.sweep import sweep
from counterseal.policy.universe import universe
from tests.bench.measure import Measurement, seconds
from tests.core.policy.shelf import NOW, shipped

SWEEP_SECONDS_MAX = 30.0
REQUESTS = 102_400
DECISIONS = 5_000
REPLAY_SECONDS_MAX = 1.0
EVERY = 13


def measure(folder: Path) -> list[Measurement]:
    """The whole sweep; a replay and a counterfactual of 5,000 decisions."""
    del folder
    bundle = shipped().bundle
    told = _recorded(bundle)
    text = {bundle.bundle_hash: bundle.rules}
    asked = [one.question for one in told]
    peer = seconds(lambda: evaluate_all(bundle.rules, asked))
    report = sweep(bundle, every=1_000)
    assert report.holds
    return [
        Measurement(
            f"policy sweep, {REQUESTS:,} requests",
            seconds(lambda: sweep(bundle)),
            bar=SWEEP_SECONDS_MAX,
        ),
        Measurement(
            f"policy replay, {DECISIONS:,} decisions",
            seconds(lambda: replay_recorded(told, text)),
            floor_name="questions alone",
            floor=peer,
            bar=REPLAY_SECONDS_MAX,
        ),
        Measurement(
            f"policy diff, {DECISIONS:,} decisions",
            seconds(lambda: diff_decisions(told, bundle.bundle_hash, bundle)),
            floor_name="questions alone",
            floor=peer,
        ),
    ]


def _recorded(bundle: PolicyBundle) -> Sequence[PolicyEvaluation]:
    asked = [question for _, question in universe(bundle.approval, EVERY)][:DECISIONS]
    assert len(asked) == DECISIONS
    answers = evaluate_all(bundle.rules, asked)
    return [
        evaluation_of(
            f"pev_{n}", "apr-1", question, answer, bundle_hash=bundle.bundle_hash, now=NOW
        )
        for n, (question, answer) in enumerate(zip(asked, answers, strict=True))
    ]
