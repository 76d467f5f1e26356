from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, Example, OutputKind
from steelyard.errors import ConfigError
from steelyard.families import METRICS
from steelyard.output_kinds import KINDS
from steelyard.score import build_metric
from steelyard.score.base import CorpusMetric

ALONE = [name for name in METRICS if name not in {"custom", "embedding_similarity", "judge"}]
"""Metrics that need nothing but two texts."""


@pytest.mark.parametrize("name", ALONE)
@settings(deadline=None)
@given(output=st.none() | st.text(max_size=20), reference=st.text(max_size=20))
def test_scores_lie_in_0_and_1_and_a_failed_answer_scores_0(name, output, reference):
    metric = build_metric(name)
    score = metric.score(output, reference)
    assert 0 <= score <= 1
    assert not (metric.binary and score not in (0, 1))
    assert not (output is None and score)


def test_an_unknown_metric_names_the_closest():
    with pytest.raises(ConfigError, match=r"'acuracy' \(did you mean 'accuracy'\?\)"):
        build_metric("acuracy")


def test_every_kind_has_a_default_metric_that_is_for_it():
    assert set(KINDS) == set(get_args(OutputKind))
    assert all(kind in build_metric(facts.default_metric).kinds for kind, facts in KINDS.items())


@pytest.mark.parametrize(
    ("name", "output", "reference", "score"),
    [
        ("accuracy", "A", "A", 1),
        ("accuracy", "a", "A", 0),
        ("exact_match", " Hello  World", "hello world\n", 1),
        ("exact_match", "hello world!", "hello world", 0),
        ("exact_match", "Zu\u0308rich", "Z\u00fcrich", 1),
        ("token_f1", "the red cat", "a red cat", 2 / 3),
        ("token_f1", "!", "!", 1),
        ("token_f1", "cat cat", "cat", 2 / 3),
        ("numeric", "The answer is 1,234.50.", "1234.5", 1),
        ("numeric", "from 3 to 4", "#### 4", 0),
        ("numeric", "\u22123", "-3", 1),
        ("numeric", "10-12", "12", 0),
        ("numeric", "none", "4", 0),
        ("numeric", "4.01", "4", 0),
        ("json_match", '{"b": 1.0, "a": [1]}', '{"a":[1],"b":1}', 1),
        ("json_match", '{"a": true}', '{"a": 1}', 0),
        ("json_match", "[1, 2]", "[2, 1]", 0),
        ("json_match", "oops", "oops", 0),
        ("field_f1", '{"a": 1, "b": 2}', '{"a": 1, "b": 3}', 0.5),
        ("field_f1", '{"a": [1, 2]}', '{"a": [2, 1]}', 1),
        ("field_f1", "{}", '{"a": 1}', 0),
    ],
)
def test_worked_scores(name, output, reference, score):
    assert build_metric(name).score(output, reference) == pytest.approx(score)


LABELS = st.sampled_from(["a", "b", "c"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.none() | LABELS | st.just("elsewhere"), LABELS), min_size=1))
def test_macro_f1_equals_scikit_learn(pairs):
    from sklearn.metrics import f1_score

    outputs, references = [said for said, _ in pairs], [wanted for _, wanted in pairs]
    metric = build_metric("macro_f1")
    expected = f1_score(
        references,
        ["failed" if said is None else said for said in outputs],
        average="macro",
        labels=sorted(set(references)),
        zero_division=0,
    )
    examples = [Example(str(i), "x", wanted) for i, wanted in enumerate(references)]
    answers = [Answer(said, Completion(said or "", "stop")) for said in outputs]
    assert metric.over(examples, answers) == pytest.approx(expected)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.none() | LABELS | st.just("elsewhere"), LABELS), min_size=2, max_size=20),
    st.integers(0, 1000),
)
def test_a_corpus_metric_under_weights_is_that_of_the_items_repeated(pairs, seed):
    metric = build_metric("macro_f1")
    outputs, references = metric.encode(
        [said for said, _ in pairs], [wanted for _, wanted in pairs]
    )
    weights = np.random.default_rng(seed).multinomial(len(pairs), [1 / len(pairs)] * len(pairs), 5)
    found = metric.weighted(outputs, references, weights.astype(float))
    assert found == pytest.approx(CorpusMetric.weighted(metric, outputs, references, weights))


def test_a_metric_over_nothing_is_undefined():
    for name in ALONE:
        assert build_metric(name).over([], []) is None
