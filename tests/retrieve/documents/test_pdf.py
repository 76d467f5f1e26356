"""PDF: the text of each page, what is hidden on it, and pages that hold none."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    DocumentSkippedError,
    ParsedText,
)
from steelyard.retrieve.documents.pdf_text import ranges, read_pdf
from tests.retrieve.documents.pdfs import DRAW_IMAGE, IMAGE, WITH_IMAGE, line, page, pages

SEEN = page("Visible text is here.\nA second line of it.")


@pytest.fixture
def read(tmp_path: Path):
    def call(data: bytes, most_pages: int = 100, *, keep_hidden: bool = False) -> ParsedText:
        path = tmp_path / "x.pdf"
        path.write_bytes(data)
        return read_pdf(str(path), most_pages, keep_hidden=keep_hidden)

    return call


def test_pages_have_their_places(read) -> None:
    parsed = read(
        pages(
            [SEEN, page("Page two."), SEEN], extra=["<< /Title (A Manual) >>"], more="/Info 4 0 R"
        )
    )
    first, second, third = parsed.page_starts
    assert first == 0
    assert parsed.text[second:].startswith("Page two.")
    assert parsed.text[third:].startswith("Visible")
    assert parsed.metadata == (("title", "A Manual"),)
    assert parsed.hidden == ()


def test_a_word_cut_at_the_end_of_a_line_is_whole_again(read) -> None:
    assert "hyphenated word" in read(pages([page("It is a hyphen-\nated word.")])).text


HIDDEN = {
    "white": line("SECRET", y=500, before="1 1 1 rg"),
    "nearly white": line("SECRET", y=500, before="0.98 0.98 0.98 rg"),
    "white in grey": line("SECRET", y=500, before="1 g"),
    "white in CMYK": line("SECRET", y=500, before="0 0 0 0 k"),
    "its ground's colour": "0 0 .5 rg 50 480 500 60 re f\n"
    + line("SECRET", y=500, before="0 0 .5 rg"),
    "0.5 points": line("SECRET", y=500, size=0.5),
    "1 point": line("SECRET", y=500, size=1),
    "small by its matrix": "q .05 0 0 .05 0 0 cm " + line("SECRET", x=2000, y=9000) + "Q\n",
    "render mode 3": line("SECRET", y=500, before="3 Tr"),
    "above the page": line("SECRET", y=5000),
    "left of the page": line("SECRET", x=-900),
    "under a white box": line("SECRET", y=500) + "1 1 1 rg 50 480 500 60 re f\n",
    "transparent": "/G0 gs " + line("SECRET", y=500),
    "stroked in white": line("SECRET", y=500, before="1 Tr 1 1 1 RG"),
    "clipped away": "q 0 0 1 1 re W n " + line("SECRET", y=500, before="1 1 1 rg") + "Q\n",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_nobody_sees_is_left_out_and_listed(name: str, read) -> None:
    data = pages([SEEN + HIDDEN[name]], resources="/ExtGState << /G0 << /ca 0.01 /CA 0.01 >> >>")
    parsed = read(data)
    assert parsed.text == "Visible text is here.\nA second line of it.\n\n"
    assert [(item.text, item.page) for item in parsed.hidden] == [("SECRET", 1)]
    assert "SECRET" in read(data, keep_hidden=True).text


CLEAN = {
    "white on blue": "0 0 .5 rg 50 480 500 60 re f\n" + line("SEEN", y=500, before="1 1 1 rg"),
    "on a light box": ".9 .9 .9 rg 50 480 500 60 re f 0 g\n" + line("SEEN", y=500),
    "grey": line("SEEN", y=500, before=".7 g"),
    "6 points": line("SEEN", y=500, size=6),
    "a size in the matrix": "BT /F1 1 Tf 12 0 0 12 72 500 Tm (SEEN) Tj ET\n",
    "half transparent": "/G0 gs " + line("SEEN", y=500),
    "beside a box": "1 1 1 rg 50 100 500 60 re f 0 g\n" + line("SEEN", y=500),
    "white on a picture": DRAW_IMAGE + line("SEEN", y=500, before="1 1 1 rg"),
    "turned": "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (SEEN) Tj ET\n",
    "in a frame": "50 480 500 60 re S\n" + line("SEEN", y=500),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_seen_is_not_flagged(name: str, read) -> None:
    resources = f"/ExtGState << /G0 << /ca 0.5 >> >> {WITH_IMAGE}"
    parsed = read(pages([CLEAN[name]], extra=[IMAGE], resources=resources))
    assert "SEEN" in parsed.text
    assert parsed.hidden == ()


def test_a_scanned_page_is_said_to_hold_no_text(read) -> None:
    with pytest.raises(DocumentSkippedError, match="scanned"):
        read(pages([DRAW_IMAGE], extra=[IMAGE], resources=WITH_IMAGE))
    parsed = read(pages([DRAW_IMAGE, SEEN, DRAW_IMAGE], extra=[IMAGE], resources=WITH_IMAGE))
    assert parsed.notes == ("pages 1 and 3 hold no text: scanned?",)
    assert parsed.page_starts[:2] == (0, 0)


def test_what_ocr_wrote_on_a_scan_is_its_text(read) -> None:
    scan = DRAW_IMAGE + line("READ BY OCR", before="3 Tr")
    parsed = read(pages([scan], extra=[IMAGE], resources=WITH_IMAGE))
    assert "READ BY OCR" in parsed.text
    assert parsed.notes == ("page 1 is a scan, read from the layer that OCR wrote",)


def test_invisible_text_beside_text_on_a_picture_is_no_scan(read) -> None:
    content = (
        DRAW_IMAGE + line("SECRET", before="3 Tr") + "0 Tr " + line("SEEN", y=400, before="1 g")
    )
    parsed = read(pages([content], extra=[IMAGE], resources=WITH_IMAGE))
    assert [item.text for item in parsed.hidden] == ["SECRET"]
    assert parsed.text.strip() == "SEEN"


def test_an_empty_page_holds_no_text(read) -> None:
    with pytest.raises(DocumentSkippedError, match="holds no text"):
        read(pages([""]))


def test_text_that_is_all_hidden_is_no_empty_success(read) -> None:
    with pytest.raises(DocumentSkippedError, match="no text that is seen"):
        read(pages([line("SECRET", before="3 Tr")]))


def test_too_many_pages_are_refused(read) -> None:
    with pytest.raises(DocumentRefusedError, match="has 11 pages, more than 10"):
        read(pages([SEEN] * 11), most_pages=10)


def test_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == ["1-3", "7", "9-10"]
