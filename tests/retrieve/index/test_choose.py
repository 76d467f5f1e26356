from __future__ import annotations

from collections.abc import Callable

import pytest

from steelyard.errors import DataError
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.choose import choose_finder
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from tests.retrieve.index.concepts import ConceptEncoder

TOPICS = 10
# A question asks by the concept q; a and the passages' x are words that it does not hold.
ENCODER = ConceptEncoder(
    {f"{word}{topic}": 2 * topic + (word == "x") for topic in range(TOPICS) for word in "qax"}
)
Texts = Callable[[int], list[str]]


def corpus(*kinds: tuple[str, Texts]) -> tuple[PassageIndex, list[str], list[list[int]]]:
    """Passages of every topic, the last of which answers its question; kinds take turns."""
    passages: list[Passage] = []
    questions: list[str] = []
    gold = []
    for topic in range(TOPICS):
        question, texts = kinds[topic % len(kinds)]
        passages += [Passage(text) for text in texts(topic)]
        questions.append(question.replace("#", str(topic)))
        gold.append([len(passages) - 1])
    return PassageIndex.fit(passages, FinderSettings(), ENCODER), questions, gold


CODES = ("part p#", lambda i: ["the other part", f"part p{i}"])
PARAPHRASES = ("q# t#", lambda i: [f"t{i} of it", f"a{i} of that"])
SECOND_IN_BOTH = (
    "q# t# u# v#",
    lambda i: [f"t{i} u{i} v{i}", f"a{i}", f"t{i} a{i} x{i} x{i} or more"],
)
NEARLY_BY_MEANING = ("q# t# u#", lambda i: [f"a{i}", f"u{i} a{i}", f"t{i} u{i} a{i} a{i} x{i}"])
NEARLY_BY_TERMS = (
    "q# t# u# v#",
    lambda i: [
        f"t{i} u{i} v{i} a{i} " + f"x{i} " * 5,
        f"t{i} u{i} v{i} " + "of " * 6,
        f"t{i} u{i} a{i} a{i}" + " or" * 6,
    ],
)


@pytest.mark.parametrize(
    ("legs", "kinds"),
    [
        ("bm25", [CODES]),
        ("dense", [PARAPHRASES]),
        ("rrf", [SECOND_IN_BOTH]),
        ("convex", [NEARLY_BY_MEANING, NEARLY_BY_TERMS]),
    ],
)
def test_each_way_is_chosen_where_it_is_best(legs: str, kinds: list[tuple[str, Texts]]) -> None:
    chosen = choose_finder(*corpus(*kinds), seed=0)
    by_legs = {row.settings.legs: row.recall_at_1 for row in chosen.table[:3]}
    assert chosen.settings.legs == legs, chosen.table
    assert chosen.figures.recall_at_1 == 1 > max({**by_legs, legs: 0}.values()) or legs == "bm25"


def test_the_table_holds_every_way_with_its_figures_and_interval() -> None:
    index, questions, gold = corpus(PARAPHRASES)
    chosen = choose_finder(index, questions, gold, seed=3)
    assert [str(row.settings) for row in chosen.table[:4]] == [
        "bm25", "dense", "rrf", "convex, 0.5 of it dense"
    ]  # fmt: skip
    assert len(chosen.table) == 12
    bm25, dense = chosen.table[:2]
    assert (bm25.recall_at_1, bm25.mrr, bm25.questions, bm25.over_bm25) == (0, 0, TOPICS, None)
    assert dense.over_bm25 is not None
    assert (dense.recall_at_1, dense.mrr, dense.ndcg_at_10) == (1, 1, 1)
    assert (dense.over_bm25.difference, dense.over_bm25.a) == (1, "dense")
    assert 0 < dense.over_bm25.low <= 1
    assert choose_finder(index, questions, gold, seed=3) == chosen


def test_windows_are_chosen_too() -> None:
    text = "A x0. A x0. A x0. A x0. Here a0 is. A x0. A x0. A x0."
    other = "An a0 of the x0. An a0 of the x0. An a0 of the x0."
    whole, small = (
        PassageIndex.fit([Passage(other), Passage(text)], FinderSettings(windows=(size,)), ENCODER)
        for size in (0, 1)
    )
    chosen = choose_finder([whole, small], ["q0"], [[1]], seed=0)
    assert chosen.settings.windows == (1,)
    assert [row.settings.legs for row in chosen.table].count("bm25") == 1


def test_without_vectors_bm25_is_the_only_way() -> None:
    index = PassageIndex.fit([Passage("car")], FinderSettings("bm25"))
    chosen = choose_finder(index, ["car"], [[0]], seed=0)
    assert [row.settings.legs for row in chosen.table] == ["bm25"]


@pytest.mark.parametrize("gold", [[], [[]], [[0], [0]]])
def test_questions_without_gold_cannot_choose(gold: list[list[int]]) -> None:
    index = PassageIndex.fit([Passage("car")], FinderSettings("bm25"))
    with pytest.raises(DataError, match="dev questions"):
        choose_finder(index, ["car"], gold, seed=0)
