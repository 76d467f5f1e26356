"""The planted set: every way to hide a text is found and kept out, and no lawful use is taken for one."""

from __future__ import annotations

import pytest

from steelyard.retrieve.documents.html_text import read_html
from steelyard.retrieve.documents.plain import read_plain
from tests.retrieve.documents.planted import (
    BODIES_HIDDEN,
    BODIES_SEEN,
    HIDDEN,
    HIDDEN_BY_BODY,
    MARKDOWN_HIDDEN,
    MARKDOWN_LEFT_OUT,
    MARKDOWN_SEEN,
    SEEN,
)


def page(name: str, pages: dict[str, tuple[str, str]]) -> str:
    head, body = pages[name]
    return f"<!doctype html><html><head>{head}</head><body><p>Before.</p>{body}<p>After.</p></body></html>"


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_page_hides_is_left_out_and_listed(name: str) -> None:
    parsed = read_html(page(name, HIDDEN))
    assert "SECRET" not in parsed.text
    assert "Before." in parsed.text
    assert "After." in parsed.text
    assert "SECRET" in [item.text for item in parsed.hidden]


@pytest.mark.parametrize("name", HIDDEN_BY_BODY)
def test_what_the_body_hides_is_left_out_and_listed(name: str) -> None:
    parsed = read_html(page(name, HIDDEN_BY_BODY))
    assert "SECRET" not in parsed.text
    assert any("SECRET" in item.text for item in parsed.hidden)


@pytest.mark.parametrize("name", BODIES_HIDDEN)
def test_what_attributes_of_the_body_hide_is_left_out_and_listed(name: str) -> None:
    attributes, inside = BODIES_HIDDEN[name]
    parsed = read_html(f"<!doctype html><body {attributes}>{inside}</body>")
    assert parsed.text == "Before.\n"
    assert [item.text for item in parsed.hidden] == ["SECRET"]


@pytest.mark.parametrize("name", BODIES_SEEN)
def test_a_body_that_a_script_would_show_is_read(name: str) -> None:
    attributes, inside = BODIES_SEEN[name]
    parsed = read_html(f"<!doctype html><body {attributes}>{inside}</body>")
    assert parsed.text.count("SEEN") == inside.count("SEEN")
    assert parsed.hidden == ()


@pytest.mark.parametrize("name", SEEN)
def test_what_a_page_shows_is_not_listed(name: str) -> None:
    parsed = read_html(page(name, SEEN))
    assert "SEEN" in parsed.text
    assert parsed.hidden == ()


@pytest.mark.parametrize("name", MARKDOWN_HIDDEN)
def test_what_markdown_hides_is_left_out_and_listed(name: str) -> None:
    parsed = read_plain(f"Before.\n\n{MARKDOWN_HIDDEN[name]}\n\nAfter.\n", 10, is_markdown=True)
    assert "SECRET" not in parsed.text
    assert "Before." in parsed.text
    assert "After." in parsed.text
    assert any("SECRET" in item.text for item in parsed.hidden)


@pytest.mark.parametrize("name", MARKDOWN_LEFT_OUT)
def test_what_is_no_text_of_markdown_is_left_out_and_counted(name: str) -> None:
    parsed = read_plain(f"Before.\n\n{MARKDOWN_LEFT_OUT[name]}\n\nAfter.\n", 10, is_markdown=True)
    assert "SECRET" not in parsed.text
    assert "After." in parsed.text
    assert parsed.notes


@pytest.mark.parametrize("name", MARKDOWN_SEEN)
def test_what_markdown_shows_stays(name: str) -> None:
    source = MARKDOWN_SEEN[name]
    parsed = read_plain(source, 10, is_markdown=True)
    assert parsed.text.count("SEEN") == source.count("SEEN")
    assert parsed.hidden == ()


def test_a_block_comment_that_never_ends_says_what_it_takes() -> None:
    parsed = read_plain("Before.\n\n<!-- note\n\nThe rest.\n", 10, is_markdown=True)
    assert parsed.text == "Before.\n\n"
    assert "opens in line 3" in parsed.notes[0]
    assert "21 characters" in parsed.notes[0]
