"""Ground on which homes are founded whose database is on a server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.databases import PostgresDatabase
from storage.settings import Settings
from tests.ground import Ground, ground_at
from tests.storage.postgres_server import Server
from ui.cli.app import run


def url_of(database: PostgresDatabase) -> str:
    return database.url.render_as_string(hide_password=False)


def ground_on(folder: Path, url: str, name: str = "home") -> Ground:
    told = dict(ground_at(folder, name).settings)
    del told["paper_execution_audit_db_path"]
    return Ground(folder, Settings(**{**told, "counterseal_database_url": url}))


@pytest.fixture
def ground(tmp_path: Path, empty: PostgresDatabase) -> Ground:
    return ground_on(tmp_path, url_of(empty))


@pytest.fixture
def another(server: Server) -> Iterator[PostgresDatabase]:
    """A second empty database."""
    made = server.empty()
    yield made
    server.drop(made)


@pytest.fixture
def told(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The command line, told of the home by the environment as an operator tells it."""
    settings = ground.settings
    assert settings.counterseal_database_url is not None
    monkeypatch.setenv("COUNTERSEAL_HOME", str(settings.counterseal_home))
    monkeypatch.setenv("COUNTERSEAL_DATABASE_URL", settings.counterseal_database_url)
    monkeypatch.setenv("COUNTERSEAL_SIGNER_STATE", str(settings.counterseal_signer_state))
    monkeypatch.setenv("COUNTERSEAL_POLICIES", str(settings.counterseal_policies))
    secret = str(settings.counterseal_log_key_passphrase_file)
    monkeypatch.setenv("COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE", secret)

    def run_told(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        status = run(list(words))
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    return run_told
