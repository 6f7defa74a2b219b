"""Renderings of a governed world: what it shows, and pages taken apart."""

import json
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from counterseal.kernel.canonical import Json, canonical_bytes
from counterseal.policy.words import DecisionWord
from evidence.claims import GOVERNANCE
from evidence.pack import Shown
from evidence.report import report_html
from evidence.report_fold import read_report
from tests.world import ORIGIN, World

EMPTY = ("meta", "wbr", "path", "line")
Claims = list[dict[str, Json]]


class Page(HTMLParser):
    """An HTML file in parts: tags, attributes, text outside styles, styles."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.styles: list[str] = []
        self._open: list[str] = []
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self._open[-1:] == ["style"] else self.words).append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def worked(world: World) -> str:
    """A case that was approved and filled, after its requester had tried to review it."""
    request_id = world.requested()
    refused = world.reviewed(request_id, "quant", DecisionWord.RESEARCH_APPROVED)
    assert refused.refusal is not None
    world.done(world.reviewed(request_id, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request_id, "risk", DecisionWord.APPROVED_FOR_PAPER))
    world.done(world.submitted(request_id))
    return request_id


def bodies_of(world: World, streams: Iterable[str] = ()) -> list[bytes]:
    wanted = {*streams}
    return [row.body for row in world.log() if not wanted or row.stream in wanted]


def described(kind: str, value: str, claims: Claims, records: int, **more: Json) -> dict[str, Json]:
    scope: dict[str, Json] = {"kind": kind, "value": value, "since": None, "until": None}
    told: dict[str, Json] = {
        "origin": ORIGIN,
        "size": records,
        "root": "ab" * 32,
        "export": "evt_1",
        "snapshot": "evt_0",
        "scope": scope,
        "claims": [*claims],
        "counts": {"records": records, "withheld": 0, "purged": 0},
    }
    return told | more


def of_case(world: World, *request_ids: str, bodies: list[bytes] | None = None) -> Shown:
    """A case, and those it is linked to, with what they are judged by, as a pack shows them."""
    streams = [f"case:{one}" for one in request_ids]
    shown = bodies_of(world, {*streams, *GOVERNANCE}) if bodies is None else bodies
    whole: dict[str, Json] = {"kind": "stream", "to": 9, "role": "case", "head": "cd" * 32}
    claims = [whole | {"stream": stream} for stream in streams]
    told = described("case", request_ids[0], claims, len(shown))
    return Shown(told, request_ids, lambda: iter(shown))


def of_all(bodies: list[bytes], times: int = 1, **more: Json) -> Shown:
    """Everything, or the same over and over."""

    def again() -> Iterator[bytes]:
        for _ in range(times):
            yield from bodies

    count = times * len(bodies)
    claims: Claims = [{"kind": "range", "first": 0, "last": count - 1}]
    return Shown(described("all", "", claims, count, **more), None, again)


def html_of(shown: Shown) -> bytes:
    return b"".join(report_html(read_report(shown.bodies, shown.description)))


def page_of(shown: Shown) -> Page:
    return Page(html_of(shown))


def changed(body: bytes, **fields: Json) -> bytes:
    """A record with other values, as nobody sealed it."""
    record: dict[str, Any] = json.loads(body)
    return canonical_bytes(record | fields)
