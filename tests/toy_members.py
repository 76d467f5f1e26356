"""A metric, a check and a provider, as a user's package may ship them beside `tests.toy_strategy`."""

from __future__ import annotations

from typing import ClassVar

from steelyard.core import OutputKind
from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import Dataset
from steelyard.model import ModelProvider
from steelyard.model.fake import FakeModel
from steelyard.score import Metric


class FirstLetter(Metric):
    """Whether a label begins as the reference does."""

    name = "first_letter"
    title = "First letter"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("label",)
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        return float(output[:1] == reference[:1])


def find_shouting(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find inputs that end in an exclamation mark."""
    loud = [place for place, row in enumerate(data.examples) if row.input.endswith("!")]
    facts = {"rows": len(loud)}
    if not loud:
        return CheckResult(facts=facts)
    message = f"{len(loud)} inputs shout"
    return CheckResult((Finding.of_rows(data, loud, "shouting", "error", message),), facts)


PROVIDER = ModelProvider(
    lambda spec: FakeModel("smart"),
    form="parrot:grey",
    about="repeats what it heard",
    names=("grey",),
    has_simulated_time=True,
)
