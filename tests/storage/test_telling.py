"""The logs of a house: whole lines, closed words, bounded files. Issue "Always on", point 4."""

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.kernel.errors import InputError
from storage.log_files import KEPT, LogFile, shorten
from storage.system import ReplayClock
from storage.telling import FACTS, House, Tell, Told, about, place_of, telling

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ROUND = f"rnd_{'0' * 32}"
SECRETS = (
    "correct horse battery staple",
    "postgresql+psycopg://desk:hunter2@db.example/log",
    "17500.25",
    "Ann Example",
    "-----BEGIN PRIVATE KEY-----",
)
_FORK = multiprocessing.get_context("fork")


def house(home: Path, bytes_max: int = 10_000) -> Tell:
    return telling(home, House.ROUNDS, ReplayClock(AT), bytes_max)


def lines(home: Path) -> list[dict[str, object]]:
    text = (home / "log" / "rounds.log").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_one_object_with_time_part_level_and_event(tmp_path: Path) -> None:
    house(tmp_path)(Told.LOOP_LEADS, pid=7)
    assert lines(tmp_path) == [
        {
            "at": "2026-11-21T09:00:00.000000Z",
            "part": "rounds",
            "level": "info",
            "event": "loop_leads",
            "pid": 7,
        }
    ]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "log" / "rounds.log").stat().st_mode & 0o777 == 0o600


def test_what_is_bound_around_work_stands_in_every_line_of_it(tmp_path: Path) -> None:
    """Correlation: a round's id goes to whatever it calls, and no further."""
    tell = house(tmp_path)
    with about(round_id=ROUND, round="sweep"):
        tell(Told.STEP_TAKEN, subject_id=f"apr_{'1' * 32}", codes="done", log_size=9)
    tell(Told.LOOP_LEFT)
    inside, outside = lines(tmp_path)
    assert (inside["round_id"], inside["round"], inside["log_size"]) == (ROUND, "sweep", 9)
    assert "round_id" not in outside


def test_i2_an_error_is_told_by_code_kind_and_place_and_never_by_its_words(tmp_path: Path) -> None:
    tell = house(tmp_path)
    try:
        FACTS["nothing"]
    except KeyError as error:
        tell(Told.ROUND_FAILED, error)
    with pytest.raises(InputError) as caught:
        ReplayClock(AT).move_to(datetime(2020, 1, 1, tzinfo=UTC))
    assert place_of(caught.value).startswith("storage.system.ReplayClock.move_to:")
    tell(Told.ROUND_FAILED, caught.value)
    foreign, ours = lines(tmp_path)
    assert (foreign["kind"], foreign["level"]) == ("KeyError", "error")
    assert "place" not in foreign
    assert ours["codes"] == "CLOCK_BACKWARDS"
    assert "goes forward" not in (tmp_path / "log" / "rounds.log").read_text("utf-8")


@given(
    fact=st.sampled_from([*FACTS, "comment", "price", "payload", "url"]),
    value=st.sampled_from(SECRETS) | st.text(min_size=1, max_size=80),
)
def test_i1_no_text_that_is_no_id_word_or_code_is_ever_written(
    tmp_path_factory: pytest.TempPathFactory, fact: str, value: str
) -> None:
    """Whatever a caller hands over, and under which name."""
    home = tmp_path_factory.mktemp("home")
    told: dict[str, Any] = {fact: value}
    house(home)(Told.STEP_TAKEN, **told)
    [line] = lines(home)
    kept = line.keys() - {"at", "part", "level", "event"}
    assert kept <= {fact} & FACTS.keys()
    assert all(FACTS[name].fullmatch(str(line[name])) for name in kept)
    assert not any(secret in json.dumps(line) for secret in SECRETS[1:])
    assert " " not in json.dumps([line[name] for name in kept])


def test_telling_never_fails(tmp_path: Path) -> None:
    """I4: no home, a folder where the file should be, a full or closed disk."""
    telling(tmp_path / "nowhere", House.PAGES, ReplayClock(AT))(Told.READY)
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "log" / "rounds.log").mkdir(parents=True)
    house(tmp_path)(Told.LOOP_LEADS)


def test_files_do_not_grow_for_ever(tmp_path: Path) -> None:
    """Rotated by size: the newest lines stay, and all files together have a bound."""
    tell = house(tmp_path, bytes_max=1_000)
    for number in range(200):
        tell(Told.LOOP_LEADS, pid=number)
    files = sorted((tmp_path / "log").iterdir())
    assert [file.name for file in files] == ["rounds.log", *(f"rounds.log.{n}" for n in (1, 2, 3))]
    assert all(file.stat().st_size <= 1_000 for file in files)
    newest = [json.loads(line)["pid"] for file in files for line in file.read_text().splitlines()]
    assert max(newest) == 199
    assert len(newest) == len(set(newest))
    assert set(newest) == set(range(200 - len(newest), 200))


def _writes(path: Path, word: str, bytes_max: int) -> None:
    file = LogFile(path, bytes_max)
    for number in range(300):
        file.msg(f"{word * 40} {number}")


def test_i1_lines_of_several_processes_stay_whole_while_the_file_moves(tmp_path: Path) -> None:
    """Each line is of one process, and none is lost but with the oldest file."""
    path = tmp_path / "x.log"
    started = [_FORK.Process(target=_writes, args=(path, word, 40_000)) for word in "abc"]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
    assert [one.exitcode for one in started] == [0, 0, 0]
    text = "".join(file.read_text("utf-8") for file in tmp_path.iterdir())
    found = text.splitlines()
    assert len(found) == len(set(found)) == 900
    assert all(len(set(line.split()[0])) == 1 for line in found)
    assert len([*tmp_path.iterdir()]) <= KEPT + 1


def test_what_a_program_prints_is_cut_while_it_holds_the_file(tmp_path: Path) -> None:
    """Its newest part stays beside; it goes on at the new end, without a hole."""
    path = tmp_path / "worker.out"
    with path.open("ab") as printed:
        printed.write(b"old " * 1_000)
        printed.write(b"newest")
        printed.flush()
        assert shorten(path, 100)
        assert not shorten(path, 100)
        printed.write(b"next")
        printed.flush()
    assert path.read_bytes() == b"next"
    kept = (tmp_path / "worker.out.1").read_bytes()
    assert (len(kept), kept[-6:]) == (100, b"newest")
    assert not shorten(tmp_path / "absent.out", 100)


@pytest.mark.parametrize("bad", [{"codes": "done,also this"}, {"place": "/etc:x"}, {"round": ""}])
def test_a_fact_of_another_form_is_left_out_and_the_event_stays(
    tmp_path: Path, bad: dict[str, Any]
) -> None:
    house(tmp_path)(Told.ROUND_DONE, steps=2, **bad)
    [line] = lines(tmp_path)
    assert (line["event"], line["steps"]) == ("round_done", 2)
    assert not line.keys() & bad.keys()
