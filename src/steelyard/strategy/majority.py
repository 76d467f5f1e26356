"""Always the most frequent output: what any other arm must beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from steelyard.config.records import read_as
from steelyard.core import Example
from steelyard.errors import DataError
from steelyard.model.base import Model, ModelSpec
from steelyard.output_kinds import KINDS
from steelyard.strategy.base import Arm, ArmFacts, FitContext, Strategy
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.saved import read_facts, write_manifest
from steelyard.strategy.traits import Traits


class MajorityArm(ClassicalArm):
    """Answers every input with one output; labels, and sets of them, have their shares as probabilities."""

    def __init__(
        self, facts: ArmFacts, output: str, shares: Mapping[str, float] | None = None
    ) -> None:
        super().__init__(facts)
        self._guess = Prediction(output, shares)

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._guess] * len(texts)

    def save(self, folder: Path) -> None:
        probabilities = self._guess.probabilities
        shares = dict(probabilities) if probabilities is not None else None
        write_manifest(self, folder, {"output": self._guess.output, "shares": shares})

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> MajorityArm:
        output = read_as(str, saved["output"], "output")
        shares = read_as(dict[str, float] | None, saved["shares"], "shares")
        return cls(read_facts(saved), output, shares)


class Majority(Strategy):
    """Counts train outputs; between equally frequent ones the task's label order decides."""

    name: ClassVar[str] = "majority"
    traits: ClassVar[Traits] = Traits(
        family="classical",
        about="always the most frequent answer",
        needs_model=False,
        needs_references=True,
        no_gap="it learns nothing from an input",
        is_reference=True,
        is_floor=True,
        carries="nothing",
    )
    arm_type: ClassVar[type[Arm]] = MajorityArm

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm; an empty train split raises `DataError`."""
        counts = count_outputs(context.train, context.brief.choices)
        output, count = max(counts.items(), key=lambda item: item[1])
        total = sum(counts.values())
        shares = {label: times / total for label, times in counts.items()}
        options = {"train_share": count / total}
        facts = ArmFacts(self.name, self.name, context.brief, options)
        return [
            MajorityArm(facts, output, shares if KINDS[context.brief.kind].is_labelled else None)
        ]


def count_outputs(train: Sequence[Example], labels: Sequence[str]) -> dict[str, int]:
    """Count outputs, the known labels first and in their order; no examples raise `DataError`."""
    if not train:
        raise DataError("the train split is empty; give more examples or a smaller test share")
    return {**dict.fromkeys(labels, 0), **Counter(example.output for example in train)}
