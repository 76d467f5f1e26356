"""One arm of ``result.json``: what it is, and every figure of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field

from steelyard.result.base import Omitted, OpenPart, ResultPart
from steelyard.result.figures import Gap, PartFigure, Quality, Validity
from steelyard.result.steadiness import Calibration, Consistency


class Outcomes(ResultPart):
    """How many test examples were scored and failed; they add up to the test split."""

    scored: int | None = None
    failed: int | None = None


class Tokens(ResultPart):
    """Mean tokens of a request by the model's own counts; ``cached`` is a part of ``input``."""

    input_mean: float | None = None
    cached_mean: float | None = None
    output_mean: float | None = None
    reason: Omitted[str] = None


class Percentiles(ResultPart):
    """The median and the 95th percentile, in seconds."""

    p50: float | None = None
    p95: float | None = None


class Latency(Percentiles):
    """Of ``n`` requests sent one at a time; ``first_token`` until the answer that counts begins."""

    n: int = 0
    first_token: Omitted[Percentiles] = None
    reason: Omitted[str] = None


class SearchTokens(ResultPart):
    """Tokens that were asked of models while fitting."""

    input_tokens: float = 0
    output_tokens: float = 0


class Fit(ResultPart):
    """What fitting took; ``tokens`` are those asked while searching and those trained on."""

    seconds: float | None = None
    examples: int | None = None
    requests: SearchTokens = SearchTokens()
    tokens: float | None = None
    cost: float | None = None


class ArmCost(ResultPart):
    """Money before the first request, per request, and in a month of 30 days."""

    upfront: float | None = None
    per_request: float | None = None
    monthly: float | None = None
    currency: str = "USD"
    reason: Omitted[str] = None


class SearchTrial(OpenPart):
    """A candidate of a search: its score over ``items`` dev examples."""

    name: str = ""
    stage: str = ""
    items: int | None = None
    score: float | None = None


class SearchBudget(OpenPart):
    """What a search was allowed and used, in ``unit``."""

    unit: str = ""
    allowed: float | None = None
    used: float | None = None


class SearchFacts(OpenPart):
    """What a search on dev tried and found: the ``search`` among an arm's options."""

    dev_score: float | None = None
    dev_calls: int | None = None
    budget: SearchBudget | None = None
    trace: tuple[SearchTrial, ...] = ()


class ArmResult(ResultPart):
    """An arm and its figures. ``options`` hold everything that was chosen or found in fitting."""

    name: str = ""
    strategy: str = ""
    family: str = ""
    about: str = ""
    model: str | None = None
    model_tag: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    quality: Quality = Quality()
    other_qualities: tuple[Quality, ...] = ()
    outcomes: Outcomes = Outcomes()
    validity: Validity = Validity()
    tokens: Tokens = Tokens()
    latency_seconds: Latency = Latency()
    fit: Fit = Fit()
    cost: ArmCost = ArmCost()
    parts: tuple[PartFigure, ...] = ()
    consistency: Consistency | None = None
    consistency_reason: Omitted[str] = None
    calibration: Calibration | None = None
    calibration_reason: Omitted[str] = None
    generalisation_gap: Gap = Gap()
    forgetting: None = None
    forgetting_reason: str | None = None
    breaks: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether it answers in free text, read back into a label."""
        free_name = self.name.partition("@")[0].endswith("_free")
        return self.options.get("decoding") == "free" or free_name

    @property
    def format(self) -> str | None:
        return self.options.get("format")

    @property
    def searched_prompt(self) -> str:
        """The instruction that a search over wordings ended with; empty where none was searched."""
        return str(self.options["instruction"]) if "wording" in self.options else ""

    @property
    def repairs(self) -> bool:
        return bool(self.options.get("repairs"))

    @cached_property
    def search(self) -> SearchFacts:
        """What its search on dev tried and found; empty where there was none."""
        return SearchFacts.model_validate(self.options.get("search") or {})

    @property
    def formats(self) -> dict[str, float]:
        return dict(self.options.get("spread") or {})
