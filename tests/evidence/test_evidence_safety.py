"""Every evidence file of the windows, scanned for secrets, brokers' ids, unsafe flags (TX-M7)."""

import base64
import json
import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from counterseal.approvals.model import ApprovalDecision
from counterseal.desk.demo.evidence import summary_of
from counterseal.desk.demo.model import Act, Click, DemoMarket, DemoSession
from counterseal.desk.demo.play import played
from counterseal.desk.views.evidence_documents import PaperDemoEvidence
from counterseal.desk.views.evidence_files import ALSO_FALSE
from counterseal.desk.views.evidence_markdown import markdown_of
from counterseal.desk.views.marks import unsafe_flags
from evidence.renderings import renderings
from storage.home_reader import read_home
from tests.desk.evidence_room import MADE, traded_world
from tests.evidence.pack_room import PackWorld, of_case
from tests.household import PEOPLE
from tests.world import START, World
from ui.evidence_texts import demo_evidence
from ui.web.exporting import records_text, signatures_zip

FORBIDDEN = re.compile(
    rb'"(pass(word|phrase)|secret|token|api_key|private_key|credential|salt'
    rb'|broker_(account|order|customer|user|login)(_id)?|account_number|exchange_order_id)"\s*:'
)
"""Names that no evidence may give a value to; flags that deny them have longer names."""
KEY_FILE = re.compile(rb"PRIVATE KEY|BEGIN OPENSSH")


@cache
def written() -> dict[str, bytes]:
    """Each file by its name; those of a zip one by one."""
    world, order = traded_world()
    request_id = order.approval_request_id
    files = {f"{kind}.json": made() for kind, made in MADE.items()}
    made = demo_evidence(world.settings, None, START)
    assert isinstance(made, PaperDemoEvidence)
    files["paper_demo.md"] = markdown_of(made).encode()
    session = played(DemoMarket.WAVES, (Click(act=Act.TICK),))
    assert isinstance(session, DemoSession)
    files["demo.txt"] = summary_of(session, ()).encode()
    with read_home(world.settings) as reader:
        files["records.json"] = records_text(reader, request_id).encode()
        found = reader.find(ApprovalDecision, approval_request_id=request_id)
        decisions = tuple(sorted(found, key=lambda one: one.sequence))
        with ZipFile(BytesIO(signatures_zip(reader, request_id, decisions))) as packed:
            files |= {f"signatures/{name}": packed.read(name) for name in packed.namelist()}
    return files


def secrets(world: World | None = None) -> Iterator[bytes]:
    """Private keys of people and of the log, and keys of personal data, as they may be written."""
    world = world or traded_world()[0]
    kept = [bytes(range(32)), *(world.private_key(name).private_bytes_raw() for name in PEOPLE)]
    keys = world.settings.counterseal_signer_state / "openings"
    kept += [path.read_bytes() for path in keys.rglob("*") if path.is_file()]
    for secret in (one for one in kept if len(one) >= 16):
        yield from (secret, secret.hex().encode(), base64.b64encode(secret))


def test_what_is_scanned_is_everything_that_windows_write() -> None:
    assert {"paper_demo.json", "risk_guardrail.json", "records.json", "paper_demo.md"} <= set(
        written()
    )
    assert sum(name.startswith("signatures/") for name in written()) >= 7
    assert all(written().values())


def test_no_file_holds_a_secret_or_an_id_of_a_broker(subtests: pytest.Subtests) -> None:
    """TX-M7: by value in every writing, and by the names under which such things are kept."""
    for name, content in written().items():
        with subtests.test(name):
            assert [one for one in secrets() if one in content] == []
            assert FORBIDDEN.search(content) is None
            assert name.endswith(".py") or KEY_FILE.search(content) is None


def test_no_pack_holds_a_secret_or_an_id_of_a_broker(
    tmp_path: Path, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TX-M7: records, report, tables, texts; only an opening names its salt, by which it opens."""
    monkeypatch.setattr("evidence.renderings.find_chromium", lambda: None)
    world = PackWorld(tmp_path / "home")
    world.audited()
    request_id = world.approved()
    world.done(world.submitted(request_id))
    pack = world.packed(tmp_path / "pack", of_case(request_id), renderings, openings=True)
    assert {"data/pii/openings.jsonl", "data/report.html"} <= pack.names()
    for name in sorted(pack.names()):
        with subtests.test(name):
            content = pack.content(name)
            assert [one for one in secrets(world) if one in content] == []
            assert name.startswith("data/pii/") or FORBIDDEN.search(content) is None
            assert KEY_FILE.search(content) is None


def test_no_flag_of_any_file_is_unsafe_and_each_says_paper(subtests: pytest.Subtests) -> None:
    """TX-M7: `persisted`, `uploaded` and all others, at any depth."""
    for name, content in written().items():
        if not name.endswith(".json"):
            continue
        with subtests.test(name):
            value = json.loads(content)
            assert unsafe_flags(value, also_false=ALSO_FALSE) == ()
            if name.removesuffix(".json") in set(MADE):
                assert (value["persisted"], value["uploaded"]) == (False, False)


def test_the_scan_finds_what_it_looks_for() -> None:
    """A scan that finds nothing anywhere proves nothing."""
    first = next(secrets())
    assert [one for one in secrets() if one in b"x" + first.hex().encode()] != []
    for bad in (b'{"broker_order_id": 1}', b'{"passphrase" : "x"}', b'{"account_number":1}'):
        assert FORBIDDEN.search(bad)
    assert FORBIDDEN.search(b'{"broker_credentials_collected": false, "key_id": "k"}') is None
