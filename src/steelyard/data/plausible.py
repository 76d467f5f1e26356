"""Whether a column may play the role that its name suggests, by what all rows have in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from steelyard.data.formats.roles import Columns, columns_of, resolve
from steelyard.data.read import NumberedRow
from steelyard.errors import closest

ROLES = ("id", "group", "weight", "slice", "timestamp")
"""Roles for which a name alone is too little: ``weight`` may be in kg, ``group`` an arm of an experiment."""

_NEEDED = ("input", "output")
_ANY_TEXT = ("slice", "timestamp")
_FEWEST_ROWS = 20
_SHARE = 0.9
_FEWEST_GROUPS = 5
_LARGEST_GROUP = 0.5


def implausible(rows: Iterable[NumberedRow], columns: Columns) -> dict[str, str]:
    """The roles that no column shall play, with the reason.

    Looked at are those that ``columns`` does not decide, where 20 rows have them. An id differs from row to
    row of a part (in 90 % of them at least), a weight is a number, and groups are at least five of which
    none holds half of the rows. However few the rows, most of them must not hold objects or lists.
    """
    values_by_role: dict[str, Counter[str]] = {}
    nested: Counter[str] = Counter()
    names: dict[str, str] = {}
    for _, part, row in rows:
        fields = row.fields
        roles = resolve(tuple(fields), columns)
        for role in ROLES:
            if role in roles and role not in columns:
                value = fields.get(roles[role])
                names[role] = roles[role]
                if value is not None and value != "":
                    nested[role] += isinstance(value, dict | list)
                    key = f"{part}/{value}" if role == "id" else str(value).strip()
                    key = "" if role in _ANY_TEXT else key
                    values_by_role.setdefault(role, Counter())[key] += 1
    reasons = {
        role: f"{names[role]!r} holds objects or lists"
        if 2 * nested[role] > values.total()
        else _why_not(role, names[role], values)
        for role, values in values_by_role.items()
    }
    return {role: reason for role, reason in reasons.items() if reason is not None}


def absent_columns(rows: Iterable[NumberedRow], columns: Columns) -> tuple[str, ...]:
    """A remark on each column that is named for a role and that no row has.

    A row without its input or output is a bad row, which says so itself.
    """
    names = {role: name for role, name in columns.items() if name and role not in _NEEDED}
    if not names:
        return ()
    keys = {key for _, _, row in rows for key in row.fields}
    absent = {role: name for role, name in names.items() if keys.isdisjoint(columns_of(name, keys))}
    return tuple(
        f"no row has {name!r}, which is named as the {role}{closest(name, keys)}"
        for role, name in absent.items()
        if keys
    )


def _why_not(role: str, name: str, values: Counter[str]) -> str | None:
    rows = values.total()
    if rows < _FEWEST_ROWS or role in _ANY_TEXT:
        return None
    if role == "weight":
        numbers = sum(count for text, count in values.items() if _is_weight(text))
        return None if numbers >= _SHARE * rows else f"{name!r} does not hold numbers above 0"
    if role == "id":
        return (
            None
            if len(values) >= _SHARE * rows
            else f"{name!r} has {len(values):,} values in {rows:,} rows"
        )
    if len(values) < _FEWEST_GROUPS:
        return f"{name!r} has {len(values)} values only"
    most = values.most_common(1)[0][1]
    return None if most <= _LARGEST_GROUP * rows else f"half of the rows share one {name!r}"


def _is_weight(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
