"""TX-A2 and TX-A3: what an installation may be told, and every combination that refuses."""

from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError, InputError
from storage.home_reader import read_home
from storage.homes import HomePlan, found_home, open_home
from storage.settings import Settings, load_settings
from tests.world import ROOT, World
from ui.cli.app import run

NAMES = tuple(name.upper() for name in Settings.model_fields)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_an_empty_environment_gives_the_stated_defaults() -> None:
    """TX-A2, architecture 7: limits that nobody told are those of the policy."""
    settings = load_settings()
    assert settings.app_env == "local"
    assert settings.trading_mode == "paper"
    assert settings.enable_live_trading is False
    assert settings.live_trading_enabled is False
    assert settings.broker_provider == "paper"
    assert settings.limit_overrides() == {}
    assert settings.paper_execution_audit_db_path == Path("data/paper_execution_audit.sqlite")
    assert (settings.api_port, settings.web_port) == (8000, 3000)
    assert settings.counterseal_home == Path("var")
    assert settings.counterseal_database_url is None
    assert settings.database_file == Path("var/data/paper_execution_audit.sqlite")
    assert settings.counterseal_policies == Path("policies")
    state = settings.counterseal_signer_state
    assert state == Path.home() / ".local/state/counterseal/signer"


def test_every_setting_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """TX-A2: the environment is the only place, and each name is read."""
    told = {
        "APP_ENV": "demo",
        "TRADING_MODE": "shadow",
        "ENABLE_LIVE_TRADING": "false",
        "BROKER_PROVIDER": "paper",
        "MAX_TX_EQUIVALENT_EXPOSURE": "0.1",
        "MAX_DAILY_LOSS_TWD": "100",
        "STALE_QUOTE_SECONDS": "1",
        "PAPER_EXECUTION_AUDIT_DB_PATH": "/disk/log.sqlite",
        "API_PORT": "8001",
        "WEB_PORT": "3001",
        "COUNTERSEAL_HOME": "/home-of-it",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    shown = {name: str(getattr(settings, name.lower())) for name in told}
    assert shown == told | {"ENABLE_LIVE_TRADING": "False"}
    assert settings.database_file == Path("/disk/log.sqlite")
    assert len(settings.limit_overrides()) == 3


MODES = ("paper", "shadow", "live", "LIVE", "", "paper,live")
FLAGS = ("false", "true", "1", "yes", "on")
PROVIDERS = ("paper", "shioaji", "live", "")
SAFE = {("paper", "false", "paper"), ("shadow", "false", "paper")}
COMBINATIONS = tuple(product(MODES, FLAGS, PROVIDERS))


@pytest.mark.parametrize(("mode", "flag", "provider"), COMBINATIONS)
def test_only_paper_and_shadow_without_the_flag_on_the_paper_broker_start(
    monkeypatch: pytest.MonkeyPatch, mode: str, flag: str, provider: str
) -> None:
    """TX-A3: each other combination of mode, flag and provider refuses."""
    monkeypatch.setenv("TRADING_MODE", mode)
    monkeypatch.setenv("ENABLE_LIVE_TRADING", flag)
    monkeypatch.setenv("BROKER_PROVIDER", provider)
    if (mode, flag, provider) in SAFE:
        assert not load_settings().live_trading_enabled
        return
    with pytest.raises(InputError, match="UNSAFE_SETTINGS") as caught:
        load_settings()
    assert caught.value.field in {"TRADING_MODE", "ENABLE_LIVE_TRADING", "BROKER_PROVIDER"}
    assert caught.value.expected is not None
    assert caught.value.got is not None
    assert caught.value.exit_status == 2


def test_live_trading_is_the_flag_and_the_mode_together() -> None:
    """TX-A3: neither alone; and the two together never pass the check."""
    for mode, flag in product(("paper", "shadow", "live"), (False, True)):
        settings = Settings(trading_mode=mode, enable_live_trading=flag)
        assert settings.live_trading_enabled is (flag and mode == "live")
        if settings.live_trading_enabled:
            with pytest.raises(InputError, match="UNSAFE_SETTINGS"):
                settings.check()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ENABLE_LIVE_TRADING", ("", "maybe", "2", "falsch")),
        ("API_PORT", ("0", "-1", "65536", "80.5", "http", "")),
        ("WEB_PORT", ("0", "65536", "x", "8000")),
        ("APP_ENV", ("", "a b", "Ü", "x" * 33, "<b>")),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, values: tuple[str, ...]
) -> None:
    """TX-A2: field, expectation and value; nothing is guessed."""
    for value in values:
        monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match="SETTING_INVALID") as caught:
            load_settings()
        assert caught.value.field == name
        assert caught.value.got == value
        assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@db.example/log",
        "postgresql+psycopg://me:s3cret@db.example",
        "mysql://me:s3cret@db.example/log",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file.sqlite?mode=memory",
        "SQLITE:///file.sqlite",
        "/a/path",
        "",
    ],
)
def test_a_url_that_names_no_database_of_ours_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Architecture 7: SQLite and PostgreSQL by its driver, each with a whole name."""
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", url)
    with pytest.raises(InputError, match="DATABASE_UNSUPPORTED") as caught:
        load_settings()
    assert caught.value.field == "COUNTERSEAL_DATABASE_URL"
    assert "s3cret" not in str(caught.value.diagnostics())


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////disk/log.sqlite", "/disk/log.sqlite"),
        ("sqlite:///log.sqlite", "log.sqlite"),
        ("sqlite:////a%20disk/50%25%3F.sqlite", "/a disk/50%?.sqlite"),
    ],
)
def test_a_database_url_names_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, file: str
) -> None:
    """Architecture 7: absolute, or relative to the working directory; the home does not matter."""
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", url)
    assert load_settings(tmp_path).database_file == Path(file)


def test_a_database_that_is_told_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings I3: which one counts is not guessed."""
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", "sqlite:////disk/log.sqlite")
    monkeypatch.setenv("PAPER_EXECUTION_AUDIT_DB_PATH", "/disk/log.sqlite")
    with pytest.raises(InputError, match="SETTING_INVALID") as caught:
        load_settings()
    assert caught.value.field == "PAPER_EXECUTION_AUDIT_DB_PATH"


def test_a_told_home_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Architecture 7: `--home DIR`."""
    monkeypatch.setenv("COUNTERSEAL_HOME", str(tmp_path / "other"))
    assert load_settings(tmp_path).counterseal_home == tmp_path
    assert load_settings().counterseal_home == tmp_path / "other"


def test_a_relative_database_path_starts_at_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TX-A2: two homes never share a database by accident."""
    monkeypatch.setenv("PAPER_EXECUTION_AUDIT_DB_PATH", "mine.sqlite")
    assert load_settings(tmp_path / "a").database_file == tmp_path / "a" / "mine.sqlite"
    assert load_settings(tmp_path / "b").database_file == tmp_path / "b" / "mine.sqlite"


def test_every_way_into_a_home_checks_the_settings_first(world: World) -> None:
    """TX-A3: founding, acting and looking; the database keeps every byte."""
    unsafe = Settings(**{**dict(world.settings), "trading_mode": "live"})
    elsewhere = Settings(**{**dict(unsafe), "counterseal_home": world.home / "new"})
    before = world.settings.database_file.read_bytes()
    clock, ids, feed = world.clock, world.desk.bench.ids, world.feed
    plan = HomePlan(origin="o", tenant="t", officers=(), account_id="a", opening_cash=Decimal(1))
    with pytest.raises(InputError, match="UNSAFE_SETTINGS"):
        open_home(unsafe, clock=clock, ids=ids, feed=feed)
    with pytest.raises(InputError, match="UNSAFE_SETTINGS"):
        found_home(elsewhere, plan, clock=clock, ids=ids, feed=feed)
    assert not elsewhere.counterseal_home.exists()
    with pytest.raises(InputError, match="UNSAFE_SETTINGS"), read_home(unsafe):
        pytest.fail("opened")
    assert world.settings.database_file.read_bytes() == before


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_a_database_of_another_kind_opens_nothing_on_the_command_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Architecture 7: status 2 for what was told, 4 only for what happened."""
    monkeypatch.chdir(ROOT)
    words = ["people", "list", "--home", str(world.settings.counterseal_home), "--json"]
    assert run(words) == 0
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", "postgresql://db/log")
    assert run(words) == 2
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", "sqlite:////absent/log.sqlite")
    assert run(words) == 4
    with pytest.raises(AdapterError, match="DATABASE_MISSING"), read_home(load_settings()):
        pytest.fail("opened")
