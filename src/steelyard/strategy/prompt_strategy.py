"""A strategy that searches prompts: its stages, run by a fit and added up by a forecast."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from steelyard.core import Usage
from steelyard.strategy.base import Arm, Brief, FitContext, Strategy
from steelyard.strategy.forecasting import (
    answer_limit,
    forecast_of,
    one_answer,
    repair_size,
    repaired_answer,
)
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.prompt import Prompt, free_name
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    SearchOptions,
    SearchResult,
    SearchSpace,
    by_rank,
    format_spread,
)
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.search import P, SearchCandidate, Stage, Trial, questions_in


class PromptStrategy(Strategy):
    """A strategy that searches prompts.

    Labels, lists of them, and JSON with a schema, give two arms: constrained, and ``NAME_free``. JSON gives
    ``NAME_repair`` too, the free prompt that asks again for what cannot be used, if on dev there was
    anything to ask again: otherwise it is the free arm.
    """

    arm_type: ClassVar[type[Arm]] = PromptArm
    config: SearchOptions

    @abstractmethod
    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """Return the prompts to try, from short to long."""

    @abstractmethod
    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """Return what the prompts of :meth:`space` take at most, before a fit; see :meth:`sized`."""

    def sized(
        self,
        brief: Brief,
        sizes: Sizes,
        candidates: Sequence[float],
        screened: Sequence[float] = (),
        shared_tokens: float | None = None,
    ) -> SearchSpace[Usage]:
        """Return the space of prompts of these lengths in tokens.

        Of each, ``shared_tokens`` are the same for every item, by default all but the input.
        """
        config, limit = self.config, answer_limit(brief, sizes)
        constrained = limit if brief.kind != "label" else sizes.longest_output_tokens or limit

        def one(prompt: float) -> Usage:
            answer = one_answer(sizes, prompt, constrained)
            return answer if shared_tokens is None else answer._replace(cached_tokens=shared_tokens)

        compared = [one(prompt) for prompt in sorted(candidates)]
        freed = [size._replace(output_tokens=limit) for size in compared]
        return SearchSpace(
            dev=min(sizes.dev, config.dev_items),
            screened=[one(prompt) for prompt in screened],
            candidates=compared,
            free=freed[-max(1, config.free_candidates) :] if brief.constrainable else (),
            repaired=[repair_size(freed[-1])] if brief.kind == "json" and config.repairs else (),
        )

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        return {}

    def search_stages(self, space: SearchSpace[P]) -> list[Stage[P]]:
        """Return the stages of :meth:`search`."""
        plan = self.config.plan
        screen = Stage("screen", space.screened, plan.screened(space.dev))
        return [screen, *plan.stages(space.candidates, space.dev)]

    def stages(self, space: SearchSpace[P]) -> list[Stage[P]]:
        """Return all stages of a fit: the search, the free arm's, and the repairs of JSON."""
        free = self.config.plan.stages(space.free, space.dev)
        repair = Stage("repair", space.repaired, space.dev, self.config.repairs)
        return [*self.search_stages(space), *free, repair]

    def search(
        self, evaluator: DevEvaluator, space: SearchSpace[SearchCandidate[Prompt]]
    ) -> SearchResult:
        """Screen formats and compare candidates in the best one; without any, compare candidates."""
        compared, candidates = list(space.screened), list(space.candidates)
        trace: tuple[Trial, ...] = ()
        if compared:
            first = evaluator.screen(compared)
            candidates = [_in_format_of(first.best, candidate) for candidate in candidates]
            trace = first.trace
        choice = evaluator.choose(candidates)
        spread = format_spread(compared or candidates, trace or choice.trace)
        return SearchResult(
            by_rank(candidates, choice), choice.score, spread, (*trace, *choice.trace)
        )

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Return what a fit asks at most, and what its arms take with the longest prompt."""
        space = self.expected_space(brief, sizes)
        arms = {self.name: space.decided or space.candidates, free_name(self.name): space.free}
        per_answer = {name: prompts[-1] for name, prompts in arms.items() if prompts}
        if space.repaired:
            answer = (space.free or space.candidates)[-1]
            per_answer[f"{self.name}_repair"] = repaired_answer(answer, self.config.repairs)
        return forecast_of(self.stages(space), per_answer)

    def fit(self, context: FitContext) -> list[Arm]:
        """Choose format and shots on dev, the free arm among the constrained one's best.

        Raises `ConfigError` where it does not fit the task.
        """
        self.require_fit(context.task)
        evaluator = DevEvaluator(context, self.config, self.name)
        space = self.space(evaluator)
        evaluator.expect(questions_in(self.stages(space)))
        outcome = self.search(evaluator, space)
        arms: list[Arm] = [
            evaluator.arm(self.name, outcome, self.describe(outcome.ranked[0].value))
        ]
        if space.free:
            outcome = self._search_free(evaluator, outcome)
            more = self.describe(outcome.ranked[0].value)
            arms.append(evaluator.arm(free_name(self.name), outcome, more))
        free = next(one for one in outcome.ranked if one.value.recipe.decoding == "free")
        return [*arms, *evaluator.repairing(free, self.describe(free.value))]

    def _search_free(self, evaluator: DevEvaluator, outcome: SearchResult) -> SearchResult:
        shortlist = [
            SearchCandidate(candidate.name, candidate.value.decoded("free"), candidate.size)
            for candidate in outcome.ranked[: max(1, self.config.free_candidates)]
        ]
        choice = evaluator.choose(shortlist)
        return SearchResult(
            ranked=by_rank(shortlist, choice),
            score=choice.score,
            spread=format_spread(shortlist, choice.trace),
            trace=choice.trace,
        )


def _in_format_of(
    best: SearchCandidate[Prompt], candidate: SearchCandidate[Prompt]
) -> SearchCandidate[Prompt]:
    recipe = replace(candidate.value.recipe, format=best.value.recipe.format)
    size = candidate.size + recipe.length - candidate.value.recipe.length
    return SearchCandidate(candidate.name, replace(candidate.value, recipe=recipe), size)
