"""How a home comes to be, and what refuses to become one."""

import base64
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from counterseal.identity import sealing
from counterseal.kernel.errors import AdapterError, CountersealError, InputError, IntegrityError
from counterseal.kernel.ids import SeededIdSource
from storage import engines
from storage.home_keys import Officer, keys_folder, log_key_path
from storage.homes import open_home
from storage.settings import Settings
from storage.system import ReplayClock
from tests.ground import PLAN, SECRET, Ground, ground_at
from tests.household import ORIGIN, ROOT, START, OneQuote
from ui.cli.app import run


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return ground_at(tmp_path, "home")


def test_a_home_is_founded_whole(ground: Ground) -> None:
    """Founding I3: in a folder that nobody made before; keys are their owner's only."""
    ground.found()
    ground.is_whole()
    desk = open_home(
        ground.settings, clock=ReplayClock(START), ids=SeededIdSource("next"), feed=OneQuote()
    )
    assert desk.bench.origin == ORIGIN
    assert log_key_path(ground.settings).stat().st_mode & 0o777 == 0o600
    assert keys_folder(ground.settings).stat().st_mode & 0o777 == 0o700


def test_an_empty_folder_becomes_a_home(ground: Ground) -> None:
    """Founding: a folder or volume that was made for it."""
    ground.settings.counterseal_home.mkdir(parents=True)
    ground.found()
    ground.is_whole()


def test_a_failure_leaves_nothing_behind(ground: Ground) -> None:
    """Founding I3: no folder, no key, no memory; then the corrected plan is founded."""
    before = ground.files()
    short = replace(PLAN, officers=(Officer("ann", SECRET), Officer("bob", "short")))
    with pytest.raises(InputError, match="PASSPHRASE_SHORT"):
        ground.found(short)
    assert ground.files() - before <= {"homes"}
    ground.found()
    ground.is_whole()


@contextmanager
def pragma(monkeypatch: pytest.MonkeyPatch, statement: str) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(engines, "_PRAGMAS", (*engines._PRAGMAS, statement))
        yield


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("PRAGMA query_only=ON", "DATABASE_READ_ONLY"),
        ("PRAGMA max_page_count=20", "DATABASE_FULL"),
        ("PRAGMA max_page_count=85", "DATABASE_FULL"),
    ],
    ids=["read-only", "full at the tables", "full at the records"],
)
def test_a_database_that_cannot_grow_refuses_and_leaves_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, statement: str, code: str
) -> None:
    """Architecture 7: status 4, a stable code, and no half database."""
    before = ground.files()
    with pragma(monkeypatch, statement), pytest.raises(AdapterError, match=code) as caught:
        ground.found()
    assert caught.value.exit_status == 4
    assert ground.files() - before <= {"homes"}
    ground.found()
    ground.is_whole()


@pytest.mark.parametrize("limit", [0, 2_000, 40_000, 400_000])
def test_files_that_cannot_grow_refuse_and_leave_nothing(ground: Ground, limit: int) -> None:
    """Architecture 7: the operating system refuses a write of key, memory, journal or database."""
    before = ground.files()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(AdapterError) as caught:
            ground.found()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_status == 4
    assert ground.files() - before <= {"homes", "signer"}
    ground.found()
    ground.is_whole()


@pytest.mark.parametrize("place", ["counterseal_home", "counterseal_signer_state"])
def test_a_file_in_the_way_of_a_folder_is_told(ground: Ground, place: str) -> None:
    """Architecture 7: never a traceback; the file stays."""
    path: Path = getattr(ground.settings, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file", "utf-8")
    with pytest.raises(CountersealError, match=r"HOME_WRITE|SIGNER_STATE_WRITE") as caught:
        ground.found()
    assert caught.value.exit_status == 4
    assert path.read_text("utf-8") == "a file"
    assert not ground.settings.database_file.exists()


def test_a_second_founder_is_told_to_wait(ground: Ground) -> None:
    """Founding I4: two at the same time would clear each other's work away."""
    told: list[str] = []

    def rival(step: str) -> None:
        if step == "laid out":
            with pytest.raises(AdapterError, match="HOME_BUSY") as caught:
                ground.found()
            assert caught.value.retriable
            told.append(step)

    ground.found(after_step=rival)
    assert told
    ground.is_whole()


def test_two_homes_whose_databases_lie_in_one_folder_take_turns(ground: Ground) -> None:
    """Founding I4: the folder of the database is held like the home's."""
    told = {**dict(ground.settings), "paper_execution_audit_db_path": ground.folder / "disk" / "a"}
    first = Ground(ground.folder, Settings(**told))
    rival = Ground(
        ground.folder,
        first.settings.placed(
            home=ground.folder / "rival",
            database=ground.folder / "disk" / "b",
            signer_state=ground.folder / "signer",
        ),
    )
    other = replace(PLAN, origin="counterseal.example/rival")

    def meanwhile(step: str) -> None:
        if step == "laid out":
            with pytest.raises(AdapterError, match="HOME_BUSY"):
                rival.found(other)

    first.found(after_step=meanwhile)
    first.is_whole()
    rival.found(other)
    assert sorted(p.name for p in (ground.folder / "disk").glob("?")) == ["a", "b"]


def test_two_homes_of_one_user_keep_two_memories(ground: Ground) -> None:
    """Signer I4: one folder, a file per log; a second log of one name is refused."""
    ground.found()
    second = ground_at(ground.folder, "second")
    with pytest.raises(IntegrityError, match="SIGNER_STATE_EXISTS"):
        second.found()
    assert not second.settings.counterseal_home.exists()
    second.found(replace(PLAN, origin="counterseal.example/second"))
    assert len(list(ground.settings.counterseal_signer_state.iterdir())) == 2
    for place, origin in ((ground, ORIGIN), (second, "counterseal.example/second")):
        desk = open_home(
            place.settings, clock=ReplayClock(START), ids=SeededIdSource("n"), feed=OneQuote()
        )
        assert desk.bench.origin == origin


def test_two_homes_of_one_user_need_no_names_on_the_command_line(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Architecture 7: `init` twice; each log has a name, a key and a memory of its own."""
    secret = str(ground.folder / "secret")
    monkeypatch.setattr(sealing, "_derive", lambda *_: base64.urlsafe_b64encode(bytes(32)))
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COUNTERSEAL_SIGNER_STATE", str(ground.folder / "signer"))
    monkeypatch.setenv("COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE", secret)
    people = ("--officer", "ann", "--officer", "bob")
    proofs = ("--passphrase-file", secret, "--passphrase-file", secret)
    logs = set()
    for name in ("one", "two"):
        words = [*people, *proofs, "--home", str(ground.folder / name), "--json"]
        assert run(["init", *words]) == 0
        logs.add(json.loads(capsys.readouterr().out)["installation"]["origin"])
        assert run(["people", "list", "--home", str(ground.folder / name), "--json"]) == 0
        capsys.readouterr()
    assert len(logs) == len(list((ground.folder / "signer").iterdir())) == 2


@pytest.mark.parametrize("place", [log_key_path, keys_folder])
def test_keys_that_lie_in_the_home_already_are_not_touched(
    ground: Ground, place: Callable[[Settings], Path]
) -> None:
    """Founding I4: a home that lost its database still holds the only copies of its keys."""
    ground.found()
    ground.settings.database_file.unlink()
    ground.state.unlink()
    for other in {log_key_path, keys_folder} - {place}:
        other(ground.settings).rename(ground.folder / "aside")
    before = {p: p.read_bytes() for p in ground.settings.counterseal_home.rglob("*.json")}
    with pytest.raises(InputError, match="KEY_FILE_EXISTS"):
        ground.found()
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.parametrize("inside", ["homes/home", "homes/home/signer", "homes/home/../home/s"])
def test_the_memory_may_not_lie_in_the_home(ground: Ground, inside: str) -> None:
    """Founding I2: a restored backup would carry it."""
    told = Settings(**{**dict(ground.settings), "counterseal_signer_state": ground.folder / inside})
    with pytest.raises(InputError, match="SIGNER_STATE_INSIDE_HOME"):
        Ground(ground.folder, told).found()
    assert not ground.settings.counterseal_home.exists()


def test_a_database_elsewhere_is_founded_there(ground: Ground) -> None:
    """Architecture 7: COUNTERSEAL_DATABASE_URL; its folder may not hold the memory either."""
    url = f"sqlite:///{ground.folder}/disk/log.sqlite"
    told = {**dict(ground.settings), "counterseal_database_url": url}
    del told["paper_execution_audit_db_path"]
    beside = Settings(**{**told, "counterseal_signer_state": ground.folder / "disk" / "signer"})
    with pytest.raises(InputError, match="SIGNER_STATE_INSIDE_HOME"):
        Ground(ground.folder, beside).found()
    elsewhere = Ground(ground.folder, Settings(**told))
    elsewhere.found()
    elsewhere.is_whole()
    assert (ground.folder / "disk" / "log.sqlite").is_file()
    assert not list(ground.settings.counterseal_home.rglob("*.sqlite"))
