"""What a tuned model is shown while it learns."""

from __future__ import annotations

from steelyard.core import Example
from steelyard.retrieve.base import Passage
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy.formats import Shot
from steelyard.strategy.grounding import Grounding, GroundingOptions
from steelyard.strategy.lessons import chat_samples
from steelyard.strategy.prompt import Prompt, PromptRecipe


def test_no_example_is_shown_its_own_answer() -> None:
    rows = [
        ("the card was lost", "LOST"),
        ("the card was eaten", "EATEN"),
        ("hello there", "HELLO"),
    ]
    rows += [rows[0], ("The card  was LOST!", "LOST")]  # those that repeat another
    train = [Example(str(number), text, label) for number, (text, label) in enumerate(rows)]
    index = TfidfIndex.fit([Passage(one.input, one.output) for one in train], "word")
    prompt = Prompt(PromptRecipe("Which?", "system_user", retrieved=2), index)
    for example, sample in zip(train, chat_samples(prompt, train), strict=True):
        shown = [message.content for message in sample.messages if message.role == "assistant"]
        assert len(shown) == 2
        assert example.output not in shown
        assert sample.output == example.output


def test_an_example_that_is_a_shot_of_all_learns_without_itself() -> None:
    train = [Example(str(number), f"row {number}", f"L{number}") for number in range(4)]
    shots = tuple(Shot(one.input, one.output) for one in train[:2])
    prompt = Prompt(PromptRecipe("Which?", "system_user", shots=shots))
    turns = [len(sample.messages) for sample in chat_samples(prompt, train)]
    assert turns == [4, 4, 6, 6]
    for example, sample in zip(train, chat_samples(prompt, train), strict=True):
        assert example.output not in [message.content for message in sample.messages]


def test_the_question_of_a_shot_is_known_below_its_passages() -> None:
    passages = (Passage("Cards are blue."), Passage("Question: what is not one? A quote."))
    grounding = Grounding(WholeDocuments(passages), GroundingOptions(2))
    train = [Example(str(number), f"row {number}", f"L{number}") for number in range(3)]
    shots = tuple(grounding.shot(Shot(one.input, one.output), passages) for one in train[:2])
    prompt = Prompt(PromptRecipe("Which?", "system_user", shots=shots), grounding=grounding)
    assert prompt.shown_inputs() == ["row 0", "row 1"]
    turns = [len(sample.messages) for sample in chat_samples(prompt, train)]
    assert turns == [4, 4, 6]
