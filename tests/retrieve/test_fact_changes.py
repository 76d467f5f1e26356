"""Changed facts: rows as users write them, and the documents after them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import DataError
from steelyard.retrieve.documents import Corpus, Document, FileOutcome
from steelyard.retrieve.fact_changes import FactChange, changed_corpus, read_changes

ROW = {
    "document": "docs/brakes.md",
    "old": "holds for 14 seconds",
    "new": "holds for 20 seconds",
    "question": "How long does it hold?",
    "answer": "20 seconds",
}
CORPUS = Corpus(
    (
        Document(
            "brakes.md", "# Brakes\n\nIt holds for 14\nseconds. Pads: 1.2 mm.\n", kind="markdown"
        ),
        Document("lamp.md", "The lamp costs 30 EUR, the cable 30 EUR."),
        Document("pages.pdf", "First page.\nSecond page.\nThird.", page_starts=(0, 12, 25)),
    ),
    (FileOutcome("scan.pdf", "refused", "it is encrypted"),),
    ("docs",),
)


def read(folder: Path, *rows: Any) -> tuple[FactChange, ...]:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    (folder / "changes.jsonl").write_text(text, encoding="utf-8")
    return read_changes(folder / "changes.jsonl", "changes.jsonl")


def change(document: str, old: str, new: str, where: str = "changes.jsonl line 1") -> FactChange:
    return FactChange(document, old, new, f"What of {old}?", "x", where=where)


def test_a_row_is_read_with_all_that_it_may_say(tmp_path: Path) -> None:
    more = {"accepted": "20 s", "old_answer": "14 seconds", "old_accepted": ["14 s"]}
    [one] = read(tmp_path, ROW | more)
    assert (one.document, one.answer, one.where) == (
        "docs/brakes.md",
        "20 seconds",
        "changes.jsonl line 1",
    )
    assert (one.accepted, one.old_answer, one.old_accepted) == (("20 s",), "14 seconds", ("14 s",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({k: v for k, v in ROW.items() if k != "answer"}, "line 2: answer is missing"),
        (ROW | {"old": "  "}, "line 2: old must be a text"),
        (ROW | {"question": 7}, "line 2: question must be a text, not '7'"),
        (ROW | {"new": ROW["old"]}, "line 2: old and new are the same text"),
        (ROW | {"acepted": "x"}, r"line 2: unknown key 'acepted' \(did you mean 'accepted'\?\)"),
        (ROW | {"accepted": [3]}, "line 2: accepted must be a text or a list of texts"),
        (ROW | {"old_answer": ""}, "line 2: old_answer must be a text"),
        (ROW | {"question": "The  first?"}, "line 2: its question stands in line 1 too"),
        ("{broken", "line 2: "),
        ("[1]", "line 2: "),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, ROW | {"question": "The first?"}, row)


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"changes\.jsonl lists no change"):
        read(tmp_path, "")


@pytest.mark.parametrize(
    ("old", "new", "answer", "former"),
    [
        ("A new P5 costs €589", "A new P5 costs €619", "€619", "€589"),
        ("holds for 14 seconds", "holds for 20 seconds", "20 Seconds", "14 seconds"),
        ("| pads | 1.2 mm |", "| pads | 1.4 mm |", "1.4 mm", "1.2 mm"),
        ("costs €589", "is now priced at €619", "€619", None),  # more differs than the answer
        ("20 or 14 seconds", "20 or 20 seconds", "20", None),  # the answer stands there twice
        ("It is on.", "It is gone.", "Not in the handbook", None),
        ("the lamp is red", "the lamp is", "is", None),  # what is gone stands behind the answer
    ],
)
def test_the_former_answer_stands_in_the_place_of_the_new_one(
    old: str, new: str, answer: str, former: str | None
) -> None:
    assert FactChange("d", old, new, "?", answer).former_answer == former


def test_only_the_text_in_its_document_changes() -> None:
    changed = changed_corpus(
        CORPUS,
        [
            change("docs/brakes.md", "holds for 14 seconds", "holds for 20 seconds"),
            change("brakes.md", "1.2 mm", "1.4 mm"),
        ],
    )
    text = "# Brakes\n\nIt holds for 20 seconds. Pads: 1.4 mm.\n"
    assert [one.text for one in changed.documents] == [
        text,
        *(d.text for d in CORPUS.documents[1:]),
    ]
    assert "14" in CORPUS.documents[0].text, "what was read stays as it is"


def test_pages_keep_their_beginnings() -> None:
    edits = [change("pages.pdf", "First", "The very first"), change("pages.pdf", "Second", "2nd")]
    document = changed_corpus(CORPUS, edits).document("pages.pdf")
    assert document is not None
    starts = [*document.page_starts, len(document.text)]
    pages = [document.text[a:b] for a, b in pairwise(starts)]
    assert pages == ["The very first page.\n", "2nd page.\n", "Third."]


def test_a_document_without_text_is_gone() -> None:
    changed = changed_corpus(CORPUS, [change("lamp.md", CORPUS.documents[1].text, "")])
    assert [one.name for one in changed.documents] == ["brakes.md", "pages.pdf"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([change("brake.md", "a", "b")], r"line 1: no document 'brake\.md' \(did you mean 'brakes"),
        (
            [change("docs/scan.pdf", "a", "b")],
            r"line 1: docs/scan\.pdf was not read: it is encrypted",
        ),
        ([change("lamp.md", "31 EUR", "x")], r"its old text '31 EUR' does not stand in lamp\.md"),
        ([change("lamp.md", "30 EUR", "x")], r"stands 2 times in lamp\.md: write more of it"),
        (
            [
                change("lamp.md", "lamp costs 30", "x"),
                change("lamp.md", "costs 30 EUR,", "y", "changes.jsonl line 2"),
            ],
            "line 2: its old text overlaps that of another row",
        ),
    ],
)
def test_a_change_that_does_not_fit_is_named(changes: list[FactChange], message: str) -> None:
    with pytest.raises(DataError, match=message):
        changed_corpus(CORPUS, changes)


def test_places_that_overlap_are_several() -> None:
    corpus = Corpus((Document("a.md", "aaa"),))
    with pytest.raises(DataError, match="stands 2 times"):
        changed_corpus(corpus, [change("a.md", "aa", "b")])
