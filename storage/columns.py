"""Columns that mean the same on both databases.

Job: whole numbers of 64 bits, text that is compared byte by byte, and columns that lead to no row.

Not here: what is stored in them (rows, tables).
Source: PostgreSQL documentation, collation support; SQLite documentation, STRICT tables.
"""

from sqlalchemy import BigInteger, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class Whole(BigInteger):
    """A whole number of 64 bits; SQLite knows one INTEGER only."""


class Words(Text):
    """Text whose order is that of its bytes, whatever language a server speaks."""


class Beside(FunctionElement[object]):
    """A column that is compared in rows found otherwise, never looked up by an index of its own.

    SQLite keeps no numbers of its rows here, and would take any indexed value for a rare one.
    """

    inherit_cache = True


@compiles(Beside)
def _beside(element: Beside, compiler: SQLCompiler, **told: object) -> str:
    return compiler.process(element.clauses, **told)


@compiles(Beside, "sqlite")
def _beside_on_sqlite(element: Beside, compiler: SQLCompiler, **told: object) -> str:
    return f"+{compiler.process(element.clauses, **told)}"


@compiles(Whole, "sqlite")
def _whole_on_sqlite(_type: TypeEngine[int], _compiler: object, **_told: object) -> str:
    return "INTEGER"


@compiles(Words, "postgresql")
def _words_on_postgresql(_type: TypeEngine[str], _compiler: object, **_told: object) -> str:
    return 'TEXT COLLATE "C"'
