"""The attack corpus: a seeded sample; `make torture` runs all of it and prints the score."""

from counterseal.audit.verdict import Outcome
from counterseal.audit.verify import verify_log
from tests.core.audit.attack_corpus import KINDS, Level, corpus, evidence_at
from tests.core.audit.log_builder import spaced

SAMPLE = 140


def test_every_attack_is_seen_by_whom_it_must_be_and_never_said_to_be_excluded() -> None:
    """A1 to A8, TX-K4, TX-K7, TX-Z9, AS-6: 100 % of the sample, at every level of evidence."""
    cases = list(corpus(SAMPLE))
    assert [case for case in cases if not case.right] == []
    assert len(cases) >= SAMPLE * len(Level)
    assert {case.found for case in cases} == {"detected", "said not to be excluded"}


def test_the_same_logs_without_an_attack_are_whole_for_those_who_can_tell() -> None:
    """A verifier that cries always would pass the test above."""
    for seed in range(len(KINDS)):
        log = spaced([1 + seed % 4, 2, 3])
        told = [
            verify_log(log.rows, log.checkpoints, evidence_at(level, log)).outcome
            for level in Level
        ]
        assert told == [Outcome.INCONCLUSIVE] * 2 + [Outcome.OK] * 5
