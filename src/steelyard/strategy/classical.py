"""What the cheap references share: vectorised answers with measured time and no tokens."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steelyard.core import Answer, Completion, Question
from steelyard.layout import trimmed
from steelyard.strategy.base import Arm, OnAnswers, Progress


class Prediction(NamedTuple):
    """An output and, where the method knows them, the labels' probabilities."""

    output: str
    probabilities: Mapping[str, float] | None = None


class ClassicalArm(Arm):
    """An arm without a language model. ``nonce`` changes nothing: it answers alike every time."""

    def prepare(self) -> None:
        """Load what answering needs, which is no part of an answer's time; nothing by default."""
        return

    @abstractmethod
    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        """Return one guess for each text."""

    def answer_all(
        self,
        questions: Sequence[Question],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Answer all in one batch; ``total_seconds`` is the batch's, ``batch_size`` its size."""
        if not questions:
            return []
        self.prepare()
        start = time.perf_counter()
        guesses = self.guess([question.input for question in questions])
        seconds = time.perf_counter() - start
        answers = [
            Answer(
                trimmed(guess.output),
                Completion(
                    text=guess.output,
                    finish_reason="stop",
                    first_token_seconds=seconds,
                    total_seconds=seconds,
                    batch_size=len(questions),
                    probabilities=guess.probabilities,
                ),
            )
            for guess in guesses
        ]
        if on_answers is not None:
            on_answers(list(enumerate(answers)))
        if progress is not None:
            progress(len(questions), len(questions))
        return answers
