"""A governed world with an auditor, and packs of it."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from counterseal.desk.exports import Exported, ExportOrder, Exports, ExportScope, ScopeKind
from counterseal.identity.people import Role
from evidence.model import PackTotals
from evidence.pack import PackOrder, Rendering, write_pack
from evidence.source import PackSource
from evidence.statement import ExportKey
from storage.evidence_source import HomeEvidence
from storage.home_reader import read_home
from tests.desk.keeping import KeptWorld

AUDITOR = "author"
ALL = ExportScope(kind=ScopeKind.ALL)
Json = dict[str, Any]


def of_case(request_id: str) -> ExportScope:
    return ExportScope(kind=ScopeKind.CASE, value=request_id)


class Read(NamedTuple):
    """A pack as it lies there."""

    path: Path
    totals: PackTotals

    def content(self, name: str) -> bytes:
        if self.path.is_dir():
            return (self.path / name).read_bytes()
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(f"{self.path.stem}/{name}")

    def names(self) -> set[str]:
        if self.path.is_dir():
            files = (path for path in self.path.rglob("*") if path.is_file())
            return {path.relative_to(self.path).as_posix() for path in files}
        with zipfile.ZipFile(self.path) as archive:
            return {name.partition("/")[2] for name in archive.namelist()}

    def lines(self, name: str) -> list[Json]:
        return [json.loads(line) for line in self.content(name).splitlines()]

    @property
    def records(self) -> list[Json]:
        return self.lines("data/records.jsonl")

    @property
    def description(self) -> Json:
        told: Json = json.loads(self.content("data/pack.json"))
        return told

    def claims(self, kind: str) -> list[Json]:
        return [one for one in self.description["claims"] if one["kind"] == kind]

    def claimed(self, role: str) -> set[str]:
        return {one["stream"] for one in self.claims("stream") if one["role"] == role}


class PackWorld(KeptWorld):
    """A world in which somebody audits."""

    def audited(self) -> None:
        self.done(self.granted(AUDITOR, Role.AUDITOR))

    @property
    def exports(self) -> Exports:
        return Exports(self.desk.bench, self.archive)

    def asked(
        self,
        scope: ExportScope,
        key: ExportKey,
        *,
        by: str = AUDITOR,
        openings: bool = False,
        command: str | None = None,
    ) -> Exported:
        order = ExportOrder(scope=scope, export_key=key.public, openings=openings)
        return self.exports.export(order, self.actor(by), key=command or self.key())

    @contextmanager
    def source(self) -> Iterator[PackSource]:
        with read_home(self.settings) as reader:
            yield HomeEvidence(reader, self.settings)

    def packed(
        self,
        target: Path,
        scope: ExportScope,
        *renderings: Rendering,
        openings: bool = False,
        chosen: tuple[int, ...] = (),
        expected: str | None = None,
    ) -> Read:
        key = ExportKey()
        order = self.ordered(scope, key, openings=openings)
        order = replace(order, chosen=chosen, expected=expected)
        with self.source() as source:
            return Read(target, write_pack(target, source, order, renderings))

    def ordered(self, scope: ExportScope, key: ExportKey, *, openings: bool = False) -> PackOrder:
        exported = self.asked(scope, key, openings=openings)
        assert exported.outcome.event_id is not None, exported.outcome.refusal
        assert exported.snapshot_id is not None, exported.outcome.refusal
        return PackOrder(
            scope=scope,
            export_id=exported.outcome.event_id,
            snapshot_id=exported.snapshot_id,
            key=key,
            openings=openings,
        )
