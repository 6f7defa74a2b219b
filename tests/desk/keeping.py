"""A governed world whose records are kept: holds, erasures, purges and log keys."""

from counterseal.audit.accounts import AccountReport, Accounts, account_for
from counterseal.audit.keys import SealStanding
from counterseal.audit.note import Note, NoteSigner
from counterseal.audit.retention import Purge
from counterseal.desk.approvals import Preparation
from counterseal.desk.commands import Outcome
from counterseal.desk.purging import Purging, purge_statement
from counterseal.desk.records import Records
from counterseal.identity.dsse import sign_statement
from counterseal.identity.people import Person
from counterseal.kernel.model import Signature
from storage.archive import SqlArchive
from storage.data_keys import DataKeys, data_keys
from storage.reconcile import Difference, reconcile
from tests.household import ORIGIN
from tests.world import World

YEAR = 365.25 * 86_400
NEXT = NoteSigner(ORIGIN, bytes([9]) * 32)


def code(outcome: Outcome | Preparation) -> str:
    """The refusal's code, empty when there is none."""
    return "" if outcome.refusal is None else outcome.refusal.code


class KeptWorld(World):
    @property
    def data_keys(self) -> DataKeys:
        return data_keys(self.settings)

    @property
    def archive(self) -> SqlArchive:
        return SqlArchive(self.settings.database, self.data_keys)

    @property
    def differences(self) -> tuple[Difference, ...]:
        return reconcile(self.settings.database, self.data_keys).differences

    @property
    def records(self) -> Records:
        return Records(self.desk.bench, self.archive)

    @property
    def purging(self) -> Purging:
        return Purging(self.desk.bench, self.archive)

    def named(self, person_id: str, handle: str) -> Outcome:
        person = Person(
            person_id=person_id, tenant="tenant-1", handle=handle, created_at=self.clock.now()
        )
        return self.desk.people.add(person, self.actor("officer-1"), key=self.key())

    def hold(self, *streams: str) -> str:
        told = self.records.hold(
            streams, "a case in court", self.actor("compliance"), key=self.key()
        )
        return self.done(told)

    def erase(self, person_id: str) -> Outcome:
        actor = self.actor("compliance")
        return self.records.erase(person_id, "the person asked for it", actor, key=self.key())

    def planned(self) -> Outcome:
        return self.purging.plan(self.actor("compliance"), key=self.key())

    def consent(self, purge_id: str, name: str) -> Signature:
        with self.store.reader() as reader:
            purge = reader.get(Purge, purge_id)
        assert purge is not None
        statement = purge_statement(purge, name, f"key-of-{name}")
        return sign_statement(self.private_key(name), "purge", statement, f"key-of-{name}")

    def approved_by(self, purge_id: str, name: str, key: str | None = None) -> Outcome:
        signature = self.consent(purge_id, name)
        return self.purging.approve(purge_id, signature, self.actor(name), key=key or self.key())

    def purged(self) -> str:
        purge_id = self.done(self.planned())
        self.done(self.approved_by(purge_id, "compliance"))
        self.done(self.approved_by(purge_id, "officer-1"))
        return purge_id

    def signed(self, text: str, *signers: NoteSigner) -> str:
        return Note(text, tuple(signer.line(text) for signer in signers)).text

    def rotated(self, *by: NoteSigner) -> Outcome:
        note = self.signed(self.records.rotation(NEXT.key), *by)
        return self.records.rotate_key(NEXT.key, note, self.actor("officer-1"), key=self.key())

    def kept(self) -> None:
        """One of each: a name erased, a hold, a key change, and at last a purge that is planned."""
        self.done(self.named("ann", "Ann-Example"))
        self.done(self.erase("ann"))
        self.hold("system")
        self.done(self.rotated(self.log_key, NEXT))
        self.after(6.1 * YEAR)
        self.done(self.planned())

    def accounts(self) -> Accounts:
        return account_for(self.log())

    def report(self) -> AccountReport:
        return self.accounts().report(len(self.log()), self.archive.openings())

    def standing(self, key: NoteSigner, size: int) -> SealStanding:
        return self.records.keys().standing(key.key, size)
