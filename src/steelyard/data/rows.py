"""From one raw row to one `Example`, or the reason why it cannot be one."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from steelyard.core import Example, Message, OutputKind
from steelyard.data.chats import CALLS_TOOL, MORE_THAN_TEXT, cut_chat, cut_row
from steelyard.data.dashes import DASHES, NO_WORD
from steelyard.data.evidence import answerable_in, evidence_in
from steelyard.data.formats.base import LeftOutError, RawRow, RowError, json_in, json_kind
from steelyard.data.formats.roles import (
    Columns,
    document_roles,
    resolve,
    resolve_of_documents,
)
from steelyard.data.formats.shapes import (
    BY_NUMBER,
    CHOICES,
    ENVELOPE,
    Conversation,
    conversation_of,
    shape_of_row,
)
from steelyard.data.formats.shapes.base import VALUE_KEY
from steelyard.data.formats.shapes.rejected import rejected_column
from steelyard.data.references import (
    accepted,
    json_problem,
    label_problem,
    reference,
    rejected,
)
from steelyard.output_kinds import LABELLED
from steelyard.task import Task

MISSING = frozenset({"NaN", "nan", "<NA>"})
"""What pandas writes for a value that is not there: no label, unless a task declares it."""
_MOST_SHAPES = 100
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_PAIR = 2
_NO_LABEL_REJECTED = "have a rejected answer that is no label of the task, so they are no pairs"
_WEIGHTLESS = "end with answers of weight 0: the last one of another weight is the reference"
_TAKEN = frozenset({"input", "output"})
"""Roles whose fields are in the conversation."""
_FEWEST_ROLES = frozenset({"input", "output", "id"})
_NO_OUTPUTS = MISSING | DASHES
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
EMPTY_OUTPUT = "empty output"
NO_LABEL = " is how pandas writes that there is no label"
_ALIASES = "aliases"
"""A usual name for other answers, and for much else."""


class ParsedRow(NamedTuple):
    """A row that can be read: its example, its output as written, and why a run would refuse it.

    ``refusal`` is ``None`` for a row that a run takes. Outputs may be empty, of any label, JSON or
    not: what a run refuses, an audit looks at all the same.
    """

    example: Example
    written: str
    refusal: str | None


@dataclass
class RowParser:
    """Turns rows into examples; remembers the shapes by keys, and which keys it had no use for.

    This is the one place that says what a row means. A text needs no output where its row has rules
    of its own, or where no row ``needs_output``.
    """

    kind: OutputKind
    labels: tuple[str, ...]
    columns: Columns
    needs_output: bool = True
    has_documents: bool = False
    """Whether the task has documents, so that rows may say where in them an answer stands."""
    unused: dict[str, bool] = field(default_factory=dict)
    in_use: set[str] = field(default_factory=set)
    shapes: dict[tuple[str, ...], str | None] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)

    def parse(self, row: RawRow, file: str) -> ParsedRow:
        """Return the row as an example; its id is empty when none is given. Raises `RowError`."""
        try:
            return self._parse(row, file)
        except RecursionError:
            raise RowError("nested too deeply") from None

    def _parse(self, row: RawRow, file: str) -> ParsedRow:
        if row.reason is not None:
            raise RowError(row.reason)
        fields = row.fields
        if (names := tuple(fields)) not in self.shapes and len(self.shapes) < _MOST_SHAPES:
            self.shapes[names] = shape_of_row(fields, self.columns)
        rules = self._rules(fields, resolve(tuple(fields), self.columns))
        may_lack = self.kind == "text" and (rules is not None or not self.needs_output)
        counting = row.counting
        conversation = conversation_of(fields, self.columns, may_lack=may_lack, counting=counting)
        if counting in BY_NUMBER and self.shapes.get(names) == CHOICES:
            self.remarks[f"give a choice by its number, counted {counting}"] += 1
        return self.parsed(row, conversation, file)

    def parsed(self, row: RawRow, conversation: Conversation, file: str) -> ParsedRow:
        """Return the row, whose ``conversation`` is read already, as an example. Raises `RowError`."""
        fields = row.fields
        if more := conversation.fields.keys() - fields.keys():
            fields = {**fields, **conversation.fields}  # what the shape read out of others
        if "accepted" in more and self.kind == "label" and self.labels:  # not other spellings
            known = [one for one in fields["accepted"] if one in self.labels]
            fields = {**fields, "accepted": known}
        roles = resolve(tuple(fields), self.columns)
        rules = self._rules(fields, roles)
        if rules is None and "rules" in roles:
            roles = {role: name for role, name in roles.items() if role != "rules"}
        others = self._accepted(fields, roles)
        if others is None:
            roles = {role: name for role, name in roles.items() if role != "accepted"}
        may_lack = self.kind == "text" and (rules is not None or not self.needs_output)
        context, text, output = cut_row(conversation, may_lack)
        if conversation.answer and conversation.turns[-1].get("weight") == 0:
            self.remarks[_WEIGHTLESS] += 1
        no_field = _TAKEN | document_roles().keys()
        columns_used = {name for role, name in roles.items() if role not in no_field}
        of_documents = self._of_documents(fields)
        worse, worse_name = self._rejected(conversation)
        columns_used |= {*of_documents.values(), *worse_name}
        unused = {*conversation.fields, *conversation.tools} - columns_used - ENVELOPE
        self._note(unused, fields)
        for what in row.changed:
            self.remarks[f"cannot keep {what}"] += 1
        written = _written(output)
        if may_lack and not written.strip():
            written = ""
        example = Example(
            id=_optional(fields, roles, "id") or "",
            input=_clean(text, "input"),
            output=reference(output, written, self.kind),
            accepted=others or (),
            rejected=None if worse is None else _usable(worse, "rejected answer"),
            evidence=evidence_in(fields, of_documents),
            answerable=answerable_in(fields, of_documents),
            context=tuple(Message(turn.role, _usable(turn.content, "context")) for turn in context),
            group=_optional(fields, roles, "group"),
            slice=_optional(fields, roles, "slice"),
            timestamp=_optional(fields, roles, "timestamp"),
            weight=_weight(fields, roles),
            source=f"{file}:{row.line}",
            rules=rules,
        )
        return ParsedRow(example, written, self._refusal(output, written, may_lack))

    @property
    def ignored(self) -> tuple[str, ...]:
        """The keys there was no use for; one that was only empty where it had none is in use elsewhere."""
        names = (name for name, full in self.unused.items() if full or name not in self.in_use)
        return tuple(sorted(names))

    def _note(self, unused: set[str], fields: Mapping[str, Any]) -> None:
        """Note which keys of a row have a use, and of the others whether they hold anything."""
        self.in_use.update(fields.keys() - unused)
        for name in unused:
            self.unused[name] = self.unused.get(name, False) or fields.get(name) not in _EMPTY

    def _of_documents(self, fields: Mapping[str, Any]) -> Mapping[str, str]:
        """The fields that say where in documents a row's answer stands, by role; none without documents."""
        return resolve_of_documents(tuple(fields), self.columns) if self.has_documents else {}

    def _rules(self, fields: Mapping[str, Any], roles: Mapping[str, str]) -> str | None:
        """A row's own rules as JSON text; a field that only has the name and is not a list is ignored."""
        value = fields.get(roles["rules"]) if "rules" in roles else None
        if value is None or value == "" or value == [] or self.kind != "text":
            return None
        rules = json_in(value, "[")
        if not isinstance(rules, list):
            if "rules" not in self.columns:
                return None
            raise RowError(
                f"the rules must be a list like [{{type: …}}, …], not {str(value)[:40]!r}"
            )
        for place, rule in enumerate(rules, 1):
            fields = {"type": rule} if isinstance(rule, str) else rule
            if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
                raise RowError(f"rule {place} is {str(rule)[:40]!r}, not a mapping with a type")
        return json.dumps(rules, ensure_ascii=False) if rules else None

    def _accepted(
        self, fields: Mapping[str, Any], roles: Mapping[str, str]
    ) -> tuple[str, ...] | None:
        """The other answers that a row accepts; ``None`` where a field only has such a name."""
        name = roles.get("accepted")
        value = None if name is None else fields.get(name)
        try:
            return accepted(value, self.kind, self.labels)
        except RowError:
            is_list = isinstance(json_in(value, "["), list)
            if (
                is_list and name is not None and name.casefold() != _ALIASES
            ) or "accepted" in self.columns:
                raise
            return None

    def _rejected(self, row: Conversation) -> tuple[str | None, tuple[str, ...]]:
        """The worse answer of a pair, and the plain column that holds it, if one does.

        A column that only has the name is ignored (`rejected_column`), as is one of labels that are not
        the task's. Raises `RowError` for a pair that differs in more than its answers.
        """
        if row.rejected is not None:
            return rejected(_only_answer(row), self.kind), ()
        name = None if "rejected" in self.columns else rejected_column(row)
        if name is None:
            return None, ()
        value = row.fields[name]
        if isinstance(value, dict | list) and self.kind not in ("json", "labels"):
            return None, ()
        answer = rejected(value, self.kind)
        is_answer = self.kind not in LABELLED or (
            label_problem(value, answer, self.kind, self.labels) is None
        )
        if is_answer or not answer:
            return answer, (name,)
        self.remarks[_NO_LABEL_REJECTED] += 1
        return None, ()

    def _refusal(self, value: Any, written: str, may_lack: bool) -> str | None:
        """Why a run would refuse an output that can be read."""
        if isinstance(value, dict | list) and self.kind not in ("json", "labels"):
            kind = json_kind(value)
            labels = ", for lists of labels: labels" if isinstance(value, list) else ""
            return f"the output is a JSON {kind}, not text; for JSON set output.kind: json{labels}"
        if not written.strip():
            return None if may_lack else EMPTY_OUTPUT
        if self.kind == "json":
            return json_problem(written)
        if self.kind == "label" and written.strip() in MISSING - {*self.labels}:
            return f"{written.strip()!r}{NO_LABEL}"
        if self.labels and (dash := written.strip()) in DASHES and dash not in self.labels:
            return f"{dash!r}{NO_WORD}"
        if self.kind in LABELLED:
            return label_problem(value, written, self.kind, self.labels)
        return None


def _only_answer(row: Conversation) -> Any:
    """The rejected answer where it is all that a pair differs in. Raises `RowError`."""
    assert row.rejected is not None
    if row.answer != 1 or len(row.rejected) != 1:
        raise RowError(
            "chosen and rejected differ before their last answers: a pair is two answers to one prompt"
        )
    turns = cut_chat([*row.prompt, row.rejected[0]])
    return row.rejected[0].get(VALUE_KEY, turns.output)


def why_bad(parser: RowParser, row: RawRow, conversation: Conversation) -> str | None:
    """Why the reader calls a row bad whatever its task; ``None`` for a row that can be passed on.

    What cannot be weighed as text, such as a call of a tool, can be learnt all the same. Raises
    `LeftOutError` for a row that says itself that it is no example.
    """
    if _is_plain(parser, row, conversation):
        return None
    try:
        refusal = parser.parsed(row, conversation, "").refusal
    except LeftOutError:
        raise
    except RowError as error:
        reason = str(error).partition(" at character ")[0]
        return None if reason in (CALLS_TOOL, MORE_THAN_TEXT) else reason
    is_none = refusal is not None and refusal.endswith((EMPTY_OUTPUT, NO_LABEL, NO_WORD))
    return refusal if is_none else None


def _is_plain(parser: RowParser, row: RawRow, conversation: Conversation) -> bool:
    """Whether a row is a question and an answer that nothing is wrong with, and at most an id: most are."""
    if len(conversation.turns) != _PAIR:
        return False
    question, answer = conversation.turns
    roles = resolve(tuple(row.fields), parser.columns)
    texts = [question.get("content"), answer.get("content")]
    if "id" in roles:
        name = row.fields.get(roles["id"])
        texts += [] if type(name) is int or name is None else [name]
    return (
        roles.keys() <= _FEWEST_ROLES
        and len(question) == len(answer) == _PAIR
        and (question["role"], answer["role"]) == ("user", "assistant")
        and all(type(text) is str and text.strip() and not _UNUSABLE.search(text) for text in texts)
        and str(texts[1]).strip() not in _NO_OUTPUTS
    )


def parser_of(task: Task) -> RowParser:
    """The parser of a task's rows."""
    needs_output = not task.is_scored_by_rules_alone
    return RowParser(
        task.output.kind,
        task.output.labels,
        task.columns.by_role(),
        needs_output,
        has_documents=task.documents is not None,
    )


class UniqueIds:
    """The ids that rows of one file have, with their lines: a run needs them to differ."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def checked(self, row: ParsedRow, line: int) -> ParsedRow:
        """Return the row. Raises `RowError` where an earlier row, which a run takes, has its id."""
        name = row.example.id
        if name in self._lines:
            raise RowError(f"id {name[:40]!r} is already used on line {self._lines[name]}")
        if name and row.refusal is None:
            self._lines[name] = line
        return row


def _written(value: Any) -> str:
    """An output as the file has it; what is not text, as JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _usable(text, "output")


def has_references(examples: Iterable[Example]) -> bool:
    """Whether every example has a reference output, as strategies that learn from them need."""
    return all(example.output.strip() for example in examples)


def content_id(example: Example) -> str:
    """An id that depends on what the row says, not on its place."""
    fields = (example.context, example.input, example.output, example.group, example.slice)
    rules = () if example.rules is None else (example.rules,)
    more = (*rules, *([example.accepted] if example.accepted else []))
    pair = [{"rejected": example.rejected}] if example.rejected else []
    parts = json.dumps([*fields, example.timestamp, example.weight, *more, *pair])
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def _clean(text: str, role: str) -> str:
    if not text.strip():
        raise RowError(f"empty {role}")
    return _usable(text, role)


def _usable(text: str, role: str) -> str:
    match = _UNUSABLE.search(text)
    if match:
        what = "a NUL character" if match[0] == "\0" else "half a surrogate pair"
        raise RowError(f"the {role} holds {what} at character {match.start() + 1}")
    return text


def _optional(fields: Mapping[str, Any], roles: Mapping[str, str], role: str) -> str | None:
    value = fields.get(roles[role]) if role in roles else None
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        raise RowError(f"{role} must be text or a number")
    text = value if isinstance(value, str) else json.dumps(value)
    return _usable(text.strip(), role) or None


def _weight(fields: Mapping[str, Any], roles: Mapping[str, str]) -> float:
    text = _optional(fields, roles, "weight")
    if text is None:
        return 1.0
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise RowError(f"weight must be a number above 0, not {text[:40]!r}")
    return weight
