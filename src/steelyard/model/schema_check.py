"""Whether a model can hold its answers to a JSON schema, checked before anything is asked.

JSON schemas become grammars with llguidance; nothing here needs torch.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

from steelyard.errors import ConfigError
from steelyard.extras import require
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.hosted.dialect import sent_schema, strict_troubles
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
    try:
        compile_schema(schema)
    except ValueError as error:
        raise ConfigError(unfit(str(error))) from None
    return ()


def check_strict(schema: str) -> tuple[str, ...]:
    """Warn of a schema that no endpoint takes in strict mode; see `check_schema`."""
    troubles = strict_troubles(sent_schema(json.loads(schema)))
    warning = "output.schema is sent without strict mode, so answers may not follow it"
    return (f"{warning}: {listed(troubles)}",) if troubles else ()


_STYLE = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": True,
}
"""One way to write each value, that of `json.dumps`: a free choice of spaces costs tokens, and small
models lose themselves in it. Lenient: a key that no grammar can hold to (``uniqueItems``) is left to
the validation of the answer."""


def compile_schema(schema: str, tokenizer: Any = None) -> str:
    """Return the grammar of a JSON schema (as text).

    Raises `ValueError` with the reason for a schema that no grammar can hold to; with a ``tokenizer``
    also for one that its tokens cannot write.
    """
    matcher = require("llguidance", "local").LLMatcher
    grammar = str(matcher.grammar_from_json_schema(schema, defaults=_STYLE))
    problem = matcher.validate_grammar(grammar, tokenizer)
    if problem and not problem.startswith("WARNING"):
        raise ValueError(problem)
    return grammar


def unfit(reason: str) -> str:
    """The error that answers cannot be constrained to a schema, in one line."""
    line = " ".join(reason.split())[:200]
    return f"answers cannot be constrained to output.schema ({line}); simplify the schema, or leave it out"
