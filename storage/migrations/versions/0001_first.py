"""The first schema: the log's tables, the documents' tables, their indexes and guards.

Job: create what `0001_first.sql`, or the file for PostgreSQL beside it, says, word for word.

Not here: a way back; a database without this revision is no database.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every object; statements stand between blank lines."""
    connection = op.get_bind()
    words = ".postgresql.sql" if connection.dialect.name == "postgresql" else ".sql"
    frozen = Path(__file__).with_suffix(words).read_text("utf-8")
    for statement in frozen.split("\n\n"):
        connection.exec_driver_sql(statement.strip())
