"""The best prompt that a stated budget finds: instruction, format, shots and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from steelyard.core import OutputKind
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.output_kinds import KINDS
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Arm, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.budget import BudgetTracker, allowance
from steelyard.strategy.optimise.design import PromptFactory
from steelyard.strategy.optimise.one_pass import CountedPass, ExpectedPass
from steelyard.strategy.optimise.options import OptimizedPromptOptions
from steelyard.strategy.optimise.race import Standing
from steelyard.strategy.optimise.reflecting import (
    NONE,
    ReflectionChoice,
    ReflectionError,
    SeparateReflectingModel,
)
from steelyard.strategy.optimise.reflection import reflect
from steelyard.strategy.optimise.search import PromptSearch, SearchPart, choose_finalist
from steelyard.strategy.optimise.search_report import SearchReport
from steelyard.strategy.optimise.stages import (
    SearchCost,
    most_stages,
    reflection_forecast,
    search_forecast,
)
from steelyard.strategy.outlook import Forecast, OtherUse, Sizes
from steelyard.strategy.prompt import free_name
from steelyard.strategy.prompt_search import DevEvaluator
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.search import SearchCandidate, questions_in, stratified_order
from steelyard.strategy.traits import ShotLimits, Traits

MIN_EXAMPLES = 20
"""With fewer train examples, ``auto`` leaves the search out."""
_UNBOUNDED = 10**9
_REFLECTION = (
    "about one request per few questions of the search, each at its maximum length; "
    "tokens as the searched model counts them"
)


class OptimizedPrompt(Strategy):
    """Searches instructions, formats and shots on dev, with a budget like that of fine-tuning."""

    name: ClassVar[str] = "optimized_prompt"
    traits: ClassVar[Traits] = Traits(
        family="prompt",
        about="instruction and examples searched for",
        looks_up_train=True,
        carries="retrieved_shots",
    )

    arm_type: ClassVar[type[Arm]] = PromptArm
    options_type = OptimizedPromptOptions
    config: OptimizedPromptOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reflector = ReflectionChoice.parse(self.config.reflect)

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """The reflecting model, where it is not one of the task's."""
        return () if self.reflector.spec is None else (self.reflector.spec,)

    @property
    def follows_models(self) -> bool:
        """Whether what reflects is one of the task's models."""
        return self.reflector.spec is None and self.reflector.word != NONE

    def fit(self, context: FitContext) -> list[Arm]:
        """Search, choose among the finalists, and free the best for an arm of its own."""
        evaluator = DevEvaluator(context, self.config, self.name)
        search = self._start(evaluator)
        evaluator.expect(self._likely(search))
        standings, reflected = self._search(search)
        report = SearchReport(search, standings, reflected)
        arms: list[Arm] = [report.arm(evaluator, self.name)]
        if evaluator.constrainable:
            start = len(search.board.trace)
            standings = self._freed(search, standings)
            arms.append(report.free_arm(evaluator, free_name(self.name), standings, start))
        prompt = search.factory.prompt(standings[0].design)
        return [*arms, *evaluator.repairing(SearchCandidate("best", prompt), {})]

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """With few examples, `few_shot` already covers the search."""
        if len(task.train) < MIN_EXAMPLES:
            return (
                f"it needs at least {MIN_EXAMPLES} train examples to search prompts "
                f"(found {len(task.train)})"
            )
        return None

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse a model to reflect that the task does not have."""
        self.reflector.check(models)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        """Its rules bound shots; within them its moves add one by one."""
        rules = self.config.rules
        most = rules.most_shots(max(1, labels) if KINDS[kind].is_labelled else 1)
        return ShotLimits((most,), rules.max_prompt_tokens)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast:
        """Say what the search asks at most, and what a reflecting model is asked on top."""
        config, run = self.config, sizes.run
        allowed = allowance(config.budget, brief, run.tunings, ExpectedPass(brief, sizes)).tokens
        dev = min(sizes.dev, config.dev_items)
        questions = questions_in(most_stages(config, dev, brief.constrainable, None))
        bound = config.most_calls(run.local) or _UNBOUNDED
        spec = self.reflector.among(run.models)[0] if run.models else None
        other_models: tuple[OtherUse, ...] = ()
        if spec is not None:
            limits = SearchCost(bound, allowed)
            reflected, more = reflection_forecast(brief, sizes, config.rules, limits)
            questions += more
            other_models = (OtherUse(spec, reflected, "reflection", _REFLECTION),)
        cost = SearchCost(min(questions, bound), allowed)
        forecast = search_forecast(self.name, brief, sizes, config, cost)
        return replace(forecast, other_models=other_models)

    def _search(self, search: PromptSearch) -> tuple[list[Standing], Mapping[str, Any]]:
        """Run every round; return the finalists, the choice first, and what reflection did."""
        if not search.part.search:
            return [Standing(search.plain, 0, 0.0)], {"model": None, "reason": "dev is empty"}
        screened = search.screen()
        reflected, facts = self._reflected(search, screened)
        if screened:
            best = [
                *reflected[:1],
                *(standing for standing in screened if standing not in reflected[:1]),
            ]
            with_shots = search.shots(best)
            search.climb((with_shots or best)[0])
        search.board.budget.stage(1.0)
        finalists = search.finalists(self.config.finalists)
        ordered = choose_finalist(search.board, finalists, search.part)
        return ordered or [Standing(search.plain, 0, 0.0)], facts

    def _reflected(
        self, search: PromptSearch, screened: Sequence[Standing]
    ) -> tuple[list[Standing], Mapping[str, Any]]:
        """Let the reflecting model improve the best instruction so far.

        Where that one, not the arm's own, cannot be asked, the search continues without it.
        """
        context = search.factory.evaluator.context
        spec, reason = self.reflector.among(context.models)
        if spec is None or not screened:
            return [], {"model": None, "reason": reason or "the budget was already spent"}
        model = context.build_model(spec)
        reflection_model = model if spec == context.spec else SeparateReflectingModel(model)
        try:
            standings, facts = reflect(
                search, screened[0].design, reflection_model, search.rules.reflect_share
            )
        except ReflectionError as error:
            return [], {"model": spec.name, "reason": str(error)}
        return search.note("reflect", standings), facts

    def _freed(self, search: PromptSearch, standings: Sequence[Standing]) -> list[Standing]:
        """Ask the best finalists for free answers, the choice first; the best of them first.

        About all of dev, or where the budget is short about what was held back; the choice itself is
        freed unasked before a cheaper prompt takes its place.
        """
        board, part = search.board, search.part
        board.budget.stage(1.0)
        designs = [search.factory.freed(design.design) for design in standings]
        for items in ((*part.search, *part.held_back), part.held_back):
            if items and board.ask(designs[0], items, "free"):
                most = max(1, self.config.free_candidates)
                answered = [design for design in designs[:most] if board.ask(design, items, "free")]
                scored = [
                    Standing(design, len(items), board.score(design, items)) for design in answered
                ]
                return sorted(scored, key=lambda design: -design.score)
        return [Standing(designs[0], 0, 0.0)]

    def _start(self, evaluator: DevEvaluator) -> PromptSearch:
        context = evaluator.context
        factory = PromptFactory(evaluator, self.config.max_prompt_tokens)
        probes = [context.train[place] for place in _some(context, self.config.rules.probes)]
        board = AnswerBoard(factory, self._budget(context), [*evaluator.dev, *probes])
        size = len(evaluator.dev)
        held_back = self.config.parts_of(size)[1]
        order = stratified_order(evaluator.dev, fit_generator(context.seed, "optimise/held_back"))
        probe = tuple(range(size, size + len(probes)))
        part = SearchPart(
            search=tuple(order[held_back:]), held_back=tuple(order[:held_back]), probe=probe
        )
        return PromptSearch(board, part, self.config.rules, context.seed)

    def _likely(self, search: PromptSearch) -> int:
        """About how many questions there will be, for whoever watches: prompts grow on the way."""
        evaluator, budget = search.factory.evaluator, search.board.budget
        stages = most_stages(self.config, len(evaluator.dev), evaluator.constrainable, search.plain)
        searched = search.part.search
        tokens = 2 * search.board.expected(search.plain, searched) / max(1, len(searched))
        most = questions_in(stages)
        return min(most, budget.calls or most, int(budget.allowed / (tokens or 1)))

    def _budget(self, context: FitContext) -> BudgetTracker:
        once, local = CountedPass(context), context.model.local
        limit = allowance(self.config.budget, context.brief, context.tunings, once)
        calls = self.config.most_calls(local)
        return BudgetTracker(limit.tokens, local, calls, source=limit.source)


def _some(context: FitContext, count: int) -> list[int]:
    """Places of train examples to probe, each output in its share."""
    return stratified_order(context.train, fit_generator(context.seed, "optimise/probe"))[:count]
