"""Gathering outside evidence now.

Job: show the newest checkpoint to witnesses, a time-stamp authority and an append-only file, and
keep what each of them says.

Invariants
  I1  One that fails costs its own evidence only: the others are asked all the same, and what was
      kept before stays.
  I2  What a witness says that it holds never takes the place of something larger that it held.
  I3  The log's first key is written down when none is pinned yet, and never replaced.

Not here: offering while the desk works (offering), what evidence proves (audit.outside).
Source: design part "signer as guard, witnesses, stamps, anchors, heartbeats".
"""

import fcntl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from counterseal.audit.checkpoint import read_checkpoint
from counterseal.audit.keys import LogKeyChange
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.witness import origin_name
from counterseal.desk.installation import Installation
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from storage.anchoring import AnchorBook
from storage.durable import make_folder, write_durably
from storage.home_reader import read_home
from storage.log_signer import first_home_key, home_log_key
from storage.offering import clients_of
from storage.outside_folder import ANCHOR_SUFFIX, CHECKPOINT_SUFFIX, OutsideFolder
from storage.sealed_log import SealedLog
from storage.settings import Settings
from storage.stamping import HttpAuthority, StampFolder, read_roots, stamp_checkpoint
from storage.witnesses import CosignedNotes, WitnessClient, keep_cosigned

BOOK: Final = f"log{ANCHOR_SUFFIX}"


class Kind(StrEnum):
    """Kinds of outside evidence that are gathered."""

    WITNESSES = "witnesses"
    STAMP = "stamp"
    ANCHOR = "anchor"


class Said(NamedTuple):
    """What came of asking one of those outside.

    Attributes:
        who: Such as `witness w.example/1`, `stamp`, `anchor`.
        size: Size of the checkpoint that they vouch for; 0 for none.
        code: Of the failure; None when it went well.
        message: In words.
        alarm: Whether it contradicts the log or what was kept, so that a person has to look.
    """

    who: str
    size: int
    code: str | None
    message: str
    alarm: bool = False


class Attesting:
    """Those outside of one home.

    Args:
        settings: Name the home, the folder of evidence and the authority.

    Raises:
        InputError: `OUTSIDE_UNSET` without a folder; `EVIDENCE_FILE_MISSING`, and a policy's codes.
        IntegrityError: `NOT_INSTALLED`.
        AdapterError: `DATABASE_MISSING`, or its failure.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.check()
        self._folder = folder_of(settings)
        self._clients = clients_of(self._folder)
        self._keys = _keys_of(settings)
        self._log = SealedLog(settings.database.reading())

    def gather(self, *kinds: Kind) -> tuple[Said, ...]:
        """Ask everybody of these kinds that is configured about the newest checkpoint.

        Returns:
            One answer for each of them; failures are answers, too.

        Raises:
            AdapterError: when the log itself cannot be read.
            OSError: when the folder cannot be made.
        """
        note = self._log.newest()
        if note is None:
            return ()
        make_folder(self._folder.path)
        if not self._folder.log_key.exists():
            first = first_home_key(self._settings)
            write_durably(self._folder.log_key, f"{first.text}\n".encode())
        asked: list[tuple[str, Callable[[], int]]] = []
        if Kind.WITNESSES in kinds:
            asked += [
                (f"witness {client.key.name}", partial(self._witness, client, note))
                for client in self._clients
            ]
        url = self._settings.counterseal_stamp_url
        if Kind.STAMP in kinds and url is not None:
            asked.append(("stamp", partial(self._stamp, url, note)))
        if Kind.ANCHOR in kinds:
            asked.append(("anchor", partial(self._anchor, note)))
        with ThreadPoolExecutor(max(1, len(asked))) as together:
            return tuple(together.map(_told, asked))

    def _witness(self, client: WitnessClient, note: str) -> int:
        """Have it cosigned; then take what the witness says it holds, in its own words.

        Raises:
            IntegrityError: `WITNESS_FORGOT`, `WITNESS_AHEAD`; those of `keep_cosigned`.
        """
        size = self._cosigned(client, note)
        make_folder(self._folder.latest)
        path = self._folder.latest_of(client.witness)
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = client.latest(self._keys)
            least = max(size, _held_before(path, self._keys[0].name))
            told = 0 if held is None else read_checkpoint(held).size
            if held is None or told < least:
                raise IntegrityError(
                    "WITNESS_FORGOT", "it holds less than it cosigned", expected=least, got=told
                )
            write_durably(path, held.encode())
        return told

    def _cosigned(self, client: WitnessClient, note: str) -> int:
        """The size that was cosigned: the newest by now, when somebody else was faster.

        Raises:
            IntegrityError: `WITNESS_AHEAD` when the log is shorter than what the witness holds;
                those of `keep_cosigned`.
            AdapterError: those of `keep_cosigned`.
        """
        kept = CosignedNotes(self._folder.cosigned)
        try:
            keep_cosigned(client, note, self._log.growth, kept)
        except AdapterError as error:
            if error.code != "WITNESS_AHEAD":
                raise
            fresh = self._log.newest()
            if fresh is None or fresh == note:
                raise IntegrityError(
                    error.code, "it holds a larger tree than this log", got=error.got
                ) from None
            note = fresh
            keep_cosigned(client, note, self._log.growth, kept)
        return read_checkpoint(note).size

    def _stamp(self, url: str, note: str) -> int:
        if not self._folder.roots.is_file():
            raise InputError(
                "ROOTS_MISSING", "stamps need pinned roots", field=str(self._folder.roots)
            )
        roots = read_roots(self._folder.roots.read_bytes())
        stamp_checkpoint(HttpAuthority(url), note, roots, StampFolder(self._folder.stamps))
        return read_checkpoint(note).size

    def _anchor(self, note: str) -> int:
        memories = self._settings.counterseal_signer_state / "anchors"
        for folder in (self._folder.anchors, memories):
            make_folder(folder)
        home = self._settings.counterseal_home
        AnchorBook(self._folder.anchors / BOOK, memories / f"{BOOK}.json", home).append(note)
        return read_checkpoint(note).size


def folder_of(settings: Settings) -> OutsideFolder:
    """The folder of outside evidence of a home.

    Raises:
        InputError: `OUTSIDE_UNSET` or `OUTSIDE_INSIDE_HOME`.
    """
    if settings.counterseal_outside is None:
        raise InputError(
            "OUTSIDE_UNSET",
            "no folder of outside evidence is named",
            field="COUNTERSEAL_OUTSIDE",
        )
    return OutsideFolder(settings.counterseal_outside).checked_beside(settings.counterseal_home)


def newest_stamp_age(folder: OutsideFolder, now: datetime) -> timedelta | None:
    """How long ago the newest time-stamp was kept, by its file; None without any."""
    times = [path.stat().st_mtime for path in folder.stamps.glob("*.tsr")]
    return None if not times else now - datetime.fromtimestamp(max(times), now.tzinfo)


def _held_before(path: Path, origin: str) -> int:
    """The size that a witness told earlier; what it told of an earlier name is put beside."""
    if not path.exists():
        return 0
    kept = read_checkpoint(path.read_text("utf-8"))
    if kept.origin == origin:
        return kept.size
    path.rename(path.with_suffix(f".{origin_name(kept.origin)[:16]}{CHECKPOINT_SUFFIX}"))
    return 0


def _told(asked: tuple[str, Callable[[], int]]) -> Said:
    who, ask = asked
    try:
        return Said(who, ask(), None, "vouches for the newest checkpoint")
    except CountersealError as error:
        return Said(who, 0, error.code, error.message, isinstance(error, IntegrityError))
    except OSError as error:
        return Said(who, 0, "EVIDENCE_WRITE", str(error))


def _keys_of(settings: Settings) -> Sequence[VerifierKey]:
    """The log's key, and those before it under the same name: one of them signed what is held."""
    key = home_log_key(settings)
    with read_home(settings) as reader:
        told = [i.log_vkey for i in reader.find(Installation)]
        told += [change.vkey for change in reader.find(LogKeyChange)]
    known = dict.fromkeys([key, *(parse_vkey(text) for text in told)])
    return tuple(one for one in known if one.name == key.name)
