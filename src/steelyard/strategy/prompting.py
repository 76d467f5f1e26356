"""The arm that answers by prompting a model."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.core import Answer, Question
from steelyard.families import RETRIEVERS
from steelyard.files import linked, read_json, real
from steelyard.model.base import Model, ModelSpec
from steelyard.strategy.asking import Sources, sources_of
from steelyard.strategy.base import Arm, ArmFacts, OnAnswers, Progress
from steelyard.strategy.formats import get_format
from steelyard.strategy.grounding import Grounding, Lookup, timed_lookup
from steelyard.strategy.prompt import RETRIEVED_ORDERS, Prompt, PromptRecipe
from steelyard.strategy.rounds import Rounds
from steelyard.strategy.saved import read_facts, write_manifest
from steelyard.strategy.traits import RETRIEVES_ITSELF
from steelyard.strategy.variation import vary_prompt

if TYPE_CHECKING:
    import numpy as np

    from steelyard.retrieve.base import Retriever

_ADAPTER = "adapter"
_INDEX = "index"
_PASSAGES = "passages"
_FIRST_RETRIEVER = "tfidf"
"""What loads the index of an arm that does not say it: there was no other."""


class PromptArm(Arm):
    """Answers by prompting a model, built at the first answer from ``spec``.

    ``request_count`` counts the requests it made: more than answers, where there are votes or repairs.
    """

    def __init__(
        self,
        facts: ArmFacts,
        prompt: Prompt,
        spec: ModelSpec,
        build_model: Callable[[ModelSpec], Model],
    ) -> None:
        super().__init__(facts)
        self.prompt = prompt
        self.spec = spec
        self.request_count = 0
        self._build_model = build_model

    @cached_property
    def model(self) -> Model:
        return self._build_model(self.spec)

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        return (self.spec,)

    @property
    def account(self) -> str:
        return self.spec.account

    @property
    def notes(self) -> tuple[str, ...]:
        return self.model.notes

    @property
    def temperature(self) -> float:
        return float(self.prompt.recipe.temperature)

    @property
    def confidence_source(self) -> str:
        """Its votes if it has several, else the model's label probabilities."""
        return "votes" if self.prompt.recipe.samples > 1 else super().confidence_source

    @property
    def machine_seconds(self) -> float:
        """Indexing what its prompt shows, and training."""
        training = self.fit.training
        return self.fit.seconds + (0.0 if training is None else training.seconds)

    @property
    def why_no_gap(self) -> str | None:
        """Retrieval from train would show each train example its own answer."""
        return RETRIEVES_ITSELF if self.prompt.recipe.retrieved else super().why_no_gap

    def shown_inputs(self) -> frozenset[str]:
        return frozenset(self.prompt.shown_inputs())

    def answer_all(
        self,
        questions: Sequence[Question],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Ask the model each question, in as many rounds as the recipe needs."""
        if not questions:
            return []
        settled_count, grounding, lookup = 0, self.prompt.grounding, Lookup(0.0)
        if grounding is not None:
            questions, lookup = timed_lookup(grounding, questions)

        def whole(answer: Answer) -> Answer:
            return answer if grounding is None else grounding.settled(answer, self.account, lookup)

        def tell(settled: Sequence[tuple[int, Answer]]) -> None:
            nonlocal settled_count
            settled_count += len(settled)
            if on_answers is not None:
                on_answers([(place, whole(answer)) for place, answer in settled])
            if progress is not None:
                progress(settled_count, len(questions))

        rounds = Rounds(self.model, self.account, self.brief, self.prompt.recipe)
        answers = rounds.run(self.prompt.requests(questions, nonce), tell)
        self.request_count += rounds.request_count
        return [whole(answer) for answer in answers]

    def sources(self, question: Question, answer: Answer) -> Sources:
        """The passages of the prompt, looked up again, which gives the same ones."""
        grounding = self.prompt.grounding
        if grounding is None:
            return Sources()
        (hits,) = grounding.hits([question])
        citations = grounding.citations(answer.completion.text, len(hits))
        passages = [hit.passage for hit in hits]
        return sources_of(passages, citations, cites=grounding.options.cites)

    def variations(self, kind: str, rng: np.random.Generator) -> list[tuple[str, Arm]]:
        """Return this arm under prompts that mean the same."""
        return [(name, self.under(prompt)) for name, prompt in vary_prompt(self.prompt, kind, rng)]

    def under(self, prompt: Prompt) -> PromptArm:
        """Return an arm that asks ``prompt`` of the same model."""
        other = copy.copy(self)
        other.prompt = prompt
        return other

    def save(self, folder: Path) -> None:
        """Write ``arm.json``, the retrieved shots' index and the model's adapter, if any."""
        spec = self.spec.to_dict()
        if self.spec.adapter is not None:
            shutil.copytree(self.spec.adapter, folder / _ADAPTER, copy_function=linked)
            spec["adapter"] = _ADAPTER
        fields: dict[str, Any] = {"model": spec, "recipe": self.prompt.recipe.to_dict()}
        if self.prompt.index is not None:
            (folder / _INDEX).mkdir()
            self.prompt.index.save(folder / _INDEX)
            fields["retriever"] = self.prompt.index.name
            fields["retrieved_order"] = self.prompt.order
        if self.prompt.grounding is not None:
            (folder / _PASSAGES).mkdir()
            fields["grounding"] = self.prompt.grounding.save(folder / _PASSAGES)
        write_manifest(self, folder, fields)

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> PromptArm:
        """Build the arm; its adapter is the copy inside ``folder``."""
        spec = ModelSpec.from_dict(saved["model"])
        if spec.adapter is not None:
            if not real(folder / spec.adapter).is_relative_to(real(folder)):
                raise ValueError(f"the adapter {spec.adapter!r} lies out of the folder")
            spec = replace(spec, adapter=str(folder / spec.adapter))
        recipe = PromptRecipe.from_dict(saved["recipe"])
        get_format(recipe.format)
        prompt = Prompt(recipe)
        if recipe.retrieved:
            retriever: type[Retriever] = RETRIEVERS.get(saved.get("retriever", _FIRST_RETRIEVER))
            order = saved.get("retrieved_order") or _older_order(folder / _INDEX)
            if order not in RETRIEVED_ORDERS:
                raise ValueError(f"unknown order of retrieved examples: {order!r}")
            prompt = Prompt(recipe, retriever.load(folder / _INDEX), order)
        if "grounding" in saved:
            grounding = Grounding.load(folder / _PASSAGES, saved["grounding"])
            prompt = replace(prompt, grounding=grounding)
        return cls(read_facts(saved), prompt, spec, build_model)


def _older_order(folder: Path) -> str:
    """Return the order of retrieved shots that older versions wrote with the index, if at all."""
    path = folder / "retrieval.json"
    rules = read_json(path) if path.is_file() else {}
    return str(rules.get("order", RETRIEVED_ORDERS[0]))
