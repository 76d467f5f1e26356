"""One arm of ``result.json``: what it is, and every figure of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, TypeVar

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticUseDefault

from steelyard.core import PROMPT_FAMILIES
from steelyard.result.base import Omitted, OpenPart, ResultPart
from steelyard.result.documents import AnswerBins, Groundedness, Refusals, RetrievalFigures
from steelyard.result.figures import Gap, PartFigure, Quality, Validity
from steelyard.result.freshness import Freshness
from steelyard.result.steadiness import Calibration, Consistency, Handover

T = TypeVar("T")
_WHOLE_STAGES = ("final", "held_back", "free")


class Outcomes(ResultPart):
    """How many test examples were scored and failed; they add up to the test split."""

    scored: int | None = None
    failed: int | None = None


class AnswerLengths(ResultPart):
    """How many test answers were ``cut`` at the limit on their tokens, and ``reasoned`` first.

    ``cut_early`` of those that were cut were so below that limit, by the server's own or its context.
    """

    cut: int = 0
    cut_early: int = 0
    reasoned: int = 0


class Tokens(ResultPart):
    """Mean tokens of a request by the model's own counts.

    ``cached`` is a part of ``input``, ``reasoning`` of ``output`` where the model counts it apart.
    """

    input_mean: float | None = None
    cached_mean: float | None = None
    output_mean: float | None = None
    reasoning_mean: Omitted[float] = None
    reason: Omitted[str] = None


class Percentiles(ResultPart):
    """The median and the 95th percentile, in seconds."""

    p50: float | None = None
    p95: float | None = None


class Latency(Percentiles):
    """Of ``n`` requests sent one at a time; ``first_token`` until the answer that counts begins.

    ``p95_low`` and ``p95_high`` are the 95 % interval of ``p95``; ``None`` where so few requests do not
    bound it on that side, with the ``reason``.
    """

    n: int = 0
    p95_low: float | None = None
    p95_high: float | None = None
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

    def after(self, requests: float) -> float | None:
        """What it has cost after so many requests; ``None`` where a part of that is not known."""
        if self.upfront is None or self.per_request is None:
            return None
        return self.upfront + self.per_request * requests


class SearchTrial(OpenPart):
    """A candidate of a search: its score over ``items`` dev examples."""

    name: str = ""
    stage: str = ""
    items: int | None = None
    score: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it met all the dev examples that candidates were to be compared on."""
        return self.stage in _WHOLE_STAGES


class SearchBudget(OpenPart):
    """What a search was allowed and used, in ``unit``."""

    unit: str = ""
    allowed: float | None = None
    used: float | None = None


class LateGain(ResultPart):
    """The best prompt at a search's end less the best before the last ``share`` of the tokens it spent.

    ``trend`` is ``gaining``, ``flat`` or ``unknown``; ``difference`` is over ``items`` dev examples. Both
    prompts were picked on these, so that it says nothing beyond dev.
    """

    trend: str = "unknown"
    share: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0
    before: Omitted[str] = None
    after: Omitted[str] = None
    reason: Omitted[str] = None


class SearchFacts(OpenPart):
    """What a search on dev tried and found: the ``search`` among an arm's options."""

    dev_score: float | None = None
    dev_calls: int | None = None
    budget: SearchBudget | None = None
    late_gain: LateGain | None = None
    trace: tuple[SearchTrial, ...] = ()


class TrainingFacts(OpenPart):
    """What readers are told of a training: the ``training`` among an arm's options."""

    notes: tuple[str, ...] = ()


def _or_default(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        raise PydanticUseDefault from None


ByShape = Annotated[T, WrapValidator(_or_default)]
"""An option that is read where it has this type: a user's own strategy may mean another thing by it."""


class KnownOptions(ResultPart):
    """The options of an arm that mean the same for every strategy.

    ``spread`` is each prompt format's best score on dev, ``format`` the one that was used. ``wording``
    names the ``instruction`` where a search tried several. A prompt holds ``shots`` examples, and
    ``retrieved`` more are looked up for each input; ``None`` where the strategy does not say.
    """

    decoding: ByShape[str | None] = None
    format: ByShape[str | None] = None
    repairs: ByShape[int] = 0
    shots: ByShape[int | None] = None
    retrieved: ByShape[int | None] = None
    wording: ByShape[str | None] = None
    instruction: ByShape[str] = ""
    spread: ByShape[dict[str, float]] = Field(default_factory=dict)
    search: ByShape[SearchFacts] = SearchFacts()
    training: ByShape[TrainingFacts] = TrainingFacts()

    @property
    def searched_prompt(self) -> str:
        """The instruction that a search over wordings ended with; empty where none was searched."""
        return "" if self.wording is None else self.instruction


class ArmResult(ResultPart):
    """An arm and its figures. ``options`` hold everything that was chosen or found in fitting."""

    name: str = ""
    strategy: str = ""
    family: str = ""
    about: str = ""
    is_tuned: bool = False
    is_ceiling: Omitted[bool] = Field(
        default=None,
        description="Whether it is shown what no arm in use would know: measured, and no candidate.",
    )
    model: str | None = None
    model_tag: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    quality: Quality = Quality()
    other_qualities: tuple[Quality, ...] = ()
    outcomes: Outcomes = Outcomes()
    lengths: AnswerLengths = AnswerLengths()
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
    freshness: Omitted[Freshness] = None
    freshness_reason: Omitted[str] = None
    handover: Handover | None = None
    handover_reason: Omitted[str] = None
    retrieval: Omitted[RetrievalFigures] = None
    bins: Omitted[AnswerBins] = None
    groundedness: Omitted[Groundedness] = None
    refusals: Omitted[Refusals] = None
    documents_reason: Omitted[str] = Field(
        default=None,
        description="Why an arm that reads documents has no retrieval, bins or groundedness.",
    )
    generalisation_gap: Gap = Gap()
    forgetting: None = None
    forgetting_reason: str | None = None
    breaks: tuple[str, ...] = ()
    measured_before: bool = Field(
        default=False,
        description="By an earlier run in the same folder; this one was not asked for it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _lift_handover(cls, data: Any) -> Any:
        """Take over what earlier files have as ``calibration.handover``."""
        calibration = data.get("calibration") if isinstance(data, Mapping) else None
        if not isinstance(calibration, Mapping) or "handover" not in calibration:
            return data
        return {"handover": calibration["handover"], **data}

    @property
    def is_free(self) -> bool:
        """Whether it answers in free text, read back into what the task asks for."""
        return self.known_options.decoding == "free"

    @property
    def is_prompt_only(self) -> bool:
        """Whether it adapts the model by its prompt alone."""
        return self.family in PROMPT_FAMILIES

    @cached_property
    def known_options(self) -> KnownOptions:
        return KnownOptions.model_validate(self.options)
