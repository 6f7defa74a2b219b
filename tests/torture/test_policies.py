"""A sample of `python -m tests.torture policies`: rules of the policy, bent one at a time."""

import json

from tests.torture.policies import (
    campaign,
    reviewed,
    rule_mutants,
    shipped,
    survives,
)

SAMPLE = 24
SEED = 7
SWEEP_EVERY = 199


def test_a_bent_rule_is_noticed() -> None:
    """Governance part 4: 100 % of policy mutants are killed; a sample of them."""
    scores: list[str] = []
    assert list(campaign(SAMPLE, SEED, scores.append, SWEEP_EVERY)) == []
    assert scores[0].startswith(f"policy mutants: {SAMPLE} of {SAMPLE} killed")


def test_every_rule_is_removed_turned_round_and_given_another_reason() -> None:
    """Governance part 8, test 8: dropping or weakening any rule."""
    bundle, _ = shipped()
    names = [mutant.name for mutant in rule_mutants(bundle.rules)]
    assert len(names) == len(set(names))
    removed = {name.partition(":")[0] for name in names if name.endswith(": removed")}
    forbids = bundle.rules.rules.count("\nforbid (")
    assert len(removed) == bundle.rules.rules.count("@id(")
    assert sum(": reason " in name for name in names) == forbids
    assert sum(name.endswith(": condition turned round") for name in names) >= forbids


def test_no_excuse_is_without_a_reason_and_none_excuses_a_forbid() -> None:
    """A forbid is never redundant: its reason is what a person is told."""
    bundle, _ = shipped()
    rules = json.dumps(bundle.rules.rules)
    for name in reviewed():
        assert f'@id(\\"{name.partition(":")[0]}\\")\\npermit' in rules


def test_an_excused_mutant_is_one_that_nobody_can_tell() -> None:
    """The sweep finds nothing that a loosened permit allows besides."""
    bundle, cases = shipped()
    excused = reviewed()
    mutant = next(m for m in rule_mutants(bundle.rules) if m.name in excused and not m.part)
    assert survives(mutant, bundle, cases, SWEEP_EVERY)
