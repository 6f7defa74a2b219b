"""`counterseal audit rotate` and `revoke-key` on a founded home."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from counterseal.kernel.errors import InputError
from storage.home_keys import first_log_key, open_log_key
from tests.ground import Ground, ground_at
from tests.household import ORIGIN
from ui.cli import audit_keys, log_keys

APP = typer.Typer()
APP.command()(log_keys.rotate)
APP.command()(log_keys.revoke_key)
APP.command()(audit_keys.keys)
ANN = ("--as", "ann")


@pytest.fixture
def ground(workplace: Path) -> Ground:
    ground = ground_at(workplace, "one")
    ground.found()
    return ground


def said(ground: Ground, *words: str) -> tuple[int, dict[str, object]]:
    home = ("--home", str(ground.settings.counterseal_home), "--json")
    done = CliRunner().invoke(APP, [*words, *home])
    if isinstance(done.exception, InputError):
        raise done.exception
    told: dict[str, object] = json.loads(done.stdout)
    return done.exit_code, told


def secret(ground: Ground) -> tuple[str, str]:
    return "--passphrase-file", str(ground.folder / "secret")


def code(told: dict[str, object]) -> str:
    refusal = told["refusal"]
    assert isinstance(refusal, dict)
    return str(refusal["code"])


def spans(ground: Ground) -> list[dict[str, object]]:
    status, told = said(ground, "keys")
    found = told["keys"]
    assert isinstance(found, list)
    assert (status, told["broken"]) == (0, [])
    return found


def test_an_administrator_rotates_and_revokes(ground: Ground) -> None:
    """Design 6: key.rotate and key.revoke, from the words of an operator to the list of keys."""
    first = open_log_key(ground.settings).key
    words = ("rotate", *ANN, *secret(ground), "--key", "once")
    status, told = said(ground, *words)
    assert (status, told["ok"], told["replayed"]) == (0, True, False)
    status, again = said(ground, *words)
    assert (status, again["subject_id"], again["replayed"]) == (0, told["subject_id"], True)
    second = open_log_key(ground.settings).key
    assert [span["vkey"] for span in spans(ground)] == [first.text, second.text]
    assert first_log_key(ground.settings) == first
    revoke = ("revoke-key", "--reason", "stolen", *ANN, *secret(ground))
    status, told = said(ground, *revoke, first.text)
    assert (status, told["ok"]) == (0, True)
    assert [span["revoked"] is not None for span in spans(ground)] == [True, False]
    status, told = said(ground, *revoke, first.text)
    assert (status, code(told)) == (1, "KEY_REVOKED")
    status, told = said(ground, *revoke, second.text)
    assert (status, code(told)) == (1, "KEY_UNKNOWN")


def test_the_operator_is_told_whom_to_tell(ground: Ground) -> None:
    """Design 6: an auditor pins the first key; witnesses know the one in force."""
    home = ("--home", str(ground.settings.counterseal_home))
    done = CliRunner().invoke(APP, ["rotate", *ANN, *secret(ground), *home])
    assert done.exit_code == 0
    assert done.stdout.startswith("rotated by: lkc_")
    assert f"the log signs as {ORIGIN}+" in done.stderr
    assert "auditors keep the first key" in done.stderr


@pytest.mark.parametrize("reason", ["two words", "", "line\nbreak"])
def test_a_reason_that_is_no_code_is_refused_or_bad_input(ground: Ground, reason: str) -> None:
    """Design 6: the statement has one word there; nothing is recorded that a walk would refuse."""
    first = open_log_key(ground.settings).key
    said(ground, "rotate", *ANN, *secret(ground))
    with pytest.raises(InputError, match="REASON_INVALID"):
        said(ground, "revoke-key", first.text, "--reason", reason, *ANN, *secret(ground))
    assert [span["revoked"] for span in spans(ground)] == [None, None]


def test_a_key_that_is_no_key_is_bad_input(ground: Ground) -> None:
    """Architecture 7: exit status 2."""
    with pytest.raises(InputError, match="KEY_INVALID"):
        said(ground, "revoke-key", "key", "--reason", "stolen", *ANN, *secret(ground))
