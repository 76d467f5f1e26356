"""Prompts as data: everything that makes a request from an input."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from steelyard.config.records import read_as
from steelyard.core import Example, Message, OutputKind, Question, Request
from steelyard.json_schema import check_schema_text
from steelyard.label_sets import labels_in
from steelyard.model.base import Model
from steelyard.strategy.base import Brief
from steelyard.strategy.formats import Format, Shot, get_format

if TYPE_CHECKING:
    from steelyard.retrieve.base import Retriever
    from steelyard.retrieve.tfidf import TfidfIndex
    from steelyard.strategy.grounding import Grounding

RETRIEVED_ORDERS = ("nearest_last", "nearest_first")
_LIMITS = {
    "samples": (1, 1000),
    "max_output_tokens": (1, 10**7),
    "retrieved": (0, 10**6),
    "repairs": (0, 100),
    "temperature": (0, 2),
}
"""The least and the most of each number in a saved recipe."""
Decoding = Literal["constrained", "free"]


def free_name(name: str) -> str:
    """The name of a constrained arm's free twin; the model's tag stays at the end."""
    head, at, tag = name.partition("@")
    return f"{head}_free{at}{tag}"


@dataclass(frozen=True)
class PromptRecipe:
    """Everything that makes a prompt from an input: plain data, saved with the arm.

    ``shots`` are shown with every input; ``retrieved`` is how many more are looked up for each.
    ``choices`` are the texts that constrained decoding may answer with, ``schema`` (JSON text) what
    its JSON has to fit. ``samples`` answers are asked for at ``temperature`` and the most frequent
    one is given. With ``reasoning`` the answer stands after the last answer marker; constrained, it
    is asked for by a second request. An answer of no use is asked again at most ``repairs`` times.
    A ``shape`` stands in for the format of that name: it is asked, and not saved.
    """

    instruction: str
    format: str
    kind: OutputKind = "label"
    choices: tuple[str, ...] = ()
    shots: tuple[Shot, ...] = ()
    retrieved: int = 0
    decoding: Decoding = "free"
    max_output_tokens: int = 64
    schema: str | None = None
    temperature: float = 0.0
    samples: int = 1
    reasoning: bool = False
    repairs: int = 0
    shape: Format | None = None

    def messages(self, question: Question, retrieved: Sequence[Shot] = ()) -> tuple[Message, ...]:
        """Return the chat for ``question``; ``retrieved`` shots stand nearest to the input."""
        shots = (*self.shots, *retrieved)
        shape = self.shape or get_format(self.format)
        return shape.render(self.instruction, self.kind, shots, question)

    def request(
        self, question: Question, retrieved: Sequence[Shot] = (), nonce: str = ""
    ) -> Request:
        return Request(
            messages=self.messages(question, retrieved),
            max_output_tokens=self.max_output_tokens,
            choices=self.choices if self.decoding == "constrained" else (),
            temperature=self.temperature,
            nonce=nonce,
            schema=self.schema if self.decoding == "constrained" else None,
        )

    @property
    def length(self) -> int:
        """Characters of the prompt around an empty input, retrieved shots left out."""
        return sum(len(message.content) for message in self.messages(Question("")))

    def to_dict(self) -> dict[str, Any]:
        fields = {name: value for name, value in asdict(self).items() if name != "shape"}
        return dict(json.loads(json.dumps(fields)))

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> PromptRecipe:
        """Rebuild a recipe that `to_dict` wrote. Raises `ValueError` for anything else."""
        recipe: PromptRecipe = read_as(cls, saved, "recipe")
        check_schema_text(recipe.schema)
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(recipe, name) <= most:
                raise ValueError(f"recipe.{name}: {getattr(recipe, name)} is out of its limits")
        return recipe


@dataclass(frozen=True)
class Prompt:
    """A recipe, and the index of its retrieved shots, if any, shown in an order of `RETRIEVED_ORDERS`.

    With a ``grounding`` every input stands below passages of the documents.
    """

    recipe: PromptRecipe
    index: Retriever | None = None
    order: str = RETRIEVED_ORDERS[0]
    grounding: Grounding | None = None

    def shown_inputs(self) -> list[str]:
        """The inputs of the shots that every prompt shows, without their passages."""
        inputs = [shot.input for shot in self.recipe.shots]
        if self.grounding is None:
            return inputs
        return [self.grounding.question_of(text) for text in inputs]

    def decoded(self, decoding: Decoding) -> Prompt:
        return replace(self, recipe=replace(self.recipe, decoding=decoding))

    def requests(self, questions: Sequence[Question], nonce: str = "") -> list[Request]:
        if self.index is None or not self.recipe.retrieved or not questions:
            return [self.recipe.request(question, (), nonce) for question in questions]
        step = 1 if self.order == "nearest_first" else -1
        texts = [question.input for question in questions]
        return [
            self.recipe.request(
                question,
                [Shot(hit.passage.text, hit.passage.output) for hit in hits][::step],
                nonce,
            )
            for question, hits in zip(
                questions, self.index.find(texts, self.recipe.retrieved), strict=True
            )
        ]


@dataclass(frozen=True)
class Retrieval:
    """How neighbours become shots: the rules of `TfidfIndex`, and an order of `RETRIEVED_ORDERS`."""

    diversity: float = 0.0
    per_label: int = 0
    order: str = RETRIEVED_ORDERS[0]

    def prompt(self, recipe: PromptRecipe, index: TfidfIndex) -> Prompt:
        return Prompt(recipe, index.varied(self.diversity, self.per_label), self.order)


def full_instruction(brief: Brief) -> str:
    """Return the instruction, and after it the labels, or the schema, unless it names them all."""
    if brief.schema is not None:
        return _with_schema(brief.instruction.strip(), brief.schema)
    named = [
        re.search(rf"(?<!\w){re.escape(label)}(?!\w)", brief.instruction) for label in brief.labels
    ]
    if not brief.labels or all(named):
        return brief.instruction.strip()
    form = _ONE_LABEL if brief.kind == "label" else _SEVERAL_LABELS
    return f"{brief.instruction.strip()}\n{form}: {', '.join(brief.labels)}."


_ONE_LABEL = "Answer with exactly one of"
_SEVERAL_LABELS = "Answer with a JSON list of those that fit, [] if none does, out of"


def _with_schema(instruction: str, schema: str) -> str:
    """Add the schema to an instruction that does not name each of its fields."""
    fields = json.loads(schema).get("properties", {})
    if fields and all(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", instruction) for name in fields
    ):
        return instruction
    what = "array" if json.loads(schema).get("type") == "array" else "object"
    return f"{instruction}\nAnswer with one JSON {what} that fits this JSON schema:\n{schema}"


def answer_schema(brief: Brief, train: Sequence[Example]) -> str | None:
    """The JSON schema (as text) that a constrained answer keeps, if any.

    Of several labels it is a list of them, at most as long as the longest in ``train``, so that a model
    that repeats itself comes to an end.
    """
    if brief.kind != "labels":
        return brief.schema
    items = {"type": "string", "enum": list(brief.labels)}
    schema = {"type": "array", "items": items, "maxItems": _most_labels(brief, train)}
    return json.dumps(schema, ensure_ascii=False)


def _most_labels(brief: Brief, train: Sequence[Example]) -> int:
    longest = max((len(labels_in(example.output)) for example in train), default=0)
    return longest or len(brief.labels)


def known_outputs(brief: Brief, train: Sequence[Example]) -> list[str]:
    """Outputs of which the longest is as long as any answer should be, each once."""
    outputs = list(brief.choices) or [example.output for example in train]
    if brief.kind == "labels":  # a constrained model may repeat the longest label
        widest = [max(brief.labels, key=len, default="")] * _most_labels(brief, train)
        outputs.append(json.dumps(widest, ensure_ascii=False))
    return list(dict.fromkeys(outputs))


_UNKNOWN_ANSWER = 512
"""Tokens that a free answer may take at first where neither the task nor an output says more."""


def output_limit(brief: Brief, train: Sequence[Example], model: Model) -> int:
    """Tokens a free answer may take at first: the task's limit, or a little over the longest known one.

    `AnswerRoom` raises what is not the task's own where it cuts answers.
    """
    if brief.max_output_tokens is not None:
        return brief.max_output_tokens
    outputs = known_outputs(brief, train)
    if not any(outputs):  # texts that are only checked by rules
        return _UNKNOWN_ANSWER
    longest = max((count_tokens(model, text) for text in outputs), default=32)
    return int(limit_above(brief.kind, longest))


def limit_above(kind: OutputKind, longest: float) -> float:
    """Tokens a free answer may take where the longest known one has so many."""
    return longest + 6 if kind == "label" else max(16, 1.25 * longest)


def count_tokens(model: Model, text: str) -> int:
    """Tokens by the model's tokenizer; half the characters where it is not known here."""
    count = model.count_tokens(text)
    return -(-len(text) // 2) if count is None else count
