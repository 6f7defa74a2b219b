"""`counterseal audit recover` and `keys` on a home whose database was restored."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from counterseal.kernel.errors import InputError
from storage.signers import read_state
from tests.ground import Ground
from tests.household import ORIGIN
from tests.storage.recovery_room import NEXT, restored
from ui.cli import audit_keys, session

__all__ = ["restored"]
APP = typer.Typer()
APP.command()(audit_keys.recover)
APP.command()(audit_keys.keys)


@pytest.fixture
def home(workplace: Path, restored: Ground) -> Path:
    home = restored.settings.counterseal_home
    told = session.settings_for(home)
    assert told.counterseal_signer_state == workplace / "signer"
    assert told.database_file == restored.settings.database_file
    return home


def said(home: Path, *words: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(APP, [*words, "--home", str(home), "--json"])
    if isinstance(done.exception, InputError):
        raise done.exception
    told: dict[str, object] = json.loads(done.stdout)
    return done.exit_code, told


def secret(home: Path) -> list[str]:
    return ["--passphrase-file", str(home.parent.parent / "secret")] * 2


def test_recover_only_looks_until_it_is_declared(home: Path, restored: Ground) -> None:
    """TX-K7: the plan names what is lost; nothing is changed."""
    status, told = said(home, "recover", "--reason", "disk lost")
    plan = told["rollback"]
    assert isinstance(plan, dict)
    assert (status, plan["old_origin"], plan["origin"]) == (0, ORIGIN, NEXT)
    state = read_state(restored.settings.counterseal_signer_state, ORIGIN)
    assert state.successor is None
    lines = CliRunner().invoke(APP, ["recover", "--reason", "x", "--home", str(home)]).stdout
    assert f"lost     {state.size - 3}..{state.size - 1}" in lines


def test_two_administrators_declare_it_and_keys_show_the_next_name(home: Path) -> None:
    """TX-K7: by their own passphrases, each."""
    people = ["--approver", "ann", "--approver", "bob"]
    words = ["--reason", "disk lost", "--declare-rollback", *people, *secret(home)]
    status, told = said(home, "recover", *words)
    assert (status, told["subject_id"]) == (0, NEXT)
    status, told = said(home, "keys")
    names, keys = told["names"], told["keys"]
    assert isinstance(names, list)
    assert isinstance(keys, list)
    assert status == 0
    assert [name["vkey"].split("+")[0] for name in names] == [NEXT]
    assert [key["vkey"].split("+")[0] for key in keys] == [NEXT]
    assert told["broken"] == []
    text = CliRunner().invoke(APP, ["keys", "--home", str(home)]).stdout
    assert "GOES ON AS" in text
    with pytest.raises(InputError, match="NOTHING_LOST"):
        said(home, "recover", "--reason", "again")


def test_one_approver_or_a_file_too_few_is_bad_usage(home: Path) -> None:
    """TX-K7: two people, each with a passphrase."""
    words = ["recover", "--reason", "disk lost", "--declare-rollback", "--approver", "ann"]
    with pytest.raises(InputError, match="TWO_PEOPLE_NEEDED"):
        said(home, *words)
    with pytest.raises(InputError, match="PASSPHRASE_FILES_DIFFER"):
        said(home, *words, "--approver", "bob", *secret(home)[:2])
    words += ["--approver", "ann", *secret(home)]
    status, told = said(home, *words)
    assert status == 1
    refusal = told["refusal"]
    assert isinstance(refusal, dict)
    assert refusal["code"] == "TWO_PEOPLE_NEEDED"
