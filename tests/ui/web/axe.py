"""axe-core, which judges a drawn page by the rules of accessibility; nothing is left out."""

from importlib.resources import files
from typing import Final

from playwright.sync_api import Page

SCRIPT: Final = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules of those whose outcome depends on light or dark."""
RUN: Final = """runOnly => axe.run(document, {runOnly, resultTypes: ['violations']}).then(
  found => found.violations.flatMap(one => one.nodes.map(
    node => `${one.id}: ${node.target.join(' ')} ${node.html.slice(0, 120)}`)))"""


def violations(page: Page) -> list[str]:
    """What breaks a rule: the rule and the element."""
    page.evaluate(SCRIPT)
    return _found(page, "tag", TAGS)


def wrong_colours(page: Page) -> list[str]:
    """As `violations`, of the rules about colours, for a page that was judged in the other mode."""
    return _found(page, "rule", COLOURS)


def _found(page: Page, kind: str, values: tuple[str, ...]) -> list[str]:
    found: list[str] = page.evaluate(RUN, {"type": kind, "values": [*values]})
    return found
