"""Choosing a prompt on dev: what is tried, and who asks about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Generic

from pydantic import Field, NonNegativeInt

from steelyard.config.options import Options, one_of
from steelyard.core import Answer, Example, Question
from steelyard.seeds import fit_generator
from steelyard.strategy.base import (
    Arm,
    ArmFacts,
    FitContext,
)
from steelyard.strategy.formats import Shot, load_formats
from steelyard.strategy.prompt import (
    Decoding,
    Prompt,
    PromptRecipe,
    answer_schema,
    full_instruction,
    output_limit,
)
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.record import FitRecord
from steelyard.strategy.room import AnswerRoom
from steelyard.strategy.search import (
    Choice,
    Halving,
    P,
    SearchCandidate,
    Trial,
    choose,
    stratified_subset,
    trace_options,
)

FormatName = Annotated[str, one_of("prompt format", load_formats)]


class SearchOptions(Options):
    """What every prompting strategy's search is bounded by.

    ``formats`` are tried (empty for the usual ones), each on ``screen`` dev items, and the best
    ``finalists`` on ``dev_items``; the free arm is chosen among the ``free_candidates`` best
    constrained ones. An answer that is not JSON, or does not fit the schema, is asked for again at most
    ``repairs`` times by the arm ``NAME_repair`` (0: no such arm).
    """

    formats: tuple[FormatName, ...] = ()
    screen: NonNegativeInt = 40
    finalists: int = Field(default=2, ge=1)
    dev_items: NonNegativeInt = 100
    free_candidates: NonNegativeInt = 2
    repairs: NonNegativeInt = 2

    @property
    def plan(self) -> Halving:
        return Halving(self.screen, self.finalists)


@dataclass(frozen=True)
class SearchSpace(Generic[P]):
    """What a fit tries on ``dev`` examples; a prompt is a candidate or its size, as in `Stage`.

    ``screened`` are only asked about a part of dev, to find the format in which ``candidates`` are
    compared. The free arm is chosen among ``free``, and ``repaired`` is the prompt of the repairing
    arm. A reasoning prompt answers ``worked_examples`` of train, and ``decided`` is its two-step form.
    """

    dev: int
    screened: Sequence[P]
    candidates: Sequence[P]
    free: Sequence[P] = ()
    repaired: Sequence[P] = ()
    decided: Sequence[P] = ()
    worked_examples: int = 0


@dataclass(frozen=True)
class SearchResult:
    """A search's outcome: candidates best first, the format spread, and every trial on the way."""

    ranked: tuple[SearchCandidate[Prompt], ...]
    score: float | None
    spread: Mapping[str, float]
    trace: tuple[Trial, ...]


class DevEvaluator:
    """One fit's search: asks the model about dev, counts the questions, reports progress."""

    def __init__(self, context: FitContext, options: SearchOptions, strategy: str) -> None:
        self.context = context
        self.options = options
        self._strategy = strategy
        picked = stratified_subset(
            context.dev, options.dev_items, fit_generator(context.seed, "dev")
        )
        self.dev = [context.dev[index] for index in picked]
        self._instruction = full_instruction(context.brief)
        self._schema = answer_schema(context.brief, context.train)
        self._limit = output_limit(context.brief, context.train, context.model)
        self.room = AnswerRoom.of(context.brief)
        self._score = context.score
        self._asked = 0
        self._expected = 0

    @property
    def constrainable(self) -> bool:
        return self.context.brief.constrainable

    def recipe(
        self,
        format_name: str,
        shots: Sequence[Shot] = (),
        retrieved: int = 0,
        instruction: str | None = None,
    ) -> PromptRecipe:
        """Return a recipe for this task, constrained where the task allows it.

        ``instruction`` stands in for the task's own, labels or schema named in it.
        """
        brief = self.context.brief
        decoding: Decoding = "constrained" if self.constrainable else "free"
        return PromptRecipe(
            instruction=self._instruction if instruction is None else instruction,
            format=format_name,
            kind=brief.kind,
            choices=brief.choices,
            schema=self._schema,
            shots=tuple(shots),
            retrieved=retrieved,
            decoding=decoding,
            max_output_tokens=self._limit,
            temperature=brief.temperature,
        )

    def candidate(
        self, name: str, format_name: str, shots: Sequence[Shot] = ()
    ) -> SearchCandidate[Prompt]:
        recipe = self.recipe(format_name, shots)
        return SearchCandidate(name, Prompt(recipe), recipe.length)

    def space(
        self,
        candidates: Sequence[SearchCandidate[Prompt]],
        screened: Sequence[SearchCandidate[Prompt]] = (),
    ) -> SearchSpace[SearchCandidate[Prompt]]:
        options, last = self.options, candidates[-1:]
        free = candidates[-max(1, options.free_candidates) :] if self.constrainable else ()
        repaired = last if self.context.brief.kind == "json" and options.repairs else ()
        return SearchSpace(len(self.dev), screened, candidates, free, repaired)

    def expect(self, questions: int) -> None:
        """Add so many questions to the total that progress is shown against."""
        self._expected += questions

    def screen(self, candidates: Sequence[SearchCandidate[Prompt]]) -> Choice[Prompt]:
        """Choose on the screening subset of dev alone."""
        size = self.options.plan.screened(len(self.dev))
        subset = stratified_subset(self.dev, size, self._generator())
        dev = [self.dev[index] for index in subset]
        plan = Halving(0, len(candidates))
        return self._choose(candidates, dev, plan)

    def choose(self, candidates: Sequence[SearchCandidate[Prompt]]) -> Choice[Prompt]:
        """Choose by successive halving over dev."""
        return self._choose(candidates, self.dev, self.options.plan)

    def ask(self, prompt: Prompt, questions: Sequence[Question]) -> tuple[list[Answer], int]:
        """Answer ``questions`` by a prompt; returns also how many requests that took."""
        most = 0

        def tell(answered: int, total: int) -> None:
            nonlocal most
            most = max(most, answered)  # answers that were cut may be asked for again
            self.context.progress(self._asked + most, max(self._expected, self._asked + total))

        asked = 0

        def answer(roomy: Prompt, some: Sequence[Question]) -> list[Answer]:
            nonlocal asked
            arm = self._build("candidate", roomy)
            answers = arm.answer_all(some, tell)
            asked += arm.request_count
            return answers

        answers = self.room.answer(prompt, questions, answer)
        self._asked += len(questions)
        return answers, asked

    def _choose(
        self, candidates: Sequence[SearchCandidate[Prompt]], dev: Sequence[Example], plan: Halving
    ) -> Choice[Prompt]:
        requests: list[int] = []

        def answer(prompt: Prompt, questions: Sequence[Question]) -> list[Answer]:
            answers, count = self.ask(prompt, questions)
            requests.append(count)
            return answers

        choice = choose(candidates, dev, answer, self._score, self._generator(), plan)
        # An answer may take several requests: votes, repairs, a decision after reasoning.
        counts = iter(requests)
        trace = tuple(
            replace(trial, asked=next(counts)) if trial.asked else trial for trial in choice.trace
        )
        return replace(choice, trace=trace)

    def arm(self, name: str, outcome: SearchResult, more: Mapping[str, Any]) -> PromptArm:
        """Return the arm of the best candidate, with the record of its search."""
        prompt = self.room.fitted(outcome.ranked[0].value)
        choice = Choice(outcome.ranked[0], outcome.trace)
        options = {
            "format": prompt.recipe.format,
            "decoding": prompt.recipe.decoding,
            "shots": len(prompt.recipe.shots),
            "retrieved": prompt.recipe.retrieved,
            "max_output_tokens": prompt.recipe.max_output_tokens,
            **more,
        }
        search = {
            **trace_options(choice),
            "dev_score": outcome.score,
            "dev_calls": choice.dev_calls,
            "trace": [asdict(trial) for trial in outcome.trace],
        }
        return self._build(name, prompt, options, FitRecord(search, dict(outcome.spread)))

    def repairing(self, free: SearchCandidate[Prompt], more: Mapping[str, Any]) -> list[Arm]:
        """Return the arm that repairs the answers of a free prompt, where dev shows a need."""
        repairs = self.options.repairs
        if self.context.brief.kind != "json" or not repairs or not self.dev:
            return []
        recipe = replace(free.value.recipe, repairs=repairs)
        candidate = SearchCandidate("repair", replace(free.value, recipe=recipe), free.size)
        choice = self.choose([candidate])
        if choice.dev_calls == len(self.dev):
            return []
        outcome = SearchResult((candidate,), choice.score, {}, choice.trace)
        return [self.arm(f"{self._strategy}_repair", outcome, {**more, "repairs": repairs})]

    def _build(
        self,
        name: str,
        prompt: Prompt,
        options: Mapping[str, Any] = {},
        fit: FitRecord | None = None,
    ) -> PromptArm:
        context = self.context
        facts = ArmFacts(name, self._strategy, context.brief, options, fit or FitRecord())
        return PromptArm(facts, prompt, context.spec, lambda spec: context.model)

    def _generator(self) -> Any:
        # One stream for every search, so that all candidates meet the same screening subset.
        return fit_generator(self.context.seed, "screen")


def by_rank(
    candidates: Sequence[SearchCandidate[Prompt]], choice: Choice[Prompt]
) -> tuple[SearchCandidate[Prompt], ...]:
    """Return the candidates best first."""
    named = {candidate.name: candidate for candidate in candidates}
    return tuple(named[name] for name in choice.ranking())


def format_spread(
    candidates: Sequence[SearchCandidate[Prompt]], trace: Iterable[Trial]
) -> dict[str, float]:
    """Return each format's best dev score on the largest set that met all candidates."""
    first: dict[str, float] = {}
    for trial in trace:
        first.setdefault(trial.name, trial.score)
    spread: dict[str, float] = {}
    for candidate in candidates:
        name = candidate.value.recipe.format
        if candidate.name in first:
            spread[name] = max(first[candidate.name], spread.get(name, 0.0))
    return spread


def format_names(options: SearchOptions) -> tuple[str, ...]:
    """The formats to try: those named in the options, or the usual ones."""
    return options.formats or tuple(name for name, shape in load_formats().items() if shape.usual)
