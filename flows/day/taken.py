"""What an auditor takes home from a replayed day: the evidence pack of one case.

Job: have the export of a case recorded when the day ends, and write its pack beside the demo home.

Invariants
  I1  The export is a record of the day like any other: the same day has the same one.
  I2  Its key follows from the seed, as every secret of a demo does; the pack proves the case, and
      to nobody who made it.
  I3  A pack is written of a finished day, and its own verifier is asked at once.

Not here: packs (evidence), keepsakes of the whole log (keepsakes).
Source: design part "evidence pack".
"""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from counterseal.audit.record import StoredRow, load_canonical
from counterseal.audit.snapshots import STREAM
from counterseal.desk.exports import EXPORTED, ExportOrder, Exports, ExportScope, ScopeKind
from counterseal.desk.ports import Reader
from counterseal.kernel.errors import IntegrityError
from counterseal.kernel.ids import IdSource, SeededIdSource
from counterseal.kernel.model import Actor, DomainModel, Name
from counterseal.oms.model import Order
from counterseal.oms.states import OrderState
from evidence.pack import PackOrder, write_pack
from evidence.renderings import renderings
from evidence.statement import ExportKey
from evidence.verify import reader_of, verify
from flows.day.home import DemoHome
from storage.archive import SqlArchive
from storage.data_keys import data_keys
from storage.evidence_source import HomeEvidence
from storage.home_reader import HomeReader, read_home
from storage.outside_folder import OutsideFolder
from storage.settings import Settings

PACK: Final = "evidence.zip"
_KEY: Final = "demo:export"


class Taken(DomainModel):
    """A pack, and what its own verifier said of it with what lies outside of the home.

    Attributes:
        outcome: As the verifier names it.
        records: How many are shown.
    """

    path: str
    request_id: Name
    records: int
    outcome: Name
    exit: int


def ask(home: DemoHome, auditor: Actor) -> None:
    """Have the export of the first case that was filled recorded; again has no effect.

    Raises:
        IntegrityError: `DEMO_SETUP_REFUSED`; when sealing fails.
        AdapterError: the store's.
    """
    bench = home.desk.bench
    with bench.store.reader() as reader:
        case = _first_filled(reader)
    if case is None:
        return
    scope = ExportScope(kind=ScopeKind.CASE, value=case)
    order = ExportOrder(scope=scope, export_key=_export_key(home.ids).public)
    archive = SqlArchive(home.settings.database, data_keys(home.settings))
    outcome = Exports(bench, archive).export(order, auditor, key=_KEY).outcome
    if outcome.refusal is not None:
        raise IntegrityError(
            "DEMO_SETUP_REFUSED", outcome.refusal.message, got=outcome.refusal.code
        )


def take(settings: Settings, folder: OutsideFolder, seed: str) -> Taken | None:
    """Write the pack of a finished day, in the place of an earlier one; None without an export.

    Args:
        settings: Of the demo home.
        folder: What those outside hold of it; the pack is put there and verified with it.
        seed: Of the day.

    Raises:
        IntegrityError: when the home does not hold.
        AdapterError: when the database or a file fails.
    """
    path = folder.path / PACK
    with read_home(settings) as reader:
        order = _order(reader, SeededIdSource(seed))
        if order is None:
            return None
        path.unlink(missing_ok=True)
        beside = settings.model_copy(update={"counterseal_outside": folder.path})
        totals = write_pack(path, HomeEvidence(reader, beside), order, (renderings,))
    said = verify(path, reader_of(str(folder.log_key), None, folder.policy))
    return Taken(
        path=str(path),
        request_id=order.scope.value,
        records=totals.records,
        outcome=said["outcome"],
        exit=said["exit"],
    )


def _first_filled(reader: Reader) -> str | None:
    filled = [one for one in reader.find(Order) if one.state is OrderState.FILLED]
    first = min(filled, key=lambda one: one.order_id, default=None)
    return None if first is None else first.approval_request_id


def _export_key(ids: IdSource) -> ExportKey:
    return ExportKey(Ed25519PrivateKey.from_private_bytes(ids.secret(_KEY, 32)))


def _order(reader: HomeReader, ids: IdSource) -> PackOrder | None:
    """What the record of the export says; None before there is one."""
    key = _export_key(ids)
    for row in reader.in_streams(STREAM):
        facts = _facts(row) if row.type == EXPORTED else {}
        if facts.get("export_key") == key.public:
            return PackOrder(
                scope=ExportScope(kind=ScopeKind.CASE, value=str(facts["scope_value"])),
                export_id=row.event_id,
                snapshot_id=str(facts["snapshot"]),
                key=key,
            )
    return None


def _facts(row: StoredRow) -> Mapping[str, object]:
    after = load_canonical(row.body)["after"]
    facts = after.get("facts") if isinstance(after, Mapping) else None
    return facts if isinstance(facts, Mapping) else {}
