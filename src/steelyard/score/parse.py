"""From what a model wrote to an answer of the kind that the task asks for."""

from __future__ import annotations

from typing import Protocol

from steelyard.core import OutputKind
from steelyard.json_text import read_json
from steelyard.label_sets import read_label_set
from steelyard.label_text import read_label


class OutputSpec(Protocol):
    """What an answer should be; a strategy's ``Brief`` is one."""

    @property
    def kind(self) -> OutputKind: ...

    @property
    def labels(self) -> tuple[str, ...]: ...


def parse_output(spec: OutputSpec, text: str) -> tuple[str | None, str | None]:
    """Return ``(output, None)``, or ``(None, reason)`` when the text holds no usable answer."""
    if not text.strip():
        return None, "empty answer"
    if spec.kind == "label":
        return read_label(text, spec.labels)
    if spec.kind == "labels":
        return read_label_set(text, spec.labels)
    if spec.kind == "json":
        return read_json(text)
    return text.strip(), None
