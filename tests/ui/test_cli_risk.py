"""Switches and overrides of risk at the command line."""

import json
from pathlib import Path

import pytest

from counterseal.risk.model import RiskState
from counterseal.risk.override import OverrideStatus, RiskOverride
from counterseal.risk.switches import RiskSwitch
from tests.ui.sealed_keys import seal_keys
from tests.ui.test_cli_orders import code, rows
from tests.world import ACCOUNT, World
from ui.cli.app import run

Ran = tuple[int, dict[str, object]]


class House:
    """A home that a test world founded, and a way to call the command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = World(folder / "home")
        self.secret = str(folder / "secret")
        self._capsys = capsys
        seal_keys(self.world, "operator", "risk", "compliance")

    def text(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.world.home)])
        return status, self._capsys.readouterr().out

    def __call__(self, *words: str) -> Ran:
        status, out = self.text("risk", *words, "--json")
        return status, json.loads(out)

    def proof(self, name: str) -> tuple[str, ...]:
        return ("--as", name, "--passphrase-file", self.secret)


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    return House(workplace, capsys)


def test_a_state_is_set_shown_and_freed_by_who_may(house: House) -> None:
    """TX-H: REDUCING for all by an operator; ACTIVE again by a risk reviewer alone."""
    told = ("switch", "--scope", "all", "--reason", "drill")
    assert house(*told, "--state", "REDUCING", *house.proof("operator"))[0] == 0
    with house.world.store.reader() as reader:
        [switch] = reader.find(RiskSwitch)
    assert (switch.switch_id, switch.state, switch.set_by) == (
        "all@tenant-1",
        "REDUCING",
        "operator",
    )
    status, text = house.text("risk", "show")
    assert status == 0
    assert "REDUCING" in text
    assert "REPEATED_EXECUTION" in text
    assert house(*told, "--state", "ACTIVE", *house.proof("operator"))[0] == 1
    assert house(*told, "--state", "ACTIVE", *house.proof("risk"))[0] == 0


def test_a_kill_switch_of_an_account_is_set_and_lifted(house: House) -> None:
    """TX-H13: the same switch as the account's own."""
    told = ("switch", "--scope", "account", "--name", ACCOUNT, "--reason", "drill")
    for word, active in (("--kill", True), ("--lift", False)):
        assert house(*told, word, *house.proof("operator"))[0] == 0
        with house.world.store.reader() as reader:
            state = reader.get(RiskState, ACCOUNT)
        assert state is not None
        assert state.kill_switch_active is active


def test_an_override_takes_two_people_and_ends_at_once(house: House) -> None:
    """TX-H, part 4: opened, put into force, listed, ended; one person twice is refused."""
    told = ("override", "--check", "ACTIVE_ORDERS", "--account", ACCOUNT, "--reason", "a series")
    status, opened = house(*told, *house.proof("risk"))
    assert status == 0
    name = str(opened["subject_id"])
    assert house("sign-override", name, *house.proof("risk"))[0] == 1
    assert house("sign-override", name, *house.proof("compliance"))[0] == 0
    status, shown = house("show")
    desk = shown["desk"]
    assert isinstance(desk, dict)
    [one] = desk["overrides"]
    assert (status, one["counts_now"]) == (0, True)
    ended = house("end-override", name, "--reason", "over", *house.proof("operator"))
    assert ended[0] == 0
    with house.world.store.reader() as reader:
        [override] = reader.find(RiskOverride)
    assert override.status is OverrideStatus.ENDED
    assert override.signed_by == ("risk", "compliance")


def test_an_override_that_is_asked_for_twice_under_one_key_is_opened_once(house: House) -> None:
    """TX-G9: answered from its record, accepted or refused; other words are a conflict."""
    told = ("override", "--account", ACCOUNT, "--key", "ovr-1", *house.proof("risk"))
    soft, hard = ("--check", "ACTIVE_ORDERS"), ("--check", "TRADING_STATE", "--key", "ovr-2")
    first = house(*told, *soft, "--reason", "a series")
    again = house(*told, *soft, "--reason", "a series")
    other = house(*told, *soft, "--reason", "another")
    refused = [house(*told, *hard, "--reason", "please") for _ in range(2)]

    assert (first[0], again[0]) == (0, 0)
    assert again[1]["subject_id"] == first[1]["subject_id"]
    assert (first[1]["replayed"], again[1]["replayed"]) == (False, True)
    assert (other[0], code(other[1])) == (1, "IDEMPOTENCY_KEY_CONFLICT")
    assert [code(value) for _, value in refused] == ["OVERRIDE_HARD"] * 2
    with house.world.store.reader() as reader:
        assert len(reader.find(RiskOverride)) == 1
    name = str(first[1]["subject_id"])
    signing = ("sign-override", name, "--key", "ovr-3", *house.proof("compliance"))
    signed = [house(*signing) for _ in range(2)]
    assert [(status, value["replayed"]) for status, value in signed] == [(0, False), (0, True)]


def test_evaluations_are_shown_newest_first_and_as_many_as_asked_for(house: House) -> None:
    """TX-H17: as audit events and messages are; the count tells of all."""
    world = house.world
    for _ in range(3):
        world.done(world.submitted(world.approved(quantity=1), quantity=1))
        world.after(60)
        world.quote()
    status, shown = house("show", "--limit", "2")
    found = rows(shown, "evaluations")
    times = [str(one["evaluated_at"]) for one in found]
    assert (status, shown["total"], shown["limit"], len(found)) == (0, 3, 2, 2)
    assert times == sorted(times, reverse=True)
    assert "newest 2 of 3 evaluations" in house.text("risk", "show", "--limit", "2")[1]
    assert (house("show", "--limit", "501")[0], house("show", "--limit", "0")[0]) == (2, 2)


def test_a_hard_check_has_no_override_and_an_unknown_one_is_not_found(house: House) -> None:
    """TX-H, part 4: refusals leave with status one and their code."""
    told = ("override", "--check", "TRADING_STATE", "--account", ACCOUNT, "--reason", "please")
    status, value = house(*told, *house.proof("risk"))
    refusal = value["refusal"]
    assert isinstance(refusal, dict)
    assert (status, refusal["code"]) == (1, "OVERRIDE_HARD")
    status, value = house("sign-override", "ovr_none", *house.proof("risk"))
    assert status == 1
