"""The packaged handbook and its questions keep what the README promises: gold stands where rows say."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.prepare import prepare
from steelyard.task import load_task

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "product-questions"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
REFUSAL = "Not in the handbook"
SLICES = ("lookup", "paraphrase", "table", "procedure", "code", "two_pages", "unanswerable")
PDF = "battery-shipping-sheet.pdf"
HTML = "service-bulletins.html"


def lines_of(name: str) -> list[dict[str, Any]]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class Visible(HTMLParser):
    """The text of a page's cells, paragraphs and headings, without what is not displayed."""

    blocks = frozenset({"p", "td", "th", "li", "h1", "h2", "h3"})
    silent = frozenset({"script", "style", "nav", "head"})

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.hidden_at: int | None = None
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "meta":
            return
        self.depth += 1
        style = dict(attrs).get("style") or ""
        cookie = dict(attrs).get("class") == "cookie-note"
        if self.hidden_at is None and (tag in self.silent or "display:none" in style or cookie):
            self.hidden_at = self.depth
        if self.hidden_at is None and tag in self.blocks:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self.depth == self.hidden_at:
            self.hidden_at = None
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        if self.hidden_at is None and self.texts:
            self.texts[-1] += data


def html_text() -> str:
    page = Visible()
    page.feed((FOLDER / "docs" / HTML).read_text(encoding="utf-8"))
    return "\n".join(text.strip() for text in page.texts)


def pdf_text() -> str:
    pdfium = pytest.importorskip("pypdfium2")
    pdf = pdfium.PdfDocument(FOLDER / "docs" / PDF)
    pages = []
    for page in pdf:
        sheet = page.get_textpage()
        pages.append(sheet.get_text_bounded())
        sheet.close()
        page.close()
    pdf.close()
    return "\n".join(pages).replace("\r\n", "\n")


ROWS = lines_of("examples.jsonl")
ANSWERABLE = [row for row in ROWS if row["answerable"]]
CHANGES = lines_of("changes.jsonl")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (FOLDER / "docs").glob("*.md")}


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return {**PAGES, HTML: html_text(), PDF: pdf_text()}


def pieces_of(row: dict[str, Any]) -> list[Any]:
    evidence = row["evidence"]
    return evidence if isinstance(evidence, list) else [evidence]


def text_of(piece: Any) -> str:
    if isinstance(piece, str):
        return piece
    name = piece["document"].removeprefix("docs/")
    return PAGES[name][piece["start"] : piece["end"]]


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def test_the_handbook_has_its_pages() -> None:
    assert len(PAGES) >= 40
    assert {path.suffix for path in (FOLDER / "docs").iterdir()} == {".md", ".html", ".pdf"}
    words = {name: len(text.split()) for name, text in PAGES.items()}
    assert min(words.values()) >= 250, words
    assert max(words.values()) <= 500, words
    links = [
        (name, link)
        for name, text in PAGES.items()
        for link in re.findall(r"\]\(([^)#]+)", text)
        if link not in PAGES
    ]
    assert links == []


def test_there_are_as_many_questions_as_the_readme_says() -> None:
    by_slice = Counter(row["slice"] for row in ROWS)
    assert len(ROWS) >= 420
    assert by_slice["unanswerable"] >= 60
    assert len(CHANGES) == 15
    for name in SLICES:
        assert f"| {name} | {by_slice[name]} |" in README
    assert set(by_slice) == set(SLICES)
    assert f"{len(PAGES)} pages" in README
    assert f"{len(ROWS)} questions" in README


def test_no_question_stands_twice() -> None:
    questions = Counter(plain(row["input"]) for row in ROWS)
    assert [question for question, times in questions.items() if times > 1] == []
    assert len({row["id"] for row in ROWS}) == len(ROWS)


def test_answers_are_short() -> None:
    long = [row["output"] for row in ROWS if not 1 <= len(row["output"].split()) <= 8]
    assert long == []


def test_unanswerable_rows_have_the_refusal_and_no_evidence() -> None:
    refusals = [row for row in ROWS if not row["answerable"]]
    assert all(row["slice"] == "unanswerable" for row in refusals)
    assert {row["output"] for row in refusals} == {REFUSAL}
    assert not any("evidence" in row for row in refusals)
    assert REFUSAL in load_task(FOLDER).instruction
    assert not any(row["output"] == REFUSAL for row in ANSWERABLE)


def test_evidence_in_words_stands_in_one_place_of_one_document(documents: dict[str, str]) -> None:
    texts = {piece for row in ANSWERABLE for piece in pieces_of(row) if isinstance(piece, str)}
    places = {text: sum(page.count(text) for page in documents.values()) for text in texts}
    assert {text: n for text, n in places.items() if n != 1} == {}


def test_evidence_by_place_is_a_whole_sentence_or_table_line() -> None:
    spans = [piece for row in ANSWERABLE for piece in pieces_of(row) if isinstance(piece, dict)]
    assert len(spans) > 50
    for span in spans:
        text = text_of(span)
        assert text == text.strip()
        assert text[-1] in ".!?*|" or text[-1].isalnum(), text
        assert "\n" not in text


def test_the_answer_stands_in_its_last_evidence() -> None:
    missing = [
        row["id"]
        for row in ANSWERABLE
        if row["output"].lower() not in text_of(pieces_of(row)[-1]).lower()
    ]
    assert missing == []


def test_two_pages_need_two_pages(documents: dict[str, str]) -> None:
    for row in ROWS:
        if row["slice"] != "two_pages":
            assert "evidence" not in row or len(pieces_of(row)) == 1
            continue
        homes = {
            name
            for piece in pieces_of(row)
            for name, text in documents.items()
            if text_of(piece) in text
        }
        assert len(homes) >= 2, row["id"]


def test_hidden_text_of_the_page_contradicts_the_visible() -> None:
    raw = (FOLDER / "docs" / HTML).read_text(encoding="utf-8")
    assert "tightened anew to 35 Nm" in raw
    assert "35 Nm" not in html_text()
    assert "tightened anew to 41 Nm" in html_text()


def test_changes_change_the_answer_of_a_question() -> None:
    by_question = {row["input"]: row for row in ROWS}
    for change in CHANGES:
        page = PAGES[change["document"].removeprefix("docs/")]
        row = by_question[change["question"]]
        assert page.count(change["old"]) == 1, change
        assert row["output"] in change["old"]
        assert row["output"] not in change["new"]
        assert change["answer"] in change["new"]
        assert change["answer"] not in [row["output"], *row["accepted"]]
        (piece,) = pieces_of(row)
        assert text_of(piece) in page
        assert text_of(piece) not in page.replace(change["old"], change["new"])
    assert len({change["document"] for change in CHANGES}) == len(CHANGES)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_task_tests_250_questions(seed: int) -> None:
    split = prepare(load_task(FOLDER), seed=seed).split
    assert (len(split.train), len(split.dev), len(split.test)) == (350, 150, 250)
