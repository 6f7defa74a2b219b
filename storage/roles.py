"""Who may do what in a database on a server.

Job: the statements that take a founded database from whoever made it, and grant what the desk does.

A role's rights are the first refusal, the guards the second: who holds `APP` alone can neither
rewrite the log nor switch off what refuses it.

Invariants
  I1  `APP` appends to the log's tables, and cannot change or remove a row of them, nor any object.
  I2  `PURGE` may also remove documents, and empty the body of a record where the guard lets it.
  I3  Every registered table is granted by its class; one that is not registered is granted nothing.
  I4  The statements may be carried out again, after a migration for example.

Not here: triggers (postgres_guards), who logs in, and how (the server's administrator).
Source: PostgreSQL documentation: privileges, predefined schema public; decision 0028.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from storage.postgres_guards import FUNCTIONS
from storage.tables import DOCUMENT_TABLES, REGISTER

OWNER: Final = "counterseal_owner"
"""Owns every object; nobody logs in as it."""

APP: Final = "counterseal_app"
"""What desk, pages and flows need."""

PURGE: Final = "counterseal_purge"
"""What `counterseal records purge` needs besides."""

_RIGHTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(DOCUMENT_TABLES, "SELECT, INSERT, UPDATE"),
    "audit_records": "SELECT, INSERT",
    "audit_checkpoints": "SELECT, INSERT",
    "audit_tiles": "SELECT, INSERT",
    "audit_head": "SELECT, UPDATE",
    "audit_openings": "SELECT, INSERT, DELETE",
    "audit_outbox": "SELECT, INSERT, DELETE",
    "alembic_version": "SELECT",
}


def role_statements() -> Iterator[str]:
    """What an administrator of the server carries out in a founded database, in this order."""
    yield from map(_made, (OWNER, APP, PURGE))
    yield f"GRANT {APP} TO {PURGE}"
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}"
    yield f"GRANT USAGE ON SCHEMA public TO {APP}"
    for name in FUNCTIONS:
        yield f"ALTER FUNCTION public.{name}() OWNER TO {OWNER}"
    for name in REGISTER:
        yield f"ALTER TABLE public.{name} OWNER TO {OWNER}"
        yield f"REVOKE ALL ON public.{name} FROM PUBLIC, {APP}, {PURGE}"
        yield f"GRANT {_RIGHTS[name]} ON public.{name} TO {APP}"
    for name in DOCUMENT_TABLES:
        yield f"GRANT DELETE ON public.{name} TO {PURGE}"
    yield f"GRANT UPDATE (body) ON public.audit_records TO {PURGE}"


def _made(role: str) -> str:
    """A role that is there or not yet: roles are those of a server, not of one database."""
    return (
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN;"
        f" EXCEPTION WHEN duplicate_object THEN ALTER ROLE {role} NOLOGIN; END $$"
    )
