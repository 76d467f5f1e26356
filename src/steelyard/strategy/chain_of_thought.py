"""The model reasons first and answers last. Wei et al. (2022); Kojima et al. (2022) for no shots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import NonNegativeInt

from steelyard.config.options import Several, one_of
from steelyard.core import OutputKind, Usage
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.forecasting import (
    answer_limit,
    chat_tokens,
    input_tokens,
    one_answer,
    repair_size,
    shot_tokens,
)
from steelyard.strategy.formats import Shot
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    SearchOptions,
    SearchResult,
    SearchSpace,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
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
from steelyard.strategy.search import P, SearchCandidate, Stage, Trial
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
        return self.variants or tuple(_variants())

    @property
    def shot_counts(self) -> list[int]:
        """The numbers of shots to try in addition to none."""
        return sorted({k for k in self.k if k})


class ChainOfThought(PromptStrategy):
    """Chooses the wording, then shots with and without reasoning, then how the answer is taken.

    Labels, lists of them, and JSON with a schema, can be decided by a second request that is held to
    their form, after the reasoning: whichever of the two is better on dev is taken, and between equals
    the one request.
    """

    name: ClassVar[str] = "chain_of_thought"
    traits: ClassVar[Traits] = Traits(
        family="prompt",
        about="instruction to reason before answering",
        carries="fixed_shots",
        can_be_voted_over=True,
    )
    options_type = ReasoningOptions
    config: ReasoningOptions

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """Refuse a task whose answers cannot stand after reasoning."""
        return super().refusal(task, model) or reasoning_refusal(task)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        return ShotLimits(self.config.k, self.config.max_prompt_tokens)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        two_step = prompt.recipe.decoding == "constrained"
        return {
            "instruction": prompt.recipe.instruction,
            "requests_per_answer": 2 if two_step else 1,
        }

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """Wordings are screened; shots, with and without reasoning, are compared in the best one.

        Which shots these are is known after the screening: until then they stand for its first prompt.
        """
        context, config = evaluator.context, self.config
        limit = reasoning_tokens(context.brief, context.train, config.max_output_tokens)
        if config.max_output_tokens:
            evaluator.room.fixed |= {limit}
        screened = [
            _candidate(
                f"{variant}, {name}", Prompt(reasoning_recipe(evaluator, name, variant, limit))
            )
            for name in format_names(config)
            for variant in config.variant_names
        ]
        worked_examples = 0
        if evaluator.dev and not _shows_references(evaluator):
            worked_examples = min(config.bootstrap, len(context.train))
        kinds = 2 if worked_examples or _shows_references(evaluator) else 1
        candidates = screened[:1] * (1 + kinds * len(config.shot_counts))
        return replace(
            evaluator.space(candidates, screened),
            free=(),
            decided=screened[:1] if evaluator.constrainable else (),
            worked_examples=worked_examples,
        )

    def search_stages(self, space: SearchSpace[P]) -> list[Stage[P]]:
        """Beyond choosing: the model works examples of train, and the best prompt's answer is decided."""
        worked = Stage("bootstrap", space.candidates[:1], space.worked_examples)
        decided = Stage("decision", space.decided, space.dev)
        return [*super().search_stages(space), worked, decided]

    def search(
        self, evaluator: DevEvaluator, space: SearchSpace[SearchCandidate[Prompt]]
    ) -> SearchResult:
        """Screen wordings, compare shots in the best one, and try the constrained decision."""
        first = evaluator.screen(space.screened)
        candidates, trace = self._with_shots(evaluator, first.best, space.worked_examples)
        choice = evaluator.choose(candidates)
        outcome = SearchResult(
            by_rank(candidates, choice),
            choice.score,
            format_spread(space.screened, first.trace),
            (*first.trace, *trace, *choice.trace),
        )
        return _decided(evaluator, outcome) if space.decided and evaluator.dev else outcome

    def _with_shots(
        self, evaluator: DevEvaluator, best: SearchCandidate[Prompt], worked_examples: int
    ) -> tuple[list[SearchCandidate[Prompt]], tuple[Trial, ...]]:
        """Return the prompt without shots, with bare ones and with worked ones."""
        recipe = best.value.recipe
        trace: tuple[Trial, ...] = ()
        shots: dict[str, list[Shot]] = {"bare": bare_shots(evaluator)}
        if _shows_references(evaluator):
            shots["worked by the references"] = own_shots(evaluator)
        elif worked_examples:
            worked, trial = bootstrapped_shots(evaluator, best.value, worked_examples)
            shots["worked by the model"], trace = worked, (trial,)
        candidates: dict[tuple[Shot, ...], SearchCandidate[Prompt]] = {
            (): _candidate(f"{best.name}, no shots", best.value)
        }
        for k in self.config.shot_counts:
            for kind, pool in shots.items():
                fitting = first_fitting(evaluator, pool, k, self.config.max_prompt_tokens)
                prompt = Prompt(replace(recipe, shots=fitting))
                name = f"{best.name}, {len(fitting)} shots {kind}"
                candidates.setdefault(fitting, _candidate(name, prompt))
        return list(candidates.values()), trace

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """The same with every prompt and answer as long as its limit lets it be."""
        config, limit = self.config, self._reasoning(brief)
        prompt = self._longest_prompt(brief, sizes)
        longest = Usage(1, prompt, output_tokens=limit)
        prompt_tokens = prompt + limit + _ASKED_TO_DECIDE
        decision = Usage(1, prompt_tokens, output_tokens=answer_limit(brief, sizes))
        repaired = repair_size(one_answer(sizes, prompt, limit))
        return SearchSpace(
            dev=min(sizes.dev, config.dev_items),
            screened=[longest] * (len(config.variant_names) * len(format_names(config))),
            candidates=[longest] * (1 + 2 * len(config.shot_counts)),
            repaired=[repaired] if brief.kind == "json" and config.repairs else (),
            decided=[longest + decision] if brief.constrainable else (),
            worked_examples=min(config.bootstrap, sizes.train),
        )

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """An arm that decides asks twice; that reasoning needs its whole limit is noted."""
        forecast = super().forecast(brief, sizes)
        per_answer = forecast.per_answer
        if f"{self.name}_repair" in per_answer:
            shared = self._longest_prompt(brief, sizes) - input_tokens(sizes)
            per_answer = {
                arm: one._replace(cached_tokens=one.requests * shared)
                for arm, one in per_answer.items()
            }
        return replace(forecast, per_answer=per_answer, note=self.reasoning_note(brief))

    def reasoning_note(self, brief: Brief) -> str:
        """Say what a forecast takes reasoning to need."""
        note = f"reasoning uses all {self._reasoning(brief)} tokens"
        if not self.config.max_output_tokens and brief.kind == "text":
            note += ", the limit where references reason"
        return note

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


def _shows_references(evaluator: DevEvaluator) -> bool:
    """Whether worked shots show the reasoning of the references."""
    context = evaluator.context
    return context.brief.kind == "text" and holds_reasoning(context.train)


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
