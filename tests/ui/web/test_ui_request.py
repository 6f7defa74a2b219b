"""A request's page in a real browser: what is shown is what is signed, and why it cannot be."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

import orjson
import pytest
from playwright.sync_api import Locator, Page, expect

from counterseal.approvals.model import ApprovalDecision, ApprovalRequest
from counterseal.desk.views.case_preview import CasePreview, case_preview
from counterseal.desk.views.check_figures import exact_of
from counterseal.desk.views.duties import Duties, DutyKind, duties
from counterseal.policy.words import DecisionWord
from storage.home_reader import read_home
from storage.quote_file import QuoteFile
from tests.desk.casework import amended, stored
from tests.ground import SECRET
from tests.ui.web.seat import Seat, seated
from tests.ui.web.showroom import Showroom, dearer
from tests.ui.web.web_room import HERE, SETTLES_WITHIN_MS, WebHouse, choose, opened, settled

REASON = "read the evidence, the move is inside the model"
PROOF_COUNTS_SECONDS = 1_800
PEOPLE = ("researcher", "risk", "quant")
ASKED = ("pending", "at_risk", "meanwhile", "signed", "typed", "rejected")
FACT = "xpath=following-sibling::dd[1]"
PREVIEW = """() => [
  [...document.querySelectorAll('[aria-label="Risk if approved"] tbody tr')].map(
    row => [...row.cells].map(cell => cell.innerText)),
  document.querySelector('time').dateTime]"""
ABOVE = (
    "Blocked by ABOVE_AUTHORITY: the notional is 24,000,000 TWD,"
    " your roles may approve up to 20,000,000 TWD."
)


@pytest.fixture(scope="module")
def seat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat | None]:
    if not HERE:
        yield None
        return
    house = WebHouse(tmp_path_factory.mktemp("request") / "home", proof_counts=PROOF_COUNTS_SECONDS)
    room = Showroom(house.fed().furnished(*PEOPLE), {"amended": dearer(house)})
    room.ids.update({name: house.asked() for name in ASKED})
    for name in ("at_risk", "meanwhile"):
        house.done(house.reviewed(room.ids[name], "researcher", DecisionWord.RESEARCH_APPROVED))
    room.ids["large"] = house.requested(symbol="TX202601", quantity=6, target="6")
    with seated(room, *PEOPLE) as told:
        yield told


def at(page: Page, seat: Seat, request_id: str) -> None:
    opened(page, f"{seat.origin}/request?id={request_id}")


def fact(page: Page, label: str) -> str:
    """What stands beside a label of the card."""
    card = page.locator(".st-key-decision")
    return card.locator("dt", has_text=re.compile(f"^{label}$")).locator(FACT).inner_text()


def reason(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Reason")


def typed(page: Page, words: str) -> None:
    reason(page).fill(words)
    reason(page).blur()
    settled(page)


def passphrase(page: Page) -> Locator:
    return page.get_by_label("Passphrase of your key file")


def button(page: Page, label: str) -> Locator:
    return page.get_by_role("button", name=label)


def decision_on(seat: Seat, request_id: str) -> tuple[ApprovalDecision, ...]:
    with seat.room.house.store.reader() as reader:
        return reader.find(ApprovalDecision, approval_request_id=request_id)


def test_ui_01_an_address_is_its_request_wherever_it_is_opened(seat: Seat | None) -> None:
    """UI-01: in a fresh session, after a reload and Back; an unknown id is not found and inert."""
    if seat is None:
        return
    pending = seat.room.ids["pending"]
    with seat.context() as context:
        page = context.new_page()
        at(page, seat, pending)
        shown = page.get_by_role("heading", name="Buy up to 4 TMF202601")
        expect(shown).to_be_visible()
        page.reload(wait_until="domcontentloaded")
        settled(page)
        expect(shown).to_be_visible()
        page.get_by_role("link", name="Orders").click()
        expect(page.get_by_role("heading", name="Orders")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        page.go_back()
        expect(shown).to_be_visible(timeout=SETTLES_WITHIN_MS)
        assert page.url.endswith(f"id={pending}")
        at(page, seat, "%3Cimg%20src%3Dx%20onerror%3D%22window.ran%3D1%22%3E")
        expect(page.get_by_role("heading", name="Request not found")).to_be_visible()
        assert page.evaluate("[window.ran, document.querySelector('img[src=x]')]") == [None, None]


def test_ui_03_and_04_and_14_what_is_shown_is_signed_and_the_receipt_leads_to_it(
    seat: Seat | None,
) -> None:
    """UI-03: each line of what you sign is in the stored record. UI-04: the exact bytes have the
    hash that is shown and kept. UI-14: number, hash, both times, proof, and what waits next.
    """
    if seat is None:
        return
    house = seat.room.house
    request_id = seat.room.ids["signed"]
    request = stored(house, request_id)
    with seat.context() as context:
        page = context.new_page()
        at(page, seat, request_id)
        choose(page, "Approve")
        typed(page, REASON)
        told = {
            name: fact(page, name) for name in ("Action", "Meaning", "Request", "Policy", "Key")
        }
        hashes = {name: fact(page, name) for name in ("Payload hash", "Shown hash", "Chain head")}
        button(page, "Show the exact bytes").click()
        codes = page.get_by_test_id("stCode").locator("code")
        expect(codes).to_have_count(2, timeout=SETTLES_WITHIN_MS)
        digest, text = codes.all_inner_texts()
        assert digest == "sha256:" + sha256(text.encode()).hexdigest()
        passphrase(page).fill(SECRET)
        button(page, "Sign: approve").click()
        expect(page.get_by_text("Signed: approve")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        [made] = decision_on(seat, request_id)
        statement = orjson.loads(base64.b64decode(made.signature.payload))
        assert made.statement_digest == digest
        law = house.desk.bench.bundle
        assert told == {
            "Action": "Approve as research reviewer",
            "Meaning": "I reviewed the research behind this request.",
            "Request": f"{request.request_reference}, version {made.request_version}",
            "Policy": f"{law.version}, {_short(statement['policy_bundle_hash'])}",
            "Key": f"Key file, class {made.key_class}: {made.key_id}",
        }
        assert hashes["Payload hash"] == _short(statement["payload_hash"])
        assert statement["evidence_shown_hash"].startswith(f"sha256:{hashes['Shown hash']}")
        assert hashes["Chain head"].startswith(_short(made.previous_chain_hash))
        _receipt(page, seat, made)
        button(page, "Next request").click()
        expect(page).to_have_url(re.compile(waiting(seat)), timeout=SETTLES_WITHIN_MS)
        expect(button(page, "Choose a verdict")).to_be_visible(timeout=SETTLES_WITHIN_MS)


def waiting(seat: Seat) -> str:
    """The request that ends first of those that wait for the researcher."""
    house = seat.room.house
    house.tick()
    with house.store.reader() as reader:
        told = duties(reader, house.desk.bench.bundle, "researcher", house.clock.now())
    assert isinstance(told, Duties)
    return next(one.subject_id for one in told.duties if one.kind is DutyKind.REVIEW)


def _short(digest: str) -> str:
    plain = digest.removeprefix("sha256:")
    return f"{plain[:10]}\u2026{plain[-6:]}"


def _receipt(page: Page, seat: Seat, made: ApprovalDecision) -> None:
    with read_home(seat.room.house.settings) as reader:
        rows = reader.in_streams(f"case:{made.approval_request_id}")
        [row] = [one for one in rows if one.type == "approval.decided"]
    assert fact(page, "Record") == f"#{row.seq:,}"
    assert fact(page, "Record hash") == row.leaf_hash
    for label, instant in (("Decided at", made.decided_at), ("Recorded at", row.recorded_at)):
        utc = instant if isinstance(instant, str) else instant.isoformat()
        assert re.fullmatch(rf".* Taipei \({utc[11:19]}Z\)", fact(page, label)), label
    with page.expect_download() as coming:
        button(page, "Download the proof").click()
    proof = coming.value.path().read_text()
    assert proof.startswith("c2sp.org/tlog-proof@v1")
    assert f"index {row.seq}\n" in proof
    with page.context.new_page() as found:
        opened(found, f"{seat.origin}/audit?q={row.leaf_hash}")
        expect(found.locator(f".st-key-record-{row.seq}")).to_be_visible()


def test_ui_05_changes_are_told_field_by_field_with_the_count_of_the_rest(
    seat: Seat | None,
) -> None:
    """UI-05: before and now of each changed field, how many are the same; version 1 has none."""
    if seat is None:
        return
    newer = seat.room.ids["amended"]
    fields = len(type(stored(seat.room.house, newer).payload).model_fields)
    with seat.context("risk") as context:
        page = context.new_page()
        at(page, seat, newer)
        rows = page.get_by_role("region", name="Changes").get_by_role("row")
        expect(rows).to_have_text(["FieldBeforeNow", "price_maxnothing20,500"])
        expect(page.get_by_text(f"{fields - 1} other fields are the same.")).to_be_visible()
        at(page, seat, seat.room.ids["pending"])
        expect(page.get_by_text("This is version 1: there is nothing to compare")).to_be_visible()


def test_ui_06_a_version_that_comes_meanwhile_stops_the_signature(seat: Seat | None) -> None:
    """UI-06: the open page says so by itself; what was typed goes along to the newer version, which
    shows the older approval as not counting.
    """
    if seat is None:
        return
    house = seat.room.house
    request_id = seat.room.ids["meanwhile"]
    with seat.context("risk") as context:
        page = context.new_page()
        at(page, seat, request_id)
        choose(page, "Approve")
        typed(page, REASON)
        expect(button(page, "Sign: approve")).to_be_enabled()
        house.tick()
        newer = house.done(amended(house, request_id, {"request_reason": "a better grounded one"}))
        expect(page.get_by_text("Changed to version 2.")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        expect(button(page, "Sign: approve")).to_have_count(0)
        expect(button(page, "Choose a verdict")).to_be_disabled()
        button(page, "Look at version 2").click()
        expect(page).to_have_url(re.compile(newer), timeout=SETTLES_WITHIN_MS)
        settled(page)
        expect(reason(page)).to_have_value(REASON)
        earlier = page.get_by_role("region", name="Decisions on version 1").get_by_role("row")
        expect(earlier.nth(1)).to_contain_text("Researchdoes not countApprove, researcher")


def test_ui_07_the_risk_preview_has_the_figures_of_the_risk_room(seat: Seat | None) -> None:
    """UI-07: before, after and limit of each of the fourteen, as judged at the instant that stands
    below them.
    """
    if seat is None:
        return
    with seat.context() as context:
        page = context.new_page()
        at(page, seat, seat.room.ids["pending"])
        page.get_by_text("All 14 checks: before, after, limit").click()
        region = page.get_by_role("region", name="Risk if approved")
        expect(region).to_be_visible()
        shown, instant = page.evaluate(PREVIEW)
    told = judged(seat, seat.room.ids["pending"], datetime.fromisoformat(instant))
    assert len(shown) == len(told.checks) == 14
    for cells, one in zip(shown, told.checks, strict=True):
        for cell, figure in zip(cells[1:4], (one.before, one.after, one.limit), strict=True):
            exact = exact_of(figure)
            words = figure or "no order"
            assert numeric(cell) == exact if exact is not None else cell == words, cells
        assert (cells[4] == "passed") is one.check.passed


def judged(seat: Seat, request_id: str, now: datetime) -> CasePreview:
    """What the risk room says of the request at that instant, from the same home and feed."""
    house = seat.room.house
    bench = replace(house.desk.bench, feed=QuoteFile(house.quotes, 60))
    with house.store.reader() as reader:
        request = reader.get(ApprovalRequest, request_id)
        assert request is not None
        told = case_preview(reader, bench, bench.bundle.limits, request.payload, now)
    assert isinstance(told, CasePreview)
    return told


def numeric(cell: str) -> Decimal:
    """The number of a cell, without its unit."""
    return Decimal(cell.split(" ", maxsplit=1)[0].replace(",", "").replace("\u2212", "-"))


def test_ui_08_and_09_who_cannot_approve_reads_one_sentence_why(seat: Seat | None) -> None:
    """UI-08: not allowed, waiting, or blocked, never a bare grey button. UI-09: that of the own
    request says who can review, and a forged click is refused by the desk and recorded.
    """
    if seat is None:
        return
    house = seat.room.house
    pending = seat.room.ids["pending"]
    sentences = (
        ("quant", pending, "Not allowed: this is your own request, and nobody reviews their own. "),
        ("risk", pending, "Waiting for compliance, researcher: "),
        ("researcher", seat.room.ids["large"], ABOVE),
    )
    for name, request_id, sentence in sentences:
        with seat.context(name) as context:
            page = context.new_page()
            at(page, seat, request_id)
            choose(page, "Approve")
            expect(button(page, "Sign: approve")).to_be_disabled()
            card = page.locator(".st-key-decision").get_by_test_id("stCaptionContainer")
            expect(card).to_have_count(1)
            expect(card).to_contain_text(sentence)
            if name == "quant":
                expect(card).to_contain_text("compliance, researcher can review it.")
    refused = "SELECT count(*) FROM audit_records WHERE instr(body, 'REQUESTER_IS_REVIEWER') > 0"
    [(before,)] = house.rows(refused)
    house.tick()
    forged = house.reviewed(pending, "quant", DecisionWord.RESEARCH_APPROVED)
    assert forged.refusal is not None
    assert "REQUESTER_IS_REVIEWER" in forged.refusal.codes
    assert house.rows(refused) == [(int(str(before)) + 1,)]


def test_ui_10_the_stepper_says_who_did_what_and_who_is_next(seat: Seat | None) -> None:
    """UI-10: done by and when, what is due now, and who comes later by name."""
    if seat is None:
        return
    [made] = decision_on(seat, seat.room.ids["at_risk"])
    with seat.context() as context:
        page = context.new_page()
        at(page, seat, seat.room.ids["at_risk"])
        done, due, later = page.locator("ol.steps li").all()
        utc = made.decided_at.strftime("%H:%M:%SZ")
        expect(done).to_have_text(re.compile(rf"^Research\s*researcher, .* Taipei \({utc}\)$"))
        expect(page.locator("[aria-current=step]")).to_have_count(1)
        expect(due).to_have_attribute("aria-current", "step")
        expect(due).to_contain_text("waiting for compliance, risk")
        expect(later).to_contain_text("next: operator")


def test_ui_13_a_rejection_without_a_reason_is_refused_and_nothing_is_lost(
    seat: Seat | None,
) -> None:
    """UI-13: inline, no record of a decision, and the words stay as they were typed."""
    if seat is None:
        return
    request_id = seat.room.ids["rejected"]
    with seat.context() as context:
        page = context.new_page()
        at(page, seat, request_id)
        choose(page, "Reject")
        for words in ("", "too short"):
            typed(page, words)
            passphrase(page).fill(SECRET)
            button(page, "Sign: reject").click()
            refused = page.locator(".st-key-decision .st-key-refused")
            expect(refused).to_contain_text("REASON_TOO_SHORT", timeout=SETTLES_WITHIN_MS)
            expect(page.get_by_role("radio", name="Reject")).to_be_checked()
            expect(reason(page)).to_have_value(words)
    assert decision_on(seat, request_id) == ()


def test_ui_16_from_the_queue_to_a_signature_by_keys_alone(seat: Seat | None) -> None:
    """UI-16: Tab, Enter and Ctrl+Enter; the focus is always seen; Esc returns to the queue."""
    if seat is None:
        return
    request_id = seat.room.ids["typed"]
    with seat.context() as context:
        page = context.new_page()
        opened(page, f"{seat.origin}/approvals")
        keys = page.keyboard
        entered(page, request_id)
        keys.press("Escape")
        page.wait_for_url(f"{seat.origin}/approvals", timeout=SETTLES_WITHIN_MS)
        settled(page)
        entered(page, request_id)
        tabbed(page, "input[type=radio]")
        keys.press("Space")
        expect(button(page, "Sign: approve")).to_be_visible(timeout=SETTLES_WITHIN_MS)
        settled(page)
        tabbed(page, "textarea")
        keys.type(REASON)
        tabbed(page, "input[type=password]")
        keys.type(SECRET)
        keys.press("Control+Enter")
        expect(page.get_by_text("Signed: approve")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    assert len(decision_on(seat, request_id)) == 1


def entered(page: Page, request_id: str) -> None:
    """Into a request by its row of the queue."""
    tabbed(page, f"a[href*='{request_id}']")
    page.keyboard.press("Enter")
    expect(button(page, "Choose a verdict")).to_be_visible(timeout=SETTLES_WITHIN_MS)
    settled(page)


def tabbed(page: Page, wanted: str) -> None:
    """Tab until this has the focus, which must be visible at each step."""
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            break
    assert page.evaluate("wanted => document.activeElement.matches(wanted)", wanted), wanted
