"""Renderings in real packs, PDF with and without a browser, and pages as a browser draws them."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evidence import pdf
from evidence.pdf import find_chromium, print_pdf
from evidence.renderings import renderings
from evidence.table_columns import TABLES
from tests.evidence.offline_script import offline_script
from tests.evidence.pack_room import ALL, PackWorld, Read, of_case
from tests.evidence.report_room import bodies_of, html_of, of_all, worked
from tests.evidence.report_room import of_case as shown_case
from tests.ui.web.axe import violations, wrong_colours
from tests.ui.web.web_room import HERE, chromium
from tests.world import World

TABLE_FILES = {f"data/tables/{t.name}.{form}" for t in TABLES for form in ("csv", "parquet")}
DATED = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
PAGE = b"<!doctype html><title>t</title><p>words"
in_chromium = pytest.mark.parametrize("browser", HERE)


@pytest.fixture
def world(tmp_path: Path) -> PackWorld:
    """A world with an auditor."""
    made = PackWorld(tmp_path / "home")
    made.audited()
    return made


def browser_that(does: str, folder: Path) -> str:
    """A program in the place of a browser."""
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o700)
    return str(path)


def verified(pack: Read, world: World) -> bool:
    """Whether the pack's own verifier finds nothing against it, run without our code."""
    command = [sys.executable, "-I", str(offline_script()), str(pack.path)]
    key = ["--vkey", world.log_key.key.text]
    done = subprocess.run([*command, *key], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def test_a_pack_holds_its_renderings_and_verifies_with_them(
    world: PackWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pack format: report and tables lie below `data/`; without a browser there is no PDF."""
    request_id = worked(world)
    monkeypatch.setattr("evidence.renderings.find_chromium", lambda: None)

    pack = world.packed(tmp_path / "pack.zip", of_case(request_id), renderings)

    assert TABLE_FILES | {"data/report.html"} <= pack.names()
    assert "data/report.pdf" not in pack.names()
    assert request_id in pack.content("data/report.html").decode()
    assert pack.description["root"] in pack.content("data/report.html").decode()
    assert verified(pack, world)


@in_chromium
def test_a_pack_holds_a_pdf_where_there_is_a_browser(
    world: PackWorld, tmp_path: Path, browser: str
) -> None:
    """Pack format: printed here, from the page that is beside it."""
    worked(world)

    pack = world.packed(tmp_path / "pack", ALL, renderings)

    assert find_chromium() == browser
    assert pack.content("data/report.pdf").startswith(b"%PDF-")
    assert verified(pack, world)


@in_chromium
def test_a_pdf_has_the_date_of_its_records_and_no_other(world: World, browser: str) -> None:
    """I3: printed twice, the same bytes."""
    html = html_of(shown_case(world, worked(world)))

    one, two = (print_pdf([html], browser, DATED) for _ in range(2))

    assert one is not None
    assert one == two
    assert one.count(b"(D:20260105010203+00'00')") == 2
    assert one.count(b"(D:") == 2


def test_without_a_browser_there_is_no_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I2: neither without one in the path, nor with one that does not start."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_chromium() is None
    assert print_pdf([PAGE], None) is None
    assert print_pdf([PAGE], str(tmp_path / "none")) is None


@pytest.mark.parametrize("does", ["exit 0", "exit 1", "printf words > report.pdf; exit 0"])
def test_a_browser_that_prints_nothing_gives_no_pdf(tmp_path: Path, does: str) -> None:
    """I2: what is no PDF is not handed on."""
    assert print_pdf([PAGE], browser_that(does, tmp_path)) is None


def test_a_browser_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack is not kept waiting, and nothing is left running."""
    monkeypatch.setattr(pdf, "PRINTS_WITHIN_SECONDS", 0.5)
    told = tmp_path / "pid"
    shell = browser_that(f"sleep 300 & echo $! > {told}; wait", tmp_path)
    began = time.monotonic()

    assert print_pdf([PAGE], shell) is None

    assert time.monotonic() - began < 60
    assert gone(int(told.read_text()))


def gone(process: int) -> bool:
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if f"{process} (sleep) Z" in Path(f"/proc/{process}/stat").read_text():
            return True
        time.sleep(0.05)
    return False


def test_a_browser_is_given_a_folder_of_its_own_and_no_settings_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1: what stands in our environment is not told; its folder is gone afterwards."""
    monkeypatch.setenv("COUNTERSEAL_SECRET", "words")
    out = tmp_path / "told"
    shell = browser_that(f'{{ env; pwd; echo "$@"; }} > {out}', tmp_path)

    assert print_pdf([PAGE], shell) is None

    told = out.read_text()
    assert "COUNTERSEAL_SECRET" not in told
    assert "MAP * ~NOTFOUND" in told
    [folder] = {line.removeprefix("HOME=") for line in told.splitlines() if "HOME=" in line}
    assert f"--user-data-dir={folder}/profile" in told
    assert not Path(folder).exists()
    assert shutil.which("sh")


TOO_WIDE = """[...document.querySelectorAll("td, th")]
    .filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.textContent)"""


@in_chromium
@pytest.mark.parametrize("about", ["case", "all"])
def test_a_page_fits_a_phone_breaks_no_rule_and_asks_for_nothing(
    world: World, tmp_path: Path, browser: str, about: str
) -> None:
    """Readable at 390 px, in light and dark; axe finds nothing; no request leaves the file.

    On a wide page no cell reaches into the next, at times that are no whole second either.
    """
    world.after(0.123456)
    cases = (worked(world), world.requested())
    shown = shown_case(world, *cases) if about == "case" else of_all(bodies_of(world))
    file = tmp_path / "report.html"
    file.write_bytes(html_of(shown))

    with chromium(browser) as opened:
        context = opened.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True)
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.emulate_media(color_scheme="light")
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert wrong_colours(page) == []
        page.set_viewport_size({"width": 1000, "height": 844})
        assert page.evaluate(TOO_WIDE) == []
        assert asked == [file.as_uri()]
