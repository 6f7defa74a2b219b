"""The first schema: the log's tables, the documents' tables, their indexes and guards.

Job: create what `0001_first.sql` says, word for word.

Not here: a way back; a database without this revision is no database.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every object; statements stand between blank lines."""
    frozen = Path(__file__).with_suffix(".sql").read_text("utf-8")
    for statement in frozen.split("\n\n"):
        op.get_bind().exec_driver_sql(statement.strip())
