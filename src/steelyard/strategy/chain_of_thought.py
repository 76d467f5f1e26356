"""The model reasons first and answers last. Wei et al. (2022); Kojima et al. (2022) for no shots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import NonNegativeInt

from steelyard.config.options import Several, one_of
from steelyard.core import OutputKind
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Arm, Brief, FitContext, Forecast, Sizes, TaskFacts
from steelyard.strategy.forecasting import (
    PromptLengths,
    added,
    answer_limit,
    asking,
    chat_tokens,
    own_tokens,
    repairing,
    shot_tokens,
)
from steelyard.strategy.formats import Shot
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    PromptStrategy,
    SearchOptions,
    SearchResult,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.reasoning import (
    bare_shots,
    bootstrapped_shots,
    first_fitting,
    holds_reasoning,
    own_shots,
    reasoning_recipe,
    reasoning_refusal,
    reasoning_tokens,
)
from steelyard.strategy.rounds import wording
from steelyard.strategy.search import Halving, SearchCandidate, Trial
from steelyard.strategy.traits import ShotLimits, Traits

_ASKED_TO_REASON = 60
"""Tokens of the words that ask for reasoning, at most."""
_ASKED_TO_DECIDE = 32
"""Tokens of the turn that asks for the decision, with its marks."""


def _variants() -> Iterable[str]:
    return list(wording("reasoning")["variants"])


class ReasoningOptions(SearchOptions):
    """The search over the words that ask for reasoning, and over shots.

    ``variants`` are those of ``data/reasoning.json`` (empty for all). Of each ``k``, that many shots
    are tried without reasoning and with it; no shots are always tried. Rationales are the references'
    own, or the model's about ``bootstrap`` train examples. ``max_output_tokens`` bounds reasoning and
    answer (0: 256, or 512 for JSON and where references reason).
    """

    formats: Several[FormatName] = ("system_user",)
    screen: NonNegativeInt = 12
    dev_items: NonNegativeInt = 36
    variants: tuple[Annotated[str, one_of("reasoning variant", _variants)], ...] = ()
    k: Several[NonNegativeInt] = (3,)
    bootstrap: NonNegativeInt = 16
    max_output_tokens: NonNegativeInt = 0
    max_prompt_tokens: NonNegativeInt = 1500

    @property
    def variant_names(self) -> tuple[str, ...]:
        """The variants to try."""
        return self.variants or tuple(_variants())


class ChainOfThought(PromptStrategy):
    """Chooses the wording, then shots with and without reasoning, then how the answer is taken.

    Labels, and JSON with a schema, can be decided by a second request that is held to their form,
    after the reasoning: whichever of the two is better on dev is taken, and between equals the one
    request.
    """

    name: ClassVar[str] = "chain_of_thought"
    traits: ClassVar[Traits] = Traits(
        family="prompt", about="instruction to reason before answering", carries="fixed_shots"
    )
    options_type = ReasoningOptions
    config: ReasoningOptions

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm, and for JSON the repairing one. Raises `ConfigError` where none can be."""
        self.require_fit(context.task)
        evaluator = DevEvaluator(context, self.config, self.name)
        outcome = self.search(evaluator)
        best = outcome.ranked[0]
        free = next(
            candidate for candidate in outcome.ranked if candidate.value.recipe.decoding == "free"
        )
        return [
            evaluator.arm(self.name, outcome, self.describe(best.value)),
            *self.repairing(evaluator, free),
        ]

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """Refuse a task whose answers cannot stand after reasoning."""
        return super().refusal(task, model) or reasoning_refusal(task)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        """``k`` counts in all."""
        return ShotLimits(self.config.k, self.config.max_prompt_tokens)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        """Say how the model is asked to reason, and in how many requests."""
        two_step = prompt.recipe.decoding == "constrained"
        return {
            "instruction": prompt.recipe.instruction,
            "requests_per_answer": 2 if two_step else 1,
        }

    def search(self, evaluator: DevEvaluator) -> SearchResult:
        """Screen wordings, compare shots in the best one, and try the constrained decision."""
        limit = reasoning_tokens(
            evaluator.context.brief, evaluator.context.train, self.config.max_output_tokens
        )
        screened = [
            _candidate(
                f"{variant}, {name}", Prompt(reasoning_recipe(evaluator, name, variant, limit))
            )
            for name in format_names(self.config)
            for variant in self.config.variant_names
        ]
        evaluator.expect(screens=len(screened))
        first = evaluator.screen(screened)
        candidates, trace = self._with_shots(evaluator, first.best)
        evaluator.expect(len(candidates), *([1] if evaluator.constrainable else []))
        choice = evaluator.choose(candidates)
        outcome = SearchResult(
            by_rank(candidates, choice),
            choice.score,
            format_spread(screened, first),
            (*first.trace, *trace, *choice.trace),
        )
        return (
            _decided(evaluator, outcome) if evaluator.constrainable and evaluator.dev else outcome
        )

    def _with_shots(
        self, evaluator: DevEvaluator, best: SearchCandidate[Prompt]
    ) -> tuple[list[SearchCandidate[Prompt]], tuple[Trial, ...]]:
        """Return the prompt without shots, with bare ones and with worked ones."""
        recipe, train = best.value.recipe, evaluator.context.train
        trace: tuple[Trial, ...] = ()
        shots: dict[str, list[Shot]] = {"bare": bare_shots(evaluator)}
        if holds_reasoning(train) and evaluator.context.brief.kind == "text":
            shots["worked by the references"] = own_shots(evaluator)
        elif evaluator.dev and train and self.config.bootstrap:
            count = min(self.config.bootstrap, len(train))
            evaluator.expect_items(count)
            worked, trial = bootstrapped_shots(evaluator, best.value, count)
            shots["worked by the model"], trace = worked, (trial,)
        candidates: dict[tuple[Shot, ...], SearchCandidate[Prompt]] = {
            (): _candidate(f"{best.name}, no shots", best.value)
        }
        for k in sorted({k for k in self.config.k if k}):
            for kind, pool in shots.items():
                fitting = first_fitting(evaluator, pool, k, self.config.max_prompt_tokens)
                prompt = Prompt(replace(recipe, shots=fitting))
                name = f"{best.name}, {len(fitting)} shots {kind}"
                candidates.setdefault(fitting, _candidate(name, prompt))
        return list(candidates.values()), trace

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say what the search asks at most, its repairs of JSON included."""
        search = self.forecast_search(brief, sizes)
        if brief.kind != "json" or not self.config.repairs:
            return search
        dev, most = min(sizes.dev, self.config.dev_items), self._longest_prompt(brief, sizes)
        lengths = PromptLengths(most, self._reasoning(brief), own_tokens(sizes))
        repairs = repairing(self.name, dev, self.config.repairs, lengths)
        return replace(
            added(search, repairs), shared_per_request=max(0.0, most - own_tokens(sizes))
        )

    def forecast_search(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Say what :meth:`search` asks at most, every answer as long as its limit lets it be."""
        config, dev = self.config, min(sizes.dev, self.config.dev_items)
        limit, most = self._reasoning(brief), self._longest_prompt(brief, sizes)
        decision = (most + limit + _ASKED_TO_DECIDE, answer_limit(brief, sizes))
        parts = [asking(self._questions(sizes, dev), most, limit)]
        needs = (1.0, most, float(limit))
        if brief.constrainable:
            parts += [asking(dev, most, limit), asking(dev, *decision)]
            needs = (2.0, most + decision[0], limit + decision[1])
        note = f"reasoning is taken to need all of {limit} tokens"
        if not config.max_output_tokens and brief.kind == "text":
            note += ", the limit where references reason"
        return replace(added(*parts), per_answer={self.name: needs}, note=note)

    def _questions(self, sizes: Sizes, dev: int) -> int:
        config = self.config
        wordings = len(config.variant_names) * len(format_names(config))
        candidates = 1 + 2 * len({k for k in config.k if k})
        plan = Halving(config.screen, config.finalists)
        screened = wordings * min(config.screen or dev, dev)
        return screened + plan.questions(candidates, dev) + min(config.bootstrap, sizes.train)

    def _reasoning(self, brief: Brief) -> int:
        """The longest reasoning; references that reason lengthen it, and a forecast sees none."""
        limit = self.config.max_output_tokens
        if brief.kind == "text" and not limit:
            return int(max(wording("reasoning")["max_output_tokens"].values()))
        return reasoning_tokens(brief, (), limit)

    def _longest_prompt(self, brief: Brief, sizes: Sizes) -> float:
        shots = max(self.config.k, default=0) * (shot_tokens(sizes) + self._reasoning(brief))
        fitting = min(shots, self.config.max_prompt_tokens)
        return chat_tokens(sizes, fitting, instruction=_ASKED_TO_REASON)


def _candidate(name: str, prompt: Prompt) -> SearchCandidate[Prompt]:
    return SearchCandidate(name, prompt, prompt.recipe.length)


def _decided(evaluator: DevEvaluator, outcome: SearchResult) -> SearchResult:
    """Try the best prompt with its answer decided by a second, constrained request."""
    best = outcome.ranked[0]
    recipe = replace(best.value.recipe, decoding="constrained")
    two_step = SearchCandidate(
        f"{best.name}, decided", replace(best.value, recipe=recipe), best.size
    )
    choice = evaluator.choose([two_step])
    is_better = choice.score is not None and choice.score > (outcome.score or 0.0)
    return replace(
        outcome,
        ranked=(two_step, *outcome.ranked) if is_better else outcome.ranked,
        score=choice.score if is_better else outcome.score,
        trace=(*outcome.trace, *choice.trace),
    )
