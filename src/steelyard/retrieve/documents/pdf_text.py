"""The text of a PDF, page by page, in the process that takes files apart."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from steelyard.extras import require
from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    DocumentSkippedError,
    HiddenText,
    ParsedText,
    capped,
)
from steelyard.retrieve.documents.pdf_actual import false_texts, leave_out
from steelyard.retrieve.documents.pdf_boxes import PageBox, contains
from steelyard.retrieve.documents.pdf_drawing import RenderBudget
from steelyard.retrieve.documents.pdf_sight import PageSight
from steelyard.words import counted, listed

_HYPHEN = re.compile("[\x02\ufffe]\n?(?=\\w)|[\x02\ufffe]")
_WORD = re.compile(r"\w")
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff]")
_MOST_UNREADABLE = 0.2
_PASSWORD = 4
_DRAWING_SECONDS = 3.0


class _PageText(NamedTuple):
    """What one page holds; ``is_scan`` where its text is the layer that OCR wrote."""

    text: str
    hidden: tuple[HiddenText, ...] = ()
    has_images: bool = False
    is_scan: bool = False


def read_pdf(
    path: str,
    most_pages: int,
    drawn_pages: int = 120,
    *,
    keep_hidden: bool = False,
    on_page: Callable[[], None] = lambda: None,
) -> ParsedText:
    """Read a file of at most ``most_pages``, of which ``drawn_pages`` may be drawn.

    ``on_page`` is called after each page.

    Raises `DocumentRefusedError` and `DocumentSkippedError`.
    """
    pdfium = require("pypdfium2", "documents")
    document = _opened(pdfium, path)
    count = len(document)
    if count == 0:
        raise DocumentRefusedError("has no pages: it is damaged")
    if count > most_pages:
        raise DocumentRefusedError(f"has {count:,} pages, more than {most_pages:,}: split it")
    budget = RenderBudget(drawn_pages, _DRAWING_SECONDS)
    pages: list[_PageText | None] = []
    for number in range(1, count + 1):
        pages.append(_read_page(pdfium, document, number, budget, keep_hidden))
        on_page()
    return _joined(pages, _title(document), budget)


def _opened(pdfium: Any, path: str) -> Any:
    try:
        return pdfium.PdfDocument(path)
    except (pdfium.PdfiumError, OSError) as error:
        if getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower():
            raise DocumentRefusedError("is encrypted: save it without its password") from None
        raise DocumentRefusedError("is damaged, or no PDF: it cannot be opened") from None


def _title(document: Any) -> str:
    title = document.get_metadata_value("Title") or ""
    return " ".join(title.split())[:200]


def _read_page(
    pdfium: Any, document: Any, number: int, budget: RenderBudget, keep_hidden: bool
) -> _PageText | None:
    """The page; ``None`` where it is damaged."""
    try:
        page = document[number - 1]
    except pdfium.PdfiumError:
        return None
    try:
        sight = PageSight(pdfium, page, budget)
        false = false_texts(pdfium.raw, document, number, sight.texts)
        for text, places in false if not keep_hidden else ():
            for place in places:
                leave_out(pdfium.raw, sight.texts[place], text)
        texts = tuple(
            _hidden("actual_text", text, number) for text, _ in false if _WORD.search(text)
        )
        return _read_text(pdfium, page, number, sight, texts, keep_hidden)
    finally:
        page.close()


def _read_text(
    pdfium: Any,
    page: Any,
    number: int,
    sight: PageSight,
    false: tuple[HiddenText, ...],
    keep_hidden: bool,
) -> _PageText | None:
    try:
        text_page = page.get_textpage()
    except pdfium.PdfiumError:
        return None
    try:
        characters = _Characters(pdfium.raw, text_page)
        visible, texts = characters.apart(number, sight.hidden(text_page), sight.cuts())
        if keep_hidden and texts:
            visible = characters.all()
        return _PageText(_tidy(visible), (*false, *texts), sight.has_images, sight.is_scan)
    finally:
        text_page.close()


def _hidden(kind: str, text: str, number: int) -> HiddenText:
    return HiddenText(kind, " ".join(text.split()), number, f"page {number}")


class _Characters:
    """The characters of a page."""

    def __init__(self, raw: Any, text_page: Any) -> None:
        self._raw, self._page = raw, text_page
        self._count = max(0, raw.FPDFText_CountChars(text_page))
        self._sides = [ctypes.c_double() for _ in range(4)]

    def all(self) -> str:
        buffer = (ctypes.c_ushort * (self._count * 2 + 1))()
        length = self._raw.FPDFText_GetText(self._page, 0, self._count, buffer)
        data = ctypes.string_at(buffer, max(0, length - 1) * 2)
        return data.decode("utf-16-le", "replace")

    def apart(
        self, number: int, hidden: dict[int, str], cuts: dict[int, PageBox]
    ) -> tuple[str, tuple[HiddenText, ...]]:
        """The characters without those of the ``hidden`` objects and beyond the ``cuts``, and those."""
        if not self._count:
            return "", ()
        if not hidden and not cuts:
            return self.all(), ()
        visible: list[int] = []
        groups: list[tuple[str, list[int]]] = []
        kind: str | None = None
        is_apart = True
        for at in range(self._count):
            item = self._raw.FPDFText_GetTextObject(self._page, at)
            if item:  # spaces and line ends that were added go with what stands before them
                address = ctypes.addressof(item.contents)
                kind = hidden.get(address)
                if kind is None and address in cuts and not self._is_in(at, cuts[address]):
                    kind = "clipped"
            code = self._raw.FPDFText_GetUnicode(self._page, at)
            if kind is None:
                visible.append(code)
            else:
                if is_apart or groups[-1][0] != kind:
                    groups.append((kind, []))
                groups[-1][1].append(code)
            is_apart = kind is None
        texts = (_hidden(name, _characters(codes), number) for name, codes in groups)
        return _characters(visible), tuple(text for text in texts if _WORD.search(text.text))

    def _is_in(self, at: int, box: PageBox) -> bool:
        """Whether the middle of a character is in a box."""
        left, right, bottom, top = self._sides
        if not self._raw.FPDFText_GetCharBox(self._page, at, left, right, bottom, top):
            return True
        return contains(box, (left.value, bottom.value, right.value, top.value))


def _characters(codes: list[int]) -> str:
    text = "".join(chr(code) for code in codes if code < 0x110000)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _tidy(text: str) -> str:
    """One kind of line end, words that a hyphen cut at a line's end whole again, no NUL."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return "\n".join(line.rstrip() for line in _HYPHEN.sub("", text).split("\n")).strip("\n")


def _joined(pages: list[_PageText | None], title: str, budget: RenderBudget) -> ParsedText:
    starts: list[int] = []
    pieces: list[str] = []
    place = 0
    for page in pages:
        starts.append(place)
        piece = f"{page.text}\n\n" if page is not None and page.text.strip() else ""
        pieces.append(piece)
        place += len(piece)
    text = "".join(pieces)
    if not text.strip():
        raise DocumentSkippedError(_no_text(pages))
    hidden = [item for page in pages if page is not None for item in page.hidden]
    return ParsedText(
        text,
        capped(hidden),
        tuple(starts),
        (("title", title),) if title else (),
        notes=(*_notes(pages), *budget.notes()),
    )


def _no_text(pages: list[_PageText | None]) -> str:
    if all(page is None for page in pages):
        raise DocumentRefusedError("is damaged: none of its pages can be read")
    count = counted(len(pages), "page")
    if any(page is not None and page.hidden for page in pages):
        return f"holds no text that is seen ({count})"
    if any(page is not None and page.has_images for page in pages):
        return f"holds no text ({count} of images): scanned? Read it with OCR first"
    return f"holds no text ({count})"


def _notes(pages: list[_PageText | None]) -> list[str]:
    def numbers(test: Any) -> list[int]:
        return [number for number, page in enumerate(pages, 1) if test(page)]

    damaged = numbers(lambda page: page is None)
    scanned = numbers(lambda page: page and page.has_images and not page.text.strip())
    layers = numbers(lambda page: page and page.is_scan)
    unread = numbers(lambda page: page and _is_unreadable(page.text))
    return [
        f"{'page' if len(every) == 1 else 'pages'} {listed(ranges(every))} {one if len(every) == 1 else many}"
        for every, one, many in (
            (damaged, "is damaged and left out", "are damaged and left out"),
            (scanned, "holds no text: scanned?", "hold no text: scanned?"),
            (
                layers,
                "is a scan, read from the layer that OCR wrote",
                "are scans, read from the layer that OCR wrote",
            ),
            (
                unread,
                "has fonts that do not say their letters",
                "have fonts that do not say their letters",
            ),
        )
        if every
    ]


def _is_unreadable(text: str) -> bool:
    return len(_UNREADABLE.findall(text)) > _MOST_UNREADABLE * len("".join(text.split()))


def ranges(numbers: list[int]) -> list[str]:
    """Numbers in order, those that follow on each other as one: ``1-3``, ``7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [str(low) if low == high else f"{low}-{high}" for low, high in runs]
