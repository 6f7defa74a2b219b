"""`make bench`: every measurement against a floor of the same run, and against its bar.

Exit status: 0 every bar held, 1 a bar was missed, 3 something could not be measured.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.bench import (
    bench_audit,
    bench_batch,
    bench_cli,
    bench_day,
    bench_demo,
    bench_house,
    bench_pack,
    bench_policy,
    bench_risk,
    bench_seal,
    bench_sign,
    bench_submit,
    bench_sweep,
    bench_tape,
    bench_ticks,
    bench_tree,
    bench_ui,
)
from tests.bench.measure import as_json, table

BENCHES = {
    "cli": bench_cli,
    "ticks": bench_ticks,
    "tape": bench_tape,
    "submit": bench_submit,
    "batch": bench_batch,
    "demo": bench_demo,
    "audit": bench_audit,
    "pack": bench_pack,
    "policy": bench_policy,
    "risk": bench_risk,
    "seal": bench_seal,
    "sign": bench_sign,
    "tree": bench_tree,
    "sweep": bench_sweep,
    "ui": bench_ui,
    "day": bench_day,
    "house": bench_house,
}


def main() -> int:
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(BENCHES), default=[])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    told = parser.parse_args()
    found = []
    for name in told.names or BENCHES:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
            found += BENCHES[name].measure(Path(folder))
    busy, cores = os.getloadavg()[0], os.cpu_count() or 1
    if busy > cores:
        sys.stderr.write(f"load {busy:.1f} on {cores} cores: ratios hold, seconds do not\n")
    sys.stdout.write((as_json(found) if told.json else table(found)) + "\n")
    verdicts = {one.verdict for one in found}
    return 1 if "MISSED" in verdicts else 3 if "ABSENT" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
