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
from tests.retrieve.documents.pdfs import DRAW_IMAGE, IMAGE, WITH_IMAGE, line, page, pages, stream

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
    "at the place of another text": "1 g " + line("SECRET", y=500) + "0 g " + line("Other.", y=500),
    "stroked in white": line("SECRET", y=500, before="1 Tr 1 1 1 RG"),
    "white and clipped away": "q 0 0 1 1 re W n " + line("SECRET", y=500, before="1 g") + "Q\n",
    "clipped to a place elsewhere": "q 10 10 50 50 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped to nothing": "q 0 0 0 0 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped to a line": "q 0 503 612 0.1 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped to an upright line": "q 75 0 0.1 792 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped twice": "q 0 0 612 400 re W n 0 400 612 392 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped to corners": "q 0 0 5 5 re 600 780 5 5 re W n " + line("SECRET", y=500) + "Q\n",
    "clipped to a triangle": "q 0 0 m 612 0 l 0 9 l h W n " + line("SECRET", y=500) + "Q\n",
    "clipped by letters": f"q {line('.', x=9, y=9, before='7 Tr')} 0 Tr {line('SECRET', y=500)} Q\n",
    "an empty pattern": "q /Pattern cs /P1 scn " + line("SECRET", y=500) + "Q\n",
    "the pattern below it": "q /Pattern cs /P2 scn 50 480 500 60 re f Q\n" + line("SECRET", y=500),
    "white over other text": line("Other text of the page.", y=500)
    + "1 g "
    + line("SECRET", y=500),
    "white over the same line": line("SECRETS!", y=500) + "1 g " + line("SECRET", x=74, y=501),
    "white beside grey": line("SECRET", y=500, before="1 g")
    + line("Grey.", y=501, x=74, before=".83 g"),
}
OTHERS = ("Other.", "Other text of the page.", "SECRETS!", "Grey.", ".")
PATTERN = (
    "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9 "
    "/Resources << >>"
)
PATTERNS = [
    stream(b"", PATTERN),
    stream(b"0 g 0 0 9 9 re f", PATTERN),
    stream(b"0 g 0 0 9 3 re f", PATTERN),
]
NAMED = "/Pattern << /P1 4 0 R /P2 5 0 R /P3 6 0 R >>"


@pytest.mark.parametrize("name", HIDDEN)
def test_what_nobody_sees_is_left_out_and_listed(name: str, read) -> None:
    resources = f"/ExtGState << /G0 << /ca 0.01 /CA 0.01 >> >> {NAMED}"
    data = pages([SEEN + HIDDEN[name]], extra=PATTERNS, resources=resources)
    parsed = read(data)
    assert parsed.text.startswith("Visible text is here.\nA second line of it.")
    assert "SECRET" not in parsed.text.replace("SECRETS!", "")
    for other in OTHERS:
        assert (other in parsed.text) == (f"({other})" in HIDDEN[name]) or other == "."
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
    "outlined in white": line("SEEN", y=500, before="1 Tr 1 1 1 RG 3 w")
    + "0 Tr "
    + line("SEEN", y=500),
    "with a white shadow": line("SEEN", y=500.5, before="1 g") + "0 g " + line("SEEN", y=500),
    "drawn twice": line("SEEN", y=500) + line("SEEN", x=72.3, y=500),
    "clipped to its place": "q 60 490 200 30 re W n " + line("SEEN", y=500) + "Q\n",
    "clipped close to its letters": "q 72 500 40 9 re W n " + line("SEEN", y=500) + "Q\n",
    "clipped to a round box": "q 50 480 m 90 470 200 470 250 480 c 250 540 l 50 540 l h W n "
    + line("SEEN", y=500)
    + "Q\n",
    "clipped to many boxes": "q 0 490 300 30 re 0 100 300 30 re W n " + line("SEEN", y=500) + "Q\n",
    "a pattern that is seen": "q /Pattern cs /P3 scn " + line("SEEN", y=500, size=30) + "Q\n",
    "on a pattern": "q /Pattern cs /P1 scn 50 480 500 60 re f Q\n" + line("SEEN", y=500),
    "white on a large dot": line("•", x=60, y=470, size=120)
    + "1 g "
    + line("SEEN", x=66, y=508, size=9),
    "on a box and over a line": "0 0 .5 rg 50 480 500 60 re f\n"
    + line("____", y=500, before="0 g")
    + line("SEEN", y=500, before="1 g"),
    "over the edge of the page": line("SEEN", x=590, y=500),
    "in a frame": "50 480 500 60 re S\n" + line("SEEN", y=500),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_seen_is_not_flagged(name: str, read) -> None:
    image = WITH_IMAGE.replace("4 0 R", "7 0 R")
    resources = f"/ExtGState << /G0 << /ca 0.5 >> >> {image} {NAMED}"
    parsed = read(pages([CLEAN[name]], extra=[*PATTERNS, IMAGE], resources=resources))
    assert "SEEN" in parsed.text
    assert parsed.hidden == ()


@pytest.mark.parametrize(
    "content",
    [
        "q 60 480 45 60 re W n " + line("SEEN SECRET", y=500) + "Q\n",
        line("SEEN" + " " * 150 + "SECRET", x=500, y=500),
    ],
)
def test_a_line_that_is_cut_off_ends_there(content: str, read) -> None:
    parsed = read(pages([content]))
    assert parsed.text.split() == ["SEEN"]
    assert [(item.kind, item.text) for item in parsed.hidden] == [("clipped", "SECRET")]


def test_a_form_that_is_clipped_away(read) -> None:
    form = stream(
        line("SECRET", y=600).encode(),
        "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>",
    )
    resources = "/XObject << /Fm 4 0 R >>"
    parsed = read(
        pages([SEEN + "q 0 0 20 20 re W n /Fm Do Q\n"], extra=[form], resources=resources)
    )
    assert [(item.kind, item.text) for item in parsed.hidden] == [("clipped", "SECRET")]
    small = form.replace(b"[0 0 612 792]", b"[0 0 50 50]")
    parsed = read(pages([SEEN + "/Fm Do\n"], extra=[small], resources=resources))
    assert [(item.kind, item.text) for item in parsed.hidden] == [("clipped", "SECRET")]
    moved = "q 1 0 0 1 20 -100 cm 0 550 612 90 re W n /Fm Do Q\n"
    assert "SECRET" in read(pages([SEEN + moved], extra=[form], resources=resources)).text


def spoken(actual: str, drawn: str) -> bytes:
    """A page on which `/ActualText` stands for a line."""
    return pages([SEEN + f"/Span << /ActualText ({actual}) >> BDC {line(drawn, y=500)} EMC\n"])


@pytest.mark.parametrize(
    ("actual", "drawn"),
    [
        ("SECRET words", "shown"),
        ("not shown", "shown"),
        ("8 days", "3 days"),
        ("SECRET", "-"),
    ],
)
def test_a_text_that_stands_for_another_is_hidden(actual: str, drawn: str, read) -> None:
    parsed = read(spoken(actual, drawn))
    assert actual not in parsed.text
    assert drawn.strip() in parsed.text
    assert [(item.kind, item.text) for item in parsed.hidden] == [("actual_text", actual)]
    kept = read(spoken(actual, drawn), keep_hidden=True)
    assert actual in kept.text
    assert kept.hidden == parsed.hidden


@pytest.mark.parametrize(
    ("actual", "drawn"),
    [
        ("shown", "shown"),
        ("Shown", "SHOWN"),
        ("well-known", "well known"),
        ("fine", "f\u0069ne"),
        ("", "shown"),
    ],
)
def test_a_text_that_stands_for_the_same_letters_is_read(actual: str, drawn: str, read) -> None:
    parsed = read(spoken(actual, drawn))
    assert parsed.hidden == ()
    assert (actual or drawn) in parsed.text


def test_a_text_that_stands_for_letters_of_an_unknown_font(read) -> None:
    """As browsers write Arabic and Indic: the letters of a shape in UTF-16."""
    font = (
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [<< /Type /Font "
        "/Subtype /CIDFontType2 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) "
        "/Supplement 0 >> /DW 600 >>] >>"
    )
    for actual, is_false in (("नि", False), ("a long text that is false", True)):
        code = actual.encode("utf-16-be").hex()
        content = (
            f"/Span << /ActualText <feff{code}> >> BDC BT /F2 12 Tf 72 500 Td <0005> Tj ET EMC\n"
        )
        parsed = read(
            pages([SEEN + content], extra=[font], resources="/Font << /F1 3 0 R /F2 4 0 R >>")
        )
        assert [item.text for item in parsed.hidden] == ([actual] if is_false else [])
        assert (actual in parsed.text) != is_false


def layered(state: str) -> bytes:
    """A page with a layer that is switched on or off when the file is opened."""
    content = SEEN + "/OC /MC0 BDC\n" + line("LAYER", y=500) + "EMC\n"
    group = "<< /Type /OCG /Name (x) >>"
    data = pages([content], extra=[group], resources="/Properties << /MC0 4 0 R >>")
    layers = f"/OCProperties << /OCGs [4 0 R] /D << /{state} [4 0 R] >> >>".encode()
    return data.replace(b"/Type /Catalog", b"/Type /Catalog " + layers)


def test_a_layer_that_is_switched_off_is_hidden(read) -> None:
    assert [item.text for item in read(layered("OFF")).hidden] == ["LAYER"]
    assert read(layered("ON")).hidden == ()


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


def test_pages_that_are_not_drawn_are_judged_by_their_colours(read, tmp_path: Path) -> None:
    (tmp_path / "y.pdf").write_bytes(pages([SEEN + HIDDEN["white"]] * 3))
    parsed = read_pdf(str(tmp_path / "y.pdf"), 10, 1)
    assert "SECRET" not in parsed.text
    assert parsed.notes == ("hidden text was judged by colours alone on 2 pages",)


def test_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == ["1-3", "7", "9-10"]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_pages_that_are_turned(turn: int, read) -> None:
    data = pages([SEEN + HIDDEN["white"]])
    parsed = read(data.replace(b"/MediaBox", f"/Rotate {turn} /MediaBox".encode()))
    assert [item.text for item in parsed.hidden] == ["SECRET"]
    assert "Visible text" in parsed.text


def test_text_inside_a_form(read) -> None:
    for content in (HIDDEN["white"], HIDDEN["render mode 3"], HIDDEN["0.5 points"]):
        form = stream(
            content.encode() + b"0 g 0 Tr\n" + line("INSIDE", y=600).encode(),
            "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>",
        )
        parsed = read(
            pages([SEEN + "/Fm Do\n"], extra=[form], resources="/XObject << /Fm 4 0 R >>")
        )
        assert [item.text for item in parsed.hidden] == ["SECRET"]
        assert "INSIDE" in parsed.text


def test_a_form_that_is_drawn_too_small(read) -> None:
    form = stream(
        line("SECRET", y=600).encode(),
        "/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>",
    )
    content = SEEN + "q .04 0 0 .04 300 300 cm /Fm Do Q\n"
    parsed = read(pages([content], extra=[form], resources="/XObject << /Fm 4 0 R >>"))
    assert [(item.kind, item.text) for item in parsed.hidden] == [("tiny", "SECRET")]
