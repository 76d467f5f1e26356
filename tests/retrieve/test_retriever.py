"""Every retriever finds the best first, and finds the same after it was saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from steelyard.core import Question
from steelyard.errors import DataError
from steelyard.retrieve.base import Hit, Passage, Retriever
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy.prompt import Prompt, PromptRecipe

PASSAGES = [
    Passage("cards arrive within five days"),
    Passage("a lost card is blocked at once"),
    Passage("a refund takes two weeks", "REFUND"),
]


def index() -> TfidfIndex:
    return TfidfIndex.fit(PASSAGES, "word+char")


def test_the_best_comes_first_with_its_cosine() -> None:
    retriever: Retriever = index()
    first, second = retriever.find(["i lost my card", "a refund takes two weeks"], 2)
    assert first[0].passage == PASSAGES[1]
    assert 1 > first[0].score > first[1].score > 0
    assert second[0].score == pytest.approx(1)


def test_more_than_there_are_gives_all_and_no_texts_give_none() -> None:
    assert [len(hits) for hits in index().find(["card"], 9)] == [3]
    assert index().find([], 2) == []


def test_saved_and_loaded_it_finds_the_same(tmp_path: Path) -> None:
    varied = index().varied(0.5, 1)
    varied.save(tmp_path)
    texts = ["my card is lost", "when do i get my money"]
    assert TfidfIndex.load(tmp_path).find(texts, 3) == varied.find(texts, 3)


def test_texts_without_a_word_cannot_be_indexed() -> None:
    with pytest.raises(DataError, match="contains a word"):
        TfidfIndex.fit([Passage("?!"), Passage("...")], "word")


class Constant:
    """Finds the same passages whatever is asked: all that a prompt needs of an index."""

    name: ClassVar[str] = "constant"

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        return [[Hit(passage, 1.0) for passage in PASSAGES[:k]] for _ in texts]

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Constant:
        raise NotImplementedError


def test_a_prompt_shows_what_any_retriever_finds() -> None:
    prompt = Prompt(PromptRecipe("Label it.", "labelled_list", retrieved=2), Constant())
    [request] = prompt.requests([Question("hello")])
    text = "\n".join(message.content for message in request.messages)
    assert text.index(PASSAGES[1].text) < text.index(PASSAGES[0].text), "the nearest stands last"
    assert PASSAGES[2].text not in text
