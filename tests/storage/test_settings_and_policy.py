"""What an installation may be told, and the law that it starts with."""

import shutil
from pathlib import Path

import pytest

from counterseal.kernel.errors import AdapterError, InputError, PolicyError
from counterseal.kernel.ids import SeededIdSource
from storage.desk import open_desk
from storage.policy_files import bundle_from, contracts_from, parse_yaml, read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.system import ReplayClock
from tests.world import ROOT, START, OneQuote, World

NAMES = (
    "APP_ENV",
    "TRADING_MODE",
    "ENABLE_LIVE_TRADING",
    "BROKER_PROVIDER",
    "MAX_TX_EQUIVALENT_EXPOSURE",
    "MAX_DAILY_LOSS_TWD",
    "STALE_QUOTE_SECONDS",
)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_an_empty_environment_is_paper_with_the_limits_of_the_policy(world: World) -> None:
    """TX-A2: paper, no live flag, broker paper, 0.25, 5000, 3."""
    settings = Settings().check()
    told = (settings.trading_mode, settings.enable_live_trading, settings.broker_provider)
    assert told == ("paper", False, "paper")
    assert settings.limit_overrides() == {}
    bench = world.desk.bench
    limits = bench.bundle.limits
    assert str(limits.max_tx_equivalent_exposure) == "0.25"
    assert limits.daily_loss_max_twd == 5000
    assert limits.stale_quote_seconds == 3
    assert (bench.trading_mode, bench.live_trading_enabled) == ("paper", False)


@pytest.mark.parametrize(
    ("environment", "field"),
    [
        ({"ENABLE_LIVE_TRADING": "true"}, "ENABLE_LIVE_TRADING"),
        ({"TRADING_MODE": "live"}, "TRADING_MODE"),
        ({"TRADING_MODE": "live", "ENABLE_LIVE_TRADING": "true"}, "TRADING_MODE"),
        (
            {"TRADING_MODE": "live", "ENABLE_LIVE_TRADING": "true", "BROKER_PROVIDER": "shioaji"},
            "TRADING_MODE",
        ),
        ({"TRADING_MODE": "shadow", "ENABLE_LIVE_TRADING": "1"}, "ENABLE_LIVE_TRADING"),
        ({"BROKER_PROVIDER": "shioaji"}, "BROKER_PROVIDER"),
        ({"TRADING_MODE": "PAPER "}, "TRADING_MODE"),
        ({"TRADING_MODE": ""}, "TRADING_MODE"),
    ],
)
def test_unsafe_settings_refuse_to_start_and_open_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], field: str
) -> None:
    """TX-A3: each bad combination, before a file is touched."""
    world = World(tmp_path / "home")
    monkeypatch.setenv("COUNTERSEAL_HOME", str(tmp_path / "elsewhere"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="UNSAFE_SETTINGS") as caught:
        open_desk(
            Settings(),
            world.log_key,
            clock=ReplayClock(START),
            ids=SeededIdSource("test"),
            feed=OneQuote(),
        )
    assert caught.value.field == field
    assert caught.value.exit_status != 0
    assert not (tmp_path / "elsewhere").exists()


def test_shadow_mode_starts_and_no_live_trading_follows(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """TX-A3: the one other mode that opens; risk still lets no order pass in it."""
    monkeypatch.setenv("TRADING_MODE", "shadow")
    request_id = world.approved()
    world.reopen()
    assert not world.desk.bench.live_trading_enabled
    refusal = world.submitted(request_id).refusal
    assert refusal is not None
    assert refusal.code == "LIVE_TRADING_DISABLED"


@pytest.mark.parametrize(
    ("name", "tighter", "looser"),
    [
        ("MAX_TX_EQUIVALENT_EXPOSURE", "0.05", "0.250000001"),
        ("MAX_DAILY_LOSS_TWD", "100", "5000.01"),
        ("STALE_QUOTE_SECONDS", "1", "4"),
    ],
)
def test_a_setting_tightens_a_limit_and_never_loosens_it(
    monkeypatch: pytest.MonkeyPatch, world: World, name: str, tighter: str, looser: str
) -> None:
    """TX-A2: the policy is the ceiling; the hash in force stays that of the files."""
    in_force = world.desk.bench.bundle.bundle_hash
    monkeypatch.setenv(name, tighter)
    world.reopen()
    assert tighter in world.desk.bench.bundle.limits.model_dump_json()
    assert world.desk.bench.bundle.bundle_hash == in_force
    for bad, code in ((looser, "LIMIT_LOOSENED"), ("-1", "BAD_LIMIT"), ("NaN", "BAD_LIMIT")):
        monkeypatch.setenv(name, bad)
        with pytest.raises(InputError, match=code):
            world.reopen()


def test_a_tightened_limit_is_applied_to_orders(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """TX-A2: 4 TMF are 0.2; with 0.15 they are rejected."""
    request_id = world.approved()
    monkeypatch.setenv("MAX_TX_EQUIVALENT_EXPOSURE", "0.15")
    world.reopen()
    refusal = world.submitted(request_id).refusal
    assert refusal is not None
    assert refusal.codes == ("MAX_EXPOSURE",)


def copied(tmp_path: Path) -> Path:
    return shutil.copytree(ROOT / "policies", tmp_path / "policies")


def test_a_policy_changed_after_its_activation_refuses_to_start(
    world: World, tmp_path: Path
) -> None:
    """Governance 4: one comment more is another policy; the same bytes elsewhere are not."""
    folder = copied(tmp_path)
    settings = world.settings.model_copy(update={"counterseal_policies": folder})

    def start() -> None:
        open_desk(
            settings,
            world.log_key,
            clock=world.clock,
            ids=SeededIdSource("test"),
            feed=world.feed,
        )

    start()
    limits = folder / "risk" / POLICY_VERSION / "limits.yaml"
    limits.write_bytes(limits.read_bytes() + b"# harmless\n")
    with pytest.raises(PolicyError, match="POLICY_HASH_MISMATCH"):
        start()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"max_leverage: '3'\n", "POLICY_UNKNOWN_KEY"),
        (b"kill_switch: true\n", "POLICY_NOT_YAML"),
        (b"other: !!python/name:os.system\n", "POLICY_NOT_YAML"),
        (b"\xff\xfe\n", "POLICY_NOT_YAML"),
    ],
    ids=["unknown key", "duplicate key", "tag", "no text"],
)
def test_a_policy_file_with_a_surprise_is_refused(line: bytes, code: str) -> None:
    """Policy files I2: what people read is what counts."""
    files = read_policy_files(ROOT / "policies", POLICY_VERSION)
    path = f"risk/{POLICY_VERSION}/limits.yaml"
    with pytest.raises(PolicyError) as caught:
        bundle_from({**files, path: files[path] + line}, POLICY_VERSION, START)
    assert caught.value.code == code
    assert bundle_from(files, POLICY_VERSION, START).version == POLICY_VERSION


def test_an_alias_is_refused() -> None:
    """Policy files I2: an alias says elsewhere what counts here."""
    with pytest.raises(PolicyError, match="an alias is not allowed"):
        parse_yaml(b"a: &x {b: 1}\nc: *x\n", "p.yaml")


@pytest.mark.parametrize(
    "content", [b"- " * 40_000, b"[" * 40_000 + b"]" * 40_000, b"- " * 51 + b"a"]
)
def test_levels_without_end_are_refused_before_they_are_loaded(content: bytes) -> None:
    """Policy files: libyaml's loader would end the whole process for want of stack."""
    with pytest.raises(PolicyError, match="POLICY_NOT_YAML"):
        parse_yaml(content, "p.yaml")
    assert parse_yaml(b"- " * 50 + b"a", "p.yaml")


def test_a_number_with_a_point_stays_text() -> None:
    """Policy files: no binary fraction enters through YAML."""
    assert parse_yaml(b"a: 0.1\nb: 2026-01-05\nc: 3\n", "p.yaml") == {
        "a": "0.1",
        "b": "2026-01-05",
        "c": 3,
    }


def test_a_missing_policy_or_contract_table_is_named(tmp_path: Path) -> None:
    """Policy files: never an empty law."""
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        read_policy_files(tmp_path, POLICY_VERSION)
    with pytest.raises(PolicyError, match="POLICY_MISSING"):
        contracts_from({})
    folder = copied(tmp_path)
    (folder / "risk" / POLICY_VERSION / "long.yaml").write_bytes(b"#" * 100_001)
    with pytest.raises(PolicyError, match="POLICY_TOO_LONG"):
        read_policy_files(folder, POLICY_VERSION)


def test_a_home_that_was_never_created_is_missing_and_stays_so(
    world: World, tmp_path: Path
) -> None:
    """TX-G12: opening creates nothing."""
    settings = world.settings.model_copy(update={"counterseal_home": tmp_path / "nowhere"})
    with pytest.raises(AdapterError, match="DATABASE_MISSING"):
        open_desk(
            settings, world.log_key, clock=world.clock, ids=SeededIdSource("t"), feed=world.feed
        )
    assert not (tmp_path / "nowhere").exists()
