"""Attacks on a log: what an owner of the database can do to it, with and without the log's key.

An attack is a function of a log and a random source; it gives what the verifier is then shown.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.keys import ROTATED, LogKeyChange, rotation_text
from counterseal.audit.merkle import root
from counterseal.audit.note import Note, NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.verify import StoredCheckpoint
from tests.core.audit.log_builder import (
    NOW,
    ORIGIN,
    SIGNER,
    STEP,
    Log,
    edited,
    rechained,
    spaced,
    true_snapshot,
    with_snapshot,
)

STRANGER = NoteSigner(ORIGIN, bytes(32))
TEXT_FIELDS = ("meaning", "action", "type", "run", "request_id", "idempotency_key")
Stored = tuple[Sequence[StoredRow], Sequence[StoredCheckpoint]]
Attack = Callable[[Log, random.Random], "Stored | Shown"]


@dataclass
class Shown:
    """What a verifier is shown.

    Attributes:
        stored: The database.
        shown_log: Of which heads and time-stamps are handed over; None for the log before the
            attack.
        is_only_log: Whether there never was another one, so that outsiders saw it as well.
        tables: Where a reconciliation differs.
        cosigned: Whether cosignatures of the log before were put under the checkpoints shown.
    """

    stored: Stored
    shown_log: Log | None = None
    is_only_log: bool = False
    tables: tuple[str, ...] = ()
    cosigned: bool = False


def _resealed(rows: Sequence[StoredRow], signer: NoteSigner, sizes: Sequence[int]) -> Stored:
    """Rows with checkpoints signed anew at these sizes, as whoever holds a key can."""
    leaves = [bytes.fromhex(row.leaf_hash) for row in rows]
    notes = [
        StoredCheckpoint(n, sign_checkpoint(Checkpoint(ORIGIN, n, root(leaves[:n])), signer))
        for n in sorted({min(size, len(rows)) for size in sizes} - {0})
    ]
    return rows, notes


def _sizes(log: Log) -> list[int]:
    return [checkpoint.size for checkpoint in log.checkpoints]


def _changed(log: Log, pick: random.Random) -> tuple[int, dict[str, object]]:
    seq = pick.randrange(len(log.rows))
    return seq, {pick.choice(TEXT_FIELDS): f"forged-{pick.randrange(10**6)}"}


def _with(log: Log, seq: int, row: StoredRow) -> list[StoredRow]:
    return [row if place == seq else kept for place, kept in enumerate(log.rows)]


def bit_flip(log: Log, pick: random.Random) -> Stored:
    seq = pick.randrange(len(log.rows))
    body = bytearray(log.rows[seq].body)
    body[pick.randrange(len(body))] ^= 1 << pick.randrange(8)
    return _with(log, seq, log.rows[seq]._replace(body=bytes(body))), log.checkpoints


def edit_bytes(log: Log, pick: random.Random) -> Stored:
    seq, change = _changed(log, pick)
    return _with(log, seq, edited(log.rows[seq], change, columns=False)), log.checkpoints


def edit_row(log: Log, pick: random.Random) -> Stored:
    seq, change = _changed(log, pick)
    return _with(log, seq, edited(log.rows[seq], change)), log.checkpoints


def edit_column(log: Log, pick: random.Random) -> Stored:
    seq, name = pick.randrange(len(log.rows)), pick.choice(StoredRow._fields[:-1])
    cells = log.rows[seq]._asdict()
    old = cells[name]
    cells[name] = old + 1 if isinstance(old, int) else f"{old}x"
    return _with(log, seq, StoredRow(**cells)), log.checkpoints


def drop_row(log: Log, pick: random.Random) -> Stored:
    seq = pick.randrange(len(log.rows) - 1)
    return [row for place, row in enumerate(log.rows) if place != seq], log.checkpoints


def repeat_row(log: Log, pick: random.Random) -> Stored:
    seq = pick.randrange(len(log.rows))
    return [*log.rows[: seq + 1], log.rows[seq], *log.rows[seq + 1 :]], log.checkpoints


def swap_rows(log: Log, pick: random.Random) -> Stored:
    one, two = pick.sample(range(len(log.rows)), 2)
    rows = list(log.rows)
    rows[one], rows[two] = rows[two], rows[one]
    return rows, log.checkpoints


def cut_tail(log: Log, pick: random.Random) -> Stored:
    return log.rows[: pick.randrange(1, len(log.rows))], log.checkpoints


def cut_tail_and_checkpoints(log: Log, pick: random.Random) -> Stored:
    keep = pick.randrange(1, len(log.rows))
    return log.rows[:keep], [c for c in log.checkpoints if c.size <= keep]


def rechain(log: Log, pick: random.Random) -> Stored:
    seq, change = _changed(log, pick)
    return rechained(_with(log, seq, edited(log.rows[seq], change))), log.checkpoints


def rechain_without_checkpoints(log: Log, pick: random.Random) -> Stored:
    return rechain(log, pick)[0], []


def rechain_and_sign_as_a_stranger(log: Log, pick: random.Random) -> Stored:
    return _resealed(rechain(log, pick)[0], STRANGER, _sizes(log))


def rechain_and_sign_with_the_stolen_key(log: Log, pick: random.Random) -> Stored:
    return _resealed(rechain(log, pick)[0], SIGNER, _sizes(log))


def drop_and_sign_with_the_stolen_key(log: Log, pick: random.Random) -> Stored:
    """A row vanishes; the rest is renumbered and signed with the real key."""
    return _resealed(rechained(drop_row(log, pick)[0]), SIGNER, _sizes(log))


def back_date_with_the_stolen_key(log: Log, pick: random.Random) -> Stored:
    seq = pick.randrange(len(log.rows))
    earlier = {"occurred_at": f"2025-12-{pick.randrange(1, 29):02d}T00:00:00.000000Z"}
    rows = rechained(_with(log, seq, edited(log.rows[seq], earlier)))
    return _resealed(rows, SIGNER, _sizes(log))


def copy_from_another_log(log: Log, pick: random.Random) -> Stored:
    """A record of another log, linked in and signed with the real key: its origin betrays it."""
    seq = pick.randrange(len(log.rows))
    foreign = edited(log.rows[seq], {"origin": "counterseal.example/other"})
    return _resealed(rechained(_with(log, seq, foreign)), SIGNER, _sizes(log))


def repeat_event_with_the_stolen_key(log: Log, pick: random.Random) -> Stored:
    """An event twice in a chain that is sound otherwise."""
    return _resealed(rechained(repeat_row(log, pick)[0]), SIGNER, _sizes(log))


def fork_checkpoint(log: Log, pick: random.Random) -> Stored:
    """A second signed root for a size that has one."""
    size = pick.choice(_sizes(log))
    other = bytes(pick.randrange(256) for _ in range(32))
    note = sign_checkpoint(Checkpoint(ORIGIN, size, other), SIGNER)
    return log.rows, [*log.checkpoints, StoredCheckpoint(size, note)]


def edit_checkpoint(log: Log, pick: random.Random) -> Stored:
    """The text under a signature says another size."""
    place = pick.randrange(len(log.checkpoints))
    size, note = log.checkpoints[place]
    lines = note.split("\n")
    lines[1] = str(int(lines[1]) + 1)
    notes = list(log.checkpoints)
    notes[place] = StoredCheckpoint(size, "\n".join(lines))
    return log.rows, notes


def empty_the_log(log: Log, pick: random.Random) -> Stored:
    del log, pick
    return [], []


def restore_a_backup(log: Log, pick: random.Random) -> Stored:
    """The database as it was at an earlier checkpoint, whole and clean."""
    size = log.checkpoints[pick.randrange(len(log.checkpoints) - 1)].size
    return log.rows[:size], [c for c in log.checkpoints if c.size <= size]


def show_two_views(log: Log, pick: random.Random) -> Shown:
    """Another log for this one verifier, under the real key, with heads and stamps of its own."""
    rows, notes = rechain_and_sign_with_the_stolen_key(log, pick)
    return Shown((rows, notes), Log(list(rows), list(notes), log.head))


def replay_cosignatures(log: Log, pick: random.Random) -> Shown:
    """Witnesses' lines over the old checkpoints, put under those of the rewritten log."""
    stored = rechain_and_sign_with_the_stolen_key(log, pick)
    return Shown(stored, cosigned=True)


def back_date_while_writing(log: Log, pick: random.Random) -> Shown:
    """The owner turns the clock back for one group; everything else is as it should be."""
    sizes = [0, *_sizes(log)]
    at = pick.randrange(1, len(log.checkpoints))
    groups = [end - start for start, end in pairwise(sizes)]
    dated = spaced(groups, {at: NOW.replace(year=2025)})
    return Shown((dated.rows, dated.checkpoints), dated, is_only_log=True)


def never_log(log: Log, pick: random.Random) -> Shown:
    """A row of a table without a record: only the tables can tell."""
    return Shown((log.rows, log.checkpoints), tables=(f"orders/ord_{pick.randrange(99)}",))


def empty_a_body(log: Log, pick: random.Random) -> Stored:
    """A purge that no record tells of."""
    seq = pick.randrange(len(log.rows))
    return _with(log, seq, log.rows[seq]._replace(body=b"")), log.checkpoints


def rotate_to_a_strangers_key(log: Log, pick: random.Random) -> Stored:
    """A recorded rotation that the old key never signed, and checkpoints under the new one."""
    del pick
    text = rotation_text(SIGNER.key, STRANGER.key, len(log.rows) + 1)
    note = Note(text, (STRANGER.line(text),)).text
    change = {"change_id": "chg_1", "vkey": STRANGER.key.text, "note": note}
    told = {"type": ROTATED, "after": {"documents": {LogKeyChange.KIND: [change]}}}
    rows = rechained([*log.rows, edited(log.rows[-1], {**told, "event_id": f"evt_{'f' * 32}"})])
    _, notes = _resealed(rows, STRANGER, [len(rows)])
    return rows, [*log.checkpoints, *notes]


def lie_about_a_stream(log: Log, pick: random.Random) -> Stored:
    """A snapshot that ends a case earlier than it does, sealed like any other record.

    Nothing was rewritten, so no head and no witness contradicts it; whoever is shown that case
    alone would take its last records for never written.
    """
    cut = pick.randrange(len(log.rows))
    lie = true_snapshot(log.rows, cut)._replace(covers=len(log.rows))
    rows = with_snapshot(log.rows, NOW + len(log.checkpoints) * STEP, **lie._asdict())
    return _resealed(rows, SIGNER, [*_sizes(log), len(rows)])
