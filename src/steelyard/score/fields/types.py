"""What a JSON schema says of each field, as far as a comparison needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "verbatim", "date"]

_DATES = ("date", "date-time")
_DEEPEST = 12  # a schema that refers to itself is read so far down


@dataclass(frozen=True)
class Likeness:
    """How values are compared. ``kinds`` says of text fields, by path, what they hold.

    Paths are as in ``items[].product``. ``tolerance`` is the relative difference up to which numbers
    are the same; ``case`` whether upper and lower case differ in plain text; lists at the paths in
    ``ordered`` are compared place by place, others without regard to order. ``known`` are the paths
    that the schema names, empty where there is no schema.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    tolerance: float = 1e-6
    case: bool = False
    ordered: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()

    def kind(self, path: str) -> Kind:
        """What the text at ``path`` holds: plain text where nothing is said."""
        return self.kinds.get(path, "text")


def types_of(schema: Any) -> tuple[dict[str, Kind], frozenset[str]]:
    """Return the kinds of text fields by path, and every path of a field.

    Text of ``format: date`` or ``date-time`` is a date; of an ``enum``, ``const``, ``pattern`` or
    another format it is taken verbatim. Alternatives (``anyOf`` and its kin) are read together.
    """
    kinds: dict[str, Kind] = {}
    known: dict[str, None] = {}
    for path, said in _walk(schema, "", schema, 0):
        if path:
            known[path] = None
        if said.get("format") in _DATES:
            kinds[path] = "date"
        elif path not in kinds and _is_verbatim(said):
            kinds[path] = "verbatim"
    leaves = [path for path in known if not any(_is_below(other, path) for other in known)]
    return kinds, frozenset(leaves)


def _is_below(path: str, above: str) -> bool:
    return path.startswith((f"{above}.", f"{above}[]"))


def _is_verbatim(said: Mapping[str, Any]) -> bool:
    texts = [value for value in said.get("enum", [said.get("const")]) if isinstance(value, str)]
    return bool(texts) or "pattern" in said or "format" in said


def _walk(schema: Any, path: str, root: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    yield path, schema
    if isinstance(referred := schema.get("$ref"), str):
        yield from _walk(_resolve(root, referred), path, root, depth + 1)
    for word in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(word) or ():
            yield from _walk(inner, path, root, depth + 1)
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield from _walk(inner, join(path, name), root, depth + 1)
    for word in ("items", "prefixItems"):
        inner = schema.get(word)
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, Mapping):
                yield from _walk(each, f"{path}[]", root, depth + 1)


def _resolve(root: Any, reference: str) -> Any:
    """Follow ``#/$defs/Name``; what lies elsewhere says nothing."""
    if not reference.startswith("#"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def join(path: str, name: str) -> str:
    """The path of the property ``name`` of what lies at ``path``."""
    return f"{path}.{name}" if path else name
