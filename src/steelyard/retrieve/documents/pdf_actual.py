"""`/ActualText` of a PDF: a text that stands for what is drawn, and may say something else.

PDFium reads it in place of the letters. It is believed where its letters are those that are drawn, or where
the font does not say its letters (ligatures, shaped scripts, subsets without a table).
"""

from __future__ import annotations

import codecs
import ctypes
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from steelyard.retrieve.documents.pdf_objects import TEXT, PageItem, PageObjects

_KEY = b"ActualText"
_ENCODINGS = {
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF8: "utf-8",
}
_LETTERS_PER_GLYPH = 3
_NARROW = 0.2
"""Of its size: a narrow letter's width."""


@dataclass
class _Stretch:
    """One `/ActualText`, and the texts that it stands for by their place among the texts of the page."""

    text: str
    places: list[int] = field(default_factory=list)
    drawn: str = ""
    width: float = 0.0
    """Of what is drawn, in narrow letters."""


def false_texts(
    raw: Any, document: Any, number: int, texts: list[PageItem]
) -> list[tuple[str, list[int]]]:
    """Each `/ActualText` of a page that is not what is drawn, with the places in ``texts`` that it covers."""
    stretches = _stretches(raw, texts)
    if not stretches:
        return []
    probe = document[number - 1]
    try:
        _draw(raw, probe, stretches)
    finally:
        probe.close()
    return [(s.text, s.places) for s in stretches.values() if not _agrees(s)]


def leave_out(raw: Any, item: PageItem, text: str | None = None) -> None:
    """Take ``text`` as an `/ActualText` from a text object; every one where ``text`` is ``None``."""
    for mark, actual in _marks(raw, item):
        if text is None or actual == text:
            raw.FPDFPageObj_RemoveMark(item.raw, mark)


def _marks(raw: Any, item: PageItem) -> list[tuple[Any, str]]:
    """The marks of an object that have an `/ActualText`, and this.

    It is read as bytes: PDFium's call for strings takes UTF-16 apart into single bytes.
    """
    marks = []
    for at in range(max(0, raw.FPDFPageObj_CountMarks(item.raw))):
        mark, length = raw.FPDFPageObj_GetMark(item.raw, at), ctypes.c_ulong()
        raw.FPDFPageObjMark_GetParamBlobValue(mark, _KEY, None, 0, length)
        if length.value:
            buffer = (ctypes.c_ubyte * length.value)()
            raw.FPDFPageObjMark_GetParamBlobValue(mark, _KEY, buffer, length.value, length)
            marks.append((mark, _decoded(bytes(buffer))))
    return marks


def _decoded(data: bytes) -> str:
    """A text string of PDF 2.0: UTF-16 or UTF-8 with a mark, else an encoding close to Windows-1252."""
    for mark, encoding in _ENCODINGS.items():
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding, "replace")
    return data.decode("cp1252", "replace")


def _stretches(raw: Any, texts: list[PageItem]) -> dict[int, _Stretch]:
    """The marks of a page by their address, which the objects between a mark and its end share."""
    stretches: dict[int, _Stretch] = {}
    for place, item in enumerate(texts):
        for mark, text in _marks(raw, item):
            stretch = stretches.setdefault(ctypes.addressof(mark.contents), _Stretch(text))
            stretch.places.append(place)
            wide = max(item.box[2] - item.box[0], item.box[3] - item.box[1])
            stretch.width += wide / (_NARROW * item.points) if item.points else 0
    return stretches


def _draw(raw: Any, page: Any, stretches: dict[int, _Stretch]) -> None:
    """Write to each stretch what is drawn, as the fonts have it; unknown letters are U+FFFD."""
    texts = [item for item in PageObjects(raw).every(page.raw) if item.kind == TEXT]
    by_item: dict[int, list[_Stretch]] = {}
    for stretch in stretches.values():
        for item in (texts[place] for place in stretch.places if place < len(texts)):
            leave_out(raw, item)
            by_item.setdefault(item.address, []).append(stretch)
    text_page = page.get_textpage()
    for at in range(max(0, raw.FPDFText_CountChars(text_page))):
        item = raw.FPDFText_GetTextObject(text_page, at)
        for stretch in by_item.get(ctypes.addressof(item.contents), ()) if item else ():
            is_unknown = raw.FPDFText_HasUnicodeMapError(text_page, at) == 1
            code = raw.FPDFText_GetUnicode(text_page, at)
            stretch.drawn += "\ufffd" if is_unknown or code >= 0x110000 else chr(code)
    text_page.close()


def _agrees(stretch: _Stretch) -> bool:
    actual, drawn = _letters(stretch.text), _letters(stretch.drawn)
    unknown = sum(map(_is_unknown, stretch.drawn))
    if not stretch.drawn:
        return len(actual) <= stretch.width
    if not unknown:
        return actual == drawn
    letters = iter(actual)
    return len(actual) - len(drawn) <= _LETTERS_PER_GLYPH * unknown and all(
        letter in letters for letter in drawn
    )


def _is_unknown(character: str) -> bool:
    return character == "\ufffd" or (
        unicodedata.category(character) in {"Co", "Cc", "Cn", "Cs"}
        and character not in "\r\n\t\x02"
    )


def _letters(text: str) -> str:
    """The letters and digits of a text, whatever their form, without accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())
