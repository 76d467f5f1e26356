"""Ways to word the user's instruction: blocks in slots, as data in ``data/instructions.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.core import Example
from steelyard.label_sets import has_label
from steelyard.packaged import packaged
from steelyard.strategy.base import Brief
from steelyard.strategy.formats import fill
from steelyard.strategy.prompt import full_instruction
from steelyard.strategy.shots import typical_first, vectors

_WORDS = 5
_CHARACTERS = 90
_TOKENS = r"(?u)\b[^\W\d_]{3,}\b"


class Wording(NamedTuple):
    """The block chosen for each slot of an instruction, in the order of the prompt; empty for none."""

    opening: str = ""
    task: str = "full"
    labels: str = ""
    form: str = ""
    closing: str = ""

    @property
    def name(self) -> str:
        """The variant's name where it has one, else its blocks."""
        named = {wording: name for name, wording in named_wordings().items()}
        return named.get(self) or "+".join(block for block in self if block)


@cache
def _data() -> Mapping[str, Any]:
    return dict(packaged("strategy/data/instructions.json"))


@cache
def named_wordings() -> Mapping[str, Wording]:
    """Return the variants by name, in the order of the data file."""
    return {name: Wording(**blocks) for name, blocks in _data()["variants"].items()}


def about(wording: Wording) -> str:
    """Say what each block of ``wording`` is for."""
    slots = _data()["slots"]
    purposes = [slots[slot][block]["about"] for slot, block in wording._asdict().items() if block]
    return "; ".join(purposes)


class Wordings:
    """The instructions that can be made for one task; ``train`` gives the labels' glosses."""

    def __init__(self, brief: Brief, train: Sequence[Example]) -> None:
        self._brief = brief
        self._train = train

    def named(self) -> dict[str, Wording]:
        """Return the variants that fit the task by name; those that read alike come once."""
        fitting: dict[str, Wording] = {}
        names: set[str] = set()
        for name, wording in named_wordings().items():
            text = self.text(wording)
            if text is not None and text not in names:
                names.add(text)
                fitting[name] = wording
        return fitting

    def text(self, wording: Wording) -> str | None:
        """Return the instruction, or ``None`` where a block does not fit the task.

        A few words in place of the instruction only do where answers are held to labels or a schema.
        """
        if wording.task == "short" and not self._brief.constrainable:
            return None
        parts = []
        for slot, block in wording._asdict().items():
            template = self._template(slot, block) if block else ""
            filled = None if template is None else self._filled(template)
            if filled is None:
                return None
            parts.append(filled)
        return "\n\n".join(part for part in parts if part)

    def neighbours(self, wording: Wording) -> list[Wording]:
        """Return every wording that fits and differs in one slot."""
        near = []
        for slot, blocks in _data()["slots"].items():
            for block in ("", *blocks):
                changed = wording._replace(**{slot: block})
                fits = bool(changed.task) and changed != wording
                if fits and self.text(changed) is not None:
                    near.append(changed)
        return near

    def _template(self, slot: str, block: str) -> str | None:
        text = _data()["slots"][slot][block]["text"]
        return text if isinstance(text, str) else text.get(self._brief.kind)

    def _filled(self, template: str) -> str | None:
        """Fill a template; ``None`` where the task has nothing to fill it with."""
        slots = set(re.findall(r"\{(\w+)\}", template))
        values = {name: getattr(self, f"_{name}") for name in slots}
        return None if not all(values.values()) and values else fill(template, values)

    @property
    def _instruction(self) -> str:
        return self._brief.instruction.strip()

    @property
    def _full(self) -> str:
        return full_instruction(self._brief)

    @property
    def _first_sentence(self) -> str:
        return re.split(r"(?<=[.!?:])\s|\n", self._instruction, maxsplit=1)[0].strip()

    @property
    def _labels(self) -> str:
        return ", ".join(self._brief.labels)

    @property
    def _label_lines(self) -> str:
        return "\n".join(f"- {label}" for label in self._brief.labels)

    @cached_property
    def _label_words(self) -> str:
        words = label_words(self._train, self._brief.labels)
        return self._glossed({label: ", ".join(some) for label, some in words.items()})

    @cached_property
    def _label_examples(self) -> str:
        texts = label_examples(self._train, self._brief.labels)
        return self._glossed({label: f'"{text}"' for label, text in texts.items() if text})

    @property
    def _field_lines(self) -> str:
        fields = json.loads(self._brief.schema or "{}").get("properties", {})
        return "\n".join(f"- {name}{_type_of(shape)}" for name, shape in fields.items())

    def _glossed(self, glosses: Mapping[str, str]) -> str:
        if not any(glosses.values()):
            return ""
        lines = [(label, glosses.get(label)) for label in self._brief.labels]
        return "\n".join(f"- {label}: {gloss}" if gloss else f"- {label}" for label, gloss in lines)


def _type_of(shape: Any) -> str:
    """The field's type, or its allowed values, in brackets."""
    properties = shape if isinstance(shape, dict) else {}
    if "enum" in properties:
        return f" (one of {', '.join(map(str, properties['enum']))})"
    kind = properties.get("type")
    return f" ({kind})" if isinstance(kind, str) else ""


def label_words(train: Sequence[Example], labels: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return up to five words for each label: most typical of its texts, least of the others'.

    A word's weight is its mean TF-IDF in the label's texts less its mean in all others (in the
    spirit of class-based TF-IDF, Grootendorst 2022). A label without examples has no words.
    """
    vectorizer = TfidfVectorizer(token_pattern=_TOKENS, sublinear_tf=True)
    try:
        matrix = vectorizer.fit_transform([example.input for example in train])
    except ValueError:  # no text holds a word
        return dict.fromkeys(labels, ())
    names = vectorizer.get_feature_names_out()
    total = np.asarray(matrix.sum(axis=0)).ravel()
    words: dict[str, tuple[str, ...]] = {}
    for label in labels:
        places = np.flatnonzero([has_label(example.output, label) for example in train])
        inside = np.asarray(matrix[places].sum(axis=0)).ravel() if len(places) else 0 * total
        others = max(1, len(train) - len(places))
        weight = np.round(inside / max(1, len(places)) - (total - inside) / others, 12)
        best = np.argsort(-weight, kind="stable")[:_WORDS]
        words[label] = tuple(str(names[place]) for place in best if weight[place] > 0)
    return words


def label_examples(train: Sequence[Example], labels: Sequence[str]) -> Mapping[str, str]:
    """Return each label's most typical text in one line, cut at a word; empty without examples."""
    examples: dict[str, str] = {}
    for label in labels:
        inputs = [example.input for example in train if has_label(example.output, label)]
        examples[label] = _cut(inputs[typical_first(vectors(inputs))[0]]) if inputs else ""
    return examples


def _cut(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    if len(line) <= _CHARACTERS:
        return line
    return f"{line[:_CHARACTERS].rsplit(' ', 1)[0]}…"
