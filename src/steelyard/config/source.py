"""Bytes to text and YAML to data, with the line of every key for the error messages."""

from __future__ import annotations

import re
from io import BufferedReader
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from steelyard.errors import ConfigError
from steelyard.files import note_source, open_file, read_file
from steelyard.words import one_line, shortened

Lines = dict[tuple[str | int, ...], int]
MOST_BYTES = 2**19
"""Of a file of settings: the reader of YAML is slow, and examples have files of their own."""
MOST_VALUES = 100_000
"""Of a file of settings, each alias counted as what it stands for."""
_LONGEST_NUMBER = 300  # characters; Python writes no more than 4,300 digits
_LONGEST = 1000  # characters of a parser's message
_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float")
_USUAL_TAGS = (f"{_TAG}map", f"{_TAG}seq")
_DATA = frozenset({("output", "schema"), ("rules",), ("columns",)})
_NULL = re.compile(r"~|null|Null|NULL|")
_JSON_WORD = re.compile(
    r"~|null|Null|NULL||true|True|TRUE|false|False|FALSE|[-+]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][-+]?\d+)?"
)
_ZEROS = re.compile(r"([-+]?)0[0_]+((?:[1-9][0-9_]*)?)|([-+]?)0([1-9][0-9_]*)")
_OTHER_BASE = re.compile(r"[-+]?0[xb]")
_BOMS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16


def encoding_problem(path: Path) -> str:
    """Say where ``path`` stops being UTF-8 and what to do; an empty string when it is UTF-8."""
    offset = 0
    with open_file(path) as raw_file, BufferedReader(raw_file) as file:
        for number, raw in enumerate(file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                is_utf16 = number == 1 and raw[:2] in _BOMS
                guess, source = ("UTF-16", "UTF-16") if is_utf16 else ("another encoding", "CP1252")
                return (
                    f"{path.name} is not UTF-8 (looks like {guess}): byte 0x{raw[error.start]:02x} "
                    f"at offset {offset + error.start}, line {number}; save it as UTF-8, for "
                    f"example: iconv -f {source} -t UTF-8 {quote(path.name)} > fixed{path.suffix}"
                )
            offset += len(raw)
    return ""


def names_in(folder: Path) -> list[str]:
    """Names to suggest from; none when the folder cannot be listed."""
    try:
        return sorted(item.name for item in folder.iterdir())
    except OSError:
        return []


def read_text(path: Path) -> str:
    """Read a small UTF-8 file, with or without a byte-order mark. Raises `ConfigError`."""
    note_source(path)
    try:
        return read_file(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(encoding_problem(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from None


def read_yaml(
    path: Path, *, is_data: bool = False, such_as: str = "instruction", holds: str = ""
) -> tuple[dict[str, Any], Lines]:
    """Read a YAML mapping and the line of each of its keys; ``is_data`` for JSON written as YAML.

    ``such_as`` is a key to name where there is none, ``holds`` what to say instead that the file holds.
    ``0500`` is 500, not YAML 1.1's octal 320.

    Raises `ConfigError`, also for a number with colons (``1:30``, 90 to YAML 1.1).
    """
    try:
        loader = yaml.SafeLoader(read_text(path))
        node = loader.get_single_node()
        lines: Lines = {}
        if node is not None:
            _Guard(loader, path.name).check(node)
            _index(node, (), lines, path.name)
            _keep_words(node, (), is_data=is_data)
            _decimal(node, path.name)
        data = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_message(path, error)) from None
    except RecursionError:
        raise ConfigError(f"{path.name} is nested too deeply: flatten it") from None
    except (yaml.YAMLError, ValueError) as error:  # or an impossible date, or too long a number
        raise ConfigError(
            f"{path.name} is not valid YAML: {one_line(str(error), _LONGEST)}"
        ) from None
    if not isinstance(data, dict):
        rows = "; save examples as .jsonl, .json, .csv or .parquet" if type(data) is list else ""
        needed = f"hold {holds}" if holds else f"contain keys such as '{such_as}:'"
        raise ConfigError(f"{path.name} must {needed}, not {_kind(data)}{'' if holds else rows}")
    return data, lines


class _Guard:
    """Refuses what a reader of settings must not take apart: bombs of aliases, tags, endless numbers."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader, self._name = loader, name
        self._sizes: dict[int, int | None] = {}

    def check(self, node: yaml.Node) -> int:
        """Return the number of values in ``node``. Raises `ConfigError`."""
        if id(node) not in self._sizes:
            self._sizes[id(node)] = None
            self._sizes[id(node)] = self._checked(node)
        size = self._sizes[id(node)]
        if size is None:
            raise self._refused(node, "an alias stands inside what it names: write it out")
        if size > MOST_VALUES:
            raise self._refused(
                node, f"more than {MOST_VALUES:,} values, aliases written out: leave some out"
            )
        return size

    def _checked(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.ScalarNode):
            self._check_scalar(node)
            return 1
        if node.tag not in _USUAL_TAGS:
            raise self._tagged(node)
        inner = node.value
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        return 1 + sum(self.check(part) for part in inner)

    def _check_scalar(self, node: yaml.ScalarNode) -> None:
        is_plain = node.style is None
        resolve: Any = self._loader.resolve
        usual = resolve(yaml.ScalarNode, node.value, (is_plain, not is_plain))
        if node.tag not in (usual, _TEXT):
            raise self._tagged(node)
        if node.tag == f"{_TAG}timestamp":
            self._check_date(node)
        if node.tag == f"{_TAG}int" and len(node.value) > _LONGEST_NUMBER:
            raise self._refused(node, f"a number of {len(node.value):,} characters: shorten it")

    def _check_date(self, node: yaml.ScalarNode) -> None:
        try:
            self._loader.construct_yaml_timestamp(node)
        except ValueError as error:
            text = shortened(repr(node.value), 40)
            raise self._refused(node, f"{text} is no date: {error}") from None

    def _tagged(self, node: yaml.Node) -> ConfigError:
        tag = node.tag.replace(_TAG, "!!")
        return self._refused(node, f"the tag {one_line(tag, 40)!r} is not read: write plain values")

    def _refused(self, node: yaml.Node, problem: str) -> ConfigError:
        return ConfigError(f"{self._name} line {node.start_mark.line + 1}: {problem}")


def _index(node: yaml.Node, path: tuple[str | int, ...], lines: Lines, name: str) -> None:
    """Fill ``lines``, and refuse repeated keys."""
    if path in lines:
        raise ConfigError(
            f"{name} line {node.start_mark.line + 1}: key {path[-1]!r} is given twice"
        )
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _index(value, (*path, str(key.value)), lines, name)
            lines[(*path, str(key.value))] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(value, (*path, position), lines, name)


def _keep_words(node: yaml.Node, path: tuple[str, ...], *, is_data: bool) -> None:
    """Keep labels, data and columns' names as they are written.

    YAML 1.1 reads ``NO`` as a boolean, ``007`` as 7 and ``2024-01-05`` as a date. A label is always the
    text in the file; in a schema or a rule a word is text unless JSON has it, as in YAML 1.2.
    """
    is_data = is_data or path in _DATA
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if is_data and isinstance(key, yaml.ScalarNode):
                key.tag = _TEXT
            _keep_words(value, (*path, str(key.value)), is_data=is_data)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _keep_words(value, path, is_data=is_data)
    elif path == ("output", "labels"):
        node.tag = _TEXT
    elif is_data and isinstance(node, yaml.ScalarNode) and node.style is None:
        words = _NULL if path[:1] == ("columns",) else _JSON_WORD
        node.tag = node.tag if words.fullmatch(node.value) else _TEXT


def _decimal(node: yaml.Node, name: str) -> None:
    """Make numbers with leading zeros decimal, and refuse those with colons, which are in base 60.

    As keys they are the text that they are written as, as are YAML 1.1's ``on`` and ``off``. Numbers in
    another base are refused.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            is_odd = key.tag in _NUMBERS and (":" in key.value or _ZEROS.fullmatch(key.value))
            if is_odd or key.tag == f"{_TAG}bool":
                key.tag = _TEXT
            _decimal(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _decimal(value, name)
    if node.tag not in _NUMBERS:
        return
    if ":" in node.value:
        raise ConfigError(
            f"{name} line {node.start_mark.line + 1}: {shortened(node.value, 40)} is in base 60 to YAML: "
            "write a number without colons, or text in quotes"
        )
    if _OTHER_BASE.match(node.value):
        raise ConfigError(
            f"{name} line {node.start_mark.line + 1}: {shortened(node.value, 40)} is a number in another "
            "base to YAML: write it in decimals, or as text in quotes"
        )
    if (octal := _ZEROS.fullmatch(node.value)) is not None:
        node.value = f"{octal[1] or octal[3] or ''}{octal[2] or octal[4] or 0}"


def _syntax_message(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = one_line(f"{error.context or ''} {error.problem or ''}", _LONGEST)
    return f"{path.name}{where} is not valid YAML: {problem}; check indentation, colons and quotes"


def _kind(data: object) -> str:
    names = {type(None): "nothing (the file is empty)", list: "a list", str: "text"}
    return names.get(type(data), f"a {type(data).__name__}")
