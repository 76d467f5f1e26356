"""Texts that differ only in how they are encoded score alike, by every metric that compares texts."""

from __future__ import annotations

import json
import unicodedata
from typing import NamedTuple

import numpy as np
import pytest

from steelyard.core import Example, OutputKind
from steelyard.families import METRICS
from steelyard.label_sets import label_set
from steelyard.model.encoder import Encoder
from steelyard.score import build_metric, parse_output
from steelyard.score.base import Metric
from steelyard.score.meaning import EmbeddingSimilarity
from tests.score.tasks import task_with

WORDS = ("Zürich", "café crème", "한국어 단어", "Việt Nam", "ﬁn déjà", "Ångström 12")
SCHEMA = {"properties": {"a": {"enum": ["Zürich"]}, "b": {"format": "uri"}, "c": {}}}


class Spec(NamedTuple):
    kind: OutputKind
    labels: tuple[str, ...]


class Characters(Encoder):
    """Texts as counts of their characters, so that every form is another one."""

    def encode(self, texts):
        counts = np.zeros((len(texts), 997), dtype=np.float32)
        for row, text in zip(counts, texts, strict=True):
            for character in text:
                row[ord(character) % 997] += 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def built(name: str) -> Metric:
    if name == "embedding_similarity":
        return EmbeddingSimilarity(encoder=Characters())
    return build_metric(name)


def documents(word: str) -> str:
    return json.dumps({f"name of {word}": word, "list": [word, {word: 1}]}, ensure_ascii=False)


COMPARED = [name for name in METRICS if name not in ("custom", "judge", "rules", "numeric")]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", COMPARED)
def test_a_text_in_another_form_is_the_same(name: str, word: str, form: str) -> None:
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    reference, written = (unicodedata.normalize(which, word) for which in (form, other))
    assert reference.encode() != written.encode() or word.isascii()
    metric = built(name)
    if "json" in metric.kinds and "text" not in metric.kinds:
        assert metric.score(documents(written), documents(reference)) == 1
        assert metric.score(documents(written), documents("other")) < 1
        return
    kind = metric.kinds[0]
    output, failure = parse_output(Spec(kind, (reference, "other")), written)
    expected = label_set([reference]) if kind == "labels" else reference
    assert failure is None
    assert metric.score(output, expected) == pytest.approx(1)


@pytest.mark.parametrize("name", ["json_match", "field_f1"])
@pytest.mark.parametrize(
    ("written", "reference", "is_same"),
    [
        ("it’s “so” – now", 'it\'s "so" - now', True),
        ("a\u00a0b\u200b", "a b", True),
        ("−5", "-5", True),
        ("naive", "naïve", False),
        ("10²", "102", False),
        ("a", "b", False),
    ],
)
def test_marks_that_look_alike_in_json(
    name: str, written: str, reference: str, is_same: bool
) -> None:
    for make in (lambda text: {"k": text}, lambda text: {text: 1}, lambda text: [[text]]):
        score = build_metric(name).score(
            json.dumps(make(written)), json.dumps(make(reference), ensure_ascii=False)
        )
        assert (score == 1) is is_same


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ('{"a": "X"}', '{"a": "x"}'),
        ('{"a": "1"}', '{"a": 1}'),
        ('{"a": true}', '{"a": 1}'),
        ('{"a": 9007199254740993}', '{"a": 9007199254740992}'),
        (json.dumps({"a": "if x:\n    y\nz"}), json.dumps({"a": "if x:\n    y\n    z"})),
        ('{"a’": 1, "a\'": 2}', '{"a\'": 1, "a’": 2, "b": 0}'),
    ],
)
def test_json_match_stays_strict_on_the_rest(written: str, reference: str) -> None:
    assert build_metric("json_match").score(written, reference) == 0


def test_names_that_read_the_same_stay_apart_where_both_are_there() -> None:
    both = '{"a’": 1, "a\'": 2}'
    assert build_metric("field_f1").score(both, both) == 1
    assert build_metric("field_f1").score(both, '{"a\'": 1, "a’": 2}') == 0


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "contains", "words": ["café"]},
        {"type": "starts_with", "text": ["Le café"]},
        {"type": "ends_with", "text": ["de Zürich"]},
        {"type": "keywords:existence", "keywords": ["café"]},
        {"type": "regex", "pattern": "caf.\\b"},
        {"type": "words", "max": 4},
        {"type": "characters", "max": 17},
    ],
)
def test_rules_read_both_forms(rule: dict[str, object]) -> None:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "Le café de Zürich")
        written = json.loads(unicodedata.normalize(form, json.dumps(rule, ensure_ascii=False)))
        for rules in ([rule], [written]):
            metric = build_metric("rules", None, task_with(rules=rules))
            grade = metric.grade(Example("1", "?", ""), text)
            assert grade.score == 1, (rules, text)
