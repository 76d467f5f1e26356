"""What a search will ask, in requests and tokens, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.core import Usage
from steelyard.strategy.base import Brief
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.prompt import limit_above
from steelyard.strategy.search import Stage

_CHAT_TOKENS = 16
"""What a chat template puts around a system message and an input."""
_SHOT_TOKENS = 16
"""What it puts around a shot's two turns, or a list's names of fields."""
SHOT_MARKS = 8
"""What a strategy counts of that when it fits shots into a prompt."""
_REPAIR_TOKENS = 80
"""What asks again for an answer that cannot be used, its error included."""


def chat_tokens(sizes: Sizes, shots: float = 0.0, *, instruction: float = 0.0) -> float:
    """Tokens of one prompt with so many tokens of shots and of further instruction."""
    return sizes.instruction_tokens + instruction + shots + sizes.input_tokens + _CHAT_TOKENS


def input_tokens(sizes: Sizes) -> float:
    """Tokens of a prompt that no other item's has, where only the input differs."""
    return sizes.input_tokens + _CHAT_TOKENS


def one_answer(sizes: Sizes, prompt: float, output_tokens: float) -> Usage:
    """What an answer to a prompt of so many tokens takes, where only the input differs."""
    return Usage(1, prompt, prompt - input_tokens(sizes), output_tokens)


def added(*forecasts: Forecast) -> Forecast:
    """Add up forecasts; each arm is in one of them."""
    return Forecast(
        sum((forecast.usage for forecast in forecasts), Usage()),
        {arm: one for forecast in forecasts for arm, one in forecast.per_answer.items()},
        "; ".join(dict.fromkeys(forecast.note for forecast in forecasts if forecast.note)),
        tuple(use for forecast in forecasts for use in forecast.other_models),
    )


def shot_tokens(sizes: Sizes) -> float:
    """Tokens of one shot of mean length inside a prompt."""
    return sizes.input_tokens + sizes.output_tokens + _SHOT_TOKENS


def shots_that_fit(sizes: Sizes, count: int, budget: int) -> int:
    """How many of ``count`` shots of mean length fit into a prompt of ``budget`` tokens; 1 at least."""
    shot = sizes.input_tokens + sizes.output_tokens + SHOT_MARKS
    return max(1, min(count, int((budget - sizes.instruction_tokens) / max(shot, 1))))


def answer_limit(brief: Brief, sizes: Sizes) -> float:
    """Tokens that a free answer may take; see `steelyard.strategy.prompt.output_limit`."""
    if brief.max_output_tokens is not None:
        return brief.max_output_tokens
    longest = sizes.longest_output_tokens or 2 * sizes.output_tokens
    return limit_above(brief.kind, longest)


def estimated_tokens(text: str) -> float:
    """Tokens of a short text that was not counted: three characters each, which is rather many."""
    return len(text) / 3


def forecast_of(stages: Iterable[Stage[Usage]], per_answer: Mapping[str, Usage] = {}) -> Forecast:
    """Add up stages; ``per_answer`` is what one answer of each arm takes."""
    return Forecast(sum(map(_usage_of, stages), Usage()), dict(per_answer))


def _usage_of(stage: Stage[Usage]) -> Usage:
    return whole(sum(stage.prompts, Usage()) * (stage.items * stage.repeats))


def whole(usage: Usage) -> Usage:
    """Round to whole requests and tokens."""
    return Usage(*map(round, usage))


def repair_size(answer: Usage) -> Usage:
    """The usage of one repair of an answer to a free prompt."""
    return answer + Usage(input_tokens=answer.output_tokens + _REPAIR_TOKENS)


def repaired_answer(answer: Usage, repairs: int) -> Usage:
    """What an answer to a free prompt takes if it is asked for ``repairs`` times more."""
    return answer + repair_size(answer) * repairs
