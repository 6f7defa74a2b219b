"""Writing an evidence pack.

Job: put the records of a scope, their proofs and what stands around them into one bag, and sign it.

Invariants
  I1  A pack holds what its claims name, claims follow from the recorded scope, and the recorded key
      signs; so nothing less than was asked for passes for it.
  I2  No pack is made whose records do not lead to the signed root, whatever they were stored in.
  I3  Records go through once; memory does not grow with them.
  I4  A pack of a case, an account or a control does not tell what else was exported: those records
      are withheld, with their leaf hashes.
  I5  Renderings are further files: what is evidence never depends on them.

Not here: who may export (counterseal.desk.exports), where records come from (source), checking a
pack (verify).
Source: design part "evidence pack".
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from counterseal.audit.checkpoint import Checkpoint, read_checkpoint
from counterseal.audit.merkle import ProofTree, leaf_hash, leaf_hashes
from counterseal.audit.multiproof import Prover, hash_lines, proof_lines
from counterseal.audit.purges import kept_leaf
from counterseal.audit.receipt import make_receipt, prove_growth
from counterseal.audit.record import StoredRow
from counterseal.audit.snapshots import read_snapshot, snapshot_of
from counterseal.audit.stream_map import MapEntry, StreamMap
from counterseal.desk.exports import EXPORTED, ExportScope, ScopeKind
from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.kernel.errors import InputError, IntegrityError
from evidence.bag import DECLARATION, MANIFEST, Bag, bag_info, writing_bag
from evidence.beside import Gathered, opening_lines, policy_files
from evidence.claims import Purges, claims_of, shown_rows
from evidence.model import (
    FORMAT,
    NOTICE,
    AbsentClaim,
    Claim,
    PackFile,
    PackTotals,
    StreamClaim,
    scope_json,
)
from evidence.source import PackSource
from evidence.statement import ExportKey, pack_statement
from evidence.verify.joined import joined

VERIFIER, INSTRUCTIONS = "verify.py", "VERIFY.md"
"""Lie in every pack, the same in all."""
_SUBJECTS: Final = (MANIFEST, "bag-info.txt", VERIFIER, INSTRUCTIONS)
_WHOLE: Final = frozenset({ScopeKind.ALL, ScopeKind.PERIOD, ScopeKind.GROWTH})
"""Scopes whose packs show every record of a stretch, other exports among them."""
_AT_ONCE: Final = 256
_IN_MEMORY: Final = 1 << 20

Progress = Callable[[int], None]
"""Told how many records were written so far."""


@dataclass(frozen=True, slots=True)
class PackOrder:
    """A pack that is to be written, after its export was recorded.

    Attributes:
        scope: As recorded.
        export_id, snapshot_id: Name the two records.
        key: The one that the record names.
        expected: A checkpoint that the auditor kept, or None.
        openings: Whether personal data is opened to the reader, as recorded.
        chosen: Records of a control.
    """

    scope: ExportScope
    export_id: str
    snapshot_id: str
    key: ExportKey
    expected: str | None = None
    openings: bool = False
    chosen: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What renderings are made from.

    Attributes:
        description: As `data/pack.json` holds it.
        cases: Ids of the requests whose records are shown; None when there are too many to name.
        bodies: Gives the bytes of all records that are shown, in order, as often as it is called.
    """

    description: Mapping[str, Json]
    cases: tuple[str, ...] | None
    bodies: Callable[[], Iterator[bytes]]


Rendering = Callable[[Shown], Iterable[PackFile]]
"""Makes further files, with names below `data/`, one after the other."""


def write_pack(
    target: Path,
    source: PackSource,
    order: PackOrder,
    renderings: Iterable[Rendering] = (),
    progress: Progress | None = None,
) -> PackTotals:
    """Write a pack to a new folder, or to a new file when the name ends in `.zip`.

    Args:
        target: Where; it appears as a whole or not at all.
        source: The log, sealed behind the record of the export.
        order: What is written.
        renderings: Make what is readable but no evidence.
        progress: Told now and then.

    Raises:
        InputError: `FILE_EXISTS`, `NOT_FOUND` for a record that is not under the checkpoint,
            `ORIGINS_DIFFER` and `PROOF_RANGE` for an expected checkpoint of another or a later log;
            `NOT_CANONICAL` for a record that cannot be read.
        IntegrityError: `MAP_MISMATCH`, `TILE_DIFFERS`, `FORK_AT_SIZE`, `SEQ_GAP`,
            `PURGE_UNACCOUNTED`.
        AdapterError: `PACK_WRITE`, and those of the source.
    """
    with writing_bag(target) as bag:
        return _Writing(bag, source, order, progress or _silent).write(renderings)


def _silent(_: int) -> None:
    """Tell nobody."""


class _Writing:
    """One pack on its way."""

    def __init__(self, bag: Bag, source: PackSource, order: PackOrder, progress: Progress) -> None:
        self._bag, self._source, self._order, self._progress = bag, source, order, progress
        self._note = source.note
        self._signed = read_checkpoint(self._note)
        self._tree = source.tree(self._signed.size)
        self._export = self._sealed(order.export_id)
        self._snapshot = self._sealed(order.snapshot_id)
        self._map, self._claims = self._claimed()
        cases = [one for one in self._claims if isinstance(one, StreamClaim) and one.role == "case"]
        self._gathered = Gathered(cases, openings=order.openings)
        self._is_narrow = order.scope.kind not in _WHOLE
        self._counts = {"records": 0, "withheld": 0, "purged": 0}

    def write(self, renderings: Iterable[Rendering]) -> PackTotals:
        """Write everything."""
        self._records()
        description = self._description()
        self._small_files(description)
        shown = Shown(description, self._gathered.cases, self._bodies)
        for rendering in renderings:
            for file in rendering(shown):
                self._bag.add(file.name, file.chunks)
        self._close()
        signed = self._signed
        return PackTotals(
            **self._counts,
            claims=len(self._claims),
            size=signed.size,
            root=signed.root.hex(),
            export_seq=self._export.seq,
        )

    def _sealed(self, event_id: str) -> StoredRow:
        row = self._source.record_of(event_id)
        if row is None or row.seq >= self._signed.size:
            raise InputError("NOT_FOUND", "no such record under the checkpoint", got=event_id)
        return row

    def _claimed(self) -> tuple[StreamMap, tuple[Claim, ...]]:
        """The map of the snapshot and the claims; everything is claimed without looking at it.

        Raises:
            IntegrityError: `MAP_MISMATCH`.
        """
        source, order, size = self._source, self._order, self._signed.size
        stated = read_snapshot(self._snapshot)
        if order.scope.kind is ScopeKind.ALL:
            return StreamMap(()), claims_of(source, order.scope, {}, size)
        ends = {} if stated is None else {e.stream: e for e in source.stream_ends(stated.covers)}
        streams = StreamMap(ends.values())
        if stated is None or snapshot_of(streams, stated.covers) != stated:
            raise IntegrityError("MAP_MISMATCH", "the snapshot is not that of this log")
        return streams, claims_of(source, order.scope, ends, size, order.chosen)

    def _rows(self) -> Iterator[StoredRow]:
        return shown_rows(self._source, self._claims, self._signed.size)

    def _bodies(self) -> Iterator[bytes]:
        return (row.body for row in self._rows() if self._is_shown(row))

    def _is_shown(self, row: StoredRow) -> bool:
        """Whether it has its bytes, and does not name what others asked for."""
        withheld = row.type == EXPORTED and row.seq != self._export.seq and self._is_narrow
        return bool(row.body) and not withheld

    def _records(self) -> None:
        """Records, what stands in the place of those that are gone, and the proof of all.

        Raises:
            IntegrityError: `TILE_DIFFERS`.
        """
        with _spool() as held, _spool() as proof:
            prover = Prover(self._signed.size, self._tree.span)
            with self._bag.file("data/records.jsonl") as write:
                self._pass(prover, write, held, proof)
            proof.writelines(hash_lines(prover.finish()))
            if prover.root() != self._signed.root:
                raise IntegrityError(
                    "TILE_DIFFERS", "what is stored does not lead to the signed root; no pack"
                )
            self._bag.add("data/withheld.jsonl", _content(held))
            head = proof_lines(self._signed.size, ())
            self._bag.add("data/proof", chain(head, _content(proof)))

    def _pass(
        self, prover: Prover, write: Callable[[bytes], None], held: IO[bytes], proof: IO[bytes]
    ) -> None:
        purges = Purges(self._source.in_streams(("retention",)))
        counts = self._counts
        for run in self._in_runs():
            if self._is_shown(run[0]):
                bodies = [row.body for row in run]
                leaves = leaf_hashes(bodies)
                write(b"\n".join((*bodies, b"")))
                counts["records"] += len(run)
            else:
                leaves = [leaf_hash(row.body) if row.body else kept_leaf(row) for row in run]
                for row, leaf in zip(run, leaves, strict=True):
                    held.write(_held_back(row, leaf, _purged_by(row, purges)))
                    counts["withheld" if row.body else "purged"] += 1
            proof.writelines(hash_lines(prover.take(run[0].seq, leaves)))
            self._gathered.take(run, leaves)
            self._progress(counts["records"])

    def _in_runs(self) -> Iterator[list[StoredRow]]:
        """Rows that follow each other in the log, all shown or all held back; a few at a time."""
        run: list[StoredRow] = []
        shown = following = None
        for row in self._rows():
            is_shown = self._is_shown(row)
            if row.seq != following or is_shown is not shown or len(run) == _AT_ONCE:
                if run:
                    yield run
                run, shown = [], is_shown
            run.append(row)
            following = row.seq + 1
        if run:
            yield run

    def _description(self) -> dict[str, Json]:
        order, signed = self._order, self._signed
        return {
            "claims": [one.json_value() for one in self._claims],
            "counts": {**self._counts},
            "export": order.export_id,
            "format": FORMAT,
            "notice": NOTICE,
            "origin": signed.origin,
            "root": signed.root.hex(),
            "scope": scope_json(order.scope),
            "simulated": True,
            "size": signed.size,
            "snapshot": order.snapshot_id,
        }

    def _small_files(self, description: Mapping[str, Json]) -> None:
        add, source, size = self._bag.add, self._source, self._signed.size
        add("data/pack.json", [canonical_bytes(description) + b"\n"])
        add("data/checkpoint", [self._note.encode()])
        add("data/completeness.jsonl", self._completeness())
        add("data/log.vkey", [f"{source.log_key()}\n".encode()])
        policy = source.trust_policy()
        if policy is not None:
            add("data/tlog-policy", [policy])
        for name, content in source.outside(size):
            add(f"data/outside/{name}", [content])
        for file in (*self._expected(), *self._receipts(), *policy_files(source)):
            add(file.name, file.chunks)
        if self._order.openings:
            lines = opening_lines(source.openings(), self._gathered.commitments)
            add("data/pii/openings.jsonl", lines)

    def _completeness(self) -> Iterator[bytes]:
        for claim in self._claims:
            if isinstance(claim, StreamClaim):
                yield _completed(claim.stream, [self._map.present(claim.stream)])
            elif isinstance(claim, AbsentClaim):
                yield _completed(claim.stream, self._map.absent(claim.stream))

    def _expected(self) -> Iterator[PackFile]:
        """The checkpoint that the auditor kept, and the proof from there to here."""
        note = self._order.expected
        if note is not None:
            check_expected(read_checkpoint(note), self._signed, self._tree)
            yield PackFile("data/expected", [note.encode()])
            grown = prove_growth(self._tree, read_checkpoint(note).size, self._note)
            yield PackFile("data/consistency", [grown.text.encode()])

    def _receipts(self) -> Iterator[PackFile]:
        rows = (self._snapshot, self._export)
        leaves = {**{row.seq: leaf_hash(row.body) for row in rows}, **self._gathered.heads}
        for seq, leaf in sorted(leaves.items()):
            text = make_receipt(self._tree, seq, leaf, self._note).text
            yield PackFile(f"data/proofs/{seq}.tlog-proof", [text.encode()])

    def _close(self) -> None:
        """The files beside the payload, with the statement over its manifest."""
        bag, order = self._bag, self._order
        bag.close_payload()
        bag.add("bagit.txt", [DECLARATION])
        info = bag_info(
            Bag_Software_Agent=f"counterseal {version('counterseal')}",
            Bagging_Date=self._export.recorded_at[:10],
            External_Description=NOTICE,
            External_Identifier=order.export_id,
            Payload_Oxum=bag.oxum(),
        )
        bag.add("bag-info.txt", [info])
        bag.add(VERIFIER, [joined()])
        bag.add(INSTRUCTIONS, [Path(__file__).with_name(INSTRUCTIONS).read_bytes()])
        digests = {name: bag.written[name].sha256 for name in _SUBJECTS}
        told = self._description()
        predicate = {name: told[name] for name in ("export", "origin", "root", "scope", "size")}
        bag.add("statement.dsse.json", [order.key.sign(pack_statement(digests, predicate))])
        bag.close_tags()


def check_expected(kept: Checkpoint, signed: Checkpoint, tree: ProofTree) -> None:
    """Compare a checkpoint that somebody kept with the log as it is.

    Raises:
        InputError: `ORIGINS_DIFFER`, `PROOF_RANGE`.
        IntegrityError: `FORK_AT_SIZE` when the log does not begin as it says.
    """
    if kept.origin != signed.origin:
        raise InputError(
            "ORIGINS_DIFFER",
            "the checkpoint is of another log",
            field="--expect",
            expected=signed.origin,
            got=kept.origin,
        )
    if tree.root(kept.size) != kept.root:
        raise IntegrityError(
            "FORK_AT_SIZE", "the log does not begin as the checkpoint says", got=kept.size
        )


def _purged_by(row: StoredRow, purges: Purges) -> int | None:
    """Place of the record of the purge that let a row go; None for one that has its bytes.

    Raises:
        IntegrityError: `PURGE_UNACCOUNTED`.
    """
    by = None if row.body else purges.by(row)
    if by is None and not row.body:
        raise IntegrityError(
            "PURGE_UNACCOUNTED", "the bytes are gone, and no purge tells why; no pack", got=row.seq
        )
    return by


def _held_back(row: StoredRow, leaf: bytes, by: int | None) -> bytes:
    """The line in the place of a record that is not shown."""
    state = "WITHHELD" if by is None else "PURGED"
    told: dict[str, Json] = {"by": by, "leaf": leaf.hex(), "seq": row.seq, "state": state}
    return canonical_bytes(told) + b"\n"


def _spool() -> IO[bytes]:
    return SpooledTemporaryFile(_IN_MEMORY)


def _content(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_IN_MEMORY):
        yield piece


def _completed(stream: str, entries: Iterable[MapEntry]) -> bytes:
    told: dict[str, Json] = {"entries": [_entry(one) for one in entries], "stream": stream}
    return canonical_bytes(told) + b"\n"


def _entry(entry: MapEntry) -> dict[str, Json]:
    leaf: dict[str, Json] = {**entry.leaf._asdict()}
    return {"index": entry.index, "leaf": leaf, "path": [one.hex() for one in entry.path]}
