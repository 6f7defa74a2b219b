"""What a measurement says: a figure, the floor or peer of the same run, and the bar."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", ROOT.parent / "shared" / "data"))
RUNS = 9


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the report.

    Attributes:
        value, floor: In `unit`, from the same run; no floor where nothing does the same work.
        bar: Most that is allowed (least, for a rate), of the value or of the ratio.
        of_ratio: Whether the bar is one of the ratio.
        absent: Why nothing was measured.
    """

    name: str
    value: float = 0.0
    unit: str = "s"
    floor_name: str = "-"
    floor: float | None = None
    bar: float | None = None
    of_ratio: bool = False
    absent: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the floor; below 1 for a rate slower than its floor."""
        return self.value / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        """`ok`, `MISSED`, `ABSENT`, or `-` without a bar."""
        if self.absent:
            return "ABSENT"
        judged = self.ratio if self.of_ratio else self.value
        if self.bar is None or judged is None:
            return "-"
        return "ok" if judged <= self.bar else "MISSED"

    def cells(self) -> tuple[str, ...]:
        """Texts of the table's columns."""
        if self.absent:
            return (self.name, "-", "-", "-", "-", f"ABSENT: {self.absent}")
        bar = "-" if self.bar is None else f"{self.bar:g}{'x' if self.of_ratio else self.unit}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}x"
        floor = "-" if self.floor is None else f"{self.floor_name} {_figure(self.floor)}"
        return (self.name, f"{_figure(self.value)} {self.unit}", floor, ratio, bar, self.verdict)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3f}"


def table(found: Sequence[Measurement]) -> str:
    """Aligned columns."""
    rows = [
        ("WHAT", "MEASURED", "FLOOR OR PEER", "RATIO", "BAR", "VERDICT"),
        *(one.cells() for one in found),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def as_json(found: Sequence[Measurement]) -> str:
    """One document, the same facts."""
    told = [{**asdict(one), "ratio": one.ratio, "verdict": one.verdict} for one in found]
    return json.dumps({"measurements": told}, indent=2)


def seconds(act: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def median_seconds(*commands: Sequence[str], env: dict[str, str] | None = None) -> list[float]:
    """Median wall seconds of each command; they take turns, so that a busy spell hits all."""
    told = os.environ | (env or {})
    spent: list[list[float]] = [[] for _ in commands]
    for turn in range(RUNS + 1):
        for place, command in enumerate(commands):

            def act(command: Sequence[str] = command) -> None:
                subprocess.run(command, cwd=ROOT, env=told, capture_output=True, check=True)  # noqa: S603 - our own words

            taken = seconds(act)
            if turn:  # the first turn fills the page cache
                spent[place].append(taken)
    return [statistics.median(one) for one in spent]


def console(name: str) -> str:
    """A script beside the interpreter that runs."""
    return str(Path(sys.executable).parent / name)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]
