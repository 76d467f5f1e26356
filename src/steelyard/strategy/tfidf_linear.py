"""A linear classifier over TF-IDF n-grams: the classical baseline that a model has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from steelyard.config.options import Several
from steelyard.model.base import Model, ModelSpec
from steelyard.retrieve.tfidf import FeatureName, Tfidf
from steelyard.strategy.base import Arm, ArmFacts, FitContext
from steelyard.strategy.linear import Linear
from steelyard.strategy.linear_arm import (
    FeatureSet,
    LinearArm,
    LinearOptions,
    LinearStrategy,
    read_linear,
)
from steelyard.strategy.saved import read_facts
from steelyard.strategy.traits import Traits


class TfidfLinearOptions(LinearOptions):
    """The grid tried on dev: ``features`` are of words, of characters, or of both."""

    features: Several[FeatureName] = ("word", "word+char")


class TfidfLinearArm(LinearArm):
    """Weighs the n-grams of a text."""

    def __init__(self, facts: ArmFacts, tfidf: Tfidf, linear: Linear) -> None:
        super().__init__(facts, linear)
        self._tfidf = tfidf

    def features(self, texts: Sequence[str]) -> Any:
        return self._tfidf.transform(texts)

    def save(self, folder: Path) -> None:
        self.save_linear(folder)
        self._tfidf.save(folder)

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> TfidfLinearArm:
        tfidf = Tfidf.load(folder)
        return cls(read_facts(saved), tfidf, read_linear(folder, saved, tfidf.width))


class TfidfLinear(LinearStrategy):
    """A linear classifier on counts of words and of runs of characters."""

    name: ClassVar[str] = "tfidf_linear"
    traits: ClassVar[Traits] = Traits(
        family="classical",
        about="a linear classifier on word counts",
        needs_model=False,
        needs_references=True,
        is_reference=True,
        carries="nothing",
    )
    options_type = TfidfLinearOptions
    config: TfidfLinearOptions
    arm_type: ClassVar[type[Arm]] = TfidfLinearArm

    def feature_sets(self, context: FitContext, texts: Sequence[str]) -> Iterator[FeatureSet]:
        for name in self.config.features:
            tfidf = Tfidf.fit(texts, name)

            def build(facts: ArmFacts, linear: Linear, tfidf: Tfidf = tfidf) -> TfidfLinearArm:
                return TfidfLinearArm(facts, tfidf, linear)

            yield FeatureSet(name, {"features": name}, tfidf.transform(texts), build)
