"""What stands in an instruction for something to be filled in: ``{{text}}``, ``[INSERT …]``, TODO."""

from __future__ import annotations

import re

from steelyard.data.formats.roles import columns_of, spoken, usual_names
from steelyard.task import Task
from steelyard.words import counted, listed, shortened

_LONGEST = 40
_FILLED_IN = (
    r"(?:insert|add|enter|put|paste|fill in|todo|placeholder"
    r"|your (?:text|input|question|query|ticket|data|document|message|email|instructions?|prompt|task|"
    r"company|product|labels?|categories|domain|context|name))"
)
_PLACES = re.compile(
    r"\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}|\$\{\w+\}"
    rf"|<{_FILLED_IN}\b[^<>\n]*>|<[^<>\n]*\bhere>|\[{_FILLED_IN}\b[^\[\]\n]*\]|\[[^\[\]\n]*\bhere\]"
    r"|\blorem ipsum\b",
    re.IGNORECASE,
)
_NOTES = re.compile(
    r"\b(?:TODO|FIXME|TBD)\b(?=\s*(?::|$|\.{3}|…))|^\W*(?:TODO|FIXME|TBD)\b", re.MULTILINE
)
_NAMED = re.compile(r"(?<![{$])\{(\w[\w -]*)\}(?!\})")


def placeholders(task: Task) -> tuple[str, ...]:
    """The placeholders that are left in a task's instruction, each once, as they stand there.

    A name in single braces is one where it is that of an input or output: ``{text}``.
    """
    text = task.instruction
    names = {name for role in ("input", "output") for name in usual_names()[role]} | {"user input"}
    for column in task.columns.by_role().values():
        names |= {spoken(name) for name in columns_of(column or "", ())}
    found = [
        (match.start(), match[0]) for match in (*_PLACES.finditer(text), *_NOTES.finditer(text))
    ]
    found += [
        (match.start(), match[0]) for match in _NAMED.finditer(text) if spoken(match[1]) in names
    ]
    return tuple(dict.fromkeys(what.strip() for _, what in sorted(found)))


def placeholder_warning(task: Task) -> str | None:
    """Say which placeholders an instruction holds; ``None`` where it holds none."""
    names = placeholders(task)
    if not names:
        return None
    listing = listed([shortened(what, _LONGEST) for what in names])
    return (
        f"the instruction holds {counted(len(names), 'placeholder')} ({listing}), which nothing fills in: "
        "each input is asked after the instruction by itself; write out or remove what stands for "
        "something else"
    )
