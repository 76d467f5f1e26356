"""Whether a model can hold its answers to a JSON schema, found out before anything is asked."""

from __future__ import annotations

import json
from importlib.util import find_spec

from steelyard.errors import ConfigError
from steelyard.model.base import ModelSpec, provider_of
from steelyard.words import listed


def check_schema(schema: str, spec: ModelSpec) -> tuple[str, ...]:
    """Return warnings about holding the model's answers to ``schema`` (JSON text).

    Raises `ConfigError` for a schema that a local model cannot be held to at all. An endpoint is
    sent any schema: where it is not one for strict mode, answers may break it, and a warning says
    why. Loads no model, and no torch.
    """
    check = provider_of(spec).check_schema
    return () if check is None else check(schema)


def check_grammar(schema: str) -> tuple[str, ...]:
    """Refuse a schema that the engine cannot hold answers to; see `check_schema`."""
    if find_spec("llguidance") is None:
        return ()  # that the extra is missing is said where it is needed
    from steelyard.model.engine.grammar import compile_schema, unfit

    try:
        compile_schema(schema)
    except ValueError as error:
        raise ConfigError(unfit(str(error))) from None
    return ()


def check_strict(schema: str) -> tuple[str, ...]:
    """Warn of a schema that no endpoint takes in strict mode; see `check_schema`."""
    from steelyard.model.hosted.dialect import strict_troubles

    troubles = strict_troubles(json.loads(schema))
    if not troubles:
        return ()
    return (
        f"output.schema is asked for without strict mode, so answers may break it: {listed(troubles)}",
    )
