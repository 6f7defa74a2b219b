"""A sample of `python -m tests.torture mutants`: checks of the verifier, switched off."""

import ast

import pytest

from tests.torture.mutants import campaign, every_mutant, reviewed, stale
from tests.torture.mutations import SWITCH, mutants, switched

SAMPLE = 4
SEED = 1
SOURCE = """
def check(found, seq, end):
    if seq > end and end is not None:
        found.findings.add(seq)
    if seq < 0:
        raise ValueError(seq)
    return seq == end
"""


def test_a_check_switched_off_fails_a_test() -> None:
    """Design 11: every mutant is killed; a sample of them."""
    assert list(campaign(SAMPLE, SEED)) == []


def test_no_excuse_is_stale_or_without_a_reason() -> None:
    """A mutant that is no more needs no excuse."""
    assert stale(every_mutant(), reviewed()) == []


class Found:
    """Counts what was added."""

    def __init__(self) -> None:
        self.findings: set[int] = set()


def answer(awake: int, seq: int, end: int | None) -> tuple[object, bool]:
    """What the function above answers with one mutant awake, and whether it found something."""
    names: dict[str, object] = {SWITCH: awake}
    exec(compile(switched(SOURCE), "source", "exec"), names)  # noqa: S102 - the text above
    found, check = Found(), names["check"]
    assert callable(check)
    try:
        return check(found, seq, end), bool(found.findings)
    except (ValueError, TypeError) as error:
        return type(error), bool(found.findings)


def test_each_part_of_a_check_is_a_mutant() -> None:
    """Findings, refusals, conditions, their parts and their boundaries."""
    assert [one.name for one in mutants("m", SOURCE)] == [
        "check: seq > end and end is not None -> True",
        "check: seq > end and end is not None -> False",
        "check: seq > end -> seq >= end",
        "check: seq > end -> True",
        "check: end is not None -> True",
        "check: found.findings.add(seq) -> pass",
        "check: seq < 0 -> seq <= 0",
        "check: seq < 0 -> True",
        "check: seq < 0 -> False",
        "check: raise ValueError(seq) -> pass",
        "check: seq == end -> True",
        "check: seq == end -> False",
    ]
    assert ast.unparse(switched(SOURCE)).count(SWITCH) == 12


@pytest.mark.parametrize(
    ("awake", "seq", "end", "expected"),
    [
        *((-1, 2, 1, (False, True)), (-1, 1, 1, (True, False)), (-1, -1, 1, (ValueError, False))),
        *((0, 1, 1, (True, True)), (1, 2, 1, (False, False)), (2, 1, 1, (True, True))),
        *((3, 0, 1, (False, True)), (5, 2, 1, (False, False)), (6, 0, 1, (ValueError, False))),
        *((8, -1, 1, (False, False)), (9, -1, 1, (False, False)), (10, 0, 1, (True, False))),
    ],
)
def test_one_mutant_is_awake_at_a_time(
    awake: int, seq: int, end: int, expected: tuple[object, bool]
) -> None:
    """Asleep, the module is what it was."""
    assert answer(awake, seq, end) == expected
