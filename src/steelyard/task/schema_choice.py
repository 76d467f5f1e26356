"""Where an answer's JSON schema comes from: written out, a file, or a pydantic model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.config.source import names_in, read_text, read_yaml
from steelyard.errors import ConfigError, closest_file
from steelyard.files import expanded, note_source, parse_json, real
from steelyard.user_code import load_name
from steelyard.words import one_line, shortened

_FILES = (".json", ".yaml", ".yml")
_LONGEST = 1000  # characters of a path


def with_schema(config: Mapping[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """Return ``config`` with ``output.schema`` written out.

    It may be a JSON schema, the path of one (``order.schema.json``), a pydantic model in the user's
    code (``schemas.py:Order``, ``package.module:Order``) or, from Python, the model itself. Raises
    `ConfigError` where there is no such file or model.
    """
    output = config.get("output")
    source = (
        output.get("schema", output.get("json_schema")) if isinstance(output, Mapping) else None
    )
    if source is None or isinstance(source, Mapping):
        return dict(config)
    assert isinstance(output, Mapping)
    rest = {key: value for key, value in output.items() if key not in ("schema", "json_schema")}
    schema = _schema_of(source, folder, f"{where}: output.schema")
    return {**config, "output": {**rest, "schema": schema}}


def _schema_of(source: Any, folder: Path, what: str) -> Any:
    if isinstance(source, str) and not (source.isprintable() and len(source) <= _LONGEST):
        raise ConfigError(f"{what}: {shortened(repr(source), 60)} is not the name of a schema")
    if not isinstance(source, str):
        return _of_model(source, what, repr(source))
    if source.endswith(_FILES):
        return _of_file(real(folder / expanded(source)), what)
    if ":" in source:
        return _of_model(load_name(source, folder, what), what, source)
    raise ConfigError(
        f"{what}: {source!r} is not a schema: write it out, or name a file (order.json) or a pydantic "
        "model (schemas.py:Order)"
    )


def _of_file(path: Path, what: str) -> Any:
    if not path.is_file():
        hint = closest_file(path.name, names_in(path.parent))
        raise ConfigError(f"{what}: no file {path}{hint}")
    note_source(path)
    if path.suffix != ".json":
        return read_yaml(path, is_data=True)[0]
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise ConfigError(
            f"{what}: {path} is not valid JSON: {one_line(str(error), 200)}"
        ) from None


def _of_model(model: Any, what: str, name: str) -> Any:
    if isinstance(model, type) and hasattr(model, "model_json_schema"):
        try:
            return model.model_json_schema()
        except Exception as error:  # noqa: BLE001 - the class and its fields are the user's
            reason = one_line(str(error), 200)
            raise ConfigError(
                f"{what}: {name} has no JSON schema ({type(error).__name__}: {reason}): name a class of "
                "your own, with fields that JSON can hold"
            ) from None
    if isinstance(model, Mapping):
        return dict(model)
    raise ConfigError(f"{what}: {name} is neither a pydantic model nor a JSON schema")
