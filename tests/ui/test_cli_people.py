"""People at their terminals: two who sign, keys that change hands of nobody, leavers, reviews."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person
from counterseal.identity.sealing import private_key_from_seed
from counterseal.identity.sshsig import armored, blob_of, bytes_to_sign
from storage.guards import GUARDS
from storage.home_reader import read_home
from storage.keyring import Keyring
from storage.settings import Settings, load_settings
from ui.cli.app import run

Ran = tuple[int, dict[str, object]]
OTHER_SECRET = "another passphrase of tests"


class Town:
    """A founded home, whose people type commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.home, self._capsys = folder, folder / "home", capsys
        self.secret = ("--passphrase-file", str(folder / "secret"))
        self.done("init", "--officer", "ann", "--officer", "bob", *self.secret, *self.secret)
        for name in ("eve", "oli"):
            self.done("people", "add", name, "--as", "ann", *self.secret)

    @property
    def settings(self) -> Settings:
        return load_settings(self.home)

    @property
    def two(self) -> tuple[str, ...]:
        return ("--by", "ann", "--by", "bob", *self.secret, *self.secret)

    def __call__(self, *words: str) -> Ran:
        self._capsys.readouterr()
        status = run([*words, "--home", str(self.home), "--json"])
        return status, json.loads(self._capsys.readouterr().out)

    def done(self, *words: str) -> dict[str, object]:
        status, value = self(*words)
        assert status == 0, value
        return value

    def code(self, *words: str) -> str:
        status, value = self(*words)
        assert status != 0, value
        found = value.get("error") or value.get("refusal")
        assert isinstance(found, dict)
        return str(found["code"])

    def one(self, name: str) -> tuple[str, ...]:
        return ("--as", name, *self.secret)

    def enrol(self, name: str, *by: str) -> dict[str, object]:
        sealed = ("--new-passphrase-file", str(self.folder / "secret"))
        return self.done("people", "enrol", name, *(by or self.two), *sealed)

    def keys(self, name: str) -> list[PersonKey]:
        with read_home(self.settings) as reader:
            found = reader.find(PersonKey, person_id=name)
        return sorted(found, key=lambda key: key.effective_at)

    def roles(self, name: str) -> list[str]:
        with read_home(self.settings) as reader:
            found = reader.get(Person, name)
        return [] if found is None else sorted(found.held_roles())


@pytest.fixture
def town(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Town:
    return Town(workplace, capsys)


def test_a_role_is_granted_from_two_terminals(town: Town) -> None:
    """TX-F20: nobody types a passphrase at another's terminal."""
    opened = town.done("people", "grant", "eve", "operator", *town.one("ann"))
    proposal = str(opened["subject_id"])
    assert (opened["in_force"], town.roles("eve")) == (False, [])
    told = town.done("people", "proposals")["proposals"]
    assert isinstance(told, list)
    assert [one["status"] for one in told] == ["open"]

    assert town.code("people", "approve", proposal, *town.one("ann")) == "ALREADY_SIGNED"
    assert town.code("people", "approve", "act_none", *town.one("bob")) == "NOT_FOUND"
    assert town.done("people", "approve", proposal, *town.one("bob"))["in_force"] is True
    assert town.roles("eve") == ["operator"]
    assert town.code("people", "approve", proposal, *town.one("bob")) == "PROPOSAL_CLOSED"


def test_a_key_is_enrolled_from_two_terminals_and_then_opens(town: Town) -> None:
    """TX-F20: until the second officer signed, the new key opens nothing."""
    town.done("people", "grant", "eve", "administrator", *town.two)
    opened = town.enrol("eve", *town.one("ann"))
    assert opened["in_force"] is False
    assert town.code("people", "add", "zoe", *town.one("eve")) == "KEY_FILE_MISSING"
    town.done("people", "approve", str(opened["subject_id"]), *town.one("bob"))
    town.done("people", "add", "zoe", *town.one("eve"))
    assert [key.enrolled_by for key in town.keys("eve")] == [("ann", "bob")]


def test_a_key_is_replaced_by_its_owner_and_two_officers(town: Town) -> None:
    """TX-F20: both keys sign; the new file takes the old one's place only then."""
    town.done("people", "grant", "eve", "administrator", *town.two)
    town.enrol("eve")
    new = town.folder / "new"
    new.write_text(f"{OTHER_SECRET}\n", "utf-8")
    words = ("people", "enrol", "eve", *town.two, "--new-passphrase-file", str(new))
    assert town.code(*words) == "PASSPHRASE_FILE_UNSET"
    wrong = ("--present-passphrase-file", str(new))
    assert town.code(*words, *wrong) == "PASSPHRASE_WRONG"

    town.done(*words, "--present-passphrase-file", town.secret[1])
    old, fresh = town.keys("eve")
    assert (old.revoked_reason, fresh.supersedes, fresh.revoked_at) == (
        "replaced",
        old.key_id,
        None,
    )
    assert town.code("people", "add", "zoe", *town.one("eve")) == "PASSPHRASE_WRONG"
    town.done("people", "add", "zoe", "--as", "eve", "--passphrase-file", str(new))


def test_a_replacement_that_was_cut_off_is_completed_by_the_next_login(town: Town) -> None:
    """Nothing half-written: the record is there, the file was not moved yet."""
    town.enrol("eve")
    town.done("people", "grant", "eve", "administrator", *town.two)
    place, waiting = town.home / "keys", town.home / "keys" / "next"
    Keyring(place).path("eve").rename(Keyring(waiting).path("eve"))
    town.done("people", "add", "zoe", *town.one("eve"))
    assert not Keyring(waiting).path("eve").exists()


def test_an_owner_ends_the_own_key_and_two_officers_another_one(town: Town) -> None:
    """TX-F20: stopping is easy for the owner; one officer alone only proposes it."""
    for name in ("eve", "oli"):
        town.enrol(name)
    (eve,), (oli,) = town.keys("eve"), town.keys("oli")
    end = ("people", "revoke-key")
    assert town.code(*end, "key_none", "--reason", "lost", *town.one("eve")) == "NOT_FOUND"
    assert town.code(*end, eve.key_id, "--reason", "left", *town.one("eve")) == "KEY_ENDING"
    town.done(*end, eve.key_id, "--reason", "compromised", *town.one("eve"))
    assert town.code(*end, eve.key_id, "--reason", "lost", *town.one("eve")) == "KEY_NOT_ENROLLED"

    opened = town.done(*end, oli.key_id, "--reason", "lost", *town.one("ann"))
    assert (opened["in_force"], town.keys("oli")[0].revoked_at) == (False, None)
    town.done("people", "approve", str(opened["subject_id"]), *town.one("bob"))
    assert town.keys("oli")[0].revoked_reason == "lost"
    town.enrol("eve")
    assert [key.revoked_at is None for key in town.keys("eve")] == [False, True]


def test_a_leaver_is_closed_in_one_command(town: Town) -> None:
    """TX-F17: roles, keys and logins; the id stays taken."""
    town.done("people", "grant", "eve", "administrator", *town.two)
    town.enrol("eve")
    town.done("people", "grant", "eve", "operator", *town.two)
    town.done("people", "withdraw-role", "eve", "operator", *town.one("ann"))
    assert town.roles("eve") == ["administrator"]
    town.done("people", "disable", "eve", *town.one("ann"))
    assert (town.roles("eve"), town.keys("eve")[0].revoked_reason) == ([], "left")
    assert town.code("people", "add", "zoe", *town.one("eve")) == "KEY_NOT_ENROLLED"
    assert town.code("people", "add", "eve", *town.one("ann")) == "PERSON_EXISTS"
    assert town.code("people", "grant", "eve", "operator", *town.two) == "PERSON_DISABLED"


def test_an_access_review_shows_everybody_and_is_signed(town: Town) -> None:
    """IT-04: roles, keys, last act; who looked is a record."""
    seen = town.done("people", "review")
    rows = seen["people"]
    assert isinstance(rows, list)
    assert {row["person_id"]: len(row["keys"]) for row in rows} == {
        "ann": 1,
        "bob": 1,
        "eve": 0,
        "oli": 0,
    }
    assert {row["last_act"] for row in rows if row["person_id"] == "ann"} == {"people.add"}
    town.enrol("eve")
    assert town.code("people", "attest-review", *town.one("eve")) == "ROLE"
    town.done("people", "attest-review", *town.one("bob"))
    with closing(sqlite3.connect(town.settings.database_file)) as connection:
        (told,) = connection.execute("SELECT attested_by FROM access_reviews").fetchall()
    assert told == ("bob",)


def test_a_reviewer_shows_by_a_drill_that_they_can_sign(town: Town) -> None:
    """Governance 1 (liveness): who signed when is listed; a drill is signed and decides nothing."""
    town.enrol("eve")
    assert town.done("people", "drills")["rows"] == []
    town.done("people", "grant", "eve", "research_reviewer", *town.two)
    [row] = rows_of(town)
    assert (row["person_id"], row["last_signed_at"], row["due"]) == ("eve", None, None)
    assert town.code("people", "drill", *town.one("oli")) == "KEY_FILE_MISSING"
    town.done("people", "drill", *town.one("eve"))
    [row] = rows_of(town)
    assert row["last_signed_at"] is not None


def rows_of(town: Town) -> list[dict[str, object]]:
    rows = town.done("people", "drills")["rows"]
    assert isinstance(rows, list)
    return rows


def test_verify_names_the_founders_and_what_was_only_written_into_tables(town: Town) -> None:
    """TX-Z10: bootstrap is printed; a role that nobody signed is named."""
    told = town.done("people", "verify")
    assert (told["founded_by"], told["faults"]) == (["ann", "bob"], [])
    with closing(sqlite3.connect(town.settings.database_file)) as connection, connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("""UPDATE people SET roles = '["operator"]' WHERE person_id = 'eve'""")
        for statement in GUARDS.values():
            connection.execute(statement)
    status, told = town("people", "verify")
    faults = told["faults"]
    assert isinstance(faults, list)
    assert (status, [(f["kind"], f["key"]) for f in faults]) == (1, [("people", "eve")])


def test_an_ssh_key_is_enrolled_without_ever_being_here(town: Town) -> None:
    """Governance class 2: the owner signs the proposal at home; another key's signature is none."""
    private, file = private_key_from_seed(b"e" * 32), town.folder / "id.pub"
    public = private.public_key()
    file.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    words = ("people", "enrol", "eve", "--ssh-public-key", str(file))
    opened = town.done(*words, *town.two)
    proposal, out = str(opened["subject_id"]), town.folder / "bytes"
    assert opened["in_force"] is False
    town.done("people", "statement", proposal, "--out", str(out))
    assert town.code("people", "statement", proposal, "--out", str(out)) == "FILE_EXISTS"
    assert town.code("people", "statement", "none", "--out", f"{out}2") == "NOT_FOUND"

    def handed_in(seed: bytes, name: str = "eve") -> tuple[str, ...]:
        key = private_key_from_seed(seed)
        raw = key.sign(bytes_to_sign(out.read_bytes()))
        path = town.folder / "bytes.sig"
        path.write_text(armored(blob_of(key.public_key().public_bytes_raw(), raw)), "ascii")
        return ("people", "approve", proposal, "--as", name, "--signature", str(path))

    assert town.code(*handed_in(b"m" * 32)) == "SIGNATURE_INVALID"
    assert town.code(*handed_in(b"e" * 32, "oli")) == "KEY_NOT_ENROLLED"
    assert town.done(*handed_in(b"e" * 32))["in_force"] is True
    assert [(key.scheme, key.enrolled_by) for key in town.keys("eve")] == [
        ("sshsig", ("ann", "bob"))
    ]


def test_a_reviewers_role_is_limited_to_strategies(town: Town) -> None:
    """Governance part 1, row filters: both officers see and sign it, and every list shows it."""
    words = (
        "people",
        "grant",
        "eve",
        "risk_reviewer",
        "--strategy",
        "trend",
        "--strategy",
        "carry",
    )
    opened = town.done(*words, *town.one("ann"))
    told = town.done("people", "proposals")["proposals"]
    assert isinstance(told, list)
    assert '"strategies":["carry","trend"]' in str(told[0]["statement"])
    assert town.done("people", "approve", str(opened["subject_id"]), *town.one("bob"))["in_force"]
    scopes = [{"role": "risk_reviewer", "strategies": ["carry", "trend"]}]
    for noun in ("list", "review"):
        shown = town.done("people", noun)["people"]
        assert isinstance(shown, list)
        assert [one["scopes"] for one in shown if one["person_id"] == "eve"] == [scopes]
    assert town.done("people", "verify")["faults"] == []

    wrong = ("people", "grant", "eve", "operator", "--strategy", "trend")
    assert town.code(*wrong, *town.two) == "ROLE_NOT_LIMITED"
