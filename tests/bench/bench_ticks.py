"""Seconds to read a day of the exchange's deals, beside pandas on the same bytes."""

import statistics
import subprocess
import sys
from pathlib import Path

from tests.bench.measure import DATA, ROOT, Measurement

RUNS = 5
SECONDS_MAX = 2.0
DAY = DATA / "taifex_ticks_20210726" / "Daily_2021_07_26.zip"
FRAME = """
import io, sys, time, zipfile
from pathlib import Path
{imports}
packed = Path(sys.argv[1]).read_bytes()
start = time.perf_counter()
{work}
print(time.perf_counter() - start)
"""
OURS = FRAME.format(
    imports="from storage.tick_files import read_tick_file",
    work='read_tick_file(Path(sys.argv[1]), ("TX", "MTX"))',
)
THEIRS = FRAME.format(
    imports="import pandas as pd",
    work="""
with zipfile.ZipFile(io.BytesIO(packed)) as archive:
    inside = archive.read(archive.namelist()[0])
pd.read_csv(io.BytesIO(inside), encoding="cp950", dtype={1: str, 2: str, 3: str})
""",
)


def measure(_: Path) -> list[Measurement]:
    """Strict parse with every check, against a parse that only guesses types; imports left out."""
    name = f"ticks of {DAY.name}"
    if not DAY.is_file():
        return [Measurement(name, absent=f"{DAY} (see COUNTERSEAL_TEST_DATA)")]
    spent = [(_fresh(OURS), _fresh(THEIRS)) for _ in range(RUNS)]
    own, peer = (statistics.median(column) for column in zip(*spent, strict=True))
    return [Measurement(name, own, floor_name="pandas read_csv", floor=peer, bar=SECONDS_MAX)]


def _fresh(code: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed text
        [sys.executable, "-c", code, str(DAY)], cwd=ROOT, capture_output=True, check=True
    )
    return float(done.stdout)
