"""Attacks on a log, each with what must be seen of it by whom.

An attack is a function of a log and a random source. Who must see it stands beside it: `ALWAYS` is
everybody who has the database, `PINNED` those who also hold the log's public key, `HEAD` those who
also remember a head of the whole log. Whoever does not see it must still never be told that the
log is whole.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from counterseal.audit.checkpoint import Checkpoint, sign_checkpoint
from counterseal.audit.merkle import root
from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Outcome
from counterseal.audit.verify import Evidence, StoredCheckpoint, head_of_note, verify_log
from tests.core.audit.log_builder import ORIGIN, SIGNER, Log, a_log, edited, rechained

STRANGER = NoteSigner(ORIGIN, bytes(32))
TEXT_FIELDS = ("meaning", "action", "type", "run", "request_id", "idempotency_key")


class Level(IntEnum):
    """What the verifier was given beside the database."""

    ALONE = 0
    PINNED = 1
    HEAD = 2


ALWAYS = Level.ALONE
Stored = tuple[Sequence[StoredRow], Sequence[StoredCheckpoint]]
Attack = Callable[[Log, random.Random], Stored]


class Case(NamedTuple):
    """One executed attack: its name, at which level it was verified, and whether that is right."""

    attack: str
    level: Level
    seed: int
    expected: str
    found: str

    @property
    def right(self) -> bool:
        return self.expected == self.found


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


SEEN_FROM: Mapping[Attack, Level] = {
    bit_flip: ALWAYS,
    edit_bytes: ALWAYS,
    edit_row: ALWAYS,
    edit_column: ALWAYS,
    drop_row: ALWAYS,
    repeat_row: ALWAYS,
    swap_rows: ALWAYS,
    cut_tail: ALWAYS,
    cut_tail_and_checkpoints: Level.HEAD,
    rechain: ALWAYS,
    rechain_without_checkpoints: Level.HEAD,
    rechain_and_sign_as_a_stranger: Level.PINNED,
    rechain_and_sign_with_the_stolen_key: Level.HEAD,
    drop_and_sign_with_the_stolen_key: Level.HEAD,
    back_date_with_the_stolen_key: Level.HEAD,
    copy_from_another_log: ALWAYS,
    repeat_event_with_the_stolen_key: ALWAYS,
    fork_checkpoint: ALWAYS,
    edit_checkpoint: ALWAYS,
    empty_the_log: Level.HEAD,
}
"""From which level on an attack must be detected."""


def evidence_at(level: Level, log: Log) -> Evidence:
    """What a verifier of this level holds, taken before the attack."""
    if level is Level.ALONE:
        return Evidence()
    head = head_of_note(log.checkpoint, SIGNER.key)
    heads = (head,) if level is Level.HEAD else ()
    return Evidence(log_key=SIGNER.key, heads=heads)


def executed(attack: Attack, seed: int) -> Iterator[Case]:
    """An attack on a log of random shape, verified at every level."""
    pick = random.Random(f"{attack.__name__}:{seed}")  # noqa: S311 - shapes, not secrets
    log = a_log([pick.randrange(1, 6) for _ in range(pick.randrange(2, 6))])
    rows, notes = attack(log, pick)
    for level in Level:
        verdict = verify_log(rows, notes, evidence_at(level, log))
        expected = "detected" if level >= SEEN_FROM[attack] else "not called whole"
        found = {Outcome.TAMPERED: "detected", Outcome.OK: "called whole"}.get(
            verdict.outcome, "not called whole"
        )
        yield Case(attack.__name__, level, seed, expected, found)


def corpus(mutations: int, first_seed: int = 0) -> Iterator[Case]:
    """At least so many mutations, evenly over all attacks, each at every level."""
    rounds = -(-mutations // len(SEEN_FROM))
    for seed in range(first_seed, first_seed + rounds):
        for attack in SEEN_FROM:
            yield from executed(attack, seed)
