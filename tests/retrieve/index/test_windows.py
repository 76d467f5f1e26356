from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from steelyard.retrieve.index.windows import MOST_PIECES, sentences, windows, word_pieces

TEXT = "Dr. Lee paid $3.50. Was it late? Yes! See p. 7 for more."


def test_sentences_end_where_readers_see_it() -> None:
    assert [TEXT[a:b] for a, b in sentences(TEXT)] == [
        "Dr. Lee paid $3.50.",
        "Was it late?",
        "Yes!",
        "See p. 7 for more.",
    ]
    text = "退款。政策是七天！ 好\n\nNew paragraph\n- a point\n- another"
    assert [text[a:b] for a, b in sentences(text)] == [
        "退款。", "政策是七天！", "好", "New paragraph", "- a point", "- another"
    ]  # fmt: skip


def test_windows_begin_at_every_sentence() -> None:
    assert windows("It is. You go. He ran. We sat.", 3) == [
        "It is. You go. He ran.",
        "You go. He ran. We sat.",
    ]
    assert windows("It is. You go. He ran.", 1) == ["It is.", "You go.", "He ran."]
    assert windows("It is. You go.", 3) == windows("It is. You go.", 0) == ["It is. You go."]
    assert windows(" \n ", 3) == windows("", 0) == []


@given(st.text(alphabet="ab. \n退。", max_size=300), st.integers(0, 4))
def test_windows_cover_all_that_is_seen(text: str, size: int) -> None:
    pieces = windows(text, size)
    assert all(piece in text and word_pieces(piece) <= MOST_PIECES for piece in pieces)
    assert all(any(text[a:b] in piece for piece in pieces) for a, b in sentences(text))


@given(st.text(alphabet="ab. \n退。", max_size=2000))
def test_single_sentences_are_the_text_without_its_spaces(text: str) -> None:
    assert "".join("".join(windows(text, 1)).split()) == "".join(text.split())


def test_pieces_are_rather_over_counted() -> None:
    assert word_pieces("A refund, 12.50!") == 1 + 2 + 1 + 5 + 1
    assert word_pieces("退款政策") == 4
    assert word_pieces(" \n") == 0


def test_what_has_no_end_is_cut_in_linear_time() -> None:
    for text in ("word " * 100_000, "x" * 500_000, "a. " * 150_000, "退" * 200_000, "7" * 200_000):
        start = time.perf_counter()
        assert max(map(word_pieces, windows(text, 3))) <= MOST_PIECES
        assert time.perf_counter() - start < 5
