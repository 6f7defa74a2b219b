"""`counterseal audit rotate`, `revoke-key`: another key for the log, an old one without worth."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from counterseal.audit.note import parse_vkey
from ui.cli.acting import Act, acting
from ui.cli.render import notice, reject
from ui.cli.session import CLOCK, IDS

if TYPE_CHECKING:
    from counterseal.market.ports import MarketFeed

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)


@acting
def rotate(act: Act) -> None:
    """Let a new key follow the log's key; both sign that, and the checkpoint over it.

    Stop everything that writes to this home before. The new key is sealed with the passphrase of
    the old one. What a crash cut short is completed by the same command, or by whatever opens the
    home next.
    """
    from storage.home_keys import log_key_path, public_log_key  # noqa: PLC0415 - only acting does
    from storage.rotation import rotate as rotated  # noqa: PLC0415 - the same

    outcome = rotated(act.settings, act.actor, key=act.key, clock=CLOCK, ids=IDS, feed=_feed())
    act.settled(outcome, what="rotated by")
    notice(f"counterseal: the log signs as {public_log_key(log_key_path(act.settings)).text}")
    notice("counterseal: tell it to witnesses; auditors keep the first key and walk from it")


@acting
def revoke_key(
    vkey: Annotated[str, typer.Argument(help="An earlier key's line, as `audit keys` shows it.")],
    reason: Annotated[str, typer.Option(help="A code without blanks, such as stolen.")],
    act: Act,
) -> None:
    """Record that an earlier key counts no more; the key in force signs that.

    Checkpoints under it count only where a witness or a time-stamp shows that they were there
    before. The key in force cannot be revoked: rotate first.
    """
    from storage.rotation import revoke  # noqa: PLC0415 - only acting does

    actor, gone = act.actor, parse_vkey(vkey)
    if _CODE.fullmatch(reason) is None:
        reject("REASON_INVALID", "one word of letters, digits and dashes", field="--reason")
    outcome = revoke(
        act.settings, gone, reason, actor, key=act.key, clock=CLOCK, ids=IDS, feed=_feed()
    )
    act.settled(outcome, what="revoked by")


def _feed() -> "MarketFeed":
    from ui.cli.quotes import GivenQuotes  # noqa: PLC0415 - only acting opens a desk

    return GivenQuotes()
