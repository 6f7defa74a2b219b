"""What refuses to rewrite the log on PostgreSQL.

Job: the functions and triggers that stand there, and what of a database stands instead.

Every name is told with its schema, so that no temporary table can stand in for the log. Triggers
fire always, also for a session that calls itself a replica. What is compared are the server's own
words for each object; they are the same in every version that is supported.

Invariants
  I1  UPDATE, DELETE and TRUNCATE of records, checkpoints and tiles are refused, as are INSERT away
      from the head, a change of an opening and the removal of the head; the one exception is that
      of `guards`.
  I2  A guard that is gone, altered or switched off is named; so are foreign triggers, rules and row
      policies, and a lost key of the log's tables.

Not here: what a superuser may do (ALTER TABLE ... DISABLE TRIGGER): I2 finds that at every open.
Source: PostgreSQL documentation: overview of trigger behavior, system catalogs; design part append.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, text

from counterseal.audit.record import StoredRow

_RECORD: Final = StoredRow._fields[:-1]
"""Every column but the body."""
_NEW: Final = ", ".join(f"NEW.{name}" for name in _RECORD)
_OLD: Final = ", ".join(f"OLD.{name}" for name in _RECORD)


def _function(name: str, body: str) -> str:
    lines = "\n".join(line for line in body.splitlines() if line)
    return (
        f"CREATE OR REPLACE FUNCTION public.{name}()\n RETURNS trigger\n LANGUAGE plpgsql\n"
        f"AS $function$\n{lines}\n$function$\n"
    )


FUNCTIONS: Final[Mapping[str, str]] = {
    "guard_refused": _function(
        "guard_refused",
        """
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = TG_TABLE_NAME || ' is append-only';
END
""",
    ),
    "guard_only_purged": _function(
        "guard_only_purged",
        f"""
BEGIN
  IF NEW.body = ''::bytea AND starts_with(OLD.stream, 'case:')
    AND ({_NEW}) = ({_OLD})
    AND EXISTS (
      SELECT 1 FROM public.audit_records AS told, json_array_elements(
        convert_from(told.body, 'UTF8')::json #> '{{after,documents,purges,0,ranges}}') AS part
      WHERE told.stream = 'retention' AND told.type = 'retention.purged' AND told.seq > OLD.seq
        AND told.seq < (SELECT max(size) FROM public.audit_checkpoints)
        AND part ->> 'stream' = OLD.stream
        AND OLD.seq BETWEEN (part ->> 'first')::bigint AND (part ->> 'last')::bigint)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = 'audit_records is append-only';
END
""",  # noqa: S608 - own names
    ),
    "guard_only_at_head": _function(
        "guard_only_at_head",
        """
DECLARE
  last_seq bigint;
  last_leaf text;
BEGIN
  SELECT seq, leaf_hash INTO last_seq, last_leaf
    FROM public.audit_records ORDER BY seq DESC LIMIT 1;
  IF NEW.seq = coalesce(last_seq + 1, 0) AND NEW.prev = coalesce(last_leaf, repeat('0', 64)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = 'a record enters only at the head';
END
""",
    ),
    "guard_only_larger": _function(
        "guard_only_larger",
        """
BEGIN
  IF EXISTS (SELECT 1 FROM public.audit_checkpoints WHERE size >= NEW.size) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
      MESSAGE = 'checkpoints only grow';
  END IF;
  RETURN NEW;
END
""",
    ),
}


def _trigger(table: str, verb: str, does: str = "guard_refused", *, rows: bool = False) -> str:
    name = f"guard_{table}_{verb.split(maxsplit=1)[0].lower()}"
    each = "ROW" if rows else "STATEMENT"
    return (
        f"CREATE TRIGGER {name} BEFORE {verb} ON public.{table} "
        f"FOR EACH {each} EXECUTE FUNCTION {does}()"
    )


_TRIGGERS: Final[Mapping[str, str]] = {
    statement.split()[2]: statement
    for statement in (
        _trigger("audit_records", "INSERT", "guard_only_at_head", rows=True),
        _trigger("audit_records", "UPDATE", "guard_only_purged", rows=True),
        _trigger("audit_records", "DELETE OR TRUNCATE"),
        _trigger("audit_checkpoints", "INSERT", "guard_only_larger", rows=True),
        _trigger("audit_checkpoints", "UPDATE"),
        _trigger("audit_checkpoints", "DELETE OR TRUNCATE"),
        _trigger("audit_tiles", "UPDATE"),
        _trigger("audit_tiles", "DELETE OR TRUNCATE"),
        _trigger("audit_openings", "UPDATE"),
        _trigger("audit_openings", "TRUNCATE"),
        _trigger("audit_head", "DELETE OR TRUNCATE"),
    )
}
_KEYS: Final = (
    "audit_records PRIMARY KEY (seq)",
    "audit_records UNIQUE (event_id)",
    "audit_records UNIQUE (stream, stream_seq)",
    "audit_checkpoints PRIMARY KEY (size)",
    "audit_checkpoints UNIQUE (number)",
    "audit_head PRIMARY KEY (origin)",
    "audit_openings PRIMARY KEY (commitment)",
    'audit_outbox PRIMARY KEY ("position")',
    "audit_outbox UNIQUE (event_id)",
    "audit_tiles PRIMARY KEY (level, number)",
)
GUARDS: Final[Mapping[str, str]] = {
    **FUNCTIONS,
    **{name: f"{told} ALWAYS" for name, told in _TRIGGERS.items()},
    **dict.fromkeys(_KEYS, "valid"),
}
"""What must stand: each function's and trigger's text, how a trigger fires, and each key."""

_FUNCTIONS_LIVE: Final = text(
    "SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p"
    " WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype = 'trigger'::regtype"
)
_TRIGGERS_LIVE: Final = text(
    "SELECT t.tgname, pg_get_triggerdef(t.oid)"
    " || CASE t.tgenabled WHEN 'A' THEN ' ALWAYS' ELSE ' NOT ALWAYS' END"
    " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal"
)
_KEYS_LIVE: Final = text(
    "SELECT c.relname || ' ' || pg_get_constraintdef(k.oid),"
    " CASE WHEN k.convalidated AND NOT k.condeferrable AND i.indisvalid"
    " THEN 'valid' ELSE 'invalid' END"
    " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
    " JOIN pg_index i ON i.indexrelid = k.conindid"
    " WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'u')"
    " AND starts_with(c.relname, 'audit_')"
)
_RULES_LIVE: Final = text(
    "SELECT 'rule ' || r.rulename, r.definition FROM pg_rules r WHERE r.schemaname = 'public'"
)
_POLICIES_LIVE: Final = text(
    "SELECT 'row policies of ' || c.relname, 'on' FROM pg_class c"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity"
)
_LIVE: Final = (_FUNCTIONS_LIVE, _TRIGGERS_LIVE, _KEYS_LIVE, _RULES_LIVE, _POLICIES_LIVE)


def guard_statements() -> Sequence[str]:
    """What installs the guards on tables that have none."""
    switched = (
        f"ALTER TABLE {_table(told)} ENABLE ALWAYS TRIGGER {name}"
        for name, told in _TRIGGERS.items()
    )
    return (*(told.strip() for told in FUNCTIONS.values()), *_TRIGGERS.values(), *switched)


def install_guards(connection: Connection) -> None:
    """Make functions and triggers anew."""
    for name, told in _TRIGGERS.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {_table(told)}")
    for statement in guard_statements():
        connection.exec_driver_sql(statement)


def _table(trigger: str) -> str:
    return trigger.partition(" ON ")[2].split()[0]


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of guards that are absent, altered, switched off or foreign."""
    live = live_guards(connection)
    return tuple(sorted(n for n in live.keys() | GUARDS.keys() if live.get(n) != GUARDS.get(n)))


def live_guards(connection: Connection) -> dict[str, str]:
    """What stands there, and whatever else is of these kinds, by its name."""
    return dict(_live(connection))


def _live(connection: Connection) -> Iterator[tuple[str, str]]:
    connection.exec_driver_sql("SET LOCAL search_path = public, pg_temp")
    for query in _LIVE:
        yield from ((str(name), str(told)) for name, told in connection.execute(query))
