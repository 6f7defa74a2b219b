"""The two lists of reason codes: the same codes, the same facts, each in its own language."""

import re
from pathlib import Path

from storage.reason_words import reason_sentences
from tests.world import ROOT

POLICIES = ROOT / "policies"
KEPT = re.compile(r"`[^`]+`|\d[\d,]*")
"""What no language changes: names in backticks, HTTP statuses and other figures."""


def outline(name: str) -> list[str]:
    """Every section and every code of a list, in order."""
    return re.findall(r"^(?:##(?= )|### \S+)", (POLICIES / name).read_text("utf-8"), re.MULTILINE)


def test_both_lists_have_the_same_codes_in_the_same_sections_and_order() -> None:
    """TX-B7: none is left out, none is invented, none is moved."""
    assert outline("reason-codes.zh-Hant.md") == outline("reason-codes.md")


def test_every_sentence_is_chinese_and_keeps_names_and_figures() -> None:
    """TX-B7: whole sentences, punctuated as Chinese is; codes, commands and figures as they are."""
    english, chinese = reason_sentences(POLICIES), reason_sentences(POLICIES, "zh-Hant")
    assert list(chinese) == list(english)
    for code, said in chinese.items():
        assert re.search(r"[\u4e00-\u9fff]", said), code
        assert re.search(r"[\u4e00-\u9fff] ?[,;:!?.]", said) is None, code
        assert said.endswith(("\u3002", "\uff09")), code
        assert sorted(KEPT.findall(said)) == sorted(KEPT.findall(english[code])), code


def test_a_code_that_a_language_lacks_speaks_english(tmp_path: Path) -> None:
    """TX-B7: a missing list or entry is never an empty reason."""
    (tmp_path / "reason-codes.md").write_text("### A\n\nOne.\n\n### B\n\nTwo,\ntold on.\n", "utf-8")
    (tmp_path / "reason-codes.zh-Hant.md").write_text("### B\n\nZwei.\n", "utf-8")
    assert reason_sentences(tmp_path, "fr") == {"A": "One.", "B": "Two, told on."}
    assert reason_sentences(tmp_path, "zh-Hant") == {"A": "One.", "B": "Zwei."}
