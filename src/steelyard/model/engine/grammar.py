"""JSON schemas as grammars, with llguidance. This module needs no torch."""

from __future__ import annotations

from typing import Any

from steelyard.extras import require

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
    """Say in one line that answers cannot be held to a schema."""
    line = " ".join(reason.split())[:200]
    return f"answers cannot be held to output.schema ({line}): simplify the schema, or leave it out"
