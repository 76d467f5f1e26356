"""Whether a SQLite file holds Steelyard's tables, and in each column what belongs there.

SQLite keeps a text in a column of numbers, and adds it up as 0: a damaged count would be a wrong figure
without a word.
"""

from __future__ import annotations

import sqlalchemy as sa

from steelyard.store.migration import is_older
from steelyard.store.tables import SCHEMA, DamagedError

_LARGEST = 1e300


def check_tables(connection: sa.Connection) -> None:
    """Raise `DamagedError` for the database of another program, or of tables with other columns."""
    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names())
    if not names or is_older(connection):
        return
    ours = names & set(SCHEMA.tables)
    if not ours:
        raise DamagedError(f"it is another program's database, with the table {min(names)!r}")
    for name in ours:
        columns = {column["name"] for column in inspector.get_columns(name)}
        wanted = [column.name for column in SCHEMA.tables[name].columns]
        missing = [column for column in wanted if column not in columns]
        if missing:
            raise DamagedError(f"the table {name!r} has no column {missing[0]!r}")


def check_values(connection: sa.Connection) -> None:
    """Raise `DamagedError` where a column holds values of another type than its own."""
    for table in SCHEMA.tables.values():
        for column in table.columns:
            query = sa.select(sa.func.count()).select_from(table).where(~_is_sound(column))
            count = connection.scalar(query)
            if count:
                raise DamagedError(
                    f"{count} rows of {table.name!r} have no fitting {column.name!r}"
                )


def _is_sound(column: sa.Column[object]) -> sa.ColumnElement[bool]:
    kind = sa.func.typeof(column)
    sound: sa.ColumnElement[bool]
    if isinstance(column.type, sa.Boolean):
        sound = sa.cast(column, sa.Text).in_(["0", "1"])
    elif isinstance(column.type, sa.Integer):
        sound = (kind == "integer") & (column >= 0)
    elif isinstance(column.type, sa.Float):
        sound = kind.in_(["real", "integer"]) & column.between(-_LARGEST, _LARGEST)
    else:
        sound = kind == "text"
    return (sound | (kind == "null")) if column.nullable else sound
