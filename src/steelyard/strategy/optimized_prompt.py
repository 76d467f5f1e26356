"""The best prompt that a stated budget finds: instruction, format, shots and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from steelyard.core import OutputKind
from steelyard.errors import ConfigError
from steelyard.model.base import ModelSpec
from steelyard.model.listed import PlannedModel
from steelyard.seeds import fit_generator
from steelyard.strategy.base import (
    Arm,
    Brief,
    FitContext,
    Forecast,
    OnePass,
    OtherModelUse,
    Sizes,
    TaskFacts,
)
from steelyard.strategy.forecasting import estimated_tokens
from steelyard.strategy.optimise.allowance import allowance
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.budget import HOSTED_CALLS, Ledger, pass_tokens
from steelyard.strategy.optimise.design import PromptFactory
from steelyard.strategy.optimise.outlook import Spend, most_questions, outlook, reflecting
from steelyard.strategy.optimise.race import Standing
from steelyard.strategy.optimise.reflecting import AUTO, NONE, Adviser, NoAdviceError, Reflecting
from steelyard.strategy.optimise.reflection import reflect
from steelyard.strategy.optimise.search import (
    PromptSearch,
    SearchPart,
    SearchRules,
    choose_finalist,
)
from steelyard.strategy.optimise.search_report import SearchReport
from steelyard.strategy.options import parse_options
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    PromptStrategy,
    SearchOptions,
    SearchResult,
)
from steelyard.strategy.search import SearchCandidate, stratified_order
from steelyard.strategy.traits import ShotLimits, Traits

MIN_EXAMPLES = 20
"""Train examples below which ``auto`` does without the search."""
_MARKS = 24
"""Tokens of a chat's marks around an example that a model is tuned on."""
_UNBOUNDED = 10**9
_WORTH_HOLDING_BACK = 20
"""Dev examples from which on a part of them is held back."""


@dataclass(frozen=True)
class OptimizedPromptOptions(SearchOptions):
    """The search and its bounds.

    ``budget`` is in forward-pass tokens (0: what this run's ``lora`` may take, the dearest of several;
    without one, LoRA's defaults) and ``max_calls`` in questions (0: 1,500 for a hosted model, any
    number for a local one). ``candidates`` instructions × formats are screened, ``screen`` dev items
    first; ``k`` is shots per label, or in all; ``neighbours`` are numbers of retrieved shots. The
    share ``held_back`` of dev chooses among ``finalists`` and is not searched on. ``formats``: empty
    for all. ``reflect`` is a model that rewrites instructions (``auto``: the task's last model, where
    that is a hosted one; ``none``).
    """

    screen: int = SearchRules.first
    finalists: int = 4
    dev_items: int = 120
    budget: int = 0
    max_calls: int = 0
    candidates: int = SearchRules.candidates
    k: tuple[int, ...] = SearchRules.counts
    neighbours: tuple[int, ...] = SearchRules.neighbours
    held_back: float = 0.3
    max_prompt_tokens: int = SearchRules.max_prompt_tokens
    reflect: str = AUTO

    def __post_init__(self) -> None:
        """Refuse unknown formats and numbers that leave nothing to search with."""
        super().__post_init__()
        for name in ("screen", "candidates"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"strategy optimized_prompt: option {name} must be at least 1, got 0"
                )
        if self.held_back >= 1:
            raise ConfigError(
                "strategy optimized_prompt: option held_back must be below 1: it is the share of dev "
                f"that is not searched on, got {self.held_back:g}"
            )

    @property
    def rules(self) -> SearchRules:
        """How far each round goes."""
        return SearchRules(
            max_prompt_tokens=self.max_prompt_tokens,
            first=self.screen,
            candidates=self.candidates,
            counts=self.k,
            neighbours=self.neighbours,
        )


class OptimizedPrompt(PromptStrategy):
    """Searches instructions, formats and shots on dev, with a budget like that of fine-tuning."""

    name: ClassVar[str] = "optimized_prompt"
    traits: ClassVar[Traits] = Traits(
        family="prompt",
        about="instruction and examples searched for",
        looks_up_train=True,
        carries="fixed_shots",
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        given = dict(options)
        self.reflector = Reflecting.parse(given.pop("reflect", AUTO))
        self.config: OptimizedPromptOptions = parse_options(
            self.name, OptimizedPromptOptions, given
        )

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """The reflecting model, where it is none of the task's."""
        return () if self.reflector.spec is None else (self.reflector.spec,)

    @property
    def follows_models(self) -> bool:
        """Whether what reflects is one of the task's models."""
        return self.reflector.spec is None and self.reflector.word != NONE

    def fit(self, context: FitContext) -> list[Arm]:
        """Search, choose among the finalists, and free the best for an arm of its own."""
        desk = DevEvaluator(context, self.config, self.name)
        hunt = self._hunt(desk)
        desk.expect_items(self._likely(hunt))
        found, reflected = self._search(hunt)
        story = SearchReport(hunt, found, reflected)
        arms: list[Arm] = [story.arm(desk, self.name)]
        if desk.constrainable:
            start = len(hunt.board.trace)
            found = self._freed(hunt, found)
            arms.append(story.free_arm(desk, f"{self.name}_free", found, start))
        prompt = hunt.kitchen.prompt(found[0].design)
        return [*arms, *self.repairing(desk, SearchCandidate("best", prompt))]

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """With few examples `few_shot` tries what there is to try."""
        if len(task.train) < MIN_EXAMPLES:
            return (
                f"{len(task.train)} train examples are too few to search prompts on; "
                f"{MIN_EXAMPLES} are the least"
            )
        return None

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse a model to reflect that the task does not have."""
        self.reflector.check(models)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        """Its rules bound shots; within them its moves add one by one."""
        rules = self.config.rules
        most = rules.most_shots(max(1, labels) if kind == "label" else 1)
        return ShotLimits((most,), rules.max_prompt_tokens)

    def search(self, desk: DevEvaluator) -> SearchResult:
        """Search and return the finalists, best first."""
        hunt = self._hunt(desk)
        return SearchReport(hunt, *self._search(hunt)).found()

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Say what the search asks at most, and what a model that reflects is asked beside it."""
        config, around = self.config, sizes.around
        allowed = allowance(config.budget, brief, around.tunings, _expected_pass(sizes)).tokens
        dev = min(sizes.dev, config.dev_items)
        held = self._held(dev)
        free = max(1, config.free_candidates) if brief.constrainable else 0
        questions = most_questions(config.rules, (dev - held, held), config.finalists, free)
        bound = self._most_calls(around.local) or _UNBOUNDED
        spec = self.reflector.among(around.models)[0] if around.models else None
        besides: tuple[OtherModelUse, ...] = ()
        if spec is not None:
            limits = Spend(bound, allowed)
            reflected, more = reflecting(spec, brief, sizes, config, limits)
            questions, besides = questions + more, (reflected,)
        told = outlook(self.name, brief, sizes, config, Spend(min(questions, bound), allowed))
        return replace(told, besides=besides)

    def _search(self, hunt: PromptSearch) -> tuple[list[Standing], Mapping[str, Any]]:
        """Go through the rounds; return the finalists, the choice first, and what was reflected."""
        if not hunt.part.search:
            return [Standing(hunt.plain, 0, 0.0)], {"model": None, "reason": "dev is empty"}
        screened = hunt.screen()
        reflected, told = self._reflected(hunt, screened)
        if screened:
            best = [*reflected[:1], *(each for each in screened if each not in reflected[:1])]
            shown = hunt.shots(best)
            hunt.climb((shown or best)[0])
        hunt.board.ledger.stage(1.0)
        finalists = hunt.finalists(self.config.finalists)
        chosen = choose_finalist(hunt.board, finalists, hunt.part)
        return chosen or [Standing(hunt.plain, 0, 0.0)], told

    def _reflected(
        self, hunt: PromptSearch, screened: Sequence[Standing]
    ) -> tuple[list[Standing], Mapping[str, Any]]:
        """Let the reflecting model improve the best instruction so far.

        Where that one, not the arm's own, cannot be asked, the search goes on without it.
        """
        context = hunt.kitchen.desk.context
        spec, reason = self.reflector.choose(context)
        if spec is None or not screened:
            return [], {"model": None, "reason": reason or "the budget was spent before"}
        model = context.build_model(spec)
        adviser = model if spec == context.spec else Adviser(model)
        try:
            found, told = reflect(hunt, screened[0].design, adviser, hunt.rules.reflect_share)
        except NoAdviceError as error:
            return [], {"model": spec.name, "reason": str(error)}
        return hunt.note("reflect", found), told

    def _freed(self, hunt: PromptSearch, found: Sequence[Standing]) -> list[Standing]:
        """Ask the best finalists for free answers, the choice first; the best of them first.

        About all of dev, or where the budget is short about what was held back; the choice itself is
        freed unasked before a cheaper prompt takes its place.
        """
        board, part = hunt.board, hunt.part
        board.ledger.stage(1.0)
        designs = [hunt.kitchen.freed(each.design) for each in found]
        for items in ((*part.search, *part.held), part.held):
            if items and board.ask(designs[0], items, "free"):
                most = max(1, self.config.free_candidates)
                asked = [each for each in designs[:most] if board.ask(each, items, "free")]
                scored = [Standing(each, len(items), board.score(each, items)) for each in asked]
                return sorted(scored, key=lambda each: -each.score)
        return [Standing(designs[0], 0, 0.0)]

    def _hunt(self, desk: DevEvaluator) -> PromptSearch:
        context = desk.context
        kitchen = PromptFactory(desk, self.config.max_prompt_tokens)
        probes = [context.train[place] for place in _some(context, self.config.rules.probes)]
        board = AnswerBoard(kitchen, self._ledger(context), [*desk.dev, *probes])
        size = len(desk.dev)
        held = self._held(size)
        order = stratified_order(desk.dev, fit_generator(context.seed, "optimise/held_back"))
        probe = tuple(range(size, size + len(probes)))
        part = SearchPart(search=tuple(order[held:]), held=tuple(order[:held]), probe=probe)
        return PromptSearch(board, part, self.config.rules, context.seed)

    def _likely(self, hunt: PromptSearch) -> int:
        """About how many questions there will be, for whoever watches: prompts grow on the way."""
        searched, held = hunt.part.search, hunt.part.held
        free = max(1, self.config.free_candidates) if hunt.kitchen.desk.constrainable else 0
        sizes = (len(searched), len(held))
        most = most_questions(hunt.rules, sizes, self.config.finalists, free)
        each = 2 * hunt.board.expected(hunt.plain, searched) / max(1, len(searched))
        return min(
            most, hunt.board.ledger.calls or most, int(hunt.board.ledger.allowed / (each or 1))
        )

    def _held(self, dev: int) -> int:
        return round(self.config.held_back * dev) if dev >= _WORTH_HOLDING_BACK else 0

    def _ledger(self, context: FitContext) -> Ledger:
        model, parts = context.model, (context.train, context.dev)

        def once(instruction: str) -> tuple[float, float]:
            train, dev = (pass_tokens(model, instruction, part) for part in parts)
            return train, dev

        found = allowance(self.config.budget, context.brief, context.tunings, once)
        calls = self._most_calls(model.local)
        return Ledger(found.tokens, model.local, calls, source=found.source)

    def _most_calls(self, local: bool) -> int | None:
        return self.config.max_calls or (None if local else HOSTED_CALLS)


def _expected_pass(sizes: Sizes) -> OnePass:
    """What a pass will take, by mean lengths; see `pass_tokens`."""

    def once(instruction: str) -> tuple[float, float]:
        each = sizes.input_tokens + sizes.output_tokens + estimated_tokens(instruction) + _MARKS
        return sizes.train * each, sizes.dev * each

    return once


def _some(context: FitContext, count: int) -> list[int]:
    """Places of train examples to probe, each output in its share."""
    return stratified_order(context.train, fit_generator(context.seed, "optimise/probe"))[:count]
