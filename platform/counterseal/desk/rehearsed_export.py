"""A rehearsal of an export: asked for by somebody who may not, and by an auditor.

Job: try out on a throw-away store what the flag about exports claims.

Invariants
  I1  The refusal stands beside the same export by an auditor, which is let out.

Not here: packs (evidence), the governed case (desk.readiness).
Source: TX-L6.
"""

from itertools import islice
from typing import Final

from counterseal.audit.snapshots import STREAM, TAKEN
from counterseal.desk.archive import Archive
from counterseal.desk.exports import EXPORTED, ExportOrder, Exports, ExportScope, ScopeKind
from counterseal.desk.recorder import REFUSED
from counterseal.desk.scratch import AUDITOR, OPERATOR, ScratchHouse, scratch_actor
from counterseal.readiness.model import Exercise, Exercised

EXPORTS: Final = (Exercise.EXPORT_REFUSED_AND_LOGGED,)
"""What a whole rehearsal of an export tells."""
_LOGGED: Final = (EXPORTED, TAKEN, REFUSED)
"""What the stream holds afterwards, the newest first."""


def rehearse_export(house: ScratchHouse, archive: Archive) -> Exercised:
    """Ask a founded house for everything, as its operator and as its auditor.

    Raises:
        IntegrityError: when sealing fails.
        AdapterError: the store's.
    """
    exports = Exports(house.desk.bench, archive)
    key = house.desk.bench.ids.secret("scratch-export", 32).hex()
    order = ExportOrder(scope=ExportScope(kind=ScopeKind.ALL), export_key=key)
    answers = [
        exports.export(order, scratch_actor(who, house.now), key=house.key()).outcome.refusal
        for who in (OPERATOR, AUDITOR)
    ]
    logged = tuple(row.type for row in islice(archive.newest_in(STREAM), len(_LOGGED)))
    refused, granted = ("let out" if one is None else one.code for one in answers)
    passed = answers[0] is not None and answers[1] is None and logged == _LOGGED
    told = f"an operator: {refused}; an auditor: {granted}; on record: {', '.join(logged)}"
    return Exercised(name=EXPORTS[0], passed=passed, evidence=told)
