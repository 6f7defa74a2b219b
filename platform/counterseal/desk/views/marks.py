"""What every view of trading says, and how many rows a view may be asked for.

Job: mark each answer as paper simulation, find flags that say otherwise, and bound each list.

Invariants
  I1  A view of trading cannot be built as anything but paper.
  I2  A limit outside its range is refused, never clipped in silence.

Not here: the views.
Source: features TX-F1, TX-G10, TX-G11, TX-G13.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal

from counterseal.kernel.errors import InputError
from counterseal.kernel.model import DomainModel, Name

PAPER_LABEL: Final = "paper simulation"
QUEUE_LIMIT: Final = 50
RUNS_LIMIT: Final = 100
EVENTS_LIMIT: Final = 100
QUEUE_LIMIT_MAX: Final = 200
RUNS_LIMIT_MAX: Final = 200
EVENTS_LIMIT_MAX: Final = 500


class PaperView(DomainModel):
    """The words that stand on every view of trading."""

    label: Literal["paper simulation"] = PAPER_LABEL
    paper_only: Literal[True] = True
    live_trading_enabled: Literal[False] = False
    broker_api_called: Literal[False] = False


class Badge(DomainModel):
    """One fact beside a panel; `value` is `true`, `false` or a name."""

    name: Name
    value: Name

    @property
    def text(self) -> str:
        """`NAME=value`."""
        return f"{self.name}={self.value}"


def flag(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


_UNSAFE_WHEN: Final = {
    "paper_only": False,
    "approval_for_live": True,
    "live_execution_eligible": True,
    "live_trading_enabled": True,
    "broker_api_called": True,
    "external_market_data_downloaded": True,
    "production_execution_model": True,
}


SAFETY_FLAGS: Final = frozenset(_UNSAFE_WHEN)
"""Names of the flags that every view looks for."""

_OBSERVED: Final = "snapshot"
"""What a check saw, such as a live setting that it then refused: no claim of the record."""


def unsafe_flags(
    value: object, path: str = "", *, also_false: Collection[str] = ()
) -> tuple[str, ...]:
    """Paths of every safety flag, at any depth of a JSON value, that does not say paper.

    A flag that is no truth value at all is unsafe, too; a snapshot of what was seen is left out.

    Args:
        value: JSON.
        path: Of the value.
        also_false: Names of further flags that are safe only when false.
    """
    if isinstance(value, Mapping):
        found: list[str] = []
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            if name in _UNSAFE_WHEN or name in also_false:
                safe = inner is (not _UNSAFE_WHEN.get(name, True))
                found += [] if safe else [here]
            elif name != _OBSERVED:
                found += unsafe_flags(inner, here, also_false=also_false)
        return tuple(found)
    if isinstance(value, list | tuple):
        return tuple(
            bad
            for place, v in enumerate(value)
            for bad in unsafe_flags(v, f"{path}[{place}]", also_false=also_false)
        )
    return ()


def checked_limit(limit: int, limit_max: int) -> int:
    """The limit, when it is 1 to `limit_max` rows.

    Raises:
        InputError: `LIMIT_OUT_OF_RANGE`.
    """
    if 1 <= limit <= limit_max:
        return limit
    raise InputError(
        "LIMIT_OUT_OF_RANGE",
        "the number of rows asked for is out of range",
        field="limit",
        expected=f"1 to {limit_max}",
        got=limit,
    )
