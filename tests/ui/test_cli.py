"""The command line from an empty folder to a fill, and what it refuses."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from counterseal.kernel.errors import InputError, IntegrityError
from storage.keyring import DEMO_PASSPHRASE, Keyring, UnsafeDemoKeyring
from storage.trading_calendar import COPY
from ui.cli.app import run

ROOT = Path(__file__).parents[2]
Ran = tuple[int, dict[str, object]]


@dataclass
class House:
    """One founded home, and a way to call the command line."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def secret(self) -> str:
        return str(self.folder / "secret")

    def __call__(self, *words: str) -> Ran:
        self.capsys.readouterr()
        status = run([*words, "--home", str(self.home), "--json"])
        out = self.capsys.readouterr().out
        return status, json.loads(out)

    def done(self, *words: str) -> dict[str, object]:
        status, value = self(*words)
        assert status == 0, value
        return value

    def proof(self) -> tuple[str, ...]:
        return ("--passphrase-file", self.secret)

    def code(self, value: dict[str, object]) -> str:
        found = value.get("error") or value.get("refusal")
        assert isinstance(found, dict)
        return str(found["code"])


@pytest.fixture
def house(workplace: Path, capsys: pytest.CaptureFixture[str]) -> House:
    return House(workplace, capsys)


def _founded(house: House) -> dict[str, object]:
    officers = ("--officer", "ann", "--officer", "bob")
    return house.done("init", *officers, *house.proof(), *house.proof())


def _two(house: House) -> tuple[str, ...]:
    return ("--by", "ann", "--by", "bob", *house.proof(), *house.proof())


def _person(house: House, name: str, *roles: str) -> None:
    house.done("people", "add", name, "--as", "ann", *house.proof())
    for role in roles:
        house.done("people", "grant", name, role, *_two(house))
    house.done("people", "enrol", name, *_two(house), "--new-passphrase-file", house.secret)


def _signal(house: House, name: str, **changes: object) -> str:
    value = {
        "signal_id": name,
        "strategy_id": "mean-reversion",
        "strategy_version": "1",
        "timestamp": datetime.now(UTC).isoformat(),  # noqa: TID251 - a real command needs real time
        "direction": "LONG",
        "target_tx_equivalent": "0.25",
        "confidence": "0.7",
        "reason": {"signals_only": True},
    }
    path = house.folder / f"{name}.json"
    path.write_text(json.dumps({**value, **changes}), "utf-8")
    return str(path)


def _quote(house: House) -> str:
    path = house.folder / "quote.json"
    now = datetime.now(UTC).isoformat()  # noqa: TID251 - a real command needs real time
    value = {"bid": "19999", "ask": "20000", "bid_size": 5, "ask_size": 5, "last": "20000"}
    path.write_text(json.dumps({**value, "event_time": now}), "utf-8")
    return str(path)


def test_a_day_from_an_empty_folder_to_a_fill(house: House) -> None:
    """Architecture 7: init, people, signal, request, two reviews, submit, portfolio, verify."""
    made = _founded(house)["installation"]
    assert isinstance(made, dict)
    for name, role in (
        ("quant", "requester"),
        ("researcher", "research_reviewer"),
        ("risk", "risk_reviewer"),
        ("operator", "operator"),
    ):
        _person(house, name, role)
    proof = house.proof()
    house.done("signals", "propose", _signal(house, "s1"), "--as", "quant", *proof)
    asked = house.done(
        *("approvals", "request", "s1", "--as", "quant", "--account", "acct-paper-1"),
        *("--symbol", "TMF202612", "--quantity", "4", "--price", "20000"),
        *("--reason", "mean reversion after a move", "--author", "quant", *proof),
        *("--route", "research=quant", "--route", "risk=risk"),
    )
    case = str(asked["subject_id"])
    assert "SELF_REVIEW_REASSIGNED" in str(house.done("approvals", "show", case))
    words = ("--reason", "checked the evidence and agree", *proof)
    review = ("approvals", "review", case, "--decision")
    status, refused = house(*review, "research_approved", "--as", "quant", *words)
    assert status == 1
    assert house.code(refused)
    house.done(*review, "research_approved", "--as", "researcher", *words)
    house.done(*review, "approved_for_paper_simulation", "--as", "risk", *words)

    submit = ("orders", "submit", case, "--as", "operator", "--quantity", "4", *proof)
    status, refused = house(*submit)
    assert (status, house.code(refused)) == (1, "NO_QUOTE")
    order = str(house.done(*submit, "--quote", _quote(house))["subject_id"])

    shown = house.done("orders", "show", order)["order"]
    assert isinstance(shown, dict)
    assert shown["state"] == "FILLED"
    accounts = house.done("portfolio", "show", "--mark", "TMF202612=20010")["accounts"]
    assert isinstance(accounts, list)
    assert accounts[0]["market_value"] == "400"
    assert float(accounts[0]["equity"]) == float(accounts[0]["cash"]) + 400
    assert house.done("risk", "show")["live_trading_enabled"] is False
    assert house.done("approvals", "list")["requests"]
    assert house.done("audit", "reconcile")["clean"] is True

    [state] = map(str, (house.folder / "signer").glob("*.json"))
    evidence = ("audit", "verify", "--vkey", str(made["log_vkey"]))
    house.done(*evidence, "--signer-state", state)
    assert house(*evidence)[0] == 3
    with sqlite3.connect(house.home / "data/paper_execution_audit.sqlite") as database:
        database.execute("DROP TRIGGER IF EXISTS audit_records_no_update")
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE audit_records SET type = 'forged.type' WHERE seq = 3")
    database.close()
    assert house(*evidence, "--signer-state", state)[0] == 1


def test_a_home_is_founded_once_and_keeps_its_secrets(house: House) -> None:
    """Governance 3: sealed 0600 key files, no second init, wrong passphrases have stable codes."""
    _founded(house)
    assert (house.home / COPY).is_file(), "the first question to risk would load pandas"
    files = [*house.home.rglob("*.key.json")]
    assert len(files) == 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len(house.done("people", "list")["people"]) == 2  # type: ignore[arg-type]  # a JSON list

    again = ("--officer", "ann", "--officer", "bob", *house.proof(), *house.proof())
    assert (s := house("init", *again))[0] == 2
    assert house.code(s[1]) == "DATABASE_EXISTS"
    wrong = house.folder / "wrong"
    wrong.write_text("another long passphrase", "utf-8")
    status, value = house("people", "add", "x", "--as", "ann", "--passphrase-file", str(wrong))
    assert (status, house.code(value)) == (2, "PASSPHRASE_WRONG")
    status, value = house("people", "grant", "ann", "operator", "--by", "ann", *house.proof())
    assert (status, house.code(value)) == (1, "TWO_PEOPLE_NEEDED")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ENABLE_LIVE_TRADING", "true"), ("TRADING_MODE", "live"), ("BROKER_PROVIDER", "real")],
)
def test_unsafe_settings_open_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """TX-A3: each bad combination leaves with a status above zero and no file."""
    monkeypatch.setenv(variable, value)
    status, told = house("people", "list")
    assert (status, house.code(told)) == (2, "UNSAFE_SETTINGS")
    assert not house.home.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("people", "list"),
        ("approvals", "list"),
        ("approvals", "show", "x"),
        ("orders", "list"),
        ("orders", "show", "x"),
        ("risk", "show"),
        ("portfolio", "show"),
        ("audit", "show"),
        ("audit", "verify"),
        ("audit", "reconcile"),
    ],
)
def test_reading_a_missing_home_creates_nothing(house: House, words: tuple[str, ...]) -> None:
    """TX-G12: an operational failure, and still no file."""
    status, value = house(*words)
    assert (status, house.code(value)) == (4, "DATABASE_MISSING")
    assert not house.home.exists()


def test_a_preview_needs_no_home_and_stores_nothing(house: House) -> None:
    """TX-J: the model's answer to a quote that the caller gives."""
    words = ("broker", "preview", "--symbol", "TMF202612", "--side", "BUY", "--quote")
    result = house.done(*words, _quote(house), "--quantity", "2")["result"]
    assert isinstance(result, dict)
    assert result["simulation_outcome"] == "fill"
    assert not house.home.exists()
    assert house(*words, _quote(house), "--quantity", "many")[0] == 2
    status, value = house(*words, _quote(house), "--quantity", "-1")
    assert (status, house.code(value)) == (2, "INPUT_INVALID")
    assert house(*words, str(house.folder / "absent"), "--quantity", "2")[0] == 2


def test_broken_signals_are_named_by_line_and_need_no_login(house: House) -> None:
    """TX-E1: nothing is taken in from a text with errors."""
    path = _signal(house, "bad", confidence="2")
    status, value = house("signals", "propose", path, "--as", "quant")
    assert status == 2
    assert value["errors"]


def test_words_that_are_no_command_give_status_two_and_one_document(house: House) -> None:
    """Architecture 7: bad usage is 2, also for scripts."""
    assert house("people", "dance")[0] == 2


def test_a_key_signs_once_and_the_demo_keyring_wants_a_demo_home(tmp_path: Path) -> None:
    """Governance 3: opened for one signature; the unsafe keyring says where it belongs."""
    with pytest.raises(InputError, match="NOT_A_DEMO_HOME"):
        UnsafeDemoKeyring(tmp_path, "paper")
    demo = UnsafeDemoKeyring(tmp_path, "demo")
    public = demo.public_key("ann", "key-1", seed=bytes(32), salt=bytes(16))
    assert public == demo.public_key("ann", "key-2", seed=bytes(16) * 2, salt=bytes(16))
    assert demo.sign("ann", "enrol", {"a": 1}) == demo.sign("ann", "enrol", {"a": 1})

    ring = Keyring(tmp_path)
    opened = ring.open("ann", DEMO_PASSPHRASE)
    opened.sign("enrol", {"a": 1})
    with pytest.raises(InputError, match="KEY_SPENT"):
        opened.sign("enrol", {"a": 2})
    with pytest.raises(InputError, match="KEY_FILE_EXISTS"):
        ring.create("ann", "key-2", DEMO_PASSPHRASE, seed=bytes(32), salt=bytes(16))
    with pytest.raises(InputError, match="PERSON_ID_UNSAFE"):
        ring.path("../ann")
    ring.path("ann").chmod(0o644)
    with pytest.raises(IntegrityError, match="KEY_FILE_OPEN"):
        ring.open("ann", DEMO_PASSPHRASE)


PROBE = """
import sys
from ui.cli.app import run
run({words!r})
print(sorted(m for m in {bad!r} if m in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "bad"),
    [
        (["--help"], ["sqlalchemy", "prefect", "pandas", "streamlit"]),
        (["portfolio", "show", "--home", "absent-home"], ["prefect", "pandas", "streamlit"]),
        (["audit", "verify", "--home", "absent-home"], ["prefect", "pandas", "streamlit"]),
    ],
)
def test_looking_loads_nothing_heavy(words: list[str], bad: list[str]) -> None:
    """Architecture 1: the command line answers in well under a second."""
    code = PROBE.format(words=words, bad=bad)
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
