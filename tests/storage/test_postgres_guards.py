"""The guards of PostgreSQL: what a superuser and a clerk meet, and what a changed guard meets."""

from collections.abc import Iterator

import psycopg
import pytest

from counterseal.kernel.errors import IntegrityError
from storage import migrations
from storage.databases import PostgresDatabase
from storage.guards import missing_guards
from tests.storage.log_room import LogRoom, plainly, recorded


@pytest.fixture
def room(postgres_room: LogRoom) -> LogRoom:
    return postgres_room


BY_SUPERUSER = {
    "update": "UPDATE audit_records SET body = ''",
    "delete": "DELETE FROM audit_records",
    "truncate": "TRUNCATE audit_records",
    "truncate all": "TRUNCATE audit_records, audit_checkpoints, audit_head, audit_outbox CASCADE",
    "truncate notes": "TRUNCATE audit_checkpoints",
    "truncate the head": "TRUNCATE audit_head",
    "truncate tiles": "TRUNCATE audit_tiles",
    "truncate openings": "TRUNCATE audit_openings",
    "update openings": "UPDATE audit_openings SET person_id = 'x'",
    "update tiles": "UPDATE audit_tiles SET root = ''",
}


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("attempt", BY_SUPERUSER.values(), ids=BY_SUPERUSER.keys())
def test_a_superuser_is_refused_also_as_a_replica(
    kept_postgres_room: LogRoom, attempt: str, role: str
) -> None:
    """Guards I1: triggers fire always."""
    with plainly(kept_postgres_room) as superuser:
        superuser.execute(f"SET session_replication_role = {role}")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            superuser.execute(attempt)


TAMPERED = {
    "switched off": "ALTER TABLE audit_records DISABLE TRIGGER guard_audit_records_delete",
    "all switched off": "ALTER TABLE audit_checkpoints DISABLE TRIGGER ALL",
    "not always": "ALTER TABLE audit_records ENABLE TRIGGER guard_audit_records_update",
    "dropped": "DROP TRIGGER guard_audit_head_delete ON audit_head",
    "another text": "CREATE OR REPLACE FUNCTION guard_refused() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN OLD; END'",
    "another verb": "CREATE OR REPLACE TRIGGER guard_audit_records_delete BEFORE DELETE ON"
    " audit_records FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()",
    "a condition": "CREATE OR REPLACE TRIGGER guard_audit_records_insert BEFORE INSERT ON"
    " audit_records FOR EACH ROW WHEN (NEW.seq < 0) EXECUTE FUNCTION guard_only_at_head()",
    "a foreign trigger": "CREATE TRIGGER mine AFTER INSERT ON orders FOR EACH STATEMENT"
    " EXECUTE FUNCTION guard_refused()",
    "a rule": "CREATE RULE mine AS ON DELETE TO audit_records DO INSTEAD NOTHING",
    "row policies": "ALTER TABLE audit_records ENABLE ROW LEVEL SECURITY",
    "a lost key": "ALTER TABLE audit_records DROP CONSTRAINT audit_records_event_id_key",
    "runs as somebody": "ALTER FUNCTION guard_only_purged() SECURITY DEFINER",
    "looks elsewhere": "ALTER FUNCTION guard_only_at_head() SET search_path = pg_temp",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_guard_that_is_gone_altered_or_off_is_named(
    kept_postgres_room: LogRoom, change: str
) -> None:
    """Guards I3: what cannot be refused to a superuser is seen."""
    with kept_postgres_room.raw() as connection:
        assert missing_guards(connection) == ()
        connection.exec_driver_sql(change)
        assert missing_guards(connection) != ()
        connection.rollback()


def test_a_guard_that_is_off_refuses_to_open(room: LogRoom) -> None:
    """Guards I3: at every open."""
    with plainly(room) as superuser:
        superuser.execute(TAMPERED["switched off"])
    with pytest.raises(IntegrityError, match="GUARD_MISSING"), room.store():
        pass


def test_a_migration_brings_every_guard_back(room: LogRoom) -> None:
    """F08: whatever a step did to tables and triggers."""
    with plainly(room) as superuser:
        for change in ("switched off", "not always", "dropped", "another text"):
            superuser.execute(TAMPERED[change])
        superuser.execute("UPDATE alembic_version SET version_num = '0000'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.schema.REVISIONS", ("0000", "0001"))
        patch.setattr(migrations, "upgrade", lambda *_: None)
        engine = room.database.writing()
        assert migrations.migrate(engine) == "0001"
        engine.dispose()
    with room.raw() as connection:
        assert missing_guards(connection) == ()


def test_a_migration_that_loses_a_key_is_undone(room: LogRoom) -> None:
    """F08: the fork guard was lost when migrations took over the schema."""
    with plainly(room) as superuser:
        superuser.execute("UPDATE alembic_version SET version_num = '0000'")

    def step(*_: object) -> None:
        connection.exec_driver_sql(TAMPERED["a lost key"])

    engine = room.database.writing()
    with pytest.MonkeyPatch.context() as patch, engine.connect() as connection:
        patch.setattr("storage.schema.REVISIONS", ("0000", "0001"))
        patch.setattr(migrations, "upgrade", step)
        with pytest.raises(IntegrityError, match="UNIQUE"), connection.begin():
            migrations.create_schema(connection)
    engine.dispose()
    with room.raw() as connection:
        assert missing_guards(connection) == ()


def test_a_temporary_table_does_not_stand_in_for_the_log(room: LogRoom) -> None:
    """Guards: names are told with their schema."""
    with room.store() as store:
        recorded(store, "one")
        store.seal()
    with plainly(room) as session:
        session.execute("CREATE TEMP TABLE audit_records (LIKE public.audit_records)")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="at the head"):
            session.execute(
                "INSERT INTO public.audit_records SELECT 0, repeat('0', 64), stream, 9, prev, 'x',"
                " type, occurred_at, recorded_at, leaf_hash, body FROM public.audit_records"
            )


@pytest.fixture
def clerk(room: LogRoom) -> Iterator[LogRoom]:
    """The same log for a role that owns nothing."""
    with plainly(room) as superuser:
        superuser.execute("CREATE ROLE clerk LOGIN")
        for grant in GRANTS:
            superuser.execute(f"GRANT {grant} TO clerk")
    assert isinstance(room.database, PostgresDatabase)
    url = room.database.url.set(username="clerk")
    yield LogRoom(room.folder, PostgresDatabase(url))
    with plainly(room) as superuser:
        superuser.execute("DROP OWNED BY clerk")
        superuser.execute("DROP ROLE clerk")


GRANTS = (
    "SELECT ON ALL TABLES IN SCHEMA public",
    "INSERT ON audit_records, audit_checkpoints, audit_tiles",
    "INSERT, DELETE ON audit_outbox",
    "UPDATE ON audit_head",
)
BY_CLERK = (
    "UPDATE audit_records SET body = ''",
    "DELETE FROM audit_records",
    "TRUNCATE audit_records",
    "UPDATE audit_checkpoints SET note = ''",
    "ALTER TABLE audit_records DISABLE TRIGGER ALL",
    "DROP TRIGGER guard_audit_records_delete ON audit_records",
    "SET session_replication_role = replica",
    "CREATE OR REPLACE FUNCTION guard_refused() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
)


def test_who_owns_nothing_can_append_and_change_nothing(clerk: LogRoom) -> None:
    """Append: the application's role needs INSERT on the log, and no more."""
    with clerk.store() as store:
        recorded(store, "one", "two")
        assert store.seal() == 2
    for attempt in BY_CLERK:
        with plainly(clerk) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(attempt)
    clerk.is_whole()
