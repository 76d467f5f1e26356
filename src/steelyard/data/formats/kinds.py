"""What kinds of values a column holds, seen row by row, and the Arrow type that holds them all."""

from __future__ import annotations

import json
from typing import Any

from steelyard.data.formats.columnar import JSON_MARK
from steelyard.extras import require

_INT64 = 2**63
_EXACT_IN_FLOAT = 2**53
_MOST_MEMBERS = 64
_MOST_LEVELS = 12
_MOST_DEPTH = 200
_TURN_COLUMNS = frozenset(
    {"messages", "conversations", "prompt", "completion", "chosen", "rejected"}
)
_TURN_KEYS = frozenset({"role", "from"})
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class ColumnType:
    """The kinds of values seen in one place of the rows.

    Objects become a struct when all have the same keys, or when they are chat turns, whose keys
    differ and whose nulls mean "not there". Everything that Arrow cannot hold as it is (mixed kinds,
    objects with keys of their own) becomes JSON text, marked as such in the schema.
    """

    __slots__ = (
        "holds_turns",
        "is_inexact",
        "is_ragged",
        "is_wide",
        "items",
        "level",
        "members",
        "seen",
    )

    def __init__(self, level: int = 0, *, holds_turns: bool = False) -> None:
        self.seen: set[type] = set()
        self.is_wide = False  # some integer needs more than 64 bits
        self.is_inexact = False  # some integer is more than a float can hold
        self.is_ragged = False
        self.items: ColumnType | None = None
        self.members: dict[str, ColumnType] | None = None
        self.level = level
        self.holds_turns = holds_turns

    @classmethod
    def of_column(cls, name: str) -> ColumnType:
        """The kind of a column; those that shapes keep turns in may hold turns."""
        return cls(holds_turns=name in _TURN_COLUMNS)

    def observe(self, value: Any) -> None:
        """Take note of a plain JSON value. Raises `RecursionError` for one that is nested too deeply."""
        kind = type(value)
        if value is None:
            return
        self.seen.add(kind)
        if kind is int and not -_EXACT_IN_FLOAT <= value <= _EXACT_IN_FLOAT:
            self.is_inexact = True
            self.is_wide |= not -_INT64 <= value < _INT64
        elif kind is list:
            self._observe_list(value)
        elif kind is dict:
            self._observe_object(value)

    def _observe_list(self, value: list[Any]) -> None:
        if self._is_too_deep(value):
            return
        if self.items is None:
            self.items = ColumnType(self.level + 1, holds_turns=self.holds_turns)
        for item in value:
            self.items.observe(item)

    def _observe_object(self, value: dict[str, Any]) -> None:
        if self.is_ragged or self._is_too_deep(value):
            _refuse_depth(value)
            return
        if self.members is None and not all(value):  # a member without a name
            self.is_ragged = True
        elif self.members is None:
            self.members = {key: ColumnType(self.level + 1) for key in value}
        elif value.keys() != self.members.keys():
            if not self._is_turn(value):
                self.is_ragged, self.members = True, None
                _refuse_depth(value)
                return
            new = [key for key in value if key not in self.members]
            self.members |= {key: ColumnType(self.level + 1) for key in new}
        if self.members is not None:
            for key, member in value.items():
                self.members[key].observe(member)

    def _is_turn(self, value: dict[str, Any]) -> bool:
        fits = self.holds_turns and not _TURN_KEYS.isdisjoint(value)
        return fits and all(value) and len(self.members or ()) < _MOST_MEMBERS

    def _is_too_deep(self, value: Any) -> bool:
        if self.level < _MOST_LEVELS:
            return False
        _refuse_depth(value)
        self.is_ragged = True
        return True

    @property
    def is_json(self) -> bool:
        """Whether the values must become JSON text."""
        if self.is_ragged or (dict in self.seen and not self.members):
            return True
        if self.seen == {int, float}:
            return self.is_inexact
        return self.is_wide or len(self.seen) > 1

    def arrow_type(self) -> Any:
        """The Arrow type of the values."""
        pyarrow = require("pyarrow", "data")
        if self.is_json or not self.seen or self.seen == {str}:
            return pyarrow.string()
        if self.seen == {bool}:
            return pyarrow.bool_()
        if self.seen == {int}:
            return pyarrow.int64()
        if self.seen <= {int, float}:
            return pyarrow.float64()
        if self.seen == {list}:
            inner = self.items or ColumnType()
            return pyarrow.list_(inner.arrow_field("item"))
        members = self.members or {}
        return pyarrow.struct([kind.arrow_field(name) for name, kind in members.items()])

    def arrow_field(self, name: str) -> Any:
        """The Arrow field called ``name``, marked where it holds JSON text."""
        metadata = {JSON_MARK: b"1"} if self.is_json else None
        return require("pyarrow", "data").field(name, self.arrow_type(), metadata=metadata)

    @property
    def has_json(self) -> bool:
        """Whether some value in here must become JSON text."""
        inner = [self.items] if self.items else list((self.members or {}).values())
        return self.is_json or any(kind.has_json for kind in inner)

    def fitted(self, value: Any) -> Any:
        """The value as the Arrow type takes it."""
        if value is None:
            return None
        if self.is_json:
            return _encode(value)
        if type(value) is list and self.items is not None:
            return [self.items.fitted(item) for item in value]
        if type(value) is dict and self.members is not None:
            return {key: self.members[key].fitted(member) for key, member in value.items()}
        return value

    def feature(self) -> Any:
        """The type as Hugging Face datasets write it in ``dataset_info.json``."""
        if self.is_json or not self.seen or self.seen == {str}:
            return _value("string")
        if self.seen <= {bool, int, float}:
            names = {frozenset({bool}): "bool", frozenset({int}): "int64"}
            return _value(names.get(frozenset(self.seen), "float64"))
        if self.seen == {list}:
            return [(self.items or ColumnType()).feature()]
        return {name: kind.feature() for name, kind in (self.members or {}).items()}


def _refuse_depth(value: Any) -> None:
    """Refuse what the json module may not be able to write at the end, when no row can be left out."""
    level = [value]
    for _ in range(_MOST_DEPTH):
        inner = (
            item.values() if type(item) is dict else item
            for item in level
            if type(item) is dict or type(item) is list
        )
        level = [member for members in inner for member in members]
        if not level:
            return
    raise RecursionError


def _value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}
