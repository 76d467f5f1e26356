"""How many tokens an answer may take: raised in a fit where our own limit cuts the first answers."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from steelyard.core import Answer, OutputKind, Question
from steelyard.output_kinds import KINDS
from steelyard.strategy.base import Brief
from steelyard.strategy.prompt import Prompt

log = logging.getLogger("steelyard")

TIMES = 4
"""The longest answers that are tried of a model that is not seen to reason: those of the kind, or so many
times the limit."""
LONGEST_REASONED = (8192, 2048)
"""Those of one that is; a shorter one where the model or its endpoint takes no longer one."""
PROBED = 6
"""How many of the cut answers are asked again with a long limit, to learn what they need."""
PROBES = 2
"""How often one fit may do so for one limit."""
SPARE = 1.5

AnswerBy = Callable[[Prompt, Sequence[Question]], list[Answer]]


@dataclass
class AnswerRoom:
    """The limits on answers in one fit, each of them raised once it is seen to bind.

    Of the first answers that a limit cuts, a few are asked again with a long one.
    Where at least half of them end, the limit becomes what those needed and half as much again, and all
    that were cut are asked again; where they do not, the model does not stop, and the limit stays: its cut
    answers are failures or are warned of. Limits in ``fixed`` are the user's and are never raised.
    """

    kind: OutputKind
    fixed: frozenset[int] = frozenset()
    _raised: dict[int, int] = field(default_factory=dict)
    _probes: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, brief: Brief) -> AnswerRoom:
        """The room of a fit of ``brief``, whose own limit, if any, is kept."""
        own = brief.max_output_tokens
        return cls(brief.kind, frozenset() if own is None else frozenset({own}))

    def fitted(self, prompt: Prompt) -> Prompt:
        """The prompt with the limit that has been found for its own."""
        limit = self._raised.get(prompt.recipe.max_output_tokens)
        return prompt if limit is None else _limited(prompt, limit)

    def answer(self, prompt: Prompt, questions: Sequence[Question], ask: AnswerBy) -> list[Answer]:
        """Answer each question by ``ask``; same order. Cut answers are asked again where it helps."""
        base = prompt.recipe.max_output_tokens
        answers = ask(self.fitted(prompt), questions)

        def ask_again(roomy: Prompt, places: Sequence[int]) -> bool:
            """Take the answers that end; return whether the limit was accepted at all."""
            fresh = ask(roomy, [questions[place] for place in places]) if places else []
            for place, answer in zip(places, fresh, strict=True):
                if answer.completion.finish_reason not in ("length", "error"):
                    answers[place] = answer
            return any(answer.completion.finish_reason != "error" for answer in fresh)

        while (cut := _cut(answers)) and self._may_probe(base):
            tried, limit = cut[:PROBED], self._raised.get(base, base)
            reasoned = any(answers[place].completion.is_reasoned for place in cut)
            most = limit
            longest = (max(KINDS[self.kind].longest_answer, TIMES * base),)
            for most in LONGEST_REASONED if reasoned else longest:
                if most <= limit or ask_again(_limited(prompt, most), tried):
                    break
            self._probes[base] = self._probes.get(base, 0) + 1
            ended = [answers[place].completion for place in tried]
            needed = [one.output_tokens for one in ended if not one.is_cut]
            if 2 * len(needed) < len(tried):
                self._probes[base] = PROBES  # it does not stop by itself: more would tell no more
                break
            self._raised[base] = max(limit, min(most, math.ceil(max(needed) * SPARE)))
            log.info(
                "answers were cut at %s tokens; they may now take %s, and cost more "
                "(max_output_tokens fixes the limit)",
                f"{limit:,}",
                f"{self._raised[base]:,}",
            )
            ask_again(self.fitted(prompt), _cut(answers))
        return answers

    def _may_probe(self, base: int) -> bool:
        return base not in self.fixed and self._probes.get(base, 0) < PROBES


def _cut(answers: Sequence[Answer]) -> list[int]:
    cut = ((place, answer.completion) for place, answer in enumerate(answers))
    return [place for place, one in cut if one.is_cut and not one.is_cut_early]


def _limited(prompt: Prompt, limit: int) -> Prompt:
    return replace(prompt, recipe=replace(prompt.recipe, max_output_tokens=limit))
