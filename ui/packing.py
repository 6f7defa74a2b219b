"""An evidence pack of a home: recorded, then written; the same from a command and from a page."""

from pathlib import Path
from typing import NamedTuple

from counterseal.desk.commands import Outcome
from counterseal.desk.control_records import records_of
from counterseal.desk.desk import Desk
from counterseal.desk.exports import ExportOrder, Exports, ExportScope, ScopeKind
from counterseal.kernel.errors import InputError, InvariantError
from counterseal.kernel.model import Actor
from evidence.bag import check_free
from evidence.model import PackTotals
from evidence.pack import PackOrder, Progress, Rendering, write_pack
from evidence.renderings import renderings
from evidence.signatures import decision_files
from evidence.statement import ExportKey
from storage.archive import SqlArchive
from storage.control_file import read_controls
from storage.data_keys import data_keys
from storage.evidence_source import HomeEvidence
from storage.home_reader import read_home
from storage.settings import Settings


class Asked(NamedTuple):
    """A pack that somebody wants.

    Attributes:
        kept: A checkpoint that the auditor kept, from which the pack grows; None without one.
        openings: Whether personal data is opened to the reader.
        plain: Whether report and tables are left out.
    """

    scope: ExportScope
    kept: str | None = None
    openings: bool = False
    plain: bool = False


class Packed(NamedTuple):
    """A pack that was written, and the event id of its export's record."""

    totals: PackTotals
    export_id: str


def packed(
    desk: Desk,
    settings: Settings,
    actor: Actor,
    asked: Asked,
    out: Path,
    *,
    key: str,
    progress: Progress | None = None,
) -> Packed | Outcome:
    """Have an export recorded, and write its pack; the outcome when it was refused.

    Args:
        desk: Of the home.
        settings: Of the same home.
        actor: Who asks.
        asked: For what.
        out: New folder, or new file named `*.zip`; it appears as a whole or not at all.
        key: Of the act.
        progress: Told how many records were written.

    Raises:
        InputError: `FILE_EXISTS`, `CONTROL_UNKNOWN`; those of `evidence.pack.write_pack`.
        IntegrityError: the same, and when sealing fails.
        AdapterError: the same, and the store's.
        InvariantError: when the record has no name.
    """
    check_free(out)
    chosen, own_key = _chosen(settings, asked.scope), ExportKey()
    order = ExportOrder(scope=asked.scope, export_key=own_key.public, openings=asked.openings)
    archive = SqlArchive(settings.database, data_keys(settings))
    exported = Exports(desk.bench, archive).export(order, actor, key=key)
    if exported.outcome.refusal is not None:
        return exported.outcome
    export_id, snapshot_id = exported.outcome.event_id, exported.snapshot_id
    if export_id is None or snapshot_id is None:
        raise InvariantError("an export that was recorded names its records")
    written = PackOrder(
        scope=asked.scope,
        export_id=export_id,
        snapshot_id=snapshot_id,
        key=own_key,
        expected=asked.kept,
        openings=asked.openings,
        chosen=chosen,
    )
    beside: Rendering = decision_files if asked.plain else renderings
    with read_home(settings) as reader:
        source = HomeEvidence(reader, settings)
        return Packed(write_pack(out, source, written, (beside,), progress), export_id)


def _chosen(settings: Settings, scope: ExportScope) -> tuple[int, ...]:
    """Places of the records behind a control; none for any other scope.

    Raises:
        InputError: `CONTROL_UNKNOWN`.
    """
    if scope.kind is not ScopeKind.CONTROL:
        return ()
    found = read_controls().control(scope.value)
    if found is None:
        raise InputError("CONTROL_UNKNOWN", "no such control", field="--control", got=scope.value)
    with read_home(settings) as reader:
        return tuple(records_of(found, reader.records()))
