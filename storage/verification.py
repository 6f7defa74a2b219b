"""A home held against everything that is given.

Job: read from a home what a verification needs, and verify its log under every name that it had.

Invariants
  I1  The pinned key is the first one of the log; later keys and names follow from its records.
  I2  What was verified before is gone on from only under the log's newest name.
  I3  What people signed is checked in the same rows, also where the log contradicts nothing.
  I4  What the log states of its own streams is held against them where it contradicts nothing.

Not here: the verification (audit.verify, audit.epochs), evidence from files (outside_files).
Source: design part "verify".
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from counterseal.audit.epochs import check_names, rollbacks_of, verify_epochs
from counterseal.audit.evidence import Evidence, TablesCompared, head_of_signer
from counterseal.audit.judging import with_contradictions
from counterseal.audit.keys import walk_keys
from counterseal.audit.note import VerifierKey, parse_vkey
from counterseal.audit.part import Progress, Verification
from counterseal.audit.resume import VerifiedPrefix
from counterseal.audit.rollback import STREAM as ROLLBACKS
from counterseal.audit.rollback import Rollback, newest_origin
from counterseal.audit.snapshots import STREAM as SNAPSHOTS
from counterseal.audit.snapshots import TAKEN, with_maps
from counterseal.audit.verdict import DEFAULT_REQUIRED, Attacker
from counterseal.audit.verify import verify_onward
from counterseal.desk.archive import key_records
from counterseal.desk.installation import INSTALLATION_ID, Installation
from counterseal.desk.records import KEY_STREAM
from counterseal.desk.setup import STREAM as SYSTEM
from counterseal.desk.signed_log import MARKS, TYPES, SignedLog
from counterseal.kernel.errors import IntegrityError
from storage.home_reader import HomeReader
from storage.log_signer import remembered_state
from storage.settings import Settings

if TYPE_CHECKING:
    from storage.reconcile import ReconcileReport

_PLACE_MAX: Final = 100
KEY_STREAMS: Final = (SYSTEM, KEY_STREAM, ROLLBACKS)
"""Streams of the records that tell of log keys."""


class Workers(NamedTuple):
    """Processes that share a verification: which home they open, and how many they are.

    Attributes:
        jobs: None for as many as are worth it.
    """

    settings: Settings
    jobs: int | None = None


class Asked(NamedTuple):
    """What is asked of a verification; see `verify_log`.

    Attributes:
        after: Where an earlier verification ended, under whatever name.
        workers: Processes that may share the work; None for this one alone.
        deep: Whether every snapshot of the streams is checked, whatever stream it stands in; else
            the newest one that is read.
    """

    required: Collection[Attacker] = DEFAULT_REQUIRED
    after: VerifiedPrefix | None = None
    signatures: int | None = None
    progress: Progress | None = None
    workers: Workers | None = None
    deep: bool = False


def verify_home(reader: HomeReader, evidence: Evidence, asked: Asked | None = None) -> Verification:
    """Verify the log of a home.

    Args:
        reader: The home.
        evidence: With the log's first key pinned, or none. Openings are the home's own.
        asked: How.

    Raises:
        InputError: `ORIGINS_DIFFER` for evidence about another log; those of `verify_epochs`.
        IntegrityError: those of `verify_onward`.
    """
    asked = asked or Asked()
    found = _verified(reader, evidence, asked)
    start = 0 if asked.deep else found.verdict.totals.read_from
    stored = reader.of_type(TAKEN) if asked.deep else reader.in_streams(SNAPSHOTS)
    taken = (row for row in stored if type(row.seq) is int and row.seq >= start)
    verdict = with_maps(found.verdict, taken, reader.stream_ends, deep=asked.deep)
    return Verification(verdict, None if verdict.findings_count else found.prefix)


def _verified(reader: HomeReader, evidence: Evidence, asked: Asked) -> Verification:
    """What the rows say; `verify_home` without the snapshots.

    Raises:
        InputError, IntegrityError: those of `verify_home`.
    """
    after, required = asked.after, asked.required
    people = SignedLog(reader.in_streams, 0 if after is None else after.size)
    onward = partial(verify_onward, signatures=asked.signatures, progress=asked.progress)
    epochs = partial(verify_epochs, signatures=asked.signatures, progress=asked.progress)
    rollbacks = rollbacks_of(reader.in_streams(ROLLBACKS))
    newest = None
    if evidence.log_key is not None:
        check_names(evidence, rollbacks)
        newest = newest_origin(evidence.log_key.name, rollbacks)
        evidence = replace(evidence, later_keys=_later_keys(reader, evidence.log_key))
    if after is not None and newest in {None, after.origin}:
        rows, notes = reader.records(after.size - 1), reader.checkpoints(after.size)
        heads = tuple(head for head in evidence.heads if head.origin == newest)
        ours = replace(evidence, heads=heads)
        return _with_people(onward(after, people.tapped(rows), notes, ours, required), people)
    evidence = replace(evidence, openings=reader.openings())
    shared = None if after is not None or rollbacks else _shared(reader, evidence, asked)
    if shared is not None:
        return shared
    people = SignedLog(reader.in_streams)
    rows = people.tapped(reader.records())
    found = epochs(rows, reader.checkpoints(), evidence, rollbacks, required)
    return _with_people(found, people)


def _with_people(found: Verification, people: SignedLog) -> Verification:
    """What was found, with what people did not sign; there is nothing to go on from then."""
    odd = people.close()
    prefix = None if odd.count else found.prefix
    return Verification(with_contradictions(found.verdict, odd), prefix)


def _shared(reader: HomeReader, evidence: Evidence, asked: Asked) -> Verification | None:
    """What several processes find; None when one should verify."""
    if asked.workers is None:
        return None
    from storage.parallel_verify import Marked, verify_in_parallel  # noqa: PLC0415 - starts processes

    people = SignedLog(reader.in_streams)
    verdict = verify_in_parallel(
        asked.workers.settings,
        reader,
        evidence,
        asked.required,
        jobs=asked.workers.jobs,
        signatures=asked.signatures,
        progress=asked.progress,
        marked=Marked(TYPES, MARKS, people.take),
    )
    return None if verdict is None else _with_people(Verification(verdict, None), people)


def _later_keys(reader: HomeReader, pinned: VerifierKey) -> tuple[VerifierKey, ...]:
    """Keys that followed the pinned one, as the log's own records tell and sign."""
    ring, _ = walk_keys(pinned, key_records(reader.in_streams(*KEY_STREAMS)))
    return tuple(key for key in ring.keys if key.public_key != pinned.public_key)


def pinned_evidence(reader: HomeReader) -> Evidence:
    """The key that a home publishes: an auditor pins it outside.

    Raises:
        IntegrityError: `INSTALLATION_MISSING`.
    """
    installation = reader.get(Installation, INSTALLATION_ID)
    if installation is None:
        raise IntegrityError("INSTALLATION_MISSING", "this home does not say what it is")
    return Evidence(log_key=parse_vkey(installation.log_vkey))


def with_signer(evidence: Evidence, reader: HomeReader, settings: Settings) -> Evidence:
    """Evidence with a pinned key, and the head that the signer of that log remembers.

    What is read behind it is newer than the signer's answer: a log that grows at this moment is no
    contradiction.

    Raises:
        IntegrityError: when the signer's memory is missing or damaged.
        AdapterError: when the signer does not answer.
    """
    if evidence.log_key is None:
        return evidence
    name = newest_origin(evidence.log_key.name, reader.find(Rollback))
    head = head_of_signer(remembered_state(settings, name))
    reader.look_again()
    return replace(evidence, heads=(*evidence.heads, head))


def compared(report: "ReconcileReport") -> TablesCompared:
    """A reconciliation as evidence; each difference by its place, quoted as in an URL."""
    places = ("/".join(filter(None, (d.table, d.key, d.column))) for d in report.differences)
    return TablesCompared(report.rows, tuple(quote(place)[:_PLACE_MAX] for place in places))
