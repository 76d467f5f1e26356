"""Prompts as data, and the arm that answers by prompting a model."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from steelyard.core import Answer, Example, Message, OutputKind, Request
from steelyard.model.base import Model, ModelSpec
from steelyard.strategy.base import Arm, Brief, OnAnswers, Progress
from steelyard.strategy.combining import asked_as
from steelyard.strategy.formats import Shot, get_format
from steelyard.strategy.rounds import Rounds
from steelyard.strategy.saved import read_brief, write_manifest

if TYPE_CHECKING:
    import numpy as np

    from steelyard.strategy.tfidf import ShotIndex

Decoding = Literal["constrained", "free"]
_ADAPTER = "adapter"
_INDEX = "index"


@dataclass(frozen=True)
class PromptRecipe:
    """Everything that makes a prompt from an input: plain data, saved with the arm.

    ``shots`` are shown with every input; ``retrieved`` is how many more are looked up for each.
    ``choices`` are the texts that constrained decoding may answer with, ``schema`` (JSON text) what
    its JSON has to fit. ``samples`` answers are asked for at ``temperature`` and the most frequent
    one is given. With ``reasoning`` the answer stands after the last answer marker; constrained, it
    is asked for by a second request. An answer of no use is asked again at most ``repairs`` times.
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

    def messages(self, example: Example, retrieved: Sequence[Shot] = ()) -> tuple[Message, ...]:
        """Return the chat for ``example``; ``retrieved`` shots stand nearest to the input."""
        shots = (*self.shots, *retrieved)
        return get_format(self.format).render(self.instruction, self.kind, shots, example)

    def request(self, example: Example, retrieved: Sequence[Shot] = (), nonce: str = "") -> Request:
        """Return what the model is asked for ``example``."""
        return Request(
            messages=self.messages(example, retrieved),
            max_output_tokens=self.max_output_tokens,
            choices=self.choices if self.decoding == "constrained" else (),
            temperature=self.temperature,
            nonce=nonce,
            schema=self.schema if self.decoding == "constrained" else None,
        )

    @property
    def length(self) -> int:
        """Characters of the prompt around an empty input, retrieved shots left out."""
        return sum(len(message.content) for message in self.messages(Example("", "", "")))

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> PromptRecipe:
        """Rebuild a recipe from what `dataclasses.asdict` and JSON made of it."""
        shots = tuple(Shot(*shot) for shot in saved["shots"])
        return cls(**{**saved, "shots": shots, "choices": tuple(saved["choices"])})


@dataclass(frozen=True)
class Prompt:
    """A recipe with the index that retrieved shots come from; ``None`` when it retrieves none."""

    recipe: PromptRecipe
    index: ShotIndex | None = None

    def freed(self) -> Prompt:
        """Return the same prompt with free decoding."""
        return replace(self, recipe=replace(self.recipe, decoding="free"))

    def requests(self, examples: Sequence[Example], nonce: str = "") -> list[Request]:
        """Return one request for each example."""
        if self.index is None or not self.recipe.retrieved or not examples:
            return [self.recipe.request(example, (), nonce) for example in examples]
        found = self.index.shown([example.input for example in examples], self.recipe.retrieved)
        return [
            self.recipe.request(example, shots, nonce)
            for example, shots in zip(examples, found, strict=True)
        ]


class PromptArm(Arm):
    """Answers by prompting a model, built at the first answer from ``spec``.

    ``asked`` counts the requests it made: more than answers, where there are votes or repairs.
    """

    strategy: ClassVar[str]

    def __init__(
        self,
        name: str,
        brief: Brief,
        options: Mapping[str, Any],
        prompt: Prompt,
        spec: ModelSpec,
        build_model: Callable[[ModelSpec], Model],
    ) -> None:
        super().__init__(name, brief, options)
        self.prompt = prompt
        self.spec = spec
        self.asked = 0
        self._build_model = build_model

    @cached_property
    def model(self) -> Model:
        """The language model behind the arm."""
        return self._build_model(self.spec)

    @property
    def model_name(self) -> str | None:
        """The language model's name; asking for it does not build the model."""
        return self.spec.name

    @property
    def is_sampled(self) -> bool:
        """Whether the model is asked at a temperature."""
        return self.prompt.recipe.temperature > 0

    def answer_all(
        self,
        examples: Sequence[Example],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Ask the model for each example, in as many rounds as the recipe needs."""
        if not examples:
            return []
        done = 0

        def tell(settled: Sequence[tuple[int, Answer]]) -> None:
            nonlocal done
            done += len(settled)
            if on_answers is not None:
                on_answers(settled)
            if progress is not None:
                progress(done, len(examples))

        rounds = Rounds(self.model, asked_as(self.spec), self.brief, self.prompt.recipe)
        answers = rounds.run(self.prompt.requests(examples, nonce), tell)
        self.asked += rounds.asked
        return answers

    def variations(self, kind: str, rng: np.random.Generator) -> list[tuple[str, Arm]]:
        """Return this arm under prompts that mean the same."""
        from steelyard.strategy.variation import vary_prompt

        return vary_prompt(self, kind, rng)

    def save(self, folder: Path) -> None:
        """Write ``arm.json``, the retrieved shots' index and the model's adapter, if any."""
        spec = self.spec.to_dict()
        if self.spec.adapter is not None:
            shutil.copytree(self.spec.adapter, folder / _ADAPTER)
            spec["adapter"] = _ADAPTER
        if self.prompt.index is not None:
            (folder / _INDEX).mkdir()
            self.prompt.index.save(folder / _INDEX)
        recipe = json.loads(json.dumps(asdict(self.prompt.recipe)))
        write_manifest(self, folder, {"model": spec, "recipe": recipe})

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> PromptArm:
        """Build the arm; its adapter is the copy inside ``folder``."""
        from steelyard.strategy.tfidf import ShotIndex

        spec = ModelSpec(**saved["model"])
        if spec.adapter is not None:
            spec = replace(spec, adapter=str(folder / spec.adapter))
        recipe = PromptRecipe.from_dict(saved["recipe"])
        get_format(recipe.format)
        index = ShotIndex.load(folder / _INDEX) if recipe.retrieved else None
        prompt = Prompt(recipe, index)
        return cls(saved["name"], read_brief(saved), saved["options"], prompt, spec, build_model)


def full_instruction(brief: Brief) -> str:
    """Return the instruction, and after it the labels, or the schema, unless it names them all."""
    if brief.schema is not None:
        return _with_schema(brief.instruction.strip(), brief.schema)
    named = [
        re.search(rf"(?<!\w){re.escape(label)}(?!\w)", brief.instruction) for label in brief.labels
    ]
    if brief.kind != "label" or all(named):
        return brief.instruction.strip()
    return f"{brief.instruction.strip()}\nAnswer with exactly one of: {', '.join(brief.labels)}."


def _with_schema(instruction: str, schema: str) -> str:
    """Add the schema to an instruction that does not name each of its fields."""
    fields = json.loads(schema).get("properties", {})
    if fields and all(
        re.search(rf"(?<!\w){re.escape(name)}(?!\w)", instruction) for name in fields
    ):
        return instruction
    return f"{instruction}\nAnswer with one JSON object that fits this JSON schema:\n{schema}"


_LONGEST_ANSWER = 512
"""Tokens that a free answer may take at most where the task sets no limit."""


def output_limit(brief: Brief, train: Sequence[Example], model: Model) -> int:
    """Tokens a free answer may take: the task's own limit, or a little over the longest known one."""
    if brief.max_output_tokens is not None:
        return brief.max_output_tokens
    labelled = brief.kind == "label"
    outputs = brief.labels if labelled else [example.output for example in train]
    if not labelled and not any(outputs):  # texts that are only held against rules
        return _LONGEST_ANSWER
    longest = max((count_tokens(model, text) for text in outputs), default=32)
    return longest + 6 if labelled else min(_LONGEST_ANSWER, max(16, longest + longest // 4))


def count_tokens(model: Model, text: str) -> int:
    """Tokens by the model's tokenizer; half the characters where it is not known here."""
    count = model.count_tokens(text)
    return -(-len(text) // 2) if count is None else count
