"""Homes: the folder in which one installation lives.

Job: create a home with its sealed log key, open it for writing, and open it for reading only.

Invariants
  I1  The log key lies sealed in the home; its passphrase comes from a file, never from a command.
  I2  The signer's memory lies outside the home.
  I3  Reading needs no key and creates nothing.
  I4  A home begins with two officers, so that no single person can enrol or grant.

Not here: wiring of the desk (desk), sealed keys of people (keyring).
Source: architecture part 7; governance part 3 (bootstrap); TX-A3, TX-G12.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.verify import StoredCheckpoint
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.installation import Installation
from counterseal.desk.people import enrolment_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, Role
from counterseal.identity.sealing import open_key, read_envelope, seal_key
from counterseal.kernel.clock import Clock
from counterseal.kernel.errors import AdapterError, InputError, IntegrityError
from counterseal.kernel.ids import IdSource
from counterseal.kernel.model import Actor, Refusal
from counterseal.kernel.money import Currency
from counterseal.market.ports import MarketFeed
from storage.engines import reading_engine
from storage.journal import AfterStep, no_observer
from storage.keyring import Keyring, read_secret, write_secret
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state
from storage.store import create_database
from storage.unit_of_work import SqlReader, translated_errors

OFFICERS = 2
OFFICER_ROLES = (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER)


@dataclass(frozen=True, slots=True)
class Officer:
    """One of the two first people.

    Attributes:
        passphrase: Seals the officer's own key; at least 15 characters.
    """

    person_id: str
    passphrase: str


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


def log_key_path(settings: Settings) -> Path:
    """Where the sealed log key lies."""
    return settings.counterseal_home / "log.key.json"


def keys_folder(settings: Settings) -> Path:
    """Where the sealed keys of people lie."""
    return settings.counterseal_home / "keys"


def read_passphrase(path: Path | None) -> str:
    """The first line of a passphrase file.

    Raises:
        InputError: `PASSPHRASE_FILE_UNSET`, `PASSPHRASE_FILE_MISSING` or `PASSPHRASE_MISSING`.
    """
    if path is None:
        raise InputError(
            "PASSPHRASE_FILE_UNSET",
            "no passphrase file is named",
            field="COUNTERSEAL_LOG_KEY_PASSPHRASE_FILE",
        )
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            "PASSPHRASE_FILE_MISSING", "the passphrase file cannot be read", got=path
        ) from None
    if not lines or not lines[0]:
        raise InputError("PASSPHRASE_MISSING", "the passphrase file is empty", got=path)
    return lines[0]


def open_log_key(settings: Settings) -> NoteSigner:
    """The log's key, whose name is the origin.

    Raises:
        AdapterError: `DATABASE_MISSING` when there is no home.
        InputError: `PASSPHRASE_FILE_UNSET`, `PASSPHRASE_WRONG`, `KEY_FILE_MISSING`, ...
    """
    if not settings.database.is_file():
        raise AdapterError(
            "DATABASE_MISSING", "no database here; run `counterseal init`", got=settings.database
        )
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    text = read_secret(log_key_path(settings))
    private = open_key(text, passphrase)
    return NoteSigner(read_envelope(text).key_id, private.private_bytes_raw())


def open_home(
    settings: Settings,
    *,
    clock: Clock,
    ids: IdSource,
    feed: MarketFeed,
    after_step: AfterStep = no_observer,
) -> Desk:
    """Open a home for writing.

    Raises:
        InputError: unsafe settings, or the log key cannot be opened.
        IntegrityError: guards or the signer's memory differ.
        AdapterError: the database cannot be opened.
    """
    from storage.desk import open_desk  # noqa: PLC0415 - readers of a home need no desk

    settings.check()
    return open_desk(
        settings,
        open_log_key(settings),
        clock=clock,
        ids=ids,
        feed=feed,
        after_step=after_step,
    )


def found_home(
    settings: Settings, plan: HomePlan, *, clock: Clock, ids: IdSource, feed: MarketFeed
) -> Installation:
    """Create a home: log key, signer state, database, two officers, policy, account.

    Raises:
        InputError: `UNSAFE_SETTINGS`, `DATABASE_EXISTS`, `TWO_OFFICERS_NEEDED`,
            `SIGNER_STATE_INSIDE_HOME`, a passphrase that is missing or short.
        IntegrityError: `SIGNER_STATE_EXISTS`, `BOOTSTRAP_REFUSED`.
        AdapterError: when a file cannot be written.
    """
    settings.check()
    _check_place(settings, plan)
    passphrase = read_passphrase(settings.counterseal_log_key_passphrase_file)
    read_policy_files(settings.counterseal_policies, POLICY_VERSION)
    seed, salt = ids.secret("log-key", 32), ids.secret("log-salt", 16)
    sealed = seal_key(seed, plan.origin, passphrase, salt)
    log_key = NoteSigner(plan.origin, seed)
    state = settings.counterseal_signer_state
    try:
        create_state(state, plan.origin)
    except OSError as error:
        raise AdapterError("SIGNER_STATE_WRITE", str(error), got=state) from error
    write_secret(log_key_path(settings), sealed)
    create_database(settings.database, plan.origin)
    from storage.desk import open_desk  # noqa: PLC0415 - readers of a home need no desk

    desk = open_desk(settings, log_key, clock=clock, ids=ids, feed=feed)
    installation = Installation(
        origin=plan.origin,
        log_vkey=log_key.key.text,
        tenant=plan.tenant,
        mode=plan.mode,
        created_at=clock.now(),
    )
    _Founding(settings, plan, desk, clock, ids).run(installation)
    return installation


def _check_place(settings: Settings, plan: HomePlan) -> None:
    names = [officer.person_id for officer in plan.officers]
    if len(names) != OFFICERS or len(set(names)) != OFFICERS:
        raise InputError(
            "TWO_OFFICERS_NEEDED", "a home begins with two officers", field="officer", got=names
        )
    home, state = settings.counterseal_home.resolve(), settings.counterseal_signer_state.resolve()
    if state.is_relative_to(home):
        raise InputError(
            "SIGNER_STATE_INSIDE_HOME",
            "a restored backup of the home would carry the signer's memory",
            field="COUNTERSEAL_SIGNER_STATE",
            got=state,
        )
    if settings.database.exists():
        raise InputError("DATABASE_EXISTS", "a home is here already", got=settings.database)
    if log_key_path(settings).exists():
        raise InputError("KEY_FILE_EXISTS", "a log key is here already", got=home)
    if state.exists():
        raise IntegrityError("SIGNER_STATE_EXISTS", "this signer remembers a log", got=state)


class _Founding:
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
        for officer in self._plan.officers:
            self._officer(officer, actor)
        files = read_policy_files(self._settings.counterseal_policies, POLICY_VERSION)
        _done(setup.activate_policy(files, names, actor, key=self._key()))
        plan = self._plan
        opened = setup.open_account(
            plan.account_id, plan.tenant, Currency.TWD, plan.opening_cash, actor, key=self._key()
        )
        _done(opened)

    def _officer(self, officer: Officer, actor: Actor) -> None:
        people, name = self._desk.people, officer.person_id
        person = Person(
            person_id=name, tenant=self._plan.tenant, handle=name, created_at=self._clock.now()
        )
        _done(people.add(person, actor, key=self._key(), bootstrap=True))
        for role in OFFICER_ROLES:
            _done(people.grant(name, role, (actor.id,), actor, key=self._key(), bootstrap=True))
        ring = Keyring(keys_folder(self._settings))
        person_key = new_person_key(ring, officer, self._clock, self._ids, bootstrap=True)
        proof = ring.open(name, officer.passphrase).sign(
            "enrol", {**enrolment_statement(person_key)}
        )
        _done(people.enrol(person_key, proof, (), actor, key=self._key()))

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


def new_person_key(
    ring: Keyring, owner: Officer, clock: Clock, ids: IdSource, *, bootstrap: bool = False
) -> PersonKey:
    """A new sealed key of a person, and its public record before enrolment; `Keyring.create`."""
    now = clock.now()
    key_id = ids.new("key", owner.person_id, now)
    seed, salt = ids.secret(f"seed:{key_id}", 32), ids.secret(f"salt:{key_id}", 16)
    sealed = ring.create(owner.person_id, key_id, owner.passphrase, seed=seed, salt=salt)
    return PersonKey(
        key_id=key_id,
        person_id=owner.person_id,
        public_key=sealed.public_key,
        key_class=1,
        enrolled_by=(),
        bootstrap=bootstrap,
        effective_at=now,
    )


def _done(outcome: Outcome) -> None:
    if isinstance(outcome.refusal, Refusal):
        raise IntegrityError("BOOTSTRAP_REFUSED", outcome.refusal.message, got=outcome.refusal.code)


_ROWS = (
    "SELECT seq, prev, stream, stream_seq, stream_prev, event_id, type, occurred_at, recorded_at,"
    " leaf_hash, body FROM audit_records ORDER BY seq"
)


class HomeReader(SqlReader):
    """Documents and log of a home, read only."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._raw = connection

    def records(self) -> Iterator[StoredRow]:
        """Every stored record in order of `seq`, exactly as the file holds it."""
        for row in self._raw.exec_driver_sql(_ROWS):
            yield StoredRow(*row)

    def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """Every stored checkpoint, by size."""
        rows = self._raw.exec_driver_sql("SELECT size, note FROM audit_checkpoints ORDER BY size")
        return tuple(StoredCheckpoint(*row) for row in rows)


@contextmanager
def read_home(settings: Settings) -> Iterator[HomeReader]:
    """A read-only view: no signer, no key, no file created.

    Raises:
        InputError: `UNSAFE_SETTINGS`.
        AdapterError: `DATABASE_MISSING`, `DATABASE_SCHEMA` or `DATABASE_FAILED`.
        IntegrityError: `DOCUMENT_INVALID` when a stored row is no document any more.
    """
    engine = reading_engine(settings.check().database)
    try:
        with translated_errors(), engine.connect() as connection:
            yield HomeReader(connection)
    except DatabaseError as error:
        raise AdapterError("DATABASE_FAILED", str(error.orig), got=settings.database) from error
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise IntegrityError(
            "DOCUMENT_INVALID", f"a stored {error.title} does not hold", field=place
        ) from None
    finally:
        engine.dispose()
