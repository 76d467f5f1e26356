"""What a search will ask, in requests and tokens, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from steelyard.strategy.base import Brief, Forecast, Sizes
from steelyard.strategy.search import Halving

_CHAT_TOKENS = 16
"""What a chat template puts around a system message and an input."""
_SHOT_TOKENS = 16
"""What it puts around a shot's two turns, or a list's names of fields."""
_COUNTED_SHOT_TOKENS = 8
"""What a strategy counts of that when it fits shots into a prompt."""
_REPAIR_TOKENS = 80
"""What asks again for an answer that cannot be used, its error included."""
_MOST_OUTPUT = 512


class SearchBounds(Protocol):
    """What of a search's options its forecast reads; see `SearchOptions`."""

    @property
    def screen(self) -> int:
        """Dev items that all candidates meet."""
        ...

    @property
    def finalists(self) -> int:
        """How many meet all dev items."""
        ...

    @property
    def dev_items(self) -> int:
        """Dev items at most."""
        ...

    @property
    def free_candidates(self) -> int:
        """Candidates for the free arm."""
        ...

    @property
    def repairs(self) -> int:
        """How often an answer is asked again."""
        ...


@dataclass(frozen=True)
class Searched:
    """The lengths of a search's prompts in tokens: those only screened, and those chosen among.

    All but ``own`` tokens of a prompt are the same for all items.
    """

    screened: Sequence[float]
    candidates: Sequence[float]
    own: float


def chat_tokens(sizes: Sizes, shots: float = 0.0, *, instruction: float = 0.0) -> float:
    """Tokens of one prompt with so many tokens of shots and of further instruction."""
    return sizes.instruction_tokens + instruction + shots + sizes.input_tokens + _CHAT_TOKENS


def own_tokens(sizes: Sizes) -> float:
    """Tokens of a prompt that no other item's has, where only the input differs."""
    return sizes.input_tokens + _CHAT_TOKENS


def asking(
    requests: int, input_tokens: float, output_tokens: float, own: float | None = None
) -> Forecast:
    """Return the forecast of so many requests of these mean sizes.

    Where ``own`` is given, all but so many tokens of each prompt are shared with the others.
    """
    shared = 0.0 if own is None else max(0.0, input_tokens - own)
    return Forecast(
        requests,
        round(requests * input_tokens),
        round(requests * output_tokens),
        shared_tokens=round(requests * shared),
        shared_per_request=shared,
    )


def added(*forecasts: Forecast) -> Forecast:
    """Add up searches; each arm is in one of them, and notes are put one after the other."""
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
    """How many of ``wanted`` shots of mean length fit into a prompt of ``budget`` tokens; 1 at least."""
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


def choosing(
    prompts: Sequence[float], plan: Halving, dev: int, output: float, own: float
) -> Forecast:
    """Return what it takes at most to choose among prompts of so many tokens on dev."""
    screen = min(plan.screen or dev, dev)
    if len(prompts) <= plan.finalists or screen == dev:
        return asking(len(prompts) * dev, _mean(prompts), output, own)
    longest = sorted(prompts)[-plan.finalists :]
    return added(
        asking(len(prompts) * screen, _mean(prompts), output, own),
        asking(len(longest) * (dev - screen), _mean(longest), output, own),
    )


def searching(
    name: str, brief: Brief, sizes: Sizes, bounds: SearchBounds, searched: Searched
) -> Forecast:
    """Return what `PromptStrategy.fit` asks at most, and what its arms take with the longest prompt.

    The main search, the free arm's among its best, and the repairs of JSON.
    """
    dev = min(sizes.dev, bounds.dev_items)
    plan = Halving(bounds.screen, bounds.finalists)
    limit, most, own = answer_limit(brief, sizes), max(searched.candidates), searched.own
    main = limit if brief.kind != "label" else sizes.longest_output_tokens or limit
    screened = choosing(searched.screened, Halving(0, 1), min(plan.screen or dev, dev), main, own)
    parts = [screened, choosing(searched.candidates, plan, dev, main, own)]
    per_answer = {name: (1.0, most, main)}
    if brief.constrainable:
        shortlist = sorted(searched.candidates)[-max(1, bounds.free_candidates) :]
        parts.append(choosing(shortlist, plan, dev, limit, own))
        per_answer[f"{name}_free"] = (1.0, most, limit)
    if brief.kind == "json" and bounds.repairs:
        parts.append(repairing(name, dev, bounds.repairs, PromptLengths(most, limit, own)))
        per_answer |= parts[-1].per_answer
    shared = max(0.0, most - own)
    return replace(added(*parts), per_answer=per_answer, shared_per_request=shared)


class PromptLengths(NamedTuple):
    """Tokens of a prompt, of the longest answer to it, and of what no other prompt shares."""

    prompt: float
    answer: float
    own: float


def repairing(name: str, dev: int, repairs: int, lengths: PromptLengths) -> Forecast:
    """Return what it takes at most to repair the answers of a free prompt, which dev was asked.

    Every answer of the arm ``NAME_repair`` may be asked again ``repairs`` times.
    """
    prompt, answer, own = lengths
    again = prompt + answer + _REPAIR_TOKENS
    forecast = asking(dev * repairs, again, answer, own + answer + _REPAIR_TOKENS)
    requests = 1.0 + repairs
    needs = (requests, prompt + repairs * again, requests * answer)
    return replace(forecast, per_answer={f"{name}_repair": needs})


def _mean(prompts: Sequence[float]) -> float:
    return sum(prompts) / len(prompts) if prompts else 0.0
