"""`counterseal broker`: what a model would answer, and how far models stray."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ui.cli.broker import app

DATA = Path(os.environ.get("COUNTERSEAL_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
DAY = DATA / "taifex_ticks_20210726" / "Daily_2021_07_26.zip"


def told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def preview(home: Path, *words: str) -> dict[str, dict[str, str]]:
    status, text = told("preview", "--home", str(home), "--json", *words)
    assert status == 0
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def test_the_preview_tells_every_rule_in_its_order(tmp_path: Path) -> None:
    """TX-J10: without a home the quote model is asked, and its six checks are told."""
    status, text = told(
        "preview", "--home", str(tmp_path), "--limit-price", "19990", "--order-type", "LIMIT"
    )
    rules = [line for line in text.splitlines() if line[:2] in {f"{n}." for n in range(1, 7)}]

    assert status == 0
    assert len(rules) == 6
    assert rules[4].startswith("5. NO  limit_marketable")
    assert rules[0].startswith("1. ok  paper_only")


@pytest.mark.parametrize(
    ("words", "reason", "price"),
    [
        (("--model", "tape-fill-v1"), "NO_LATER_PRINT", None),
        (("--model", "tape-fill-v1", "--print", "20010:9"), "FILLED_AT_PRINTS", "20011"),
        (("--model", "bar-fill-v1"), "NO_LATER_BAR", None),
        (
            ("--model", "bar-fill-v1", "--bar", "20010,20020,20000,20005,90"),
            "FILLED_AT_OPEN",
            "20011",
        ),
        (("--model", "paper-broker-sim-v0.2"), "FILLED_AT_QUOTE", "20000"),
    ],
)
def test_any_model_can_be_asked(
    tmp_path: Path, words: tuple[str, ...], reason: str, price: str | None
) -> None:
    """Trading 5.3: the model is named with its parameters."""
    found = preview(tmp_path, *words)

    assert found["result"]["reason"] == reason
    assert found["result"]["simulated_fill_price"] == price
    assert found["model"]["model_version"] == words[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--model", "best-fill"), "MODEL_UNKNOWN"),
        (("--print", "20010:9"), "MARKET_OF_OTHER_MODEL"),
        (("--model", "tape-fill-v1", "--print", "20010"), "BAD_PRINT"),
        (("--model", "bar-fill-v1", "--bar", "1,2"), "BAD_BAR"),
    ],
)
def test_what_no_model_reads_is_refused(tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    """TX-J1: an input error, never another model's answer."""
    result = CliRunner().invoke(app, ["preview", "--home", str(tmp_path), *words])

    assert result.exit_code != 0
    assert code in result.output + str(result.exception)


def test_the_calibration_is_a_table_and_one_document() -> None:
    """Trading 5.3: labelled simulated, the assumptions named."""
    assert DAY.is_file(), f"test data absent: {DAY} (see COUNTERSEAL_TEST_DATA)"
    words = ("calibrate", "--ticks", str(DAY), "--symbol", "TXF202108", "--every", "7200")
    status, text = told(*words)
    document = json.loads(told(*words, "--json")[1])

    assert status == 0
    assert "simulated" in text
    assert "tape-fill-v1" in text
    assert document["simulated"] is True
    assert {row["size"] for row in document["rows"]} == {1, 5, 20}
    assert document["file_digest"].startswith("sha256:")
