"""Where the JSON schema of an answer comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from steelyard.errors import ConfigError
from steelyard.task.config import build_task

MODEL = """
from pydantic import BaseModel

class Order(BaseModel):
    product: str
    quantity: int = 1
"""


class Order(BaseModel):
    product: str


def schema_of(folder: Path, schema: object) -> dict[str, object]:
    (folder / "e.jsonl").write_text('{"input": "x", "output": {"product": "pea"}}\n')
    config = {
        "name": "t",
        "instruction": "Extract.",
        "output": {"kind": "json", "schema": schema},
        "examples": "e.jsonl",
    }
    task = build_task(config, folder)
    assert task.updated(name="u").output.json_schema == task.output.json_schema
    return task.output.json_schema or {}


ODD = """
from collections.abc import Callable
class Odd(BaseModel):
    how: Callable[[int], int]
"""


def test_a_pydantic_model_in_the_users_file(tmp_path: Path) -> None:
    (tmp_path / "schemas.py").write_text(MODEL)
    found = schema_of(tmp_path, "schemas.py:Order")
    assert set(found["properties"]) == {"product", "quantity"}  # type: ignore[call-overload]
    assert found["required"] == ["product"]


def test_a_pydantic_model_from_python(tmp_path: Path) -> None:
    assert schema_of(tmp_path, Order) == Order.model_json_schema()


@pytest.mark.parametrize("name", ["order.json", "order.yaml"])
def test_a_file_with_a_schema(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps({"type": "object"}))
    assert schema_of(tmp_path, name) == {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("ordr.json", r"no file .*ordr.json \(did you mean 'order.json'\?\)"),
        ("bad.json", "is not valid JSON"),
        ("object", "'object' is not a schema: write it out"),
        ("schemas.py:Path", "schemas.py:Path is neither a pydantic model nor a JSON schema"),
        ("schemas.py:Ordre", "did you mean 'Order'"),
        ("schemas.py:BaseModel", r"BaseModel has no JSON schema \(AttributeError"),
        ("schemas.py:Odd", r"Odd has no JSON schema \(PydanticInvalidForJsonSchema"),
        (7, "7 is neither"),
    ],
)
def test_what_is_no_schema_is_one_line(tmp_path: Path, schema: object, message: str) -> None:
    (tmp_path / "order.json").write_text("{}")
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "schemas.py").write_text(MODEL + "from pathlib import Path\n" + ODD)
    with pytest.raises(ConfigError, match=message):
        schema_of(tmp_path, schema)
