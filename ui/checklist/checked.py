"""What a check comes to."""

from collections.abc import Iterable
from typing import NamedTuple


class Checked(NamedTuple):
    """One thing that was looked at.

    Attributes:
        told: What was found, in words.
    """

    what: str
    passed: bool
    told: str


def equal(what: str, found: object, expected: object) -> Checked:
    """Whether something is what it should be."""
    told = f"{found}" if found == expected else f"{found}, expected {expected}"
    return Checked(what, found == expected, told)


def none(what: str, found: Iterable[object]) -> Checked:
    """Whether nothing of a kind was found."""
    bad = [str(one) for one in found]
    return Checked(what, not bad, ", ".join(bad) or "none")
