"""What a search will ask, in requests and tokens, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean as mean
from typing import NamedTuple

from steelyard.strategy.base import Brief, Forecast, Sizes
from steelyard.strategy.search import Stage

_CHAT_TOKENS = 16
"""What a chat template puts around a system message and an input."""
_SHOT_TOKENS = 16
"""What it puts around a shot's two turns, or a list's names of fields."""
_COUNTED_SHOT_TOKENS = 8
"""What a strategy counts of that when it fits shots into a prompt."""
_REPAIR_TOKENS = 80
"""What asks again for an answer that cannot be used, its error included."""
_MOST_OUTPUT = 512


class AnswerSize(NamedTuple):
    """What one answer takes at most, in tokens of all its requests.

    Of the input, all but ``own_tokens`` is the same for every item; by default nothing is.
    """

    input_tokens: float
    output_tokens: float
    own_tokens: float | None = None
    requests: int = 1

    @property
    def shared_tokens(self) -> float:
        """Input tokens that an engine which keeps prefixes reads once."""
        return 0.0 if self.own_tokens is None else max(0.0, self.input_tokens - self.own_tokens)


def chat_tokens(sizes: Sizes, shots: float = 0.0, *, instruction: float = 0.0) -> float:
    """Tokens of one prompt with so many tokens of shots and of further instruction."""
    return sizes.instruction_tokens + instruction + shots + sizes.input_tokens + _CHAT_TOKENS


def input_tokens(sizes: Sizes) -> float:
    """Tokens of a prompt that no other item's has, where only the input differs."""
    return sizes.input_tokens + _CHAT_TOKENS


def added(*forecasts: Forecast) -> Forecast:
    """Add up forecasts; each arm is in one of them."""
    per_answer = {
        arm: needs for forecast in forecasts for arm, needs in forecast.per_answer.items()
    }
    return Forecast(
        sum(forecast.requests for forecast in forecasts),
        sum(forecast.input_tokens for forecast in forecasts),
        sum(forecast.output_tokens for forecast in forecasts),
        sum(forecast.trained_tokens for forecast in forecasts),
        per_answer,
        "; ".join(dict.fromkeys(forecast.note for forecast in forecasts if forecast.note)),
        sum(forecast.shared_tokens for forecast in forecasts),
        min((forecast.shared_per_request for forecast in forecasts), default=0.0),
        tuple(use for forecast in forecasts for use in forecast.other_models),
    )


def shot_tokens(sizes: Sizes) -> float:
    """Tokens of one shot of mean length inside a prompt."""
    return sizes.input_tokens + sizes.output_tokens + _SHOT_TOKENS


def shots_that_fit(sizes: Sizes, count: int, budget: int) -> int:
    """How many of ``count`` shots of mean length fit into a prompt of ``budget`` tokens; 1 at least."""
    shot = sizes.input_tokens + sizes.output_tokens + _COUNTED_SHOT_TOKENS
    return max(1, min(count, int((budget - sizes.instruction_tokens) / max(shot, 1))))


def answer_limit(brief: Brief, sizes: Sizes) -> float:
    """Tokens that a free answer may take; see `steelyard.strategy.prompting.output_limit`."""
    if brief.max_output_tokens is not None:
        return brief.max_output_tokens
    longest = sizes.longest_output_tokens or 2 * sizes.output_tokens
    return longest + 6 if brief.kind == "label" else min(_MOST_OUTPUT, max(16, 1.25 * longest))


def estimated_tokens(text: str) -> float:
    """Tokens of a short text that was not counted: three characters each, which is rather many."""
    return len(text) / 3


def forecast_of(
    stages: Iterable[Stage[AnswerSize]], per_answer: Mapping[str, AnswerSize] = {}
) -> Forecast:
    """Add up stages; ``per_answer`` is what one answer of each arm takes."""
    needs = {arm: (size.requests, *size[:2]) for arm, size in per_answer.items()}
    shared = min((size.shared_tokens for size in per_answer.values()), default=0.0)
    total = added(*map(_asking_of, stages))
    return replace(total, per_answer=needs, shared_per_request=shared)


def _asking_of(stage: Stage[AnswerSize]) -> Forecast:
    if not stage.prompts:
        return Forecast()
    answers = len(stage.prompts) * stage.items * stage.repeats
    read = mean([size.input_tokens for size in stage.prompts])
    written = mean([size.output_tokens for size in stage.prompts])
    owns = [size.own_tokens for size in stage.prompts if size.own_tokens is not None]
    shared = max(0.0, read - mean(owns)) if owns else 0.0
    return Forecast(
        answers * max(size.requests for size in stage.prompts),
        round(answers * read),
        round(answers * written),
        shared_tokens=round(answers * shared),
    )


def repair_size(answer: AnswerSize) -> AnswerSize:
    """What it takes to ask once more for an answer to a free prompt."""
    more = answer.output_tokens + _REPAIR_TOKENS
    own = None if answer.own_tokens is None else answer.own_tokens + more
    return AnswerSize(answer.input_tokens + more, answer.output_tokens, own)


def repaired_answer(answer: AnswerSize, repairs: int) -> AnswerSize:
    """What an answer to a free prompt takes if it is asked for ``repairs`` times more."""
    again = repair_size(answer)
    return AnswerSize(
        answer.input_tokens + repairs * again.input_tokens,
        (1 + repairs) * answer.output_tokens,
        answer.own_tokens,
        1 + repairs,
    )
