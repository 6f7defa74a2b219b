"""A founded home behind the real store: people with keys, one account, one quote."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Self

from counterseal.audit.note import NoteSigner
from counterseal.audit.record import StoredRow
from counterseal.audit.verdict import Verdict
from counterseal.audit.verify import (
    Evidence,
    RememberedHead,
    StoredCheckpoint,
    head_of_signer,
    verify_log,
)
from counterseal.broker.gateway import PaperBroker
from counterseal.broker.model import Fill
from counterseal.broker.ports import Broker
from counterseal.desk.commands import Outcome
from counterseal.desk.desk import Desk
from counterseal.desk.installation import Installation
from counterseal.identity.acts import (
    Act,
    ActTerms,
    EnrolKey,
    grant_role,
    kind_of,
    statement_of,
)
from counterseal.identity.dsse import public_key_text, sign_statement
from counterseal.identity.founding import Founder, Founding, founding_statement
from counterseal.identity.keys import PersonKey
from counterseal.identity.people import Person, Role
from counterseal.identity.sealing import private_key_from_seed
from counterseal.kernel.canonical import Json, digest
from counterseal.kernel.ids import SeededIdSource
from counterseal.kernel.model import Actor, Refusal, Signature, refuse
from counterseal.kernel.money import Currency
from counterseal.market.quotes import Quote, QuoteBasis
from counterseal.oms.model import Order
from storage.desk import open_desk
from storage.guards import GUARDS
from storage.journal import AfterStep, no_observer
from storage.policy_files import read_policy_files
from storage.settings import POLICY_VERSION, Settings
from storage.signers import create_state, read_state, state_file
from storage.store import SqlStore, create_database
from storage.system import ReplayClock

ROOT = Path(__file__).parents[1]
ORIGIN = "counterseal.example/test"
START = datetime(2026, 1, 5, 0, 45, tzinfo=UTC)
SYMBOL = "TMF202601"
ACCOUNT = "acct-paper-1"
NONE = digest(None)
LARGE = 5  # contracts whose notional needs the compliance stage
PEOPLE: Mapping[str, tuple[Role, ...]] = {
    "officer-1": (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER),
    "officer-2": (Role.ADMINISTRATOR, Role.ENROLMENT_OFFICER),
    "quant": (Role.REQUESTER, Role.RESEARCH_REVIEWER),
    "researcher": (Role.RESEARCH_REVIEWER,),
    "risk": (Role.RISK_REVIEWER,),
    "compliance": (Role.COMPLIANCE_REVIEWER,),
    "operator": (Role.OPERATOR,),
    "author": (),
}


class OneQuote:
    """A feed with settable quotes."""

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}

    def quote(self, symbol: str, now: datetime) -> Quote | Refusal:
        found = self.quotes.get(symbol)
        return refuse("NO_QUOTE", "no quote") if found is None or found.event_time > now else found


class FadingBroker(PaperBroker):
    """A paper broker whose last sign of life was at a stated time."""

    def __init__(self, last: datetime | None) -> None:
        self.last = last

    def heartbeat(self, now: datetime) -> datetime | None:
        del now
        return self.last


_FOUNDED: list[tuple[bytes, bytes, int]] = []


@lru_cache(maxsize=64)
def _settings(home: Path, environment: frozenset[tuple[str, str]]) -> Settings:
    """Settings of a home, read once in each environment."""
    del environment
    return Settings(
        counterseal_home=home,
        counterseal_policies=ROOT / "policies",
        counterseal_signer_state=home.parent / "signer",
    )


@dataclass
class Household:
    """A desk and what a test needs beside it."""

    home: Path
    clock: ReplayClock = field(default_factory=lambda: ReplayClock(START))
    feed: OneQuote = field(default_factory=OneQuote)
    count: int = 0
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        if not _FOUNDED:
            self._create()
            return
        database, state, self.count = _FOUNDED[0]
        for path, content in (
            (self.settings.database_file, database),
            (self.state_path, state),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.reopen()
        self.quote()

    @classmethod
    def of(cls, home: Path) -> Self:
        """A world over a home that another process founded."""
        world = cls.__new__(cls)
        world.home, world.clock, world.feed, world.count = home, ReplayClock(START), OneQuote(), 0
        world.reopen()
        return world

    def _create(self) -> None:
        """Found a home with real commands; later worlds start from a copy of its files."""
        create_database(self.settings.database_file, ORIGIN)
        create_state(self.settings.counterseal_signer_state, ORIGIN)
        self.reopen()
        self._found()
        self.store.close()
        with closing(sqlite3.connect(self.settings.database_file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        state = self.state_path.read_bytes()
        _FOUNDED.append((self.settings.database_file.read_bytes(), state, self.count))
        self.reopen()
        self.quote()

    @property
    def settings(self) -> Settings:
        return _settings(self.home, frozenset(os.environ.items()))

    @property
    def state_path(self) -> Path:
        return state_file(self.settings.counterseal_signer_state, ORIGIN)

    @property
    def log_key(self) -> NoteSigner:
        return NoteSigner(ORIGIN, bytes(range(32)))

    def reopen(self, after_step: AfterStep = no_observer) -> None:
        self.desk = open_desk(
            self.settings,
            self.log_key,
            clock=self.clock,
            ids=SeededIdSource("test"),
            feed=self.feed,
            after_step=after_step,
        )

    def broker(self, broker: Broker) -> None:
        """Let another broker answer from now on."""
        self.desk = Desk(replace(self.desk.bench, broker=broker))

    @property
    def store(self) -> SqlStore:
        store = self.desk.bench.store
        assert isinstance(store, SqlStore)
        return store

    def rows(self, sql: str, *values: str | int) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.settings.database_file)) as connection:
            return connection.execute(sql, values).fetchall()

    def forge(self, sql: str, *values: str | int | bytes | None) -> int:
        """Write behind the guards, as the owner of the file can; the number of rows changed."""
        with closing(sqlite3.connect(self.settings.database_file)) as connection, connection:
            for name in GUARDS:
                connection.execute(f"DROP TRIGGER {name}")
            changed = connection.execute(sql, values).rowcount
            for statement in GUARDS.values():
                connection.execute(statement)
        return changed

    def log(self) -> list[StoredRow]:
        fields = ", ".join(StoredRow._fields)
        return [
            StoredRow._make(row)
            for row in self.rows(f"SELECT {fields} FROM audit_records ORDER BY seq")
        ]

    def notes(self) -> list[StoredCheckpoint]:
        found = self.rows("SELECT size, note FROM audit_checkpoints ORDER BY size")
        return [StoredCheckpoint._make(row) for row in found]

    def remembered(self) -> RememberedHead:
        return head_of_signer(read_state(self.settings.counterseal_signer_state, ORIGIN))

    def verdict(self, *heads: RememberedHead) -> Verdict:
        """What an auditor finds with the pinned key and a head; the signer's without any."""
        evidence = Evidence(log_key=self.log_key.key, heads=heads or (self.remembered(),))
        return verify_log(self.log(), self.notes(), evidence)

    def order(self, order_id: str) -> Order:
        with self.store.reader() as reader:
            found = reader.get(Order, order_id)
        assert found is not None
        return found

    def fills(self) -> tuple[Fill, ...]:
        with self.store.reader() as reader:
            return reader.find(Fill)

    def key(self) -> str:
        self.count += 1
        return f"key-{self.count}"

    def actor(self, name: str) -> Actor:
        return Actor(
            id=name,
            issuer="counterseal:test",
            amr=("key",),
            acr="mfa",
            auth_time=self.clock.now(),
            session=f"session-{name}",
        )

    def after(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

    def done(self, outcome: Outcome) -> str:
        assert outcome.accepted, outcome.refusal
        return outcome.subject_id

    def private_key(self, name: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - cryptography's key
        return private_key_from_seed(digest(name).encode()[7:39])

    def _found(self) -> None:
        setup, people = self.desk.setup, self.desk.people
        first, second = "officer-1", "officer-2"
        installation = Installation(
            origin=ORIGIN,
            log_vkey=self.log_key.key.text,
            tenant="tenant-1",
            mode="paper",
            created_at=START,
        )
        self.done(setup.install(installation, self.actor(first), key=self.key()))
        terms = people.terms("tenant-1", self.clock.now(), key=self.key())
        founders = tuple(
            Founder(person=self.person(name), key=self.new_key(name)) for name in (first, second)
        )
        statement = founding_statement(terms, [one.key for one in founders])
        signatures = self.signed_by("attest", statement, first, second)
        founding = Founding(terms=terms, founders=founders, signatures=signatures)
        self.done(people.found(founding, self.actor(first), key=self.key()))
        for name, roles in PEOPLE.items():
            if name in (first, second):
                continue
            self.done(people.add(self.person(name), self.actor(first), key=self.key()))
            for role in roles:
                self.done(self.granted(name, role))
            self.done(self.enrolled(name))
        files = read_policy_files(ROOT / "policies", POLICY_VERSION)
        self.done(setup.activate_policy(files, (first, second), self.actor(first), key=self.key()))
        self.done(
            setup.open_account(
                ACCOUNT,
                "tenant-1",
                Currency.TWD,
                Decimal(1_000_000),
                self.actor("operator"),
                key=self.key(),
            )
        )

    def person(self, name: str) -> Person:
        return Person(person_id=name, tenant="tenant-1", handle=name, created_at=self.clock.now())

    def new_key(self, name: str, place: int = 1, **changes: object) -> PersonKey:
        """A key of a person before enrolment; later places are other keys."""
        signer = name if place == 1 else f"{name}.{place}"
        told: dict[str, object] = {
            "key_id": f"key-of-{signer}",
            "person_id": name,
            "public_key": public_key_text(self.private_key(signer)),
            "key_class": 1,
            "enrolled_by": (),
            "effective_at": self.clock.now(),
        }
        return PersonKey.model_validate(told | changes)

    def terms(self) -> ActTerms:
        """Terms of a fresh act."""
        return self.desk.people.terms("tenant-1", self.clock.now(), key=self.key())

    def signed_by(
        self, kind: str, statement: Mapping[str, Json], *signers: str
    ) -> tuple[Signature, ...]:
        """Signatures by people's keys; `ann.2` is the second key of ann."""
        return tuple(
            sign_statement(self.private_key(n), kind, statement, f"key-of-{n}") for n in signers
        )

    def agreed(self, act: Act, *signers: str) -> Outcome:
        """A proposal of an act with signatures; the first who signs acts."""
        signatures = self.signed_by(kind_of(act), statement_of(act), *signers)
        actor = self.actor(signers[0].partition(".")[0])
        return self.desk.proposals.propose(signatures, actor, key=self.key())

    def granted(self, name: str, role: Role, *officers: str) -> Outcome:
        """A role by both officers, unless others are named."""
        by = officers or ("officer-1", "officer-2")
        return self.agreed(grant_role(self.terms(), name, role), *by)

    def enrolled(self, name: str, *signers: str) -> Outcome:
        """The first key of a person by both officers, with its own proof, unless others sign."""
        by = signers or ("officer-1", "officer-2", name)
        return self.agreed(EnrolKey(terms=self.terms(), key=self.new_key(name)), *by)

    def quote(
        self,
        *,
        bid: str = "19999",
        ask: str = "20000",
        size: int = 5,
        symbol: str = SYMBOL,
        age_seconds: int = 0,
    ) -> Quote:
        self.count += 1
        at = self.clock.now() - timedelta(seconds=age_seconds)
        made = Quote(
            quote_id=f"quote-{self.count}",
            symbol=symbol,
            bid=Decimal(bid),
            ask=Decimal(ask),
            bid_size=Decimal(size),
            ask_size=Decimal(size),
            last=Decimal(bid),
            liquidity_score=Decimal(1),
            source="test",
            basis=QuoteBasis.CALLER,
            event_time=at,
            receive_time=at,
            method="none",
            method_version="1",
            parameters=(),
        )
        self.feed.quotes[symbol] = made
        return made
