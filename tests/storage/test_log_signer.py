"""A home whose log is signed by a process of its own: only the socket is needed."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterseal.audit.note import NoteSigner
from counterseal.audit.verify import Evidence, head_of_signer, verify_log
from counterseal.desk.desk import Desk
from counterseal.identity.people import Person
from counterseal.kernel.errors import AdapterError, CountersealError, IntegrityError
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Actor
from storage.home_keys import log_key_path, open_log_key
from storage.home_reader import read_home
from storage.homes import open_home
from storage.log_signer import first_home_key, home_log_key, log_signer, remembered_state
from storage.settings import Settings
from storage.signer_client import RemoteSigner
from storage.signer_process import listening, serve
from storage.signers import EmbeddedSigner, create_state
from storage.system import ReplayClock
from tests.ground import Ground, ground_at
from tests.household import ORIGIN, START, OneQuote
from tests.storage.signer_room import socket_path


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    made = ground_at(tmp_path, "a")
    made.found()
    return made


@contextmanager
def signing(signer: EmbeddedSigner, path: Path) -> Iterator[None]:
    """A signer on a socket, in a thread."""
    with listening(path) as server:

        def run() -> None:
            try:
                serve(server, signer, os.geteuid())
            except OSError:
                return  # the socket was shut down

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(2)
            thread.join()


def with_socket(ground: Ground, path: Path) -> Settings:
    """Settings of a process that has no passphrase, and no signer's memory."""
    told = {
        **dict(ground.settings),
        "counterseal_signer_socket": path,
        "counterseal_log_key_passphrase_file": None,
        "counterseal_signer_state": ground.folder / "nowhere",
    }
    return Settings.model_validate(told)


def opened(settings: Settings) -> Desk:
    return open_home(
        settings, clock=ReplayClock(START), ids=SeededIdSource("again"), feed=OneQuote()
    )


def embedded(ground: Ground) -> EmbeddedSigner:
    return EmbeddedSigner(open_log_key(ground.settings), ground.settings.counterseal_signer_state)


def added(desk: Desk, name: str) -> int:
    actor = Actor(id="ann", issuer="test", amr=("key",), auth_time=START, session="ses_1")
    person = Person(person_id=name, tenant="tenant-1", handle=name, created_at=START)
    outcome = desk.people.add(person, actor, key=f"add:{name}")
    return outcome.sealed_size


def test_all_is_written_with_only_the_socket(ground: Ground) -> None:
    """Signer as guard: neither key nor passphrase nor memory in the writing process."""
    with socket_path() as path, signing(embedded(ground), path):
        settings = with_socket(ground, path)
        size = added(opened(settings), "ann")
        state = remembered_state(settings, ORIGIN)
        assert state.size == size
        with read_home(settings) as reader:
            evidence = Evidence(log_key=home_log_key(settings), heads=(head_of_signer(state),))
            verdict = verify_log(list(reader.records()), reader.checkpoints(), evidence)
        assert (verdict.outcome, verdict.totals.unsealed) == ("ok", 0)


def test_the_key_file_may_lie_with_the_signer_alone(ground: Ground) -> None:
    """The home names its key by its log then; the signer is still checked against it."""
    signer = embedded(ground)
    log_key_path(ground.settings).rename(ground.folder / "away")
    with socket_path() as path, signing(signer, path):
        settings = with_socket(ground, path)
        assert home_log_key(settings) == first_home_key(settings) == signer.key
        assert added(opened(settings), "bob") > 0


def test_another_key_on_the_socket_is_refused_before_anything_is_asked(ground: Ground) -> None:
    """A5: who takes the socket over cannot sign for this log."""
    stranger = NoteSigner(ORIGIN, bytes([7]) * 32)
    create_state(ground.folder / "other", ORIGIN)
    before = ground.state.read_bytes()
    with socket_path() as path, signing(EmbeddedSigner(stranger, ground.folder / "other"), path):
        settings = with_socket(ground, path)
        for call in (opened, log_signer, lambda told: remembered_state(told, ORIGIN)):
            with pytest.raises(IntegrityError) as refused:
                call(settings)
            assert refused.value.code == "SIGNER_KEY_DIFFERS"
    assert ground.state.read_bytes() == before


def test_a_signer_that_goes_midway_acknowledges_nothing_and_loses_nothing(ground: Ground) -> None:
    """What was recorded waits, and is signed when the signer is back; the key is known before."""
    with socket_path() as path:
        settings = with_socket(ground, path)
        with signing(embedded(ground), path):
            desk = opened(settings)
            size = desk.bench.store.seal()
        with pytest.raises(AdapterError) as failed:
            added(desk, "ann")
        assert (failed.value.code, failed.value.retriable) == ("SIGNER_UNREACHABLE", True)
        with pytest.raises(AdapterError):
            opened(settings)
        with signing(embedded(ground), path):
            assert added(desk, "ann") == size + 1


def test_a_signer_of_another_log_has_no_memory_of_this_one(ground: Ground) -> None:
    """The memory is told for the log that is asked about only."""
    with socket_path() as path, signing(embedded(ground), path):
        settings = with_socket(ground, path)
        assert isinstance(log_signer(settings), RemoteSigner)
        with pytest.raises(CountersealError) as failed:
            remembered_state(settings, "another.example/log")
    assert failed.value.code == "SIGNER_STATE_MISSING"
