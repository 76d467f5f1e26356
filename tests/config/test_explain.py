"""What pydantic found, as one line with the keys and lines that the user wrote."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import ValidationError

from steelyard.config.explain import Place, explain
from steelyard.config.section import Section


class Column(Section):
    name: str
    width: int = 1


class Table(Section):
    kind: Literal["wide", "long"] = "wide"
    columns: tuple[str | Column, ...] = ()
    ratio: float | Literal["auto"] = "auto"
    sizes: dict[str, int] | None = None


def explained(data: dict[str, object], place: Place, owner: str = "") -> str:
    with pytest.raises(ValidationError) as caught:
        Table.model_validate(data)
    return str(explain(caught.value, data, place, owner))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"kind": "wid"}, "kind must be 'wide' or 'long', not 'wid' (did you mean 'wide'?)"),
        ({"sizes": {"a": "x"}}, "sizes.a must be a whole number, not 'x'"),
        ({"columns": [{"name": "a", "width": "b"}]}, "columns.0.width must be a whole number"),
        ({"columns": [{"width": 2}]}, "missing key 'columns.0.name': add it"),
        ({"columns": [3]}, "columns.0 must be text or a mapping of keys, not 3"),
        ({"ratio": "x"}, "ratio must be a number or 'auto', not 'x'"),
        ({"columns": [{"nam": "x"}]}, "unknown key 'nam' (did you mean 'name'?)"),
    ],
)
def test_keys_are_those_of_the_file(data: dict[str, object], sentence: str) -> None:
    text = explained(data, Place("table.yaml", {}))
    assert sentence in text
    for word in ("str", "Column", "literal", "list", "float"):
        assert f".{word}" not in text


def test_a_line_is_that_of_the_key_or_of_the_nearest_one_above() -> None:
    place = Place("table.yaml", {("sizes",): 4, ("sizes", "a"): 5})
    assert explained({"sizes": {"a": "x"}}, place).startswith("table.yaml line 5: sizes.a must ")
    assert explained({"sizes": {"b": "x"}}, place).startswith("table.yaml line 4: sizes.b must ")
    assert explained({"kind": 1}, place).startswith("table.yaml: kind must be ")
    assert explained({"siz": 1}, place._replace(lines={("siz",): 7})).startswith(
        "table.yaml line 7: unknown key 'siz'"
    )


def test_an_owner_stands_before_its_keys() -> None:
    place = Place("task.yaml", {("tables",): 2, ("tables", 0): 3}, ("tables", 0))
    assert explained({"kind": 1}, place, "table first").startswith(
        "task.yaml line 3: table first: kind must be 'wide' or 'long', not 1"
    )


def test_more_than_five_problems_are_counted() -> None:
    text = explained({"sizes": dict.fromkeys("abcdefgh", "x")}, Place("table.yaml", {}))
    assert text.startswith("table.yaml: 8 problems: sizes.a must be a whole number, not 'x'; ")
    assert text.endswith("; and 3 more")
    assert "sizes.f" not in text
