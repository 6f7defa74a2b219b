"""What a stranger types wrong: named by field, person, signal or contract; nothing half-written."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from counterseal.identity.keys import PersonKey
from counterseal.kernel.clock import utc_text
from counterseal.signals.model import SignalRecord
from storage.home_reader import read_home
from storage.keyring import Keyring
from storage.settings import Settings, load_settings
from storage.system import MachineClock
from tests.ground import SECRET
from ui.cli.app import run


@dataclass
class Terminal:
    """A folder to work in, and a way to call the command line."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def settings(self) -> Settings:
        return load_settings(self.home)

    @property
    def proof(self) -> tuple[str, ...]:
        return ("--passphrase-file", str(self.folder / "secret"))

    @property
    def two(self) -> tuple[str, ...]:
        return ("--by", "ann", "--by", "bob", *self.proof, *self.proof)

    @property
    def ann(self) -> tuple[str, ...]:
        return ("--as", "ann", *self.proof)

    def __call__(self, *words: str) -> tuple[int, dict[str, object], str]:
        """Exit status, the one document on stdout, and the words on stderr."""
        self.capsys.readouterr()
        status = run([*words, "--home", str(self.home), "--json"])
        told = self.capsys.readouterr()
        return status, json.loads(told.out), told.err

    def error(self, *words: str) -> tuple[int, dict[str, object]]:
        """Exit status and the error or refusal."""
        status, value, _ = self(*words)
        told = value.get("error") or value.get("refusal")
        assert isinstance(told, dict)
        return status, told

    def done(self, *words: str) -> None:
        status, value, _ = self(*words)
        assert status == 0, value

    def found(self) -> None:
        """A home with two officers."""
        self.done("init", "--officer", "ann", "--officer", "bob", *self.proof, *self.proof)

    def join(self, name: str, *roles: str) -> None:
        """A person with a key."""
        self.done("people", "add", name, *self.ann)
        for role in roles:
            self.done("people", "grant", name, role, *self.two)
        self.done(*self.enrolment(name))

    def enrolment(self, name: str) -> tuple[str, ...]:
        sealed = ("--new-passphrase-file", str(self.folder / "secret"))
        return ("people", "enrol", name, *self.two, *sealed)

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)


@pytest.fixture
def terminal(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(workplace, capsys)


def signal(name: str) -> dict[str, object]:
    return {
        "signal_id": name,
        "strategy_id": "reversion",
        "strategy_version": "1",
        "timestamp": utc_text(MachineClock().now()),
        "direction": "LONG",
        "target_tx_equivalent": "0.25",
        "confidence": "0.7",
        "reason": {"signals_only": True},
    }


def test_a_home_never_opens_with_negative_cash(terminal: Terminal) -> None:
    """Bad input: the option is named, and no folder is made."""
    officers = ("--officer", "ann", "--officer", "bob", *terminal.proof, *terminal.proof)
    status, error = terminal.error("init", *officers, "--cash", "-5")
    assert (status, error["code"], error["field"]) == (2, "CASH_NEGATIVE", "--cash")
    assert not terminal.home.exists()


@pytest.mark.parametrize("option", ["--vkey", "--expect", "--signer-state"])
def test_a_missing_evidence_file_is_named_by_its_option(terminal: Terminal, option: str) -> None:
    """Bad input: three options name files; the message says which."""
    status, error = terminal.error("audit", "verify", option, str(terminal.folder / "none"))
    assert (status, error["code"], error["field"]) == (2, "FILE_MISSING", option)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.jsonl", b"", "NO_SIGNALS"),
        ("header.csv", b"signal_id,direction\n", "NO_SIGNALS"),
        ("list.json", b"[]", "NO_SIGNALS"),
        ("latin.json", b'{"signal_id":"\xff"}', "NOT_TEXT"),
    ],
)
def test_a_file_without_signals_is_never_a_success(
    terminal: Terminal, name: str, content: bytes, code: str
) -> None:
    """TX-E1: a file that was cut off to nothing does not pass for one that was taken in."""
    file = terminal.write(name, content)
    status, error = terminal.error("signals", "propose", file, *terminal.ann)
    assert (status, error["code"], error["field"], error["got"]) == (2, code, "FILE", file)


def test_a_market_order_is_previewed_without_a_limit_price(terminal: Terminal) -> None:
    """TX-J5: what a submit refuses, a preview does not fill."""
    status, error = terminal.error("broker", "preview", "--limit-price", "5")
    assert (status, error["code"], error["field"]) == (
        2,
        "LIMIT_PRICE_UNEXPECTED",
        "--limit-price",
    )


def test_the_person_whose_passphrase_is_wrong_is_named(terminal: Terminal) -> None:
    """Bad input: of two people at one terminal, the message says who."""
    terminal.found()
    wrong = terminal.write("wrong", b"another long passphrase\n")
    by = ("--by", "ann", "--by", "bob", *terminal.proof, "--passphrase-file", wrong)
    status, error = terminal.error("people", "grant", "ann", "operator", *by)
    assert (status, error["code"], error["got"]) == (2, "PASSPHRASE_WRONG", "bob")


def test_an_enrolment_that_was_cut_off_is_taken_up_again(terminal: Terminal) -> None:
    """Nothing half-written: a key file that no record knows does not bar its owner for ever."""
    terminal.found()
    terminal.done("people", "add", "eve", *terminal.ann)
    left = Keyring(terminal.home / "keys" / "next").create(
        "eve", "key_left", SECRET, seed=b"s" * 32, salt=b"t" * 16
    )
    terminal.done(*terminal.enrolment("eve"))
    with read_home(terminal.settings) as reader:
        keys = reader.find(PersonKey, person_id="eve")
    assert [(key.key_id, key.public_key) for key in keys] == [("key_left", left.public_key)]
    status, error = terminal.error(*terminal.enrolment("eve"))
    assert (status, error["code"]) == (2, "PASSPHRASE_FILE_UNSET"), "the present key signs too"


def test_a_source_digest_is_that_of_the_file_and_a_refused_signal_is_named(
    terminal: Terminal,
) -> None:
    """TX-E1: line ends and byte order marks count; `sha256sum` of the file gives the same."""
    terminal.found()
    terminal.join("quant", "requester")
    quant = ("--as", "quant", *terminal.proof)
    text = json.dumps([signal("s1"), signal("s2")], indent=1)
    content = b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    file = terminal.write("signals.json", content)
    terminal.done("signals", "propose", file, *quant)
    with read_home(terminal.settings) as reader:
        digests = {record.source_digest for record in reader.find(SignalRecord)}
    assert digests == {f"sha256:{sha256(content).hexdigest()}"}
    again = json.dumps([signal("s3"), json.loads(text)[1]]).encode()
    status, value, words = terminal(
        "signals", "propose", terminal.write("more.json", again), *quant
    )
    outcomes = value["outcomes"]
    assert isinstance(outcomes, list)
    assert (status, [outcome["signal_id"] for outcome in outcomes]) == (1, ["s3", "s2"])
    assert "refused: s2: SIGNAL_DUPLICATE" in words


@pytest.mark.parametrize(
    ("changed", "status", "code", "named"),
    [
        (("--symbol", "XYZ"), 1, "NOT_FOUND", {"name": "symbol", "value": "XYZ"}),
        (("--account", "acct-none"), 1, "NOT_FOUND", {"name": "account", "value": "acct-none"}),
        (("--price", "0"), 2, "INPUT_INVALID", "price"),
        (("--price", "-20000"), 2, "INPUT_INVALID", "price"),
        (("--price-min", "2", "--price-max", "1"), 2, "INPUT_INVALID", None),
    ],
)
def test_a_request_names_what_does_not_exist_and_states_a_real_price(
    terminal: Terminal, changed: tuple[str, ...], status: int, code: str, named: object
) -> None:
    """TX-F2: no approval of an unknown contract or account, none at no price at all.

    What concerns two fields names no field rather than an empty one.
    """
    terminal.found()
    terminal.join("quant", "requester")
    quant = ("--as", "quant", *terminal.proof)
    file = terminal.write("signals.json", json.dumps(signal("s1")).encode())
    terminal.done("signals", "propose", file, *quant)
    terms = {
        "--symbol": "TMF202601",
        "--account": "acct-paper-1",
        "--quantity": "1",
        "--price": "20000",
        "--author": "quant",
        "--reason": "mean reversion after a move",
    }
    words = [*(word for pair in terms.items() for word in pair), *changed]
    found, error = terminal.error("approvals", "request", "s1", *words, *quant)
    details = error.get("details")
    assert (found, error["code"]) == (status, code)
    assert named == error.get("field") or (isinstance(details, list) and named in details)
