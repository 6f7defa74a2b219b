"""What a verification keeps, in a process that has loaded nothing else."""

import hashlib
import sys
from pathlib import Path

from counterseal.audit.accounts import Accounts
from counterseal.audit.findings import Findings
from counterseal.audit.merkle import ZERO_HASH
from counterseal.audit.stretch import STRETCH_MAX, Stretch
from counterseal.audit.walk import Walk

PER_STREAM = 20


def peak(records: int) -> None:
    """Verify so many records, made up as they are read, and print this process's peak in MB."""
    walk, accounts = Walk(Findings(), None, ()), Accounts()
    while walk.end < records:
        made = _made_up(walk.end, walk.last_leaf)
        assert walk.join(made)
        accounts.take_stretch(made)
    walk.finish()
    assert walk.repeated == 0
    assert accounts.report(walk.end).records.present == walk.end
    status = Path("/proc/self/status").read_text("ascii")
    sys.stdout.write(str(int(status.split("VmHWM:")[1].split()[0]) / 1024))


def _made_up(start: int, prev: bytes) -> Stretch:
    """A stretch of new cases: what is kept of records does not depend on their bytes."""
    ids = [hashlib.sha256(b"%d" % n) for n in range(start, start + STRETCH_MAX)]
    names = [f"case:apr_{one.hexdigest()[:32]}" for one in ids[::PER_STREAM]]
    leaves = [one.digest() for one in ids]
    counts = dict.fromkeys(names, PER_STREAM)
    counts[names[-1]] -= PER_STREAM * len(names) - STRETCH_MAX
    return Stretch(
        start,
        prev.hex(),
        leaves,
        origin="counterseal.example/memory",
        opens=dict.fromkeys(names, (1, ZERO_HASH.hex())),
        closes=dict.fromkeys(names, (PER_STREAM, prev.hex())),
        event_ids=[f"evt_{one.hexdigest()[32:]}" for one in ids],
        times=("2026", "2026", "2026", "2026"),
        counts=counts,
    )
