"""Which column plays which role: by its usual names, in pairs that belong together, or by a template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from steelyard.errors import ConfigError, closest
from steelyard.packaged import packaged

Columns = Mapping[str, str | None]
"""Names of columns by role; ``None`` where no column is to play it. The input may be a template over
columns, such as ``{title}\\n\\n{body}``."""

_PLACE = re.compile(r"\{([^{}]+)\}")
_EMPTY_PLACE = re.compile(r"\{\s*\}")
_NAMELESS = re.compile(r"|unnamed: ?\d+(?:_level_\d+)?", re.IGNORECASE)
_ASKED = frozenset({"input", "prompt", "question", "query", "instruction"})
"""Words for an input that say nothing of what it is."""
_BACKGROUND = frozenset({"context", "ctx", "schema"})
_JOINTS = re.compile(r"[\s_\-]+|(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=1)
def _usual() -> dict[str, Any]:
    return cast("dict[str, Any]", packaged("data/data/columns.yaml"))


def usual_names() -> dict[str, list[str]]:
    """The usual field names by role, the most telling first, as `spoken` gives them."""
    return cast("dict[str, list[str]]", _usual()["names"])


def document_roles() -> dict[str, list[str]]:
    """The usual field names by role of what a row says of its answer in documents."""
    return cast("dict[str, list[str]]", _usual()["with_documents"])


def pair_roles() -> dict[str, list[str]]:
    """The usual field names by role of what only pairs of answers have."""
    return cast("dict[str, list[str]]", _usual()["with_pairs"])


def is_descriptive(name: str) -> bool:
    """Whether a column's name says that it tells rows apart or describes them, as dates and splits do."""
    return any(word in _usual()["descriptive"] for word in spoken(name).split())


def is_part(name: str) -> bool:
    """Whether a column's name says that it holds the parts of a split."""
    return spoken(name) in _usual()["parts"]


def is_asked(name: str) -> bool:
    """Whether a column's name ends in a word for what is asked, whatever it begins with."""
    return spoken(name).split()[-1:] in [[word] for word in _ASKED | _BACKGROUND]


def is_made(words: Sequence[str]) -> bool:
    """Whether the rest of a column's name says that it is another in other dress: its tokens, its tree."""
    return bool(words) and words[0] in _usual()["made"]


def is_score(name: str) -> bool:
    """Whether a column's name says that its numbers are what people judged."""
    return any(word in _usual()["scores"] for word in spoken(name).split())


def speaks_in_turns(name: str, values: Iterable[str]) -> bool:
    """Whether a column says who speaks: by its name, and by values of those who ask and who answer."""
    speakers, words = _usual()["speakers"], {value.strip().casefold() for value in values}
    ask, answer = set(speakers["ask"]), set(speakers["answer"])
    is_named = any(word in speakers["names"] for word in spoken(name).split())
    others = {"system", "tool", ""}
    return (
        is_named and bool(words & ask) and bool(words & answer) and words <= ask | answer | others
    )


def is_tests(name: str) -> bool:
    """Whether a column's name says that it holds the test cases of an output."""
    return spoken(name) in _usual()["tests"]


def speaks_of(name: str, role: str, *, in_plural: bool = True) -> bool:
    """Whether a usual name of a role, or its plural if ``in_plural``, is among a name's words.

    A name such as ``question_answer``, of an input's and its output's, speaks of neither; a
    ``ticket_reply`` is a reply.
    """
    words = spoken(name).split()
    usual = usual_names()[role]
    if len(words) > 1 and words[-1] in _usual()["descriptive"] and spoken(name) not in usual:
        return False  # a response id, a question number
    is_both = words in _usual()["pairs"] and words[0] in _ASKED
    return not is_both and any(
        word in usual or (in_plural and _singular(word) in usual) for word in words
    )


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def together_in(header: Iterable[str]) -> tuple[str, ...]:
    """The columns of ``header`` that make up one input where an output stands beside them; or none."""
    by_name = {spoken(name): name for name in header}
    group = next((group for group in _usual()["together"] if set(group) <= by_name.keys()), ())
    return tuple(by_name[name] for name in group)


def check_roles(columns: Columns) -> None:
    """Refuse roles that no column can play, and rows without an input. Raises `ConfigError`."""
    if columns.get("input", "") is None:
        raise ConfigError("the input needs a column: --columns input=NAME")
    for role, name in columns.items():
        if name is not None and _EMPTY_PLACE.search(name):
            raise ConfigError(f"{{}} in {role}={name} names no column: write its name inside")
        if role not in (known := (*usual_names(), *pair_roles(), *document_roles())):
            raise ConfigError(
                f"unknown column {role!r}{closest(role, known)}; known: {', '.join(known)}"
            )


@lru_cache(maxsize=10_000)
def spoken(name: str) -> str:
    """A column's name as its words: ``answerKey``, ``answer_key`` and ``Answer Key`` are one."""
    return " ".join(_JOINTS.sub(" ", name).casefold().split())


def is_nameless(name: str) -> bool:
    """Whether a column has no name of its own: the index that pandas or R writes."""
    return _NAMELESS.fullmatch(name.strip()) is not None


def columns_of(name: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that a role's name stands for: itself, or those of its template."""
    return (name,) if name in columns else tuple(_PLACE.findall(name)) or (name,)


def value_of(fields: Mapping[str, Any], name: str | None) -> Any:
    """What a row has under a role's name; ``None`` where it has nothing."""
    if name is None or name in fields:
        return None if name is None else fields[name]
    places = _PLACE.findall(name)
    values = [fields.get(place) for place in places]
    if not places or all(value is None or value == "" for value in values):
        return None
    filled = _PLACE.sub(lambda place: _text(fields.get(place[1])), name)
    return (
        filled if all(value is not None and value != "" for value in values) else filled.strip("\n")
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def resolve(keys: tuple[str, ...], columns: Columns) -> Mapping[str, str]:
    """Say which of ``keys`` plays which role; a role the user named keeps that name.

    The answer is kept and shared: copy it to change it.
    """
    return _resolve(keys, tuple(columns.items()))


@lru_cache(maxsize=256)
def _resolve(keys: tuple[str, ...], columns: tuple[tuple[str, str | None], ...]) -> dict[str, str]:
    decided = {role for role, _ in columns}
    roles = {role: name for role, name in columns if name is not None}
    in_use = {column for name in roles.values() for column in columns_of(name, keys)}
    by_name: dict[str, str] = {}
    for key in keys:
        if not is_nameless(key) and key not in in_use:
            by_name.setdefault(spoken(key), key)
    for role, name in _guessed(by_name, decided):
        roles[role] = name
    return roles


def resolve_of_documents(keys: tuple[str, ...], columns: Columns) -> Mapping[str, str]:
    """Say which of ``keys`` plays which of the `document_roles`; kept and shared, as `resolve` is."""
    return _resolve_of_documents(keys, tuple(columns.items()))


@lru_cache(maxsize=256)
def _resolve_of_documents(
    keys: tuple[str, ...], columns: tuple[tuple[str, str | None], ...]
) -> dict[str, str]:
    decided = dict(columns)
    in_use = {column for name in decided.values() if name for column in columns_of(name, keys)}
    roles = {role: name for role in document_roles() if (name := decided.get(role)) is not None}
    by_name = {spoken(key): key for key in reversed(keys) if key not in in_use}
    for role, names in document_roles().items():
        name = next((by_name[name] for name in names if name in by_name), None)
        if role not in decided and name is not None:
            roles[role] = name
    return roles


@lru_cache(maxsize=256)
def rejected_name(keys: tuple[str, ...]) -> str | None:
    """Which of ``keys`` is called as the rejected answer of a pair usually is; its values decide."""
    by_name = {spoken(key): key for key in reversed(keys)}
    return next((by_name[name] for name in pair_roles()["rejected"] if name in by_name), None)


def _guessed(by_name: Mapping[str, str], decided: set[str]) -> Iterable[tuple[str, str]]:
    """The roles that are not ``decided``, by the names that are free."""
    free = dict(by_name)

    def take(role: str, *names: str) -> tuple[str, str]:
        columns = [free.pop(name) for name in names]
        joined = columns[0] if len(columns) == 1 else "\n\n".join(f"{{{name}}}" for name in columns)
        return role, joined

    names = usual_names()
    if "input" not in decided:
        for group in _usual()["together"]:
            if set(group) <= free.keys() and _has_output(free.keys() - set(group), decided):
                yield take("input", *group)
                decided = decided | {"input"}
                answers = [pair[1] for pair in _usual()["pairs"] if pair[0] in group]
                answer = next((name for name in answers if name in free), None)
                if "output" not in decided and answer is not None:
                    yield take("output", answer)
                    decided = decided | {"output"}
                break
    if not decided & {"input", "output"}:
        pair = next((pair for pair in _usual()["pairs"] if set(pair) <= free.keys()), None)
        if pair is not None:
            yield take("input", pair[0])
            yield take("output", pair[1])
            decided = decided | {"input", "output"}
    for role in names:
        name = next((name for name in names[role] if name in free), None)
        if role not in decided and name is not None:
            yield take(role, name)


def _has_output(free: Iterable[str], decided: set[str]) -> bool:
    return "output" in decided or any(name in free for name in usual_names()["output"])
