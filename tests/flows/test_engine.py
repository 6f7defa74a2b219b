"""Prefect is closed in before it is loaded."""

import ast
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from counterseal.kernel.errors import AdapterError, InputError, IntegrityError, InvariantError
from flows.engine import adopt, engine_of, open_engine
from storage.settings import Settings
from tests.flows.hall import ROOT, House

EFFECTIVE = """
import json, os
import prefect.server.api.server
from prefect.settings import get_current_settings
found = get_current_settings().to_environment_variables(exclude_unset=True)
print(json.dumps({name: [value, found.get(name)] for name, value in os.environ.items()
                  if name.startswith("PREFECT_")}))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(counterseal_home=tmp_path / "home", counterseal_signer_state=tmp_path / "s")


def test_i4_foreign_settings_are_dropped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow 2: a variable of the user's shell leads no run to another server."""
    monkeypatch.setenv("PREFECT_API_URL", "http://192.0.2.1/api")
    monkeypatch.setenv("PREFECT_CLOUD_API_KEY", "pnu_1")
    found = engine_of(settings, 4300).environment
    assert found["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    assert "PREFECT_CLOUD_API_KEY" not in found


@pytest.mark.parametrize(
    ("told", "names"),
    [("", "127.0.0.1,localhost"), ("a.example", "a.example,127.0.0.1,localhost")],
)
def test_our_secret_travels_through_no_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, told: str, names: str
) -> None:
    """Workflow 2: a proxy of the user's shell is for the world, not for loopback."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", told)
    found = engine_of(settings).environment
    assert (found["NO_PROXY"], found["no_proxy"]) == (names, names)


def test_the_secret_is_made_once_and_only_its_owner_reads_it(settings: Settings) -> None:
    """Workflow 2: one shared secret in a 0600 file; a loose file is refused."""
    first, second = engine_of(settings), engine_of(settings)
    path = first.folder / "auth"
    assert path.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"counterseal:[0-9a-f]{64}", path.read_text("utf-8"))
    assert first.environment == second.environment
    assert [p.name for p in first.folder.iterdir()] == ["auth"]
    path.chmod(0o644)
    with pytest.raises(IntegrityError, match="KEY_FILE_OPEN"):
        engine_of(settings)


def test_every_setting_is_known_to_prefect_and_in_force(house: House) -> None:
    """Workflow 1 and 2: no misspelt name, and the server imports under the pinned versions."""
    found = json.loads(house.script(EFFECTIVE))
    told = {name: value.lower() for name, (value, _) in found.items()}
    in_force = {name: str(got).lower().removesuffix(".0") for name, (_, got) in found.items()}
    secret = {name for name in told if name.endswith("AUTH_STRING")}
    assert len(told) > 15
    assert {n: v for n, v in in_force.items() if n not in secret} == {
        n: v for n, v in told.items() if n not in secret
    }


def test_i3_no_server_starts_by_itself(house: House, tmp_path: Path) -> None:
    """Workflow 2: Prefect's own profile would start a temporary one silently."""
    other = house.copied(tmp_path / "other")
    status, value = other.run("verify-log")
    error = value["error"]
    assert isinstance(error, dict)
    assert (status, error["code"]) == (4, "ENGINE_UNREACHABLE")
    assert not (other.folder / "home" / "prefect" / "prefect.db").exists()


def test_a_process_that_loaded_prefect_before_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow 2: settings that come too late would not hold."""
    monkeypatch.setitem(sys.modules, "prefect", ModuleType("prefect"))
    with pytest.raises(InvariantError, match="before its settings"):
        adopt(engine_of(settings))


def test_an_engine_that_is_not_there_is_the_world_s_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workflow, invariant 7: retriable, and nothing else depends on it."""
    monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", "1024")
    before = dict(os.environ)
    with pytest.raises(AdapterError, match="ENGINE_UNREACHABLE") as caught, open_engine(settings):
        pass
    assert caught.value.retriable
    assert dict(os.environ) == before


@pytest.mark.parametrize("port", ["80", "65536", "x"])
def test_a_port_that_cannot_be_is_bad_input(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    """Architecture 7: settings are checked."""
    monkeypatch.setenv("COUNTERSEAL_ENGINE_PORT", port)
    with pytest.raises(InputError, match="COUNTERSEAL_ENGINE_PORT"):
        engine_of(settings)


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_the_lock_holds_what_prefect_needs(path: Path) -> None:
    """Workflow 1: with SQLAlchemy 2.1 no scheduled run is ever made; 0.165 breaks the server."""
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))
    assert pins["prefect"] == "3.8.8"
    assert pins["sqlalchemy"].startswith("2.0.")
    assert tuple(map(int, pins["fastapi"].split(".")))[:2] < (0, 151)


FLOWS = sorted((ROOT / "flows").rglob("*.py"))
PERIODIC = ("verify_log", "heartbeat", "time_stamp", "notify", "sweep", "deliver", "reconcile")
DAILY = ("end_of_day", "retention")
NAMES = ("intake", "execute", *PERIODIC, *DAILY, "runs")
ENTRIES = [ROOT / "flows" / f"{name}.py" for name in NAMES]
WAITING = re.compile(r"(pause|suspend|resume)(_flow_run)?|receive_input|\w*RunInput|wait_for_input")
NO_RULE = re.compile(r"(flows|prefect|typing|collections|counterseal\.kernel)\b")
SQL = {"sqlalchemy", "sqlmodel", "sqlite3", "psycopg", "alembic"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}


def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def _imports(path: Path) -> set[str]:
    found = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_flow_waits_for_people(path: Path) -> None:
    """Workflow, invariant 5: no pause, suspend, resume, receive_input, by any spelling."""
    names = {getattr(n, "id", None) or getattr(n, "attr", None) or "" for n in _nodes(path)}
    names |= {name.rpartition(".")[2] for name in _imports(path)}
    assert {name for name in names if WAITING.fullmatch(name)} == set()


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_flows_hold_no_sql_and_read_no_clock(path: Path) -> None:
    """Workflow, invariant 6: time comes from the desk's clock."""
    calls = {
        (getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr)
        for node in _nodes(path)
        if isinstance(node, ast.Attribute)
    }
    assert {name.split(".")[0] for name in _imports(path)} & SQL == set()
    assert calls & CLOCKS == set()


@pytest.mark.parametrize("path", ENTRIES, ids=lambda p: p.name)
def test_an_entry_point_knows_the_engine_and_no_rule(path: Path) -> None:
    """Workflow, invariant 6: the rooms are reached through plain functions and the desk."""
    assert {name for name in _imports(path) if not NO_RULE.match(name)} == set()


def test_a_run_is_given_ids_only() -> None:
    """Workflow, invariant 2: digests, a batch and its attempt; text or a number, no structure."""
    found: dict[str, str] = {}
    for path in ENTRIES[:3]:
        [entry] = [
            n for n in _nodes(path) if isinstance(n, ast.AsyncFunctionDef) and n.name == path.stem
        ]
        found |= {
            arg.arg: ast.unparse(arg.annotation or ast.Constant(0)) for arg in entry.args.args
        }
    assert found == {"digest": "str", "terms": "str | None", "batch_id": "str", "attempt": "int"}
