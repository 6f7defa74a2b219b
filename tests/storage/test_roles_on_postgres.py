"""Who may do what on a server: decision 0028; rights refuse before any trigger does."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from counterseal.kernel.errors import AdapterError
from counterseal.kernel.model import Refusal
from storage.databases import PostgresDatabase
from storage.migrations.__main__ import roles
from storage.reconcile import reconcile
from storage.roles import APP, PURGE
from storage.tables import DOCUMENT_TABLES, REGISTER
from tests.desk.keeping import YEAR, KeptWorld
from tests.storage.postgres_server import USER
from tests.storage.test_desk_on_postgres import MovedWorld, a_day
from tests.storage.test_home_on_postgres import plainly

LOGINS = {"desk_login": APP, "purge_login": PURGE}


class Granted(MovedWorld, KeptWorld):
    """A world on a server that acts as one who was granted a role."""

    def act_as(self, login: str) -> None:
        self.store.close()
        self.moved_to = str(self.place(login).url.render_as_string(hide_password=False))
        self.reopen()

    def place(self, login: str) -> PostgresDatabase:
        database = self.settings.database
        assert isinstance(database, PostgresDatabase)
        return PostgresDatabase(database.url.set(username=login))


@pytest.fixture
def granted(tmp_path: Path, empty: PostgresDatabase) -> Iterator[Granted]:
    world = Granted(tmp_path / "granted" / "home")
    world.move(empty)
    with plainly(empty) as superuser:
        for _ in range(2):  # they may be carried out again
            superuser.execute(roles())
        known = {str(name) for (name,) in superuser.execute("SELECT rolname FROM pg_roles")}
        for login, role in LOGINS.items():
            if login not in known:
                superuser.execute(f"CREATE ROLE {login} LOGIN IN ROLE {role}")
    world.act_as("desk_login")
    yield world
    world.store.close()


def test_who_may_only_append_does_a_whole_day(granted: Granted) -> None:
    """Roles I1: submitted, refused, replayed, erased, sealed; opened anew, compared."""
    a_day(granted)
    granted.done(granted.named("ann", "Ann-Example"))
    granted.done(
        granted.records.erase("ann", "asked", granted.actor("compliance"), key=granted.key())
    )
    granted.act_as("desk_login")
    assert reconcile(granted.settings.database, granted.data_keys).clean


REFUSING = "guard_refused() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
LOG = ("audit_records", "audit_checkpoints", "audit_tiles", "audit_head")
FORBIDDEN = [
    *(
        f"{verb} {name}{rest}"
        for name in LOG
        for verb, rest in (("DELETE FROM", ""), ("TRUNCATE", ""))
    ),
    "UPDATE audit_records SET body = ''",
    "UPDATE audit_records SET leaf_hash = ''",
    "UPDATE audit_checkpoints SET note = ''",
    "UPDATE audit_tiles SET root = ''",
    "UPDATE audit_openings SET person_id = ''",
    "UPDATE audit_outbox SET draft = ''",
    "UPDATE alembic_version SET version_num = '0000'",
    "INSERT INTO audit_head SELECT 'two', size, last_leaf, peaks, root, '', 0, '' FROM audit_head",
    "DELETE FROM orders",
    "TRUNCATE orders",
    "ALTER TABLE audit_records DISABLE TRIGGER ALL",
    "DROP TRIGGER guard_audit_records_update ON audit_records",
    "CREATE TRIGGER mine AFTER INSERT ON audit_records EXECUTE FUNCTION guard_refused()",
    f"CREATE OR REPLACE FUNCTION {REFUSING}",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE audit_records DROP CONSTRAINT audit_records_pkey",
    "CREATE RULE mine AS ON INSERT TO audit_records DO INSTEAD NOTHING",
    "DROP TABLE audit_records",
    "CREATE TABLE public.mine (one text)",
    "SET session_replication_role = replica",
    "SET ROLE counterseal_owner",
]


def test_what_would_change_the_log_is_refused_by_rights_alone(granted: Granted) -> None:
    """Roles I1: each statement, with every guard taken away by the one who owns it."""
    a_day(granted)
    with plainly(granted.place(USER)) as superuser:
        for name in (*LOG, "audit_openings"):
            superuser.execute(f"ALTER TABLE {name} DISABLE TRIGGER ALL")
    passed = []
    for statement in FORBIDDEN:
        with plainly(granted.place("desk_login")) as clerk:
            try:
                clerk.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            passed.append(statement)
    assert passed == []


def test_a_purge_needs_a_role_of_its_own_and_the_guard_besides(granted: Granted) -> None:
    """Roles I2: bodies that a recorded purge names, and nothing else of a record."""
    granted.done(granted.submitted(granted.approved()))
    granted.after(6.1 * YEAR)
    purge_id = granted.done(granted.planned())
    granted.done(granted.approved_by(purge_id, "compliance"))
    with pytest.raises(AdapterError, match="DATABASE_FORBIDDEN"):
        granted.approved_by(purge_id, "officer-1")

    granted.act_as("purge_login")
    told = granted.approved_by(purge_id, "officer-1")
    assert not isinstance(told.refusal, Refusal)
    assert reconcile(granted.settings.database, granted.data_keys).clean
    with plainly(granted.place("purge_login")) as purger:
        emptied = "SELECT count(*) FROM audit_records WHERE length(body) = 0"
        assert purger.execute(emptied).fetchone() != (0,)
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            purger.execute("UPDATE audit_records SET body = '' WHERE seq = 0")
        for column in ("leaf_hash = ''", "seq = 9"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                purger.execute(f"UPDATE audit_records SET {column} WHERE seq = 0")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            purger.execute("DELETE FROM audit_records")


def test_every_registered_table_is_granted_and_no_other(granted: Granted) -> None:
    """Roles I3: a new table that nobody granted stops the desk, and this test."""
    asked = (
        "SELECT c.relname, bool_or(has_table_privilege(%s, c.oid, 'SELECT')),"
        " bool_or(pg_get_userbyid(c.relowner) = 'counterseal_owner')"
        " FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " GROUP BY c.relname"
    )
    with plainly(granted.place(USER)) as superuser:
        found = {
            str(name): (reads, owned) for name, reads, owned in superuser.execute(asked, (APP,))
        }
    assert found == dict.fromkeys(REGISTER, (True, True))
    assert found.keys() > DOCUMENT_TABLES.keys()
