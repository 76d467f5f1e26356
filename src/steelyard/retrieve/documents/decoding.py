"""Bytes of a document to text, whatever the encoding, with a word where it had to be guessed."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from steelyard.data.formats.stream import utf16_order
from steelyard.retrieve.documents.base import DocumentRefusedError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE
)
_LEGACY = re.compile(
    r"(?:windows|cp)-?(?:125[0-8]|874|932|949)|iso-?8859-?\d{1,2}|latin-?1|koi8-[ru]|shift[_-]jis|sjis"
    r"|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5|iso-2022-jp|macintosh|mac-roman|utf-?16(?:le|be)?",
    re.IGNORECASE,
)
"""What a page may name: no codec that runs into anything else than letters."""
_HEAD = 64 * 2**10
_MOST_CONTROLS = 0.01
_MOST_ACCENTS = 0.4
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\x9f]")
_UPPER = bytes(range(0x80, 0x100))
_LETTERS = re.compile(r"[^\W\d_]")
_ACCENTS = re.compile("[^\x00-\x7f]")
_LEAST_NULS = 0.04


class DecodedText(NamedTuple):
    """A text, and what to say of how it was read."""

    text: str
    notes: tuple[str, ...] = ()


def decoded(data: bytes, *, is_html: bool = False) -> DecodedText:
    """Decode a text. Raises `DocumentRefusedError` for what is none."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return DecodedText(_strict(data, encoding))
    order = _order(data[:_HEAD])
    if order is not None:
        text = _strict(data, f"utf-16-{order.lower()}")
        return DecodedText(_as_text(text), (f"read as UTF-16 {order} (it has no mark)",))
    try:
        return DecodedText(_as_text(data.decode()))
    except UnicodeDecodeError as error:
        place = error.start
    name = _declared(data) if is_html else None
    if name is not None:
        return DecodedText(_strict(data, name), (f"read as {name}, as it says",))
    return _windows(data, place)


def _windows(data: bytes, place: int) -> DecodedText:
    """Windows-1252, where that gives words of European languages."""
    byte = f"byte 0x{data[place]:02x} at offset {place:,}"
    _as_text(data[:_HEAD].translate(None, _UPPER).decode("ascii"))
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise DocumentRefusedError(
            f"is not UTF-8 ({byte}) nor Windows-1252: save it as UTF-8"
        ) from None
    start = max(0, place - _HEAD // 2)
    letters = "".join(_LETTERS.findall(text[start : start + _HEAD]))
    if len(_ACCENTS.findall(letters)) > _MOST_ACCENTS * len(letters):
        raise DocumentRefusedError(
            f"is not UTF-8 ({byte}) and reads like no language in Windows-1252: save it as UTF-8"
        )
    return DecodedText(text, (f"read as Windows-1252: it is not UTF-8 ({byte})",))


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise DocumentRefusedError(
            f"is not the {encoding.removesuffix('-sig').upper()} that it seems: save it as UTF-8"
        ) from None


def _as_text(text: str) -> str:
    """``text`` if it is one. Raises `DocumentRefusedError` for bytes of something else."""
    head = text[:_HEAD]
    controls = len(_CONTROLS.findall(head))
    if controls > _MOST_CONTROLS * len(head) + 1:
        raise DocumentRefusedError("holds bytes and no text: it is some other kind of file")
    return text


def _declared(data: bytes) -> str | None:
    """The encoding that a page names in its first bytes, where it is one that is read."""
    match = _DECLARED.search(data[:4096])
    name = match[1].decode("ascii", "replace") if match else ""
    if not _LEGACY.fullmatch(name):
        return None
    try:
        return codecs.lookup("cp1252" if name.lower() in {"iso-8859-1", "latin1"} else name).name
    except LookupError:
        return None


def _order(head: bytes) -> str | None:
    """``LE`` or ``BE`` for UTF-16 without a mark: zeros stand at one of every two places only."""
    order = utf16_order(head)
    if order is not None:
        return order
    even, odd = head[::2].count(0), head[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most < _LEAST_NULS * len(head) / 2 or least > most / 20:
        return None
    return "LE" if odd > even else "BE"
