"""Several answers at a temperature, and the most frequent one. Wang et al. (2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from steelyard.config.options import Several, one_of
from steelyard.core import Answer, OutputKind, questions_of
from steelyard.data.rows import has_references
from steelyard.errors import ConfigError
from steelyard.families import STRATEGIES
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.planned import PlannedModel
from steelyard.stats.selection import cheapest
from steelyard.strategy.base import Arm, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.chain_of_thought import ChainOfThought, ReasoningOptions
from steelyard.strategy.few_shot import FewShot
from steelyard.strategy.forecasting import forecast_of
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import DevEvaluator, SearchOptions, SearchResult
from steelyard.strategy.prompt_strategy import PromptStrategy
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.reasoning import reasoning_refusal, votes_refusal
from steelyard.strategy.search import P, SearchCandidate, Stage, Trial, questions_in
from steelyard.strategy.traits import ShotLimits, Traits
from steelyard.strategy.zero_shot import ZeroShot

_AUTO = "auto"


def _choices_of_over() -> list[str]:
    """What ``over`` may be: the strategies that say so of themselves, or the one that fits."""
    votable = [name for name in STRATEGIES if STRATEGIES.get(name).traits.can_be_voted_over]
    return [_AUTO, *votable]


class SelfConsistencyOptions(ReasoningOptions):
    """The prompt's search, and then the votes.

    ``over`` is the strategy whose best prompt is asked (auto: chain_of_thought where the metric
    allows reasoning, else few_shot, without train zero_shot). Each number of ``samples`` is tried on
    dev at ``temperature``; the fewest votes that dev cannot tell from the best are taken.
    """

    samples: Several[Annotated[int, Field(ge=2)]] = (3, 5)
    temperature: float = Field(default=0.7, gt=0, le=2)
    """At 0 all votes are one."""
    over: Annotated[str, one_of("strategy to vote over", _choices_of_over)] = _AUTO


class SelfConsistency(Strategy):
    """Chooses a prompt as its own strategy would, then how many votes to pay for.

    The shares of the votes are its probabilities.
    """

    name: ClassVar[str] = "self_consistency"
    traits: ClassVar[Traits] = Traits(
        family="prompt",
        about="several reasoned answers, the majority wins",
        confidence="any",
        carries="fixed_shots",
    )
    options_type = SelfConsistencyOptions
    config: SelfConsistencyOptions
    arm_type: ClassVar[type[Arm]] = PromptArm

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `ConfigError` where answers cannot be put to a vote."""
        self.require_fit(context.task)
        over = self._over(context.task)
        evaluator = DevEvaluator(context, self.config, self.name)
        strategy = self._voted_over(over)
        space = strategy.space(evaluator)
        stages = [*strategy.search_stages(space), *self._votes(space.candidates[-1], space.dev)]
        evaluator.expect(questions_in(stages))
        search = strategy.search(evaluator, space)
        voted, trials = self._vote(evaluator, search.ranked[0])
        score = next((t.score for t in trials if t.name == voted.name), None)
        recipe = voted.value.recipe
        two_step = recipe.reasoning and recipe.decoding == "constrained"
        more: Mapping[str, Any] = {
            "over": over,
            "samples": recipe.samples,
            "temperature": recipe.temperature,
            "instruction": recipe.instruction,
            "requests_per_answer": recipe.samples * (2 if two_step else 1),
        }
        outcome = SearchResult((voted,), score, search.spread, (*search.trace, *trials))
        return [evaluator.arm(self.name, outcome, more)]

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """Refuse a task whose answers cannot be put to a vote."""
        return super().refusal(task, model) or votes_refusal(task.brief)

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """Its votes take long on a slow model, and are of little use without reasoning."""
        if provider_of(model).is_slow:
            return (
                "it reasons several times for every answer, which is slow on this model; "
                "list it explicitly to run it"
            )
        if reasoning_refusal(task) is not None:
            return f"it votes over {ChainOfThought.name}, which does not fit the task"
        return None

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse ``over`` where that strategy does not fit."""
        self._over(task)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits | None:
        """Those of the strategy voted over; of text, whose metric decides on it, of either."""
        over = self.config.over
        if over == _AUTO:
            over = (FewShot if kind == "text" else ChainOfThought).name
        return self._voted_over(over).shot_limits(kind, labels)

    def _over(self, task: TaskFacts) -> str:
        """The strategy whose prompt is voted over. Raises `ConfigError` for one that cannot be."""
        over = self.config.over
        plain = (FewShot if has_references(task.train) else ZeroShot).name
        if over == _AUTO:
            return ChainOfThought.name if reasoning_refusal(task) is None else plain
        if (reason := self._voted_over(over).refusal(task)) is not None:
            raise ConfigError(
                f"strategy {self.name} cannot vote over {over}: {reason}; choose over: {plain}"
            )
        return over

    def _voted_over(self, over: str) -> PromptStrategy:
        """The strategy ``over`` with the options that ours has in common with it."""
        name = ChainOfThought.name if over == _AUTO else over
        strategy: type[PromptStrategy] = STRATEGIES.get(name)
        has_all = isinstance(self.config, strategy.options_type)
        common = strategy.options_type if has_all else SearchOptions
        return strategy(**{field: getattr(self.config, field) for field in common.model_fields})

    def _votes(self, prompt: P, dev: int) -> list[Stage[P]]:
        """One stage for each number of votes, the fewest first."""
        return [Stage("votes", [prompt], dev, n) for n in sorted(set(self.config.samples))]

    def _vote(
        self, evaluator: DevEvaluator, best: SearchCandidate[Prompt]
    ) -> tuple[SearchCandidate[Prompt], tuple[Trial, ...]]:
        """Try each number of votes; the votes of a smaller number are among those of a larger one."""
        stages = self._votes(best, len(evaluator.dev))
        candidates = [self._voting(best, stage.repeats) for stage in stages]
        if not evaluator.dev:
            return candidates[-1], ()
        answered: list[list[Answer]] = []
        trials: list[Trial] = []
        for candidate in candidates:
            answers, requests = evaluator.ask(candidate.value, questions_of(evaluator.dev))
            score = evaluator.context.score(evaluator.dev, answers)
            trials.append(Trial(candidate.name, "votes", len(evaluator.dev), requests, score))
            answered.append(answers)
        items = [np.array(evaluator.context.scores(evaluator.dev, answers)) for answers in answered]
        place = cheapest([trial.score for trial in trials], items)
        return candidates[place], tuple(trials)

    def _voting(self, best: SearchCandidate[Prompt], samples: int) -> SearchCandidate[Prompt]:
        recipe = replace(best.value.recipe, samples=samples, temperature=self.config.temperature)
        return SearchCandidate(f"{samples} votes", replace(best.value, recipe=recipe), best.size)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Say what search and votes ask at most, over reasoning where ``over`` is auto."""
        strategy = self._voted_over(self.config.over)
        space = strategy.expected_space(brief, sizes)
        answer = (space.decided or space.candidates)[-1]
        most = max(self.config.samples)
        stages = [*strategy.search_stages(space), *self._votes(answer, space.dev)]
        notes = [f"{most} votes, the maximum"]
        if isinstance(strategy, ChainOfThought):
            notes.insert(0, strategy.reasoning_note(brief))
        return replace(forecast_of(stages, {self.name: answer * most}), note="; ".join(notes))
