"""A part of the recorded decisions, judged again.

Job: judge decisions again from their stored text, in a process of its own.

Invariants
  I1  A text that is no decision gives no report: who reads it alone names it.
  I2  Little is loaded: a worker process starts with this module alone.

Not here: which decisions, and joining the reports (parallel_replay).
Source: design part "performance bars"; governance N3.
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from counterseal.kernel.model import parse_document
from counterseal.policy.bundle import RuleText
from counterseal.policy.counterfactual import ReplayReport, replay_recorded
from counterseal.policy.evaluation import PolicyEvaluation


def replay_part(rules: Mapping[str, RuleText], texts: Sequence[bytes]) -> ReplayReport | None:
    """The report about these decisions, or None when a text is none.

    Args:
        rules: As for `replay_recorded`.
        texts: Decisions as JSON.
    """
    try:
        found = [parse_document(PolicyEvaluation, text) for text in texts]
    except ValidationError:
        return None
    return replay_recorded(found, rules)
