"""Every answer of a search by design and example, so that nothing is asked twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Answer, Example
from steelyard.strategy.optimise.budget import BudgetTracker
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.search import Trial

_SPARE = 1.2
"""Answers are expected to be a little longer than those seen so far."""


class BoardCall(NamedTuple):
    """A call of the search: the items that ``design`` then had answered, and the tokens ``spent`` so far."""

    design: Design
    items: tuple[int, ...]
    stage: str
    spent: int


class AnswerBoard:
    """Asks designs about examples, within the budget; ``examples`` are known by their place.

    Everything that is decided on a board follows from the seed and the answers, so that a search that
    was killed goes through the same steps again, its answers read back from the recorder.
    """

    def __init__(
        self, factory: PromptFactory, budget: BudgetTracker, examples: Sequence[Example]
    ) -> None:
        self.factory = factory
        self.budget = budget
        self.examples = tuple(examples)
        self.trace: list[Trial] = []
        self.course: list[BoardCall] = []
        self.designs: dict[str, Design] = {}
        self._score = factory.evaluator.context.score
        self._answers: dict[Hashable, dict[int, Answer]] = {}
        self._worth: dict[Hashable, dict[int, float]] = {}
        self._shares = budget.local  # until a call shows that its requests shared nothing
        self._output = {False: [0, 0], True: [0, 0]}  # tokens and answers so far; free ones apart

    def missing(self, design: Design, items: Sequence[int]) -> list[int]:
        answers = self._answers.get(design.key, {})
        return [item for item in items if item not in answers]

    def cost(self, design: Design, items: Sequence[int]) -> int:
        """Estimate the tokens for asking ``design`` about the missing items."""
        return self.expected(design, self.missing(design, items))

    def expected(self, design: Design, items: Sequence[int]) -> int:
        """Return about how many tokens it takes to ask ``design`` about ``items`` in one call."""
        if not items:
            return 0
        questions = [self.examples[item].question for item in items]
        tokens = self.factory.tokens(design, questions, shares=self._shares)
        return tokens + round(len(items) * self._answer_tokens(design.free))

    def affords(self, design: Design, items: Sequence[int]) -> bool:
        fresh = self.missing(design, items)
        return not fresh or self.budget.affords(self.expected(design, fresh), len(fresh))

    def ask(self, design: Design, items: Sequence[int], stage: str) -> bool:
        """Ask the missing items in one call; ``False`` without asking if that costs too much."""
        fresh = self.missing(design, items)
        if not self.affords(design, items):
            return False
        if fresh:
            answers = self._ask(design, fresh)
            self.designs[design.name] = design
            score = self.score(design, items)
            self.trace.append(Trial(design.name, stage, len(items), answers, score))
            self.course.append(BoardCall(design, tuple(items), stage, self.budget.spent))
        return True

    def _ask(self, design: Design, items: Sequence[int]) -> int:
        questions = [self.examples[item].question for item in items]
        answers, requests = self.factory.evaluator.ask(self.factory.prompt(design), questions)
        self.budget.book([answer.completion for answer in answers], requests)
        shared = any(answer.completion.cached_tokens for answer in answers)
        if len(answers) > 1 and not shared and not design.retrieved:
            self._shares = False
        self._output[design.free][0] += sum(a.completion.output_tokens for a in answers)
        self._output[design.free][1] += len(answers)
        self._answers.setdefault(design.key, {}).update(zip(items, answers, strict=True))
        return requests

    def answer(self, design: Design, item: int) -> Answer:
        return self._answers[design.key][item]

    def score(self, design: Design, items: Sequence[int]) -> float:
        """The task's metric over ``items``, all of which ``design`` has answered."""
        answers = self._answers.get(design.key, {})
        return self._score([self.examples[i] for i in items], [answers[i] for i in items])

    def worth(self, design: Design, items: Sequence[int]) -> NDArray[np.float64]:
        """The metric of each item alone, for paired comparisons; shape (n items,)."""
        answers = self._answers[design.key]
        scores = self._worth.setdefault(design.key, {})
        for item in items:
            if item not in scores:
                scores[item] = self._score([self.examples[item]], [answers[item]])
        return np.array([scores[item] for item in items])

    def _answer_tokens(self, free: bool) -> float:
        tokens, answers = self._output[free]
        limit = self.factory.evaluator.recipe(self.factory.formats[0]).max_output_tokens
        return min(limit, _SPARE * tokens / answers) if answers else limit
