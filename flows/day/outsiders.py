"""Those who look at a replayed day from outside.

Job: let a throw-away witness cosign a demo's log as the day goes, and gather at its end what an
outsider would hold.

Invariants
  I1  All of it is run by whoever runs the day, and says so: it shows the checks at work, and
      proves nothing to others.
  I2  The witness looks at instants of the replay clock; what it saw at one is not seen again, so
      that a resumed day has the same notes.
  I3  Only the time-stamp carries the machine's time; it enters no comparison of two days.

Not here: the witness's decision (storage.witness_server), receipts and the time-stamp (keepsakes),
what the evidence proves (audit.outside).
Source: design rows "witness quorum", "RFC 3161 stamp", "anchors", "receipts".
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from counterseal.audit.checkpoint import open_checkpoint, read_checkpoint
from counterseal.audit.note import COSIGNATURE, NoteSigner, SignatureLine, parse_note
from counterseal.audit.trust_policy import KnownWitness
from counterseal.audit.witness import AddCheckpoint, cosigned_lines, origin_name
from counterseal.kernel.errors import InputError, IntegrityError, InvariantError
from counterseal.kernel.ids import IdSource
from flows.day.home import DemoHome
from flows.day.keepsakes import stamp_once, write_receipts
from flows.day.markets import DayMarket
from storage.anchoring import AnchorBook
from storage.durable import write_durably
from storage.outside_folder import ANCHOR_SUFFIX, OutsideFolder
from storage.sealed_log import SealedLog
from storage.witness_server import Witness, WitnessMemory, create_memory
from storage.witnesses import CosignedNotes

LOOK_EVERY: Final = timedelta(minutes=10)
"""Simulated time between two looks: unseen, no record is dated back by more than it and a lag."""

WITNESS: Final = "unsafe-demo-witness"
MARK: Final = "UNSAFE-DEMO-EVIDENCE.txt"
MEMORY: Final = "witness"
UNSAFE: Final = "A witness that you run yourself proves nothing to others."
_LABEL: Final = f"""Made by `counterseal demo`, for showing only. {UNSAFE}

The witness's key follows from the demo's seed. The time-stamp authority's key lies here unsealed.
A home of yours names witnesses and an authority that other people run.
"""


def prepare(folder: OutsideFolder, *, fresh: bool) -> None:
    """The labelled folder of a demo, with an empty memory of its witness.

    Args:
        folder: Beside the demo home.
        fresh: There is no home yet: what lies here belonged to a demo that is gone.

    Raises:
        InputError: `NOT_A_DEMO_HOME` when the folder holds something else; it is left as it is.
    """
    label = folder.path / MARK
    if folder.path.exists() and not label.is_file() and any(folder.path.iterdir()):
        raise InputError(
            "NOT_A_DEMO_HOME", "the folder beside holds something else", got=folder.path
        )
    if fresh and folder.path.exists():
        shutil.rmtree(folder.path)
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    label.write_text(_LABEL, "utf-8")
    if not (folder.path / MEMORY).exists():
        create_memory(folder.path / MEMORY)


@contextmanager
def looking(home: DemoHome, folder: OutsideFolder) -> Iterator["Outsiders"]:
    """Those outside of an opened demo home; the witness's memory is held for the time.

    Raises:
        IntegrityError: `WITNESS_MEMORY_MISSING`, `WITNESS_MEMORY_HELD`.
    """
    memory = WitnessMemory(folder.path / MEMORY, witness_signer(home.ids).key)
    try:
        yield Outsiders(home, folder, memory)
    finally:
        memory.close()


def witness_signer(ids: IdSource) -> NoteSigner:
    """The witness's key, which the seed names."""
    return NoteSigner(WITNESS, ids.secret("witness", 32), COSIGNATURE)


def looks(market: DayMarket) -> Iterator[datetime]:
    """When the witness looks while a market is open: its first and its last look come on top."""
    at = market.starts_at
    while at < market.ends_at:
        yield at
        at += LOOK_EVERY


class Outsiders:
    """Witness, anchor, receipts and time-stamp of one demo home.

    Args:
        home: The demo home, its clock the only one that the witness knows, its seeded ids what the
            witness's key follows from.
        folder: As `prepare` made it.
        memory: The witness's, held.
    """

    def __init__(self, home: DemoHome, folder: OutsideFolder, memory: WitnessMemory) -> None:
        signer = witness_signer(home.ids)
        self._settings = home.settings
        self._folder = folder
        self._log = SealedLog(home.settings.database.reading())
        self._log_key = home.log_key
        self._clock = home.clock
        self._known = KnownWitness(WITNESS.encode(), signer.key)
        self._memory = memory
        self._witness = Witness(signer, [home.log_key], memory, home.clock)
        self._kept = CosignedNotes(folder.cosigned)
        write_durably(folder.log_key, f"{home.log_key.text}\n".encode())
        write_durably(folder.policy, self._policy().encode())

    def look(self) -> None:
        """Have the newest checkpoint cosigned at this instant, unless this or a later was seen.

        Raises:
            IntegrityError: `WITNESS_CONTRADICTS`, `WITNESS_MEMORY_DAMAGED`, or another's.
            AdapterError: when the database or a file fails.
        """
        held = self._held()
        seen = None if held is None else self._seen_at(held)
        now = int(self._clock.now().timestamp())
        if held is None or seen is None or seen < now:
            self._kept.add(*self._cosigned(held))
        elif seen == now:
            self._kept.add(held, self._witness_lines(held))

    def finish(self, ended_at: datetime) -> None:
        """Write down what all of them hold at the day's end (UTC).

        Raises:
            IntegrityError: when an anchor or the log does not hold.
            AdapterError: when the database or a file fails.
            InvariantError: when the witness never looked.
        """
        note = self._held()
        if note is None:
            raise InvariantError("a day that nobody looked at")
        self._folder.latest.mkdir(exist_ok=True)
        write_durably(self._folder.latest_of(self._known), note.encode())
        self._anchor(note)
        write_receipts(self._folder, self._settings, note)
        stamp_once(self._folder, note, ended_at)

    def _anchor(self, note: str) -> None:
        name = f"demo{ANCHOR_SUFFIX}"
        memory = self._settings.counterseal_signer_state / f"{name}.json"
        self._folder.anchors.mkdir(exist_ok=True)
        AnchorBook(self._folder.anchors / name, memory, self._settings.counterseal_home).append(
            note
        )

    def _policy(self) -> str:
        name = WITNESS
        witness = f"witness {name} {self._known.key.text}"
        return f"# {UNSAFE}\nlog {self._log_key.text}\n{witness}\nquorum {name}\n"

    def _held(self) -> str | None:
        return self._memory.read(origin_name(self._log_key.name))

    def _cosigned(self, held: str | None) -> tuple[str, tuple[SignatureLine, ...]]:
        note = self._log.newest()
        if note is None:
            raise InvariantError("a founded home without a checkpoint")
        new, old = read_checkpoint(note).size, 0 if held is None else read_checkpoint(held).size
        proof = self._log.growth(old, new) if 0 < old < new else ()
        reply = self._witness.add_checkpoint(AddCheckpoint(old, proof, note).text.encode())
        if reply.status != HTTPStatus.OK:
            raise IntegrityError(
                "WITNESS_CONTRADICTS", "the demo's witness refuses", got=reply.body.decode().strip()
            )
        return note, cosigned_lines(note, reply.body, [self._known.key])

    def _seen_at(self, note: str) -> int | None:
        lines = open_checkpoint(note, self._log_key, [self._known.key]).lines
        return max((x.unix_seconds for x in lines if x.unix_seconds is not None), default=None)

    def _witness_lines(self, note: str) -> list[SignatureLine]:
        return [line for line in parse_note(note).lines if line.name == WITNESS]
