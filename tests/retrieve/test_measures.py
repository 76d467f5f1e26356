from __future__ import annotations

from math import log2

import numpy as np
import pytest

from steelyard.retrieve.measures import ndcg_at, recall_at, reciprocal_rank

RANKING = ["d3", "d1", "d7", "d2"]


def test_values_by_hand() -> None:
    assert recall_at(RANKING, {"d1"}, 1) == 0
    assert recall_at(RANKING, {"d1"}, 2) == 1
    assert recall_at(RANKING, {"d1", "d9"}, 4) == 0.5
    assert reciprocal_rank(RANKING, {"d7", "d2"}) == 1 / 3
    assert reciprocal_rank(RANKING, {"d9"}) == 0
    assert ndcg_at(RANKING, {"d3"}, 10) == 1
    assert ndcg_at(RANKING, {"d1"}, 10) == pytest.approx(1 / log2(3))
    gain, best = 1 / log2(3) + 1 / log2(5), 1 + 1 / log2(3)  # ranks 2 and 4; at best 1 and 2
    assert ndcg_at(RANKING, {"d1", "d2"}, 10) == pytest.approx(gain / best)
    assert ndcg_at(RANKING, {"d1", "d2", "d9"}, 2) == pytest.approx((1 / log2(3)) / best)


def test_values_are_those_of_trec_eval() -> None:
    trec = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(0)
    for _ in range(200):
        ranking = [f"d{place}" for place in rng.permutation(60)[: rng.integers(1, 40)]]
        gold = {f"d{place}" for place in rng.permutation(60)[: rng.integers(1, 8)]}
        names = {"recall.1,3,5", "recip_rank", "ndcg_cut.10"}
        evaluator = trec.RelevanceEvaluator({"q": dict.fromkeys(gold, 1)}, names)
        scores = {passage: float(-place) for place, passage in enumerate(ranking)}
        expected = evaluator.evaluate({"q": scores})["q"]
        for k in (1, 3, 5):
            assert recall_at(ranking, gold, k) == pytest.approx(expected[f"recall_{k}"])
        assert reciprocal_rank(ranking, gold) == pytest.approx(expected["recip_rank"])
        assert ndcg_at(ranking, gold, 10) == pytest.approx(expected["ndcg_cut_10"])


def test_a_passage_that_comes_twice_counts_once() -> None:
    assert ndcg_at(["a", "a"], {"a"}, 2) == 1
    assert recall_at(["a", "a"], {"a", "b"}, 2) == 0.5


def test_nothing_to_find_has_no_figure() -> None:
    for figure in (lambda: recall_at(RANKING, (), 1), lambda: reciprocal_rank(RANKING, ())):
        with pytest.raises(ValueError, match="without gold"):
            figure()


def test_no_hits_score_nothing() -> None:
    assert recall_at([], {"a"}, 3) == reciprocal_rank([], {"a"}) == ndcg_at([], {"a"}, 3) == 0
