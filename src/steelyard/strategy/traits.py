"""What a strategy states of itself, so that no other room keeps a table of strategies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from steelyard.core import Recommendation

RETRIEVES_ITSELF = "on train it would retrieve the example that it is asked about"
"""Why a prompt with retrieved shots has no gap between train and test."""


class JoinedStrategies(NamedTuple):
    """What a hybrid is held against, by name: neither of its parts, its prompt alone, its weights alone."""

    neither: str
    prompt: str
    weights: str


@dataclass(frozen=True)
class Traits:
    """Facts about a strategy that hold for every task.

    ``family`` is what recommending it amounts to, ``about`` the strategy in a few words. One that
    ``spans_models`` uses all of the task's models and is fitted once, not on each. ``no_gap`` says why
    its gap between train and test says nothing; ``learns`` whether it uses the train examples,
    ``looks_up_train`` whether its arms look an input up among them, which then holds of every arm that
    contains one. A reference runs
    whatever is asked for. One that ``may_stop`` is not asked the test where dev shows that it cannot win.
    ``confidence`` says for which answers it may know how sure it is: labels, any kind, or none. A floor
    gives every input the same answer, which any other arm must beat; a ceiling is shown what no arm in use
    would know, and is never recommended. ``carries`` is what of the user's text its requests to a model
    hold; one that ``learns_documents`` holds that of the documents in its weights. One that
    ``can_be_voted_over`` is a `PromptStrategy` whose best prompt may be asked several times. One that
    ``joins`` others is weighed against each of them alone, so that these finish the test.
    """

    family: Recommendation
    about: str
    needs_model: bool = True
    needs_references: bool = False
    learns: bool = True
    tunes: bool = False
    spans_models: bool = False
    no_gap: str | None = None
    looks_up_train: bool = False
    is_reference: bool = False
    may_stop: bool = True
    is_floor: bool = False
    is_ceiling: bool = False
    can_be_voted_over: bool = False
    learns_documents: bool = False
    joins: JoinedStrategies | None = None
    confidence: Literal["none", "labels", "any"] = "labels"
    carries: Literal["nothing", "own", "fixed_shots", "retrieved_shots", "documents", "upload"] = (
        "own"
    )

    @property
    def must_finish(self) -> bool:
        """Whether its arms are asked the test whatever dev shows."""
        return self.is_reference or not self.may_stop


class ShotLimits(NamedTuple):
    """The numbers of shots that a strategy tries, and the tokens that its prompt may have."""

    counts: tuple[int, ...]
    max_prompt_tokens: int


class StrategySpec(NamedTuple):
    """A strategy by name with its options: plain data."""

    name: str
    options: Mapping[str, Any] = {}
