"""A strategy in one file, as a user may ship one: it answers with the label that the input names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from steelyard.model import Model, ModelSpec
from steelyard.strategy import Arm, ArmFacts, FitContext, Strategy, TaskFacts, Traits
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.saved import read_facts, write_manifest


class SpotterArm(ClassicalArm):
    """Answers with the first label in the input, else with the first of the task."""

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        labels = self.brief.labels
        return [
            Prediction(next((label for label in labels if label in text), labels[0]))
            for text in texts
        ]

    def save(self, folder: Path) -> None:
        write_manifest(self, folder)

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> SpotterArm:
        return cls(read_facts(saved))


class Spotter(Strategy):
    """Looks for a label in the input."""

    name: ClassVar[str] = "spotter"
    traits: ClassVar[Traits] = Traits(
        family="hybrid",
        about="the label that the input names",
        needs_model=False,
        no_gap="it learns nothing",
        carries="nothing",
    )
    arm_type: ClassVar[type[Arm]] = SpotterArm

    def fit(self, context: FitContext) -> list[Arm]:
        return [SpotterArm(ArmFacts(self.name, self.name, context.brief))]

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        return None if task.brief.kind == "label" else "it spots labels only"
