"""`counterseal readiness` on a home, without one, and on a damaged one."""

import json
from pathlib import Path

import pytest

from counterseal.readiness.flags import PROBE_OF
from counterseal.readiness.model import Exercised
from storage import probes, scratch
from storage.last_rounds import LastRounds
from storage.settings import Settings
from tests.world import World
from ui.cli.app import run
from ui.cli.session import CLOCK

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def rehearsed() -> tuple[Exercised, ...]:
    """One rehearsal for all: it depends on the policy files only."""
    return scratch.rehearse(Settings(counterseal_policies=ROOT / "policies"))


@pytest.fixture
def traded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rehearsed: tuple[Exercised, ...]
) -> World:
    world = World(tmp_path / "house" / "home")
    world.done(world.submitted(world.approved()))
    monkeypatch.chdir(ROOT)
    state = world.settings.counterseal_signer_state
    monkeypatch.setenv("COUNTERSEAL_SIGNER_STATE", str(state))
    database = world.settings.database_file.absolute()
    monkeypatch.setenv("PAPER_EXECUTION_AUDIT_DB_PATH", str(database))
    monkeypatch.setattr(probes, "rehearse", lambda _: rehearsed)
    return world


def _told(capsys: Capture, *words: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    status = run(["readiness", *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_every_flag_is_shown_with_the_probe_that_set_it(traded: World, capsys: Capture) -> None:
    """TX-L8: exit status 0 when all could be computed."""
    status, value = _told(capsys, "--home", str(traded.home))
    flags = value["flags"]

    assert status == 0, value["could_not_check"]
    assert isinstance(flags, list)
    assert {flag["name"]: flag["probe"] for flag in flags} == {
        name: probe.name for name, probe in PROBE_OF.items()
    }
    assert all(flag["evidence"] and flag["value"] is not None for flag in flags)
    assert value["could_not_check"] == []


def test_boundaries_share_one_shape(traded: World, capsys: Capture) -> None:
    """TX-L1 to TX-L7: service, state, summary, flags, lists, docs, warnings."""
    _, value = _told(capsys, "--home", str(traded.home))
    boundaries = value["boundaries"]

    assert isinstance(boundaries, list)
    assert len(boundaries) == 18
    for boundary in boundaries:
        assert {"service", "readiness_state", "summary", "flags", "safety_flags"} <= set(boundary)
        assert {"current_scope", "missing", "required_before", "docs"} <= set(boundary)
        assert boundary["safety_defaults"] == value["safety_defaults"]
        assert boundary["warnings"]
    assert value["safety_defaults"] == {
        "trading_mode": "paper",
        "live_trading_enabled": False,
        "broker_provider": "paper",
        "database_kind": "sqlite",
        "database_url_told": False,
    }


def test_people_read_states_and_flags(traded: World, capsys: Capture) -> None:
    """TX-L, words: simulated, and no claim."""
    assert run(["readiness", "--home", str(traded.home)]) == 0
    text = capsys.readouterr().out

    assert "simulated" in text
    assert "local_sqlite_not_production_worm_ledger" in text
    assert "broker_api_called" in text
    assert "compliant" not in text


def test_it_tells_whether_the_house_is_at_work(traded: World, capsys: Capture) -> None:
    """Issue "Always on", point 4: beside the flags, or alone with a status of its own."""
    words = ("--home", str(traded.home), "--running")
    status, value = _told(capsys, *words)
    assert status == 4
    assert _unmet(value) == {"loop": "LOOP_ABSENT", "heartbeat": "LOG_SILENT"}
    assert run(["readiness", "--home", str(traded.home)]) == 0
    said = capsys.readouterr().out
    assert "the house is not ready for work" in said
    assert "no resident loop told of itself" in said
    LastRounds(traded.home, CLOCK.now(), ["sweep"]).note("sweep", CLOCK.now(), CLOCK.now(), "done")
    status, value = _told(capsys, *words)
    assert _unmet(value) == {"heartbeat": "LOG_SILENT"}
    assert run(["readiness", *words]) == 4
    said = capsys.readouterr().out
    assert "sweep  on_time" in said
    assert "rounds of the loop that began" in said


def _unmet(value: dict[str, object]) -> dict[str, str]:
    checks = value["checks"]
    assert isinstance(checks, list)
    return {check["need"]: check["code"] for check in checks if not check["ok"]}


def test_a_house_that_holds_leaves_with_zero(
    traded: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What scripts and service managers ask, at the clock of this home."""
    now = traded.clock.now()
    monkeypatch.setattr("ui.cli.readiness.CLOCK", traded.clock)
    LastRounds(traded.home, now, ["sweep"]).note("sweep", now, now, "done")
    status, value = _told(capsys, "--home", str(traded.home), "--running")
    assert (status, value["ready"], _unmet(value)) == (0, True, {})


def test_without_a_home_it_is_inconclusive(
    traded: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """TX-L8: 3, with every flag that needs no home."""
    assert traded.home.exists()
    monkeypatch.delenv("PAPER_EXECUTION_AUDIT_DB_PATH")
    status, value = _told(capsys, "--home", str(tmp_path / "nowhere"))
    unchecked = value["could_not_check"]

    assert status == 3
    assert isinstance(unchecked, list)
    assert "local_hash_chain_enabled" in unchecked
    assert "live_trading_enabled" not in unchecked
    assert value["home_problem"] == "DATABASE_MISSING"
    assert not (tmp_path / "nowhere").exists()


def test_a_home_that_cannot_be_read_is_an_operational_failure(
    traded: World, capsys: Capture
) -> None:
    """TX-L8: 4, and still every flag that needs no home."""
    traded.store.close()
    traded.settings.database_file.write_bytes(b"no database at all" * 100)
    status, value = _told(capsys, "--home", str(traded.home))

    assert status == 4
    assert value["home_problem"] not in {"", "DATABASE_MISSING"}
    assert value["boundaries"]


def test_unsafe_settings_refuse_to_start(
    traded: World, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """TX-A3: as every command; nothing is looked at."""
    monkeypatch.setenv("ENABLE_LIVE_TRADING", "true")
    status, value = _told(capsys, "--home", str(traded.home))
    error = value["error"]

    assert status == 2
    assert isinstance(error, dict)
    assert error["code"] == "UNSAFE_SETTINGS"
