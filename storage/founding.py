"""Founding: how a home comes to be.

Job: create a home with its sealed log key, database, signer's memory and first records, as a whole.

A home is founded in folders named `.founding` inside its own; then keys, memory and, last of all,
the database move to their places. Where the database lies, a home is. What a crash leaves behind
has no database: the next founding removes it, with the memory that it signed, and begins anew.
A database on a server is founded as a file, too, and carried over in one transaction of the server.

Invariants
  I1  A home begins with two officers, so that no single person can enrol or grant.
  I2  The signer's memory lies outside the home and outside the database's folder.
  I3  Until the database is in its place there is no home; from then on it is complete.
  I4  Nothing that another founding or another log made is overwritten or removed.

Not here: key files (home_keys), opening (homes), wiring of the desk (desk).
Source: architecture part 7; governance part 3 (bootstrap); TX-A3, TX-G12.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from counterseal.audit.note import NoteSigner
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.installation import Installation
from counterseal.identity.acts import ATTEST
from counterseal.identity.founding import Founder, Founding, founding_statement
from counterseal.identity.people import Person
from counterseal.identity.sealing import seal_key
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Refusal
from counterseal.kernel.money import Currency
from counterseal.market.ports import MarketFeed
from storage.databases import Database, SqliteFile
from storage.durable import sync_folder
from storage.home_keys import (
    Officer,
    first_key_path,
    keys_folder,
    log_key_path,
    new_person_key,
    next_key_path,
    read_passphrase,
)
from storage.journal import AfterStep, no_observer
from storage.keyring import Keyring, write_secret
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state, forget_founding, settle_state, state_file
from storage.store import check_absent, create_database, move_database
from storage.transfer import began_alike, transfer

OFFICERS: Final = 2
SITE: Final = ".founding"
"""Name of the folders in which a home is founded."""


@dataclass(frozen=True, slots=True)
class HomePlan:
    """What a home is to become.

    Attributes:
        origin: Name of its log.
        mode: `paper` or `demo`.
        account_id: A first simulated account, with `opening_cash` TWD.
    """

    origin: str
    tenant: str
    officers: tuple[Officer, ...]
    account_id: str
    opening_cash: Decimal
    mode: str = "paper"


def found_home(
    settings: Settings,
    plan: HomePlan,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Installation:
    """Create a home: log key, signer state, database, two officers, policy, account.

    Args:
        settings: Where home, database, policies and the signer's memory lie.
        plan: What the home is to become.
        clock: Of the first records.
        ids: The same, and the randomness of the keys.
        feed: Of the desk that makes the first records; it is never asked.
        after_step: Observer of durable steps; crash tests kill there.

    Raises:
        InputError: `UNSAFE_SETTINGS`, `DATABASE_EXISTS`, `KEY_FILE_EXISTS`, `TWO_OFFICERS_NEEDED`,
            `SIGNER_STATE_INSIDE_HOME`, a passphrase that is missing or short.
        IntegrityError: `SIGNER_STATE_EXISTS`, `BOOTSTRAP_REFUSED`.
        AdapterError: `HOME_BUSY` while another founding is at work, `HOME_WRITE` or another code
            when a file cannot be written; nothing of the home is left then.
    """
    settings.check()
    _check_plan(settings, plan)
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    with _only_founder(*_folders(settings)):
        _clear(settings)
        _check_free(settings, plan.origin)
        try:
            site = _site(settings)
            log_key = _laid_out(site, plan, passphrase, ids)
            after_step("laid out")
            installation = _recorded(site, plan, log_key, clock, ids, feed, after_step)
            _settle(site, settings, plan.origin, after_step)
        except OSError as error:
            raise AdapterError("HOME_WRITE", str(error), got=settings.counterseal_home) from error
        finally:
            _clear(settings)
    return installation


def _check_plan(settings: Settings, plan: HomePlan) -> None:
    names = [officer.person_id for officer in plan.officers]
    if len(names) != OFFICERS or len(set(names)) != OFFICERS:
        raise InputError(
            "TWO_OFFICERS_NEEDED", "a home begins with two officers", field="officer", got=names
        )
    state = settings.counterseal_signer_state.resolve()
    for folder in _folders(settings):
        if state.is_relative_to(folder.resolve()):
            raise InputError(
                "SIGNER_STATE_INSIDE_HOME",
                "a restored backup of the home would carry the signer's memory",
                field="COUNTERSEAL_SIGNER_STATE",
                got=state,
            )


def _folders(settings: Settings) -> Sequence[Path]:
    """Folders of a home: its own, and that of its database where that is a file."""
    file = settings.database.file
    return [settings.counterseal_home, *(() if file is None else (file.parent,))]


def _check_free(settings: Settings, origin: str) -> None:
    check_absent(settings.database)
    for place in (log_key_path, next_key_path, first_key_path, keys_folder):
        path = place(settings)
        if path.exists():
            raise InputError("KEY_FILE_EXISTS", "keys of another home are here", got=path)
    state = state_file(settings.counterseal_signer_state, origin)
    if state.exists():
        raise IntegrityError(
            "SIGNER_STATE_EXISTS",
            "this signer remembers a log of this name",
            expected="another name for a new log, or a backup of the home of this one",
            got=state,
        )


@contextmanager
def _only_founder(*folders: Path) -> Iterator[None]:
    """The folders of a home, held by one founder at a time; errors of `_held`."""
    with ExitStack() as held:
        for folder in sorted({folder.resolve() for folder in folders}):
            held.enter_context(_held(folder))
        yield


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """A locked folder; one that was made for this is gone again when nothing came into it.

    Raises:
        AdapterError: `HOME_BUSY` or `HOME_WRITE`.
    """
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise AdapterError("HOME_WRITE", str(error), got=folder) from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AdapterError(
            "HOME_BUSY", "another founding is at work here", retriable=True, got=folder
        ) from None
    finally:
        if not existed and not any(folder.iterdir()):
            folder.rmdir()
        os.close(opened)


def _site(settings: Settings) -> Settings:
    """The same settings for the folders in which the home is founded."""
    home, file = settings.counterseal_home / SITE, settings.database.file
    database = home / "log.sqlite" if file is None else file.absolute().parent / SITE / file.name
    return settings.placed(home=home, database=database, signer_state=home / "signer")


def _laid_out(site: Settings, plan: HomePlan, passphrase: str, ids: IdSource) -> NoteSigner:
    """Everything that the first record needs; keys before the database, see `_clear`."""
    seed, salt = ids.secret("log-key", 32), ids.secret("log-salt", 16)
    keys_folder(site).mkdir(parents=True, mode=0o700)
    write_secret(log_key_path(site), seal_key(seed, plan.origin, passphrase, salt))
    create_state(site.counterseal_signer_state, plan.origin)
    create_database(site.database_file, plan.origin)
    return NoteSigner(plan.origin, seed)


def _recorded(
    site: Settings,
    plan: HomePlan,
    log_key: NoteSigner,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep,
) -> Installation:
    from storage.desk import closing_desk  # noqa: PLC0415 - readers of a home need no desk

    installation = Installation(
        origin=plan.origin,
        log_vkey=log_key.key.text,
        tenant=plan.tenant,
        mode=plan.mode,
        created_at=clock.now(),
    )
    with closing_desk(
        site, log_key, clock=clock, ids=ids, feed=feed, after_step=after_step
    ) as desk:
        _Records(site, plan, desk, clock, ids).run(installation)
    return installation


def _settle(site: Settings, settings: Settings, origin: str, after_step: AfterStep) -> None:
    """Move everything to its place, the database last."""
    sync_folder(keys_folder(site))
    for place in (keys_folder, log_key_path):
        place(site).rename(place(settings))
        after_step("moved")
    sync_folder(settings.counterseal_home)
    settle_state(site.counterseal_signer_state, settings.counterseal_signer_state, origin)
    after_step("remembered")
    _move(site.database_file, settings.database)
    after_step("founded")


def _move(source: Path, target: Database) -> None:
    """The last step: by one rename, or by one commit of a server."""
    if target.file is None:
        transfer(SqliteFile(source), target)
    else:
        move_database(source, target.file)


def _in_place(site: Settings, settings: Settings) -> bool:
    """Whether the last step was done.

    Raises:
        AdapterError: those of a server that does not answer: what is to go is not known then.
    """
    file = settings.database.file
    return began_alike(site.database, settings.database) if file is None else file.exists()


def _clear(settings: Settings) -> None:
    """Remove the founding folders, and what an unfinished founding moved out of them."""
    site = _site(settings)
    if site.database_file.exists() and not _in_place(site, settings):
        forget_founding(site.counterseal_signer_state, settings.counterseal_signer_state)
        for place in (keys_folder, log_key_path):
            if not place(site).exists():
                _remove(place(settings))
    _remove(site.counterseal_home)
    _remove(site.database_file.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class _Records:
    """The first records of a home."""

    def __init__(
        self, settings: Settings, plan: HomePlan, desk: Desk, clock: Clock, ids: IdSource
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._desk = desk
        self._clock = clock
        self._ids = ids
        self._count = 0

    def run(self, installation: Installation) -> None:
        """Record the installation, then everything that makes it usable."""
        names = tuple(officer.person_id for officer in self._plan.officers)
        actor = self._actor(names[0])
        setup = self._desk.setup
        _done(setup.install(installation, actor, key=self._key()))
        self._found(actor)
        files = read_policy_files(self._settings.counterseal_policies, POLICY_VERSION)
        _done(setup.activate_policy(files, names, actor, key=self._key()))
        plan = self._plan
        opened = setup.open_account(
            plan.account_id, plan.tenant, Currency.TWD, plan.opening_cash, actor, key=self._key()
        )
        _done(opened)

    def _found(self, actor: Actor) -> None:
        """One record of both officers, signed by the new keys of both."""
        ring, people = Keyring(keys_folder(self._settings)), self._desk.people
        terms = people.terms(self._plan.tenant, self._clock.now(), key="init:found")
        founders = tuple(self._founder(ring, officer) for officer in self._plan.officers)
        statement = founding_statement(terms, [one.key for one in founders])
        signatures = tuple(
            ring.open(officer.person_id, officer.passphrase).sign(ATTEST, statement)
            for officer in self._plan.officers
        )
        founding = Founding(terms=terms, founders=founders, signatures=signatures)
        _done(people.found(founding, actor, key=self._key()))

    def _founder(self, ring: Keyring, officer: Officer) -> Founder:
        name = officer.person_id
        person = Person(
            person_id=name, tenant=self._plan.tenant, handle=name, created_at=self._clock.now()
        )
        return Founder(person=person, key=new_person_key(ring, officer, self._clock, self._ids))

    def _actor(self, name: str) -> Actor:
        return Actor(
            id=name,
            issuer="counterseal:init",
            amr=("key",),
            auth_time=self._clock.now(),
            session=self._ids.new("ses", "init", self._clock.now()),
        )

    def _key(self) -> str:
        self._count += 1
        return f"init:{self._count}"


def _done(outcome: Outcome) -> None:
    if isinstance(outcome.refusal, Refusal):
        raise IntegrityError("BOOTSTRAP_REFUSED", outcome.refusal.message, got=outcome.refusal.code)
