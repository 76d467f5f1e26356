"""What in a JSON schema would stop a validator midway: dead references and circles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from steelyard.extras import require

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DEFINITIONS = frozenset({"$defs", "definitions"})
_SAME_VALUE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
"""Keywords whose schemas look at the same value: a circle of these alone never ends."""
_LONE_REFERENCE = frozenset({"DRAFT3", "DRAFT4", "DRAFT6", "DRAFT7"})
"""Drafts in which nothing beside a ``$ref`` counts."""


def flaw(schema: Any, kind: Any) -> str | None:
    """Say what cannot be followed in ``schema``; ``None`` where all of it can.

    ``kind`` is jsonschema's validator class of the schema's draft. Nothing is fetched, and what no
    reference leads to is not looked at. Raises jsonschema's ``SchemaError`` for a reference to what
    is no schema.
    """
    return _Walk(kind).run(schema)


class _Walk:
    def __init__(self, kind: Any) -> None:
        drafts = require("referencing.jsonschema", "data")
        draft = kind.META_SCHEMA.get("$schema", "")
        self._spec = drafts.specification_with(draft, default=drafts.DRAFT202012)
        self._lone = any(self._spec is getattr(drafts, name) for name in _LONE_REFERENCE)
        self._unresolvable = require("referencing.exceptions", "data").Unresolvable
        self._known = require("jsonschema_specifications", "data").REGISTRY
        self._check = kind.check_schema
        self._same: dict[int, list[int]] = {}  # schemas by identity, and those of the same value
        self._said: dict[int, str] = {}
        self._pending: list[tuple[Any, Any]] = []

    def run(self, schema: Any) -> str | None:
        root = self._spec.create_resource(schema)
        self._pending = [(schema, self._known.resolver_with_root(root))]
        while self._pending:
            contents, resolver = self._pending.pop()
            if id(contents) not in self._same and isinstance(contents, Mapping):
                found = self._visit(contents, resolver)
                if found is not None:
                    return found
        try:
            TopologicalSorter(self._same).prepare()
        except CycleError as error:
            refs = [self._said[node] for node in error.args[1] if node in self._said]
            return f"{refs[0] if refs else 'it'} leads back to itself without end"
        return None

    def _visit(self, contents: Mapping[str, Any], resolver: Any) -> str | None:
        self._same[id(contents)] = [id(below) for below in _same_value(contents)]
        for keyword in _REFERENCES:
            if isinstance(contents.get(keyword), str):
                found = self._follow(contents, keyword, resolver)
                if found is not None:
                    return found
        if self._lone and "$ref" in contents:
            return None
        rest = {key: below for key, below in contents.items() if key not in _DEFINITIONS}
        for below in self._spec.create_resource(rest).subresources():
            self._pending.append((below.contents, resolver.in_subresource(below)))
        return None

    def _follow(self, contents: Mapping[str, Any], keyword: str, resolver: Any) -> str | None:
        said = f"{keyword} {contents[keyword]!r}"
        try:
            resolved = resolver.lookup(contents[keyword])
        except self._unresolvable:
            return f"{said} refers to what is not in it"
        self._check(resolved.contents)
        self._said[id(contents)] = said
        self._same[id(contents)].append(id(resolved.contents))
        self._pending.append((resolved.contents, resolved.resolver))
        return None


def _same_value(contents: Mapping[str, Any]) -> Iterator[Any]:
    for keyword in _SAME_VALUE:
        below = contents.get(keyword)
        if keyword == "dependentSchemas" and isinstance(below, Mapping):
            yield from below.values()
        elif isinstance(below, list):
            yield from below
        elif isinstance(below, Mapping):
            yield below
