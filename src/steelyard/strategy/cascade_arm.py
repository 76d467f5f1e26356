"""A cheap arm answers first; where it is unsure, a stronger one is asked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.config.records import read_as
from steelyard.core import Answer, Completion, Question
from steelyard.model.accounts import attributed, in_turn
from steelyard.model.base import Model, ModelSpec
from steelyard.strategy.base import Arm, ArmFacts, OnAnswers, Progress, traits_of
from steelyard.strategy.saved import load_arm, read_facts, write_manifest

ROLES = ("first", "then")


def stays(first: Answer, then: Answer) -> bool:
    """Whether the first answer stands though it was passed on, because the other one is unusable."""
    return then.output is None and first.output is not None


class CascadeArm(Arm):
    """Keeps the answers that ``first`` gives with at least the threshold's confidence.

    The others, and those it has no answer or no confidence to, are asked of ``then``. If that one gives
    no usable answer, the first one's stands, where there is one.
    """

    def __init__(self, facts: ArmFacts, arms: tuple[Arm, Arm], threshold: float) -> None:
        super().__init__(facts)
        self.first, self.then = arms
        self.threshold = threshold

    @property
    def parts(self) -> tuple[Arm, Arm]:
        """Both arms, in the order in which they are asked."""
        return self.first, self.then

    @property
    def model_name(self) -> str | None:
        """The stronger model's name; `Completion.spent` says what each was asked."""
        return self.then.model_name or self.first.model_name

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        return tuple(dict.fromkeys(spec for part in self.parts for spec in part.specs))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for part in self.parts for note in part.notes))

    @property
    def temperature(self) -> float:
        return max(part.temperature for part in self.parts)

    @property
    def confidence_source(self) -> str:
        """Each arm's own, where a model is among them."""
        return "several arms" if self.specs else super().confidence_source

    @property
    def machine_seconds(self) -> float:
        return sum(part.machine_seconds for part in self.parts)

    @property
    def trained_tokens(self) -> int:
        return sum(part.trained_tokens for part in self.parts)

    @property
    def why_no_gap(self) -> str | None:
        """The reason of a part that looks an input up among the train examples."""
        lookups = [part for part in self.parts if traits_of(part.strategy).looks_up_train]
        return next(filter(None, (part.why_no_gap for part in lookups)), None)

    def shown_inputs(self) -> frozenset[str]:
        return self.first.shown_inputs() | self.then.shown_inputs()

    def answer_all(
        self,
        questions: Sequence[Question],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Ask the first arm everything, then the other what the first was unsure of."""
        answers: dict[int, Answer] = {}

        def settle(pairs: Sequence[tuple[int, Answer]]) -> None:
            fresh = [(place, answer) for place, answer in pairs if place not in answers]
            answers.update(fresh)
            if fresh and on_answers is not None:
                on_answers(fresh)
            if fresh and progress is not None:
                progress(len(answers), len(questions))

        def keep(pairs: Sequence[tuple[int, Answer]]) -> None:
            settle([(i, self._kept(answer)) for i, answer in pairs if not self.is_unsure(answer)])

        firsts = self.first.answer_all(questions, None, nonce, keep)
        keep(list(enumerate(firsts)))
        passed = [place for place, answer in enumerate(firsts) if self.is_unsure(answer)]

        def join(pairs: Sequence[tuple[int, Answer]]) -> None:
            places = [(passed[number], answer) for number, answer in pairs]
            settle([(place, self._joined(firsts[place], answer)) for place, answer in places])

        unsure = [questions[place] for place in passed]
        join(list(enumerate(self.then.answer_all(unsure, None, nonce, join))))
        return [answers[place] for place in range(len(questions))]

    def variations(self, kind: str, rng: np.random.Generator) -> list[tuple[str, Arm]]:
        """Return the cascade with both arms changed in the same way; its threshold stays."""
        return [(name, self._of(arms)) for name, arms in _vary_both(self.parts, kind, rng)]

    def _of(self, arms: tuple[Arm, Arm]) -> CascadeArm:
        other = copy.copy(self)
        other.first, other.then = arms
        return other

    def is_unsure(self, answer: Answer) -> bool:
        return answer.confidence is None or answer.confidence < self.threshold

    def _kept(self, answer: Answer) -> Answer:
        completion = attributed(answer.completion, self.first.account)
        return replace(answer, completion=_of_stage(ROLES[0], answer, completion))

    def _joined(self, first: Answer, then: Answer) -> Answer:
        both = (
            attributed(first.completion, self.first.account),
            attributed(then.completion, self.then.account),
        )
        completion = in_turn(both, None)
        if not stays(first, then):
            return replace(then, completion=_of_stage(ROLES[1], then, completion))
        completed = first.completion
        completion = replace(completion, text=completed.text, probabilities=completed.probabilities)
        return Answer(first.output, _of_stage(ROLES[0], first, completion))

    def save(self, folder: Path) -> None:
        for role, arm in zip(ROLES, self.parts, strict=True):
            (folder / role).mkdir()
            arm.save(folder / role)
        write_manifest(self, folder, {"threshold": self.threshold})

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> CascadeArm:
        first, then = (load_arm(folder / role, build_model) for role in ROLES)
        return cls(
            read_facts(saved), (first, then), read_as(float, saved["threshold"], "threshold")
        )


def _of_stage(role: str, answer: Answer, completion: Completion) -> Completion:
    """The completion of a cascade, with the stage that gave the ``answer``."""
    stage = "/".join(filter(None, (role, answer.completion.stage)))
    return replace(completion, stage=stage)


def _vary_both(
    arms: tuple[Arm, Arm], kind: str, rng: np.random.Generator
) -> list[tuple[str, tuple[Arm, Arm]]]:
    """Vary the two parts of an arm together; a part that has no more variations stays as it is."""
    seed = int(rng.integers(2**32))  # one stream for each part: the same draws where it can be
    variations = [arm.variations(kind, np.random.default_rng(seed)) for arm in arms]
    return [
        (
            ", ".join(dict.fromkeys(variation[0] for variation in pair if variation is not None)),
            (pair[0][1] if pair[0] else arms[0], pair[1][1] if pair[1] else arms[1]),
        )
        for pair in zip_longest(*variations)
    ]
