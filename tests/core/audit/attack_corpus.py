"""Every attack at every level of evidence, with what must be seen of it.

Whether an attack is seen is told by rule, not by the verifier: a change of the bytes shows to
everybody who has the database; a log rewritten without its key to whoever pinned that key; a log
rewritten with the key to whoever holds a head that reaches beyond the first changed record; a time
turned back to whoever saw the log before. Whoever does not see it must be told so: the attacker
must not stand as excluded for that record.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from counterseal.audit.checkpoint import cosign_checkpoint
from counterseal.audit.evidence import Evidence, TablesCompared, head_of_note
from counterseal.audit.merkle import Tree
from counterseal.audit.outside import OutsideEvidence, StampedNote
from counterseal.audit.receipt import Receipt, make_receipt
from counterseal.audit.snapshots import STREAM, with_maps
from counterseal.audit.verdict import Attacker, Outcome, Standing, Verdict
from counterseal.audit.verify import StoredCheckpoint, verify_log
from tests.core.audit import attacks
from tests.core.audit.attacks import Attack, Shown, Stored
from tests.core.audit.log_builder import NOW, SIGNER, STEP, Log, ends_of, spaced
from tests.core.audit.outside_cases import POLICY, WITNESSES

SEEN_AFTER_SECONDS = 5


class Level(IntEnum):
    """What the verifier was given beside the database; each adds to the one before."""

    ALONE = 0
    PINNED = 1
    HEAD = 2
    WITNESSED = 3
    STAMPED = 4
    RECEIVED = 5
    RECONCILED = 6


class Sight(Enum):
    """Who sees an attack."""

    BYTES = "everybody"
    KEY = "who pinned the log's key"
    HEAD = "who holds a head beyond the first changed record"
    TIME = "who knows when the log was seen before"
    TABLES = "who compares the tables"


class Kind(NamedTuple):
    """Which attacker an attack stands for, and who sees it."""

    attacker: Attacker
    sight: Sight


KINDS: Mapping[Attack, Kind] = {
    attacks.bit_flip: Kind(Attacker.A1, Sight.BYTES),
    attacks.edit_bytes: Kind(Attacker.A1, Sight.BYTES),
    attacks.edit_row: Kind(Attacker.A1, Sight.BYTES),
    attacks.edit_column: Kind(Attacker.A1, Sight.BYTES),
    attacks.repeat_row: Kind(Attacker.A1, Sight.BYTES),
    attacks.swap_rows: Kind(Attacker.A1, Sight.BYTES),
    attacks.copy_from_another_log: Kind(Attacker.A1, Sight.BYTES),
    attacks.repeat_event_with_the_stolen_key: Kind(Attacker.A1, Sight.BYTES),
    attacks.drop_row: Kind(Attacker.A2, Sight.BYTES),
    attacks.empty_a_body: Kind(Attacker.A2, Sight.BYTES),
    attacks.cut_tail: Kind(Attacker.A3B, Sight.BYTES),
    attacks.cut_tail_and_checkpoints: Kind(Attacker.A3B, Sight.HEAD),
    attacks.restore_a_backup: Kind(Attacker.A3B, Sight.HEAD),
    attacks.empty_the_log: Kind(Attacker.A3B, Sight.HEAD),
    attacks.rechain: Kind(Attacker.A4, Sight.BYTES),
    attacks.rechain_without_checkpoints: Kind(Attacker.A4, Sight.HEAD),
    attacks.rechain_and_sign_as_a_stranger: Kind(Attacker.A4, Sight.KEY),
    attacks.rotate_to_a_strangers_key: Kind(Attacker.A4, Sight.KEY),
    attacks.edit_checkpoint: Kind(Attacker.A4, Sight.BYTES),
    attacks.rechain_and_sign_with_the_stolen_key: Kind(Attacker.A5, Sight.HEAD),
    attacks.drop_and_sign_with_the_stolen_key: Kind(Attacker.A5, Sight.HEAD),
    attacks.back_date_with_the_stolen_key: Kind(Attacker.A5, Sight.HEAD),
    attacks.replay_cosignatures: Kind(Attacker.A5, Sight.HEAD),
    attacks.fork_checkpoint: Kind(Attacker.A5, Sight.BYTES),
    attacks.lie_about_a_stream: Kind(Attacker.A5, Sight.BYTES),
    attacks.show_two_views: Kind(Attacker.A6, Sight.HEAD),
    attacks.back_date_while_writing: Kind(Attacker.A7, Sight.TIME),
    attacks.never_log: Kind(Attacker.A8, Sight.TABLES),
}
"""Every attack; A3a, a tail that nobody ever signed, is closed by construction (see journal)."""


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


@dataclass
class Kit:
    """At which checkpoints each kind of evidence was taken; places in the list of checkpoints."""

    head: int
    kept: tuple[int, int]
    latest: tuple[int, int]
    stamp: int
    receipt: int

    @classmethod
    def of(cls, log: Log, pick: random.Random) -> "Kit":
        def at() -> int:
            return pick.randrange(len(log.checkpoints))

        return cls(at(), (at(), at()), (at(), at()), at(), at())

    @classmethod
    def newest(cls, log: Log) -> "Kit":
        last = len(log.checkpoints) - 1
        return cls(last, (0, last), (last, last), last, last)


def cosigned(log: Log, place: int, *witnesses: int) -> str:
    """A checkpoint, cosigned some seconds after it was signed."""
    note = log.checkpoints[place].note
    at = int((NOW + place * STEP).timestamp()) + SEEN_AFTER_SECONDS
    for witness in witnesses:
        note = cosign_checkpoint(note, WITNESSES[witness], at)
    return note


def stamped(log: Log, place: int) -> StampedNote:
    at = NOW + place * STEP
    return StampedNote(log.checkpoints[place].note, at, at + STEP / 100, "authority")


def received(log: Log, place: int) -> Receipt:
    """The receipt of the last record under a checkpoint."""
    size, note = log.checkpoints[place]
    leaves = [bytes.fromhex(row.leaf_hash) for row in log.rows]
    return make_receipt(Tree(leaves), size - 1, leaves[size - 1], note)


def evidence_at(
    level: Level, log: Log, kit: Kit | None = None, shown: Shown | None = None
) -> Evidence:
    """What a verifier of this level holds.

    Args:
        level: The level.
        log: As it was before the attack.
        kit: When each kind was taken; the newest without.
        shown: The attack; some hand over evidence of their own making.
    """
    kit = kit or Kit.newest(log)
    owners = log if shown is None or shown.shown_log is None else shown.shown_log
    witnessed = owners if shown is not None and shown.is_only_log else log
    heads = (head_of_note(owners.checkpoints[kit.head].note, None),) if level >= Level.HEAD else ()
    kept = tuple(cosigned(witnessed, place, 0, 1) for place in kit.kept)
    if shown is not None and shown.cosigned:
        notes = [shown.stored[1][place] for place in kit.kept]
        kept = tuple(map(_replayed, kept, notes))
    outside = OutsideEvidence(
        kept=() if owners is not witnessed else kept,
        latest=tuple(cosigned(witnessed, n, w) for w, n in enumerate(kit.latest)),
        stamps=(stamped(owners, kit.stamp),) if level >= Level.STAMPED else (),
    )
    tables = TablesCompared(7, () if shown is None else shown.tables)
    return Evidence(
        log_key=SIGNER.key if level >= Level.PINNED else None,
        heads=heads,
        outside=outside if level >= Level.WITNESSED else None,
        policy=POLICY,
        receipts=(received(witnessed, kit.receipt),) if level >= Level.RECEIVED else (),
        tables=tables if level >= Level.RECONCILED else None,
    )


def _replayed(cosigned_note: str, forged: StoredCheckpoint) -> str:
    """The forged checkpoint with the witnesses' lines of the true one."""
    lines = [line for line in cosigned_note.splitlines(keepends=True) if line.startswith("\u2014")]
    return forged.note + "".join(lines[1:])


def first_changed(log: Log, shown: Shown) -> int:
    """First record that is not what it was."""
    rows = shown.stored[0]
    pairs = enumerate(zip(log.rows, rows, strict=False))
    return next((n for n, (was, now) in pairs if was != now), min(len(log.rows), len(rows)))


def is_seen(kind: Kind, level: Level, kit: Kit, log: Log, shown: Shown) -> bool:
    """Whether the rule says that a verifier of this level sees the attack."""
    place = first_changed(log, shown)
    sizes = [c.size for c in log.checkpoints]
    heads = [sizes[kit.head]] if level >= Level.HEAD and shown.shown_log is None else []
    if level >= Level.WITNESSED:
        heads += [sizes[n] for n in kit.latest]
        heads += [sizes[n] for n in kit.kept] if shown.shown_log is None else []
    heads += [sizes[kit.stamp]] if level >= Level.STAMPED and shown.shown_log is None else []
    heads += [sizes[kit.receipt]] if level >= Level.RECEIVED else []
    match kind.sight:
        case Sight.BYTES:
            return True
        case Sight.KEY:
            return level >= Level.PINNED
        case Sight.HEAD:
            return any(size > place for size in heads)
        case Sight.TIME:
            return any(size <= place for size in sightings(level, kit, sizes))
        case Sight.TABLES:
            return level >= Level.RECONCILED


def sightings(level: Level, kit: Kit, sizes: list[int]) -> list[int]:
    """Sizes of the log that outsiders saw at a known time."""
    seen = [sizes[n] for n in kit.kept] if level >= Level.WITNESSED else []
    return [*seen, sizes[kit.stamp]] if level >= Level.STAMPED else seen


def judged(verdict: Verdict, kind: Kind, place: int) -> str:
    """What a verdict says of an attack, in a word."""
    if verdict.outcome is Outcome.TAMPERED:
        return "detected"
    told = next(a for a in verdict.attackers if a.attacker is kind.attacker)
    if told.verdict is not Standing.EXCLUDED or (told.bound_seq or 0) < place:
        return "said not to be excluded"
    floor = told.because[0].partition("from ")[2].partition(" ")[0]
    if kind.attacker is Attacker.A7 and floor.isdecimal() and place < int(floor):
        return "said not to be excluded"
    return "excluded"


def verified(stored: Stored, evidence: Evidence) -> Verdict:
    """A whole verification: the log, and then what it states of its own streams."""
    rows = stored[0]
    taken = [row for row in rows if row.stream == STREAM]
    return with_maps(verify_log(*stored, evidence), taken, ends_of(rows), deep=False)


def executed(attack: Attack, seed: int) -> Iterator[Case]:
    """An attack on a log of random shape, verified at every level."""
    pick = random.Random(f"{attack.__name__}:{seed}")  # noqa: S311 - shapes, not secrets
    log = spaced([pick.randrange(1, 6) for _ in range(pick.randrange(2, 6))])
    told = attack(log, pick)
    shown = told if isinstance(told, Shown) else Shown(told)
    kit, kind = Kit.of(log, pick), KINDS[attack]
    place = first_changed(log, shown)
    for level in Level:
        seen = is_seen(kind, level, kit, log, shown)
        verdict = verified(shown.stored, evidence_at(level, log, kit, shown))
        expected = "detected" if seen else "said not to be excluded"
        yield Case(attack.__name__, level, seed, expected, judged(verdict, kind, place))


def corpus(mutations: int, first_seed: int = 0) -> Iterator[Case]:
    """At least so many mutations, evenly over all attacks, each at every level."""
    rounds = -(-mutations // len(KINDS))
    for seed in range(first_seed, first_seed + rounds):
        for attack in KINDS:
            yield from executed(attack, seed)
