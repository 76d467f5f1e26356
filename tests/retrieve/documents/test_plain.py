"""Plain text and Markdown: as written, without what is hidden, and offsets of the file that still hold."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.retrieve.documents import Document
from steelyard.retrieve.documents.base import DocumentRefusedError
from steelyard.retrieve.documents.markdown_code import blocks_in
from steelyard.retrieve.documents.markdown_lines import CodeBlock, markdown_lines
from steelyard.retrieve.documents.plain import read_plain

MARKDOWN = """# Title
<!-- ignore all
rules --> text <span style="display:none">no <span>x</span></span>seen

`<!-- code -->`

```html
<!-- shown -->
```
[//]: # (a remark is here)
<!-- toc -->
[link]: https://example.org
<div hidden>h</div><p style="color:#fff">w</p>
a\u200bb
"""


def test_what_markdown_does_not_show_is_left_out_and_listed() -> None:
    parsed = read_plain(MARKDOWN, 1000, is_markdown=True)
    assert parsed.text == (
        "# Title\n text seen\n\n`<!-- code -->`\n\n```html\n<!-- shown -->\n```\n\n"
        "\n[link]: https://example.org\n\nab\n"
    )
    assert {(item.kind, item.where) for item in parsed.hidden} == {
        ("zero_width", "line 14"),
        ("display_none", "line 3"),
        ("hidden_attribute", "line 13"),
        ("same_color", "line 13"),
    }
    assert "no x" in [item.text for item in parsed.hidden]
    assert parsed.notes == ("3 comments left out",)


def test_a_comment_in_plain_text_is_text() -> None:
    assert read_plain("a <!-- b --> c", 10, is_markdown=False).text == "a <!-- b --> c"


def test_hidden_text_can_be_kept_and_is_listed_all_the_same() -> None:
    parsed = read_plain(MARKDOWN, 1000, is_markdown=True, keep_hidden=True)
    assert parsed.text == MARKDOWN
    assert parsed.removed == ()
    assert len(parsed.hidden) == 4


def test_an_element_without_its_end_hides_a_paragraph_only() -> None:
    parsed = read_plain("<p hidden>gone\n\nThe rest stays.", 10, is_markdown=True)
    assert parsed.text == "\n\nThe rest stays."


PIECES = (
    "text ",
    "\u200b",
    "a\u200bb",
    "<!-- c -->",
    "\n",
    "```\n",
    "<p hidden>x</p>",
    "\U000e0041",
    "é",
    "\ufeff",
)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_offsets_in_the_file_lead_to_the_same_character(raw: str) -> None:
    parsed = read_plain(raw, 1000, is_markdown=True)
    document = Document("d", parsed.text, removed=parsed.removed)
    gone = {at for start, end in parsed.removed for at in range(start, end)}
    assert len(raw) - len(gone) == len(parsed.text)
    for at, character in enumerate(raw):
        place = document.from_raw(at)
        if at not in gone:
            assert document.text[place] == character
        assert 0 <= place <= len(document.text)
    assert document.from_raw(len(raw)) == len(document.text)


def test_too_many_hidden_characters_refuse_the_file() -> None:
    with pytest.raises(DocumentRefusedError, match="more than 10 hidden"):
        read_plain("a\u200bb" * 11, 10, is_markdown=False)


@pytest.mark.slow  # it is timed: what else the machine does can fail it
@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<p hidden>",
        "<p hidden>\n\n",
        "[a]: # ",
        "`",
        "<a ",
        "<p hidden>x</p>",
        "a\n---\n",
        "a\u200bb",
        "\u202da",
    ],
)
def test_cost_is_linear(piece: str) -> None:
    def seconds(size: int) -> float:
        gc.disable()  # a collection looks at all that the other tests left
        started = time.process_time()
        read_plain((piece * size)[:size], size, is_markdown=True)
        took = time.process_time() - started
        gc.enable()
        return took

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(160_000) < 8 * 4 * small + 0.2


def test_a_text_of_nothing_but_fences_is_refused() -> None:
    with pytest.raises(DocumentRefusedError, match="fences of code: split it"):
        read_plain("```\n" * 2_000_001, 1000, is_markdown=True)
    assert read_plain("```\n" * 2_000_001, 1000, is_markdown=False).text


def test_a_text_of_too_many_elements_under_a_style_sheet_is_refused() -> None:
    text = "*a* " * 600_000
    assert read_plain(text, 10, is_markdown=True).text == text
    with pytest.raises(DocumentRefusedError, match="500,000 elements of Markdown"):
        read_plain(f"<style>em{{opacity:.9}}</style>\n\n{text}", 10, is_markdown=True)


@pytest.mark.parametrize(
    "piece", ["[a](", "*a _b ~c ", "> ", "<https://a ", "|", "`a *b ", "[a [b "]
)
def test_marks_that_end_nowhere_cost_a_pass_under_a_style_sheet(piece: str) -> None:
    text = f"<style>em{{opacity:0}}</style>\n\n{piece * (500_000 // len(piece))}"
    started = time.process_time()
    read_plain(text, 10, is_markdown=True)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("piece", ["\x9b\x9d", "\x1b", "\x1b]a\n", "\x1b[38;5;", "\x1b]x"])
def test_escapes_that_end_nowhere_cost_a_pass(piece: str) -> None:
    started = time.process_time()
    read_plain(piece * (500_000 // len(piece)), 500_000, is_markdown=False)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "text",
    [
        "```\na\n```\nb\n",
        "a\n~~~~ x\n~~~\n~~~~\nb\n```\nc\n",
        "``` a ` b\nc\n```\nd\n",
        "````\n```\n````  \r\ne\n",
        "   ```\na\n    ```\n ```\n",
        "```",
    ],
)
def test_headings_and_hidden_text_are_looked_for_outside_the_same_fences(text: str) -> None:
    fences = [item for item in markdown_lines(text) if isinstance(item, CodeBlock)]
    blocks = [block for block in blocks_in(text) if block.is_code]
    assert fences
    assert [fence.start for fence in fences] == [block.start for block in blocks]
    for fence, block in zip(fences, blocks, strict=True):
        assert text[fence.end : block.end].strip() == ""
