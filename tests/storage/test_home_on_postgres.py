"""A home whose database is on a server: TX-A2, TX-G12; decision 0028."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from counterseal.kernel.errors import AdapterError, CountersealError, InputError
from counterseal.kernel.ids import SeededIdSource
from flows.__main__ import main
from storage import transfer as transferring
from storage.databases import Database, PostgresDatabase
from storage.desk import closing_desk
from storage.founding import SITE
from storage.home_keys import keys_folder, log_key_path, open_log_key
from storage.home_reader import read_home
from storage.parallel_verify import verify_in_parallel
from storage.probes import settings_seen
from storage.reconcile import reconcile
from storage.settings import Settings
from storage.shapes import expected_shape, shape_of
from storage.surroundings import surroundings
from storage.system import ReplayClock
from storage.verification import pinned_evidence
from tests.ground import PLAN, Ground
from tests.household import ORIGIN, START, OneQuote
from tests.storage.home_ground import ground, ground_on, told, url_of
from tests.storage.postgres_server import USER, Server
from tests.storage.test_founding_crashes import STEPS, kill_at, killed

__all__ = ["ground", "told"]
PASSWORD = "s3cret-planted"
LOCKED = "locked"


def plainly(database: PostgresDatabase) -> psycopg.Connection:
    url = database.url.set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def tables_of(database: PostgresDatabase) -> list[str]:
    asked = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with plainly(database) as connection:
        return [str(name) for (name,) in connection.execute(asked)]


def nothing_of(ground: Ground) -> bool:
    """Neither keys nor memory nor a founding folder of a home are there."""
    places = (log_key_path(ground.settings), keys_folder(ground.settings), ground.state)
    return not any(place.exists() for place in places) and not list(ground.folder.rglob(SITE))


def test_a_home_is_founded_opened_and_verified_with_its_database_on_a_server(
    ground: Ground, empty: PostgresDatabase, told: Callable[..., tuple[int, str]]
) -> None:
    """TX-A2: the key files lie in the home, log and tables on the server, and nowhere else."""
    ground.found()
    ground.is_whole()
    assert not list(ground.folder.rglob("*.sqlite*"))
    with read_home(ground.settings) as reader:
        before = (reader.ends() or (0, 0))[1]
        seen = surroundings(ground.settings, reader)
        assert (seen.backend, seen.local_only, seen.database) == ("postgresql", False, empty.name)
        found = verify_in_parallel(ground.settings, reader, pinned_evidence(reader), jobs=2)
        assert found is not None
        assert found.totals.size == before

    log_key, ids = open_log_key(ground.settings), SeededIdSource("n")
    clock, feed = ReplayClock(START), OneQuote()
    with closing_desk(ground.settings, log_key, clock=clock, ids=ids, feed=feed) as desk:
        assert desk.bench.origin == ORIGIN

    status, said = told("audit", "checkpoint")
    kept = ground.folder / "kept"
    kept.write_text(said, "utf-8")
    assert status == 0
    status, said = told("audit", "verify", "--expect", str(kept), "--reconcile", "--json")
    assert (status, json.loads(said)["verdict"]["totals"]["size"]) == (0, before), said
    assert empty.name.startswith("postgresql:///")
    assert USER not in empty.name


def test_the_live_shape_is_the_one_that_the_models_ask_for(
    ground: Ground, empty: PostgresDatabase
) -> None:
    """Reconcile I3: and a column, an index or a table that is added, altered or gone is named."""
    ground.found()
    engine = empty.reading()
    with engine.connect() as connection:
        assert shape_of(connection) == expected_shape(connection)
    engine.dispose()
    assert reconcile(ground.settings.database).clean

    with plainly(empty) as superuser:
        superuser.execute("CREATE TABLE strange (one text)")
        superuser.execute("DROP INDEX ix_commands_subject_id")
        superuser.execute("ALTER TABLE people ADD COLUMN more text")
        superuser.execute("ALTER TABLE accounts ALTER COLUMN tenant DROP NOT NULL")
        superuser.execute("UPDATE people SET handle = 'zed' WHERE handle = 'ann'")
        superuser.execute("DELETE FROM accounts")
    found = {
        (d.table, d.column, d.problem) for d in reconcile(ground.settings.database).differences
    }
    assert found == {
        ("strange", "", "extra"),
        ("ix_commands_subject_id", "", "missing"),
        ("people", "more", "schema"),
        ("accounts", "tenant", "schema"),
        ("people", "handle", "changed"),
        ("accounts", "", "missing"),
    }


@pytest.mark.parametrize(("step", "turn"), STEPS)
def test_a_crash_after_a_durable_step_leaves_nothing_or_a_whole_home(
    ground: Ground, empty: PostgresDatabase, step: str, turn: int
) -> None:
    """Founding I3: the server has nothing before the commit, and everything behind it."""
    assert killed(lambda: ground.found(after_step=kill_at(step, turn)))
    if step == "founded":
        with pytest.raises(InputError, match="DATABASE_EXISTS"):
            ground.found()
    else:
        assert tables_of(empty) == []
        ground.found()
    ground.is_whole()


def test_a_crash_before_the_commit_leaves_nothing_on_the_server(
    ground: Ground, empty: PostgresDatabase
) -> None:
    """Transfer I1: killed with every row stored, and none of them committed."""

    def act() -> None:
        transferring._checked_head = lambda *_: os._exit(77)
        ground.found()

    assert killed(act)
    assert tables_of(empty) == []
    ground.found()
    ground.is_whole()


def test_a_connection_that_is_lost_before_the_commit_takes_the_founding_back(
    ground: Ground, empty: PostgresDatabase, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Founding I3: told as a server that does not answer; the next one begins anew."""
    whole = transferring._checked_head

    def cut(*told: object) -> str:
        with psycopg.connect(server.told("postgres"), autocommit=True) as superuser:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (empty.url.database,),
            )
        return whole(*told)  # type: ignore[arg-type]  # as it was called

    with monkeypatch.context() as patched:
        patched.setattr(transferring, "_checked_head", cut)
        with pytest.raises(AdapterError, match="DATABASE_UNREACHABLE") as lost:
            ground.found()
    assert lost.value.retriable
    assert tables_of(empty) == []
    assert nothing_of(ground)
    ground.found()
    ground.is_whole()


def test_a_commit_whose_answer_was_lost_leaves_a_whole_home(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Founding I3: what the server has decides, not what this process was told."""
    whole = transferring.transfer

    def unanswered(*told: Database) -> None:
        whole(*told)
        raise AdapterError("DATABASE_UNREACHABLE", "no answer", retriable=True)

    monkeypatch.setattr("storage.founding.transfer", unanswered)
    with pytest.raises(AdapterError, match="DATABASE_UNREACHABLE"):
        ground.found()
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        ground.found()
    ground.is_whole()


def test_a_database_that_holds_anything_is_not_founded_over(
    ground: Ground, empty: PostgresDatabase
) -> None:
    """Founding I4: told before a key is made."""
    with plainly(empty) as superuser:
        superuser.execute("CREATE TABLE theirs (one text)")
    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        ground.found()
    assert tables_of(empty) == ["theirs"]
    assert nothing_of(ground)


def test_of_two_founders_of_one_database_the_later_leaves_nothing(
    ground: Ground, empty: PostgresDatabase, tmp_path: Path
) -> None:
    """Founding I4: homes on two machines have no folder in common; the server decides."""
    (tmp_path / "other").mkdir()
    rival = ground_on(tmp_path / "other", url_of(empty))

    def meanwhile(step: str) -> None:
        if step == "remembered":
            rival.found(replace(PLAN, origin="counterseal.example/rival"))

    with pytest.raises(InputError, match="DATABASE_EXISTS"):
        ground.found(after_step=meanwhile)
    assert not log_key_path(ground.settings).exists()
    assert not ground.state.exists()
    with read_home(rival.settings) as reader:
        assert reader.newest_checkpoint() is not None
    assert reconcile(rival.settings.database).clean


@pytest.fixture
def locked(server: Server, empty: PostgresDatabase) -> PostgresDatabase:
    """The same database, as somebody whom the server asks for a password."""
    rules = server.data / "pg_hba.conf"
    asked = f"local all {LOCKED} scram-sha-256\n"
    if asked not in rules.read_text("utf-8"):
        rules.write_text(asked + rules.read_text("utf-8"), "utf-8")
        with psycopg.connect(server.told("postgres"), autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{PASSWORD}-other'")
            superuser.execute("SELECT pg_reload_conf()")
    return PostgresDatabase(empty.url.set(username=LOCKED, password=PASSWORD))


def test_what_a_server_refuses_has_a_code_and_never_shows_the_url(
    ground: Ground,
    server: Server,
    locked: PostgresDatabase,
    told: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TX-A2, architecture 7: a wrong password, no server, no database; no home is made."""
    away = locked.url.update_query_dict({"host": "/nowhere-at-all"})
    absent = server.url("absent").set(password=PASSWORD)
    cases = {
        "DATABASE_REFUSED": locked.url,
        "DATABASE_UNREACHABLE": away,
        "DATABASE_MISSING": absent,
    }
    proof = ("--passphrase-file", str(ground.settings.counterseal_log_key_passphrase_file)) * 2
    for code, url in cases.items():
        text = url.render_as_string(hide_password=False)
        monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", text)
        acts = (
            ("init", "--officer", "ann", "--officer", "bob", *proof),
            ("people", "list"),
            ("audit", "verify", "--reconcile"),
            ("records", "backup", "--out", str(ground.folder / "copy")),
        )
        for words in acts:
            status, said = told(*words)
            assert (status, code in said) == (4, True), (words, said)
            assert PASSWORD not in said
            assert LOCKED not in said
            assert text not in said
    assert nothing_of(ground)


@pytest.mark.parametrize("command", ["up", "sweep", "attend"])
def test_flows_do_not_start_where_the_server_does_not_answer(
    locked: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    """Architecture 7: one code, and no trace in the home's folder."""
    away = locked.url.update_query_dict({"host": "/nowhere-at-all"})
    monkeypatch.setenv("COUNTERSEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", away.render_as_string(hide_password=False))
    assert main([command]) == 4
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "DATABASE_UNREACHABLE"
    assert PASSWORD not in shown.out + shown.err
    assert not (tmp_path / "home").exists()


def test_settings_name_the_kind_of_database_and_hide_where_it_is(locked: PostgresDatabase) -> None:
    """TX-A2: no text of the settings or of the database has the password or the user."""
    settings = Settings(counterseal_database_url=url_of(locked)).check()
    seen = settings_seen(settings)
    assert (seen.database_kind, seen.database_url_told) == ("postgresql", True)
    shown = repr(settings) + str(settings) + repr(settings.database) + settings.database.name
    assert PASSWORD not in shown
    assert LOCKED not in shown
    with pytest.raises(CountersealError, match="DATABASE_UNSUPPORTED") as refused:
        _ = settings.database_file
    assert PASSWORD not in str(refused.value.diagnostics())
