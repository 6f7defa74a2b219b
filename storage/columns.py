"""Column types that mean the same on both databases.

Job: whole numbers of 64 bits, and text that is compared byte by byte.

Not here: what is stored in them (rows, tables).
Source: PostgreSQL documentation, collation support; SQLite documentation, STRICT tables.
"""

from sqlalchemy import BigInteger, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeEngine


class Whole(BigInteger):
    """A whole number of 64 bits; SQLite knows one INTEGER only."""


class Words(Text):
    """Text whose order is that of its bytes, whatever language a server speaks."""


@compiles(Whole, "sqlite")
def _whole_on_sqlite(_type: TypeEngine[int], _compiler: object, **_told: object) -> str:
    return "INTEGER"


@compiles(Words, "postgresql")
def _words_on_postgresql(_type: TypeEngine[str], _compiler: object, **_told: object) -> str:
    return 'TEXT COLLATE "C"'
