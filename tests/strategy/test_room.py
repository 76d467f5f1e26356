"""A limit of ours that cuts the first answers is raised; the user's never is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from steelyard.core import Answer, Completion, Question
from steelyard.strategy.base import Brief
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.room import AnswerRoom

BRIEF = Brief("Solve it.", "text", metric="numeric")
QUESTIONS = [Question(str(number)) for number in range(20)]


class Endless:
    """Answers of ``needed(place)`` tokens; counts what it was asked with which limit."""

    def __init__(self, needed: Callable[[int], int], most: int | None = None, hidden: bool = False):
        self.needed, self.most, self.hidden = needed, most, hidden
        self.asked: list[tuple[int, int]] = []

    def __call__(self, prompt: Prompt, questions: Sequence[Question]) -> list[Answer]:
        limit = prompt.recipe.max_output_tokens
        self.asked.append((limit, len(questions)))
        return [self._answer(limit, int(question.input)) for question in questions]

    def _answer(self, limit: int, place: int) -> Answer:
        if self.most is not None and limit > self.most:
            refused = Completion("", "error", failure=f"max_tokens is at most {self.most}")
            return Answer(None, refused, refused.failure)
        needed = self.needed(place)
        if needed > limit:
            text = "" if self.hidden else "it is"
            return Answer(None, Completion(text, "length", output_tokens=limit), "cut")
        return Answer("42", Completion("42", "stop", output_tokens=needed))


def prompt(limit: int = 16) -> Prompt:
    return Prompt(PromptRecipe("Solve it.", "system_user", kind="text", max_output_tokens=limit))


def test_nothing_more_is_asked_where_no_answer_is_cut() -> None:
    model, room = Endless(lambda place: 16), AnswerRoom.of(BRIEF)
    assert all(answer.output for answer in room.answer(prompt(), QUESTIONS, model))
    assert model.asked == [(16, 20)]
    assert room.fitted(prompt()) == prompt()


def test_a_limit_that_cuts_is_raised_to_what_answers_need() -> None:
    model, room = Endless(lambda place: 40 + place), AnswerRoom.of(BRIEF)
    assert all(answer.output for answer in room.answer(prompt(), QUESTIONS, model))
    assert model.asked == [(16, 20), (512, 6), (68, 14)]
    assert room.fitted(prompt()).recipe.max_output_tokens == 68
    room.answer(prompt(), QUESTIONS[:3], model)
    assert model.asked[3:] == [(68, 3)]


def test_what_the_server_cut_below_the_limit_is_not_asked_with_a_longer_one() -> None:
    early = Completion("it is", "length", output_tokens=3, tokens_left=13)
    limits = []

    def model(prompt: Prompt, questions: Sequence[Question]) -> list[Answer]:
        limits.append(prompt.recipe.max_output_tokens)
        return [Answer(None, early, "cut")] * len(questions)

    AnswerRoom.of(BRIEF).answer(prompt(), QUESTIONS, model)
    assert limits == [16]


def test_only_what_was_cut_is_asked_again() -> None:
    model, room = Endless(lambda place: 10 if place else 30), AnswerRoom.of(BRIEF)
    assert all(answer.output for answer in room.answer(prompt(), QUESTIONS, model))
    assert model.asked == [(16, 20), (512, 1)]
    assert room.fitted(prompt()).recipe.max_output_tokens == 45


def test_a_model_that_never_ends_keeps_the_limit() -> None:
    model, room = Endless(lambda place: 10**9), AnswerRoom.of(BRIEF)
    answers = room.answer(prompt(), QUESTIONS, model)
    assert all(answer.failure == "cut" for answer in answers)
    assert model.asked == [(16, 20), (512, 6)]
    assert room.fitted(prompt()).recipe.max_output_tokens == 16


def test_hidden_reasoning_gets_room() -> None:
    model, room = Endless(lambda place: 3000 + place, hidden=True), AnswerRoom.of(BRIEF)
    assert all(answer.output for answer in room.answer(prompt(), QUESTIONS, model))
    assert room.fitted(prompt()).recipe.max_output_tokens == 4508
    assert model.asked[1] == (8192, 6)


def test_a_limit_that_the_endpoint_refuses_is_tried_shorter_and_loses_nothing() -> None:
    model = Endless(lambda place: 900, most=4096, hidden=True)
    room = AnswerRoom.of(BRIEF)
    assert all(answer.output for answer in room.answer(prompt(), QUESTIONS, model))
    assert [limit for limit, _ in model.asked] == [16, 8192, 2048, 1350]
    deaf = Endless(lambda place: 900, most=100, hidden=True)
    answers = AnswerRoom.of(BRIEF).answer(prompt(), QUESTIONS, deaf)
    assert {answer.failure for answer in answers} == {"cut"}


@pytest.mark.parametrize("limit", [8, 16])
def test_the_limit_of_the_task_is_never_raised(limit: int) -> None:
    room = AnswerRoom.of(Brief("Solve it.", "text", metric="numeric", max_output_tokens=limit))
    model = Endless(lambda place: 40)
    answers = room.answer(prompt(limit), QUESTIONS, model)
    assert {answer.failure for answer in answers} == {"cut"}
    assert model.asked == [(limit, 20)]
