"""A stranger's whole way through a demo, in Traditional Chinese, led by nothing but the pages."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from counterseal.broker.model import Fill
from storage.homes import read_home
from storage.keyring import DEMO_PASSPHRASE
from tests.day.visited import Visited, a_visit_now
from tests.ui.web.web_room import (
    HERE,
    SETTLES_WITHIN_MS,
    chromium,
    opened,
    serving_with,
    settled,
    watched,
)
from ui.web.wording import Language, catalogue

REASON = "已核對行情與部位並同意此模擬委託"


def said(key: str, **values: str) -> str:
    """A sentence of the pages in Chinese."""
    return catalogue()[key][Language.CHINESE.value].format(**values)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited | None]:
    if not HERE:
        yield None
        return
    with a_visit_now(tmp_path_factory.mktemp("walk") / "demo") as told:
        yield told


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def entered(page: Page, origin: str, name: str) -> None:
    """As somebody of the demo, by one click and the filled form."""
    opened(page, origin)
    page.get_by_role("radio", name=name, exact=True).check(force=True)
    expect(page.get_by_label(said("sign_in.name"), exact=True)).to_have_value(name)
    settled(page)
    button(page, said("sign_in.enter")).click()
    expect(page.get_by_text(said("frame.signed_in", person=name))).to_be_visible(
        timeout=SETTLES_WITHIN_MS
    )
    settled(page)


def left(page: Page) -> None:
    button(page, said("frame.sign_out")).click()
    expect(page.get_by_text(said("sign_in.signed_out"))).to_be_visible(timeout=SETTLES_WITHIN_MS)


def went(page: Page, name: str) -> None:
    """By a link that the page offers, the first of its name."""
    page.get_by_role("link", name=name, exact=True).first.click()
    settled(page)


def approved(page: Page) -> None:
    """From Home to the signature."""
    went(page, said("home.review"))
    page.get_by_role("radio", name=said("common.approve"), exact=True).check(force=True)
    expect(button(page, said("decision.choose"))).to_have_count(0, timeout=SETTLES_WITHIN_MS)
    settled(page)
    page.get_by_label(said("decision.reason"), exact=True).fill(REASON)
    page.get_by_label(said("decision.passphrase")).fill(DEMO_PASSPHRASE)
    button(page, said("decision.sign_approve")).click()
    expect(page.get_by_text(said("decision.signed_approve"))).to_be_visible(
        timeout=SETTLES_WITHIN_MS
    )


def submitted(page: Page) -> None:
    """From Home to the simulated fill."""
    went(page, said("home.submit"))
    sentence = catalogue()["submit.confirm"][Language.CHINESE.value]
    page.get_by_text(sentence.partition("{")[0]).click()
    settled(page)
    button(page, said("submit.send")).click()
    expect(page.get_by_text(said("submit.fill")).first).to_be_visible(timeout=SETTLES_WITHIN_MS)
    settled(page)


def evidence_of_newest(page: Page, place: Path) -> Path:
    """The signed decisions of the case that was touched last, downloaded."""
    went(page, said("evidence.title"))
    button(page, said("evidence.choose")).first.click()
    settled(page)
    offers = page.locator("[class*='st-key-export-']")
    signatures = offers.filter(has_text=said("evidence.signatures")).last
    expect(signatures).to_be_visible(timeout=SETTLES_WITHIN_MS)
    with page.expect_download(timeout=SETTLES_WITHIN_MS) as coming:
        signatures.get_by_role("button", name=said("evidence.download")).click()
    path = place / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def test_a_stranger_goes_the_whole_way_in_chinese(demo: Visited | None, tmp_path: Path) -> None:
    """TX-B7, issue "Windows": approve, approve, submit, see the fill, verify the log, take the
    evidence away; nothing that was asked for is in English, and nothing goes abroad.
    """
    if demo is None:
        return
    told = demo.settings
    environment = {
        "COUNTERSEAL_HOME": str(told.counterseal_home),
        "COUNTERSEAL_POLICIES": str(told.counterseal_policies),
        "COUNTERSEAL_SIGNER_STATE": str(told.counterseal_signer_state),
        "COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE": str(told.counterseal_log_key_passphrase_file),
    }
    with (
        serving_with(environment, tmp_path / "server.log") as origin,
        chromium(HERE[0]) as browser,
        browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="zh-TW", timezone_id="Asia/Taipei"
        ) as context,
    ):
        foreign, page = watched(context), context.new_page()
        for name in ("research", "risk"):
            entered(page, origin, name)
            approved(page)
            left(page)
        entered(page, origin, "operator")
        submitted(page)
        went(page, said("audit.title"))
        button(page, said("audit.verify_now")).click()
        expect(page.get_by_text(said("audit.verified"), exact=True).first).to_be_visible(
            timeout=SETTLES_WITHIN_MS
        )
        path = evidence_of_newest(page, tmp_path)
        assert foreign == []
    with zipfile.ZipFile(path) as taken:
        assert any(name.endswith("README.txt") for name in taken.namelist()), taken.namelist()
    with read_home(told) as reader:
        assert len(reader.find(Fill)) == 1
