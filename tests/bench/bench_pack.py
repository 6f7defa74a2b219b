"""Evidence packs of a long log: how fast records leave and are verified, and what is kept.

The whole log as a folder and as a zip file, in microseconds of processor time a record, which other
work on the machine disturbs least; the floor reads the same rows and does nothing with them. Memory
is the peak of a process that exports all, beside one that exports a single case of that log: what
grows with the records. The verifier in the pack reads that folder as a stranger runs it, with every
core, in microseconds on the clock; its floor hashes the same files with one.

`COUNTERSEAL_BENCH_RECORDS=1000000` takes a longer log.
"""

import hashlib
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from counterseal.desk.exports import ExportOrder, Exports, ExportScope, ScopeKind
from evidence.pack import PackOrder, write_pack
from evidence.renderings import renderings
from evidence.statement import ExportKey
from storage.archive import SqlArchive
from storage.data_keys import data_keys
from storage.evidence_source import HomeEvidence
from storage.home_reader import read_home
from storage.settings import Settings
from tests.bench.measure import ROOT, Measurement

if TYPE_CHECKING:
    from tests.world import World

RECORDS = int(os.environ.get("COUNTERSEAL_BENCH_RECORDS", "50000"))
REQUESTS = 1_000
RUNS = 3
MICROSECONDS_MAX = 50.0
"""20,000 records a second."""
VERIFIED_MICROSECONDS_MAX = 20.0
"""50,000 records a second."""
BESIDE_KB_MAX = 2_000.0
GROWTH_MB_MAX = 40.0
"""Tiles that are kept open, and what the database caches; as many for any longer log."""
AUDITOR = "author"


def measure(folder: Path) -> list[Measurement]:
    """Export all records of one log, again and again."""
    from counterseal.identity.people import Role  # noqa: PLC0415 - the memory of a bare process
    from tests.bench.big_home import big_home  # noqa: PLC0415 - the same

    house = big_home(folder / "home", REQUESTS, RECORDS)
    house.reopen()
    house.done(house.granted(AUDITOR, Role.AUDITOR))
    case = str(house.rows("SELECT max(stream) FROM audit_records WHERE stream LIKE 'case:%'")[0][0])
    scopes = {
        "all": ExportScope(kind=ScopeKind.ALL),
        "case": ExportScope(kind=ScopeKind.CASE, value=case.partition(":")[2]),
    }
    orders = {name: recorded(house, scope) for name, scope in scopes.items()}
    house.store.close()
    count, settings = len(house.log()), house.settings
    floor = statistics.median(read(settings) for _ in range(RUNS)) / count * 1e6
    found = []
    for kind, suffix in (("a folder", ""), ("a zip file", ".zip")):
        times = [
            spent(lambda: written(settings, orders["all"], folder / f"{run}-pack{suffix}"))  # noqa: B023 - called at once
            for run in range(RUNS)
        ]
        found.append(
            Measurement(
                f"export {count} records as {kind}",
                statistics.median(times) / count * 1e6,
                "us/record",
                "reading them",
                floor,
                MICROSECONDS_MAX,
            )
        )
    found.append(verified(settings, orders["all"], folder / "verified", count))
    found.append(beside_its_records(settings, orders["case"], folder / "one-case", count))
    peaks = [peak_of(settings, orders[name], folder / f"peak-{name}") for name in orders]
    told = "memory that all records take beyond one case"
    grown = Measurement(told, peaks[0] - peaks[1], "MB", "a case in all", peaks[1], GROWTH_MB_MAX)
    return [*found, grown]


def recorded(house: "World", scope: ExportScope) -> PackOrder:
    """An export on record, and the pack that follows from it."""
    key = ExportKey()
    archive = SqlArchive(house.settings.database_file, data_keys(house.settings))
    order = ExportOrder(scope=scope, export_key=key.public)
    exported = Exports(house.desk.bench, archive).export(
        order, house.actor(AUDITOR), key=house.key()
    )
    assert exported.outcome.event_id is not None, exported.outcome.refusal
    assert exported.snapshot_id is not None, exported.outcome.refusal
    return PackOrder(scope, exported.outcome.event_id, exported.snapshot_id, key)


def spent(act: Callable[[], object]) -> float:
    """Seconds of processor time of one call."""
    start = time.process_time()
    act()
    return time.process_time() - start


def passed(act: Callable[[], object]) -> float:
    """Seconds on the clock of one call, whichever processors it takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def read(settings: Settings) -> float:
    """Seconds to read every record."""

    def all_rows() -> None:
        with read_home(settings) as reader:
            deque(reader.records(), maxlen=0)

    return spent(all_rows)


def written(settings: Settings, order: PackOrder, target: Path) -> None:
    """Write one pack; its key is another one each time, as the recorded one has signed."""
    fresh = PackOrder(order.scope, order.export_id, order.snapshot_id, ExportKey())
    with read_home(settings) as reader:
        write_pack(target, HomeEvidence(reader, settings), fresh)


def verified(settings: Settings, order: PackOrder, target: Path, count: int) -> Measurement:
    """Verify a pack that its own key signed."""
    with read_home(settings) as reader:
        write_pack(target, HomeEvidence(reader, settings), order)
    words = [sys.executable, "-I", target / "verify.py", target]
    words += ["--vkey", target / "data" / "log.vkey"]
    own = partial(subprocess.run, words, capture_output=True, check=True)
    times = [passed(own) for _ in range(RUNS)]
    floor = statistics.median(passed(lambda: hashed(target)) for _ in range(RUNS)) / count * 1e6
    return Measurement(
        f"verify {count} records, by every core",
        statistics.median(times) / count * 1e6,
        "us/record",
        "hashing the files",
        floor,
        VERIFIED_MICROSECONDS_MAX,
    )


def beside_its_records(
    settings: Settings, order: PackOrder, target: Path, count: int
) -> Measurement:
    """What a pack of one case holds beside records: proofs, texts, report and tables."""
    with read_home(settings) as reader:
        write_pack(target, HomeEvidence(reader, settings), order, (renderings,))
    sizes = {path: path.stat().st_size for path in target.rglob("*") if path.is_file()}
    records = sizes.pop(target / "data" / "records.jsonl")
    told = f"one case of {count} records, beside its own"
    return Measurement(
        told, sum(sizes.values()) / 1e3, "kB", "its records", records / 1e3, BESIDE_KB_MAX
    )


def hashed(folder: Path) -> None:
    """Hash every file of a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")


def peak_of(settings: Settings, order: PackOrder, target: Path) -> float:
    """MB that a process of its own takes for one pack."""
    told = (settings.model_dump_json(), order.scope.model_dump_json(), order.export_id)
    words = [sys.executable, "-c", f"from {__name__} import peak; peak()"]
    command = [*words, *told, order.snapshot_id, str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return float(done.stdout)


def peak() -> None:
    """Write the pack that the words name, and print this process's peak in MB."""
    settings, scope, export_id, snapshot_id, target = sys.argv[1:]
    order = PackOrder(ExportScope.model_validate_json(scope), export_id, snapshot_id, ExportKey())
    written(Settings.model_validate_json(settings), order, Path(target))
    status = Path("/proc/self/status").read_text("ascii")
    sys.stdout.write(str(int(status.split("VmHWM:")[1].split()[0]) / 1024))
