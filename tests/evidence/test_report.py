"""The report of a pack: what it says, and what it cannot be made to say (TX-M1, TX-M7)."""

import json
import re
from pathlib import Path

import pytest

from counterseal.kernel.canonical import canonical_bytes
from counterseal.kernel.errors import InputError
from counterseal.risk.model import CheckName
from evidence.report import TEMPLATES
from evidence.report_fold import BESIDE_MAX, CASE_ROWS_MAX, ROWS_MAX, read_report
from tests.evidence.report_room import (
    bodies_of,
    changed,
    html_of,
    of_all,
    of_case,
    page_of,
    worked,
)
from tests.world import ACCOUNT, ORIGIN, World

HEADER = "Simulated execution. A rendering, not evidence: the records count."
CONFORMITY = "control-design evidence, not a statement of conformity"
HOSTILE = "</style></title><script>alert(1)</script><img src=x onerror=y>{{ 7*7 }}{% raw %}\"'&"
BANNED = re.compile(r"compliant|certified|guarantee|worm\b", re.IGNORECASE)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of its own."""
    return World(tmp_path)


def test_the_report_of_a_case_tells_what_was_asked_who_decided_and_how_it_ended(
    world: World,
) -> None:
    """Case pack: request, decisions, refusals, order, fill, risk and ledger, out of records."""
    request_id = worked(world)
    [fill] = world.fills()

    text = page_of(of_case(world, request_id)).text

    for told in (
        *(request_id, "quant", ACCOUNT, ORIGIN, "mean reversion after a sharp move"),
        *("reviewed research", "authorised paper", "key-of-researcher", "key-of-risk", "ed25519"),
        *("REQUESTER_IS_REVIEWER", "approvals.review", "FILLED", "Approved for paper simulation"),
        *(fill.fill_id, fill.model_version, fill.quote.quote_id, f"{fill.last_price:,}"),
        *CheckName,
        *("cost:tax", "realized", "latency, queue position, market impact"),
    ):
        assert str(told) in text, told


def test_linked_cases_are_told_one_after_the_other(world: World) -> None:
    """Each with its own heading and its own decisions; the second one has none yet."""
    first, second = worked(world), world.requested()

    page = page_of(of_case(world, second, first))

    ids = [value for tag, name, value in page.attributes if (tag, name) == ("section", "id")]
    assert ids == [first, second]
    assert page.text.count("Nobody has decided.") == 1
    assert f"Case {second}" in page.text


def test_every_record_of_the_case_stands_in_its_timeline(world: World) -> None:
    """One line for each record, in the order of the log."""
    request_id = worked(world)
    own = [row for row in world.log() if row.stream == f"case:{request_id}"]
    shown = of_case(world, request_id)

    report = read_report(shown.bodies, shown.description)

    assert [(one.seq, one.recorded_at, one.type) for one in report.lines] == [
        (row.seq, row.recorded_at, row.type) for row in own
    ]
    assert report.lines_total == len(own)
    assert report.around_total == report.read - len(own) > 0


def test_words_of_people_are_no_part_of_a_report(world: World) -> None:
    """Reasons lie beside the log; the report shows the commitment that was signed."""
    request_id = worked(world)

    text = page_of(of_case(world, request_id)).text

    assert "checked the evidence and agree with it" not in text
    assert re.search(r"commitmentsha256:[0-9a-f]{64}", text)


@pytest.mark.parametrize("about", ["case", "all"])
def test_every_page_says_that_it_is_simulated_and_no_evidence(world: World, about: str) -> None:
    """On the screen in a header, on paper in the margin of each page."""
    request_id = worked(world)
    shown = of_case(world, request_id) if about == "case" else of_all(bodies_of(world))

    page = page_of(shown)

    [style] = page.styles
    for words in (HEADER, CONFORMITY):
        assert words in page.text
        assert f'content: "{words}"' in style
    assert "SIMULATED" in page.text
    assert not BANNED.search(page.text)


def test_a_report_carries_everything_and_loads_nothing(world: World) -> None:
    """No script, no frame, no picture, no address but places in the page itself."""
    worked(world)

    page = page_of(of_all(bodies_of(world)))

    known = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav"}
    known |= {"h1", "h2", "p", "ol", "ul", "li", "a", "b", "strong", "span", "code", "pre", "wbr"}
    known |= {"dl", "dt", "dd", "div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    known |= {"figure", "figcaption", "svg", "desc", "path", "line"}
    assert {*page.tags} <= known
    addresses = {value for _, name, value in page.attributes if name in {"href", "src", "action"}}
    assert addresses
    assert all(value.startswith("#") for value in addresses)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    [style] = page.styles
    assert not re.search(r"url\(|@import|expression", style)
    [rule] = [
        v for tag, name, v in page.attributes if tag == "meta" and v.startswith("default-src")
    ]
    assert rule.startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_a_place_that_the_contents_name_is_in_the_page(world: World) -> None:
    """A reader who follows an entry arrives."""
    request_id = worked(world)
    for shown in (of_case(world, request_id), of_all(bodies_of(world))):
        page = page_of(shown)
        ids = {value for _, name, value in page.attributes if name == "id"}
        assert {v[1:] for _, name, v in page.attributes if name == "href"} <= ids


def test_hostile_text_stays_text(world: World) -> None:
    """Names, reasons and words of records are escaped wherever they stand."""
    request_id = worked(world)
    stream = f"case:{request_id}"
    bodies = []
    for body in bodies_of(world, {stream}):
        record = json.loads(body)
        for request in record["after"]["documents"].get("approval_requests", []):
            request["payload"]["request_reason"] = HOSTILE
        for command in record["after"]["documents"].get("commands", []):
            if command["refusal"]:
                command["refusal"]["message"] = HOSTILE
                command["refusal"]["codes"] = [HOSTILE]
        actor = record["actor"] | {"id": HOSTILE}
        reason = {"code": HOSTILE, "text": HOSTILE}
        told = {"actor": actor, "reason": reason, "action": HOSTILE, "type": HOSTILE}
        bodies.append(canonical_bytes(record | told))

    for shown in (of_case(world, request_id, bodies=bodies), of_all(bodies)):
        page = page_of(shown)
        assert not {"script", "img"} & {*page.tags}
        assert not [name for _, name, _ in page.attributes if name.startswith("on")]
        assert page.text.count(HOSTILE) > len(bodies)
        assert len(page.styles) == 1


def test_the_same_records_give_the_same_bytes(world: World) -> None:
    """I4: neither time nor chance is in a report."""
    request_id = worked(world)

    assert html_of(of_case(world, request_id)) == html_of(of_case(world, request_id))


def test_a_long_log_is_summed_up_and_cut_at_a_stated_number_of_rows(world: World) -> None:
    """Totals count everything; rows and memory do not grow."""
    worked(world)
    bodies = bodies_of(world)
    times = ROWS_MAX // len(bodies) + 2
    shown = of_all(bodies, times)

    report = read_report(shown.bodies, shown.description)
    text = page_of(shown).text

    assert report.read == report.lines_total == times * len(bodies) > ROWS_MAX
    assert len(report.lines) == ROWS_MAX
    assert f"The first {ROWS_MAX} of {report.read:,} records are shown" in text
    assert dict(report.types)["approval.requested"] == times
    assert report.refused_total == times


def test_records_beside_a_case_are_few_and_counted(world: World) -> None:
    """The founding of a world is longer than what is shown of it."""
    request_id = worked(world)
    beside = [body for body in bodies_of(world) if b'"stream":"case:' not in body]
    shown = of_case(world, request_id, bodies=beside * 9)

    report = read_report(shown.bodies, shown.description)

    assert len(report.around) == BESIDE_MAX < report.around_total == 9 * len(beside)
    assert report.lines == ()
    assert "holds no request of this case" in page_of(shown).text
    assert BESIDE_MAX < ROWS_MAX < CASE_ROWS_MAX


def test_a_document_that_is_none_is_counted_and_told(world: World) -> None:
    """I3: it is not shown, and nobody has to guess that it is not."""
    request_id = worked(world)
    bodies = bodies_of(world, {f"case:{request_id}"})
    [place] = [i for i, body in enumerate(bodies) if b'"fills":[' in body]
    record = json.loads(bodies[place])
    record["after"]["documents"]["fills"][0]["last_price"] = 7
    bodies[place] = canonical_bytes(record)

    text = page_of(of_case(world, request_id, bodies=bodies)).text

    assert "1 documents in these records are not what their kind says" in text
    assert "Fill 1 of" not in text


def test_what_is_withheld_and_purged_is_said(world: World) -> None:
    """The counts of the pack, with where to look."""
    counts = {"records": 3, "withheld": 1234, "purged": 77}

    text = page_of(of_all(bodies_of(world), counts=counts)).text

    assert "Withheld: 1,234 records" in text
    assert "Purged: 77 records" in text


def test_facts_that_say_no_scope_are_refused(world: World) -> None:
    """A report of nobody knows what is not made."""
    with pytest.raises(InputError) as caught:
        page_of(of_all(bodies_of(world), scope={"kind": "rumour"}))
    assert caught.value.code == "PACK_FACTS_INVALID"


@pytest.mark.parametrize("body", [b"[]", b"{", b""])
def test_bytes_that_are_no_record_are_refused(body: bytes) -> None:
    """A pack's records are JSON objects."""
    with pytest.raises(InputError) as caught:
        page_of(of_all([body]))
    assert caught.value.code == "NOT_A_RECORD"


def test_a_record_that_says_nothing_is_a_line_all_the_same(world: World) -> None:
    """What is missing is empty; nothing stops the report."""
    bare = changed(b"{}", seq=4, type="x.y")

    text = page_of(of_all([*bodies_of(world)[:1], bare])).text

    assert "x.y" in text


def test_templates_hold_no_banned_word_and_switch_no_escaping_off() -> None:
    """Design: control-design evidence; I3."""
    files = [path.read_text("utf-8") for path in TEMPLATES.iterdir()]
    assert len(files) == 5
    for text in files:
        assert not BANNED.search(text)
        assert not re.search(r"\|\s*safe|autoescape|<script", text)
