"""The output of the most similar train examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import NonNegativeInt, PositiveInt

from steelyard.config.options import Options, Several
from steelyard.config.records import read_as
from steelyard.core import Answer, Example, Question
from steelyard.errors import DataError
from steelyard.model.base import Model, ModelSpec
from steelyard.output_kinds import KINDS
from steelyard.retrieve.base import Hit, Passage
from steelyard.retrieve.tfidf import FeatureName, TfidfIndex
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Arm, ArmFacts, FitContext, Strategy
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.formats import Shot
from steelyard.strategy.record import FitRecord
from steelyard.strategy.saved import read_facts, write_manifest
from steelyard.strategy.search import Halving, SearchCandidate, choose, trace_options
from steelyard.strategy.traits import Traits


class NearestNeighbourOptions(Options):
    """The grid tried on dev: how many neighbours vote, and by which features they are found."""

    k: Several[NonNegativeInt] = (1, 3, 5, 9, 15)
    features: Several[FeatureName] = ("word", "word+char")


class NearestNeighbourArm(ClassicalArm):
    """The ``k`` nearest vote, a set of labels as a whole, weighted by cosine.

    If nothing is similar, the first of train wins.
    """

    def __init__(self, facts: ArmFacts, index: TfidfIndex, k: int) -> None:
        super().__init__(facts)
        self._index = index
        self._k = k

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        return [Prediction(_winner(hits)) for hits in self._index.find(texts, self._k)]

    def save(self, folder: Path) -> None:
        write_manifest(self, folder, {"k": self._k})
        self._index.save(folder)

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> NearestNeighbourArm:
        return cls(
            read_facts(saved), TfidfIndex.load(folder), read_as(PositiveInt, saved["k"], "k")
        )


class _Setting(NamedTuple):
    neighbours: TfidfIndex
    k: int


class NearestNeighbour(Strategy):
    """Indexes train by TF-IDF and chooses ``k`` and the features on dev (k = 1 unless labels)."""

    name: ClassVar[str] = "nearest_neighbour"
    traits: ClassVar[Traits] = Traits(
        family="classical",
        about="the answer of the most similar example",
        needs_model=False,
        needs_references=True,
        no_gap="on train it would find the very example it is asked about",
        looks_up_train=True,
        is_reference=True,
        confidence="none",
        carries="nothing",
    )
    options_type = NearestNeighbourOptions
    config: NearestNeighbourOptions
    arm_type: ClassVar[type[Arm]] = NearestNeighbourArm

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `DataError` where train is empty or contains no word."""
        brief, shots = context.brief, train_shots(context.train)
        sizes = self.config.k if KINDS[brief.kind].is_labelled else (1,)
        sizes = tuple(k for k in sizes if 0 < k <= len(shots)) or (1,)

        facts = ArmFacts(self.name, self.name, brief)

        def answer(setting: _Setting, questions: Sequence[Question]) -> list[Answer]:
            return NearestNeighbourArm(facts, *setting).answer_all(questions)

        passages = [Passage(*shot) for shot in shots]
        indexes = [TfidfIndex.fit(passages, features) for features in self.config.features]
        candidates = [
            SearchCandidate(f"{index.features}, k={k}", _Setting(index, k))
            for index in indexes
            for k in sizes
        ]
        plan = Halving(finalists=len(candidates))
        rng = fit_generator(context.seed, self.name)
        choice = choose(candidates, context.dev, answer, context.score, rng, plan)
        best = choice.best.value
        options = {"k": best.k, "features": best.neighbours.features}
        fit = FitRecord(trace_options(choice))
        return [NearestNeighbourArm(replace(facts, options=options, fit=fit), *best)]


def train_shots(train: Sequence[Example]) -> list[Shot]:
    """Return inputs and outputs of ``train``. Raises `DataError` where it is empty."""
    if not train:
        raise DataError("the train split is empty; add examples or choose a smaller test share")
    return [Shot(example.input, example.output) for example in train]


def _winner(hits: Sequence[Hit]) -> str:
    votes: dict[str, float] = defaultdict(float)
    for hit in hits:
        votes[hit.passage.output] += hit.score
    return max(votes, key=lambda output: votes[output])
