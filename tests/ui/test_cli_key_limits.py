"""How often a passphrase may be guessed at the command line."""

from pathlib import Path

import orjson
import pytest

from tests.ui.kept_house import KeptHouse, kept

__all__ = ["kept"]


@pytest.fixture
def wrong(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "wrong"
    path.write_text("planted-wrong-passphrase\n", "utf-8")
    return ("--as", "officer-1", "--passphrase-file", str(path))


def act(house: KeptHouse, proof: tuple[str, ...]) -> tuple[int, str]:
    status, value = house("accounts", "disable", "nobody", *proof)
    found = value.get("error") or value.get("refusal")
    assert isinstance(found, dict)
    return status, str(found["code"])


def told(house: KeptHouse) -> list[tuple[str, str]]:
    read = [orjson.loads(row.body) for row in house.world.log()]
    return [(r["type"], r["reason"]["code"]) for r in read if r["step"] == "access.open_key"]


def test_wrong_passphrases_lead_to_a_wait_that_the_right_one_does_not_end(
    kept: KeptHouse, wrong: tuple[str, ...]
) -> None:
    """Bad input: rate-limited, recorded, half-open; others are not kept waiting."""
    for _ in range(5):
        assert act(kept, wrong) == (2, "PASSPHRASE_WRONG")
    right = kept.proof("officer-1")
    assert act(kept, right) == (2, "KEY_LOCKED")
    assert act(kept, kept.proof("officer-2")) == (1, "NOT_FOUND")
    kept.world.after(29)
    assert act(kept, right) == (2, "KEY_LOCKED")
    kept.world.after(1)
    assert act(kept, right) == (1, "NOT_FOUND")
    assert act(kept, wrong) == (2, "PASSPHRASE_WRONG")

    wrongs = [("key.refused", "PASSPHRASE_WRONG")] * 5
    waits = [("key.refused", "KEY_LOCKED")] * 2
    assert told(kept) == [*wrongs, ("login.locked", "ACCOUNT_LOCKED"), *waits, wrongs[0]]
    assert not any(b"planted-wrong" in row.body for row in kept.world.log())


def test_a_missing_key_file_is_no_guess(kept: KeptHouse) -> None:
    """Only wrong passphrases count."""
    for _ in range(7):
        assert act(kept, kept.proof("risk")) == (2, "KEY_FILE_MISSING")
    assert told(kept) == []


def test_a_wait_tells_who_and_until_when(kept: KeptHouse, wrong: tuple[str, ...]) -> None:
    """An error explains itself."""
    for _ in range(5):
        act(kept, wrong)
    _, value = kept("accounts", "disable", "nobody", *wrong)
    error = value["error"]
    assert isinstance(error, dict)
    assert error["got"] == "officer-1"
    assert str(error["expected"]).startswith("another try from 20")
