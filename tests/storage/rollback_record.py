"""A declared rollback in the log and in its table, without a restore: for walks over every kind."""

import json
from typing import cast

from counterseal.audit.record import Draft
from counterseal.audit.rollback import LogHead, Rollback
from counterseal.kernel.ids import SeededIdSource
from tests.world import ORIGIN, START, World


def record_a_rollback(world: World) -> None:
    """Under the old name, which is enough for its table."""
    head = LogHead(size=1, root="0" * 64)
    rollback = Rollback(
        origin=f"{ORIGIN}/epoch-1",
        epoch=1,
        vkey="next",
        old_origin=ORIGIN,
        signed=head.amended(size=2),
        checkpoint="note",
        kept=head,
        restored=head,
        reason="disk lost",
        declared_at=START,
    )
    whole = json.loads(world.log()[-1].body)
    fields = {name: whole[name] for name in Draft.__annotations__}
    fields["event_id"] = SeededIdSource("test").new("evt", "rollback", START)
    fields["after"] = {"documents": {Rollback.KIND: [rollback.json_value()]}}
    with world.store.transaction() as work:
        work.record(cast("Draft", fields), (rollback,))
    world.store.seal()
