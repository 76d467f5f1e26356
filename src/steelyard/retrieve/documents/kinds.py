"""What kind of document a file is, by its name and its first bytes."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from steelyard.data.formats.disguise import is_text
from steelyard.retrieve.documents.base import DocumentRefusedError, DocumentSkippedError

DocumentKind = Literal["markdown", "text", "html", "pdf", "rows"]

ENDINGS: dict[str, DocumentKind] = {
    ".md": "markdown", ".markdown": "markdown", ".mdown": "markdown", ".mkd": "markdown", ".mdx": "markdown",
    ".txt": "text", ".text": "text", ".rst": "text", ".adoc": "text", ".asciidoc": "text", ".org": "text",
    ".log": "text",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf",
    ".csv": "rows", ".tsv": "rows", ".jsonl": "rows", ".ndjson": "rows", ".json": "rows",
}  # fmt: skip
_ARCHIVES = frozenset(
    ".zip .gz .tgz .tar .bz2 .xz .7z .rar .zst .lz4 .jar .whl .cab .iso .dmg".split()
)
_SAVED_AS = {
    ending: advice
    for endings, advice in (
        (".docx .doc .odt .rtf .pages .wpd", "save it as PDF, HTML or Markdown"),
        (".pptx .ppt .odp .key", "save it as PDF"),
        (".xlsx .xls .ods .numbers", "save it as CSV"),
        (".epub .mobi .azw3 .mht .mhtml", "save it as HTML"),
        (
            ".png .jpg .jpeg .gif .webp .tif .tiff .bmp .svg .heic",
            "an image; text is read with OCR first",
        ),
        (".parquet .arrow .feather", "save it as JSON Lines"),
    )
    for ending in endings.split()
}
_PDF = b"%PDF-"
_SIGNATURES = (
    (_PDF, "a PDF: name it .pdf"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database"),
)
_PDF_HEAD = 1024


def kind_of(name: str, head: bytes) -> DocumentKind:
    """The kind of a file. Raises `DocumentSkippedError`, and `DocumentRefusedError` for a disguise."""
    ending = PurePath(name.lower()).suffix
    if not head:
        raise DocumentSkippedError("empty")
    if ending in _ARCHIVES:
        raise DocumentSkippedError("an archive: unpack it to have what is in it read")
    kind = ENDINGS.get(ending)
    if kind is None and not ending and is_text(head):
        kind = "text"
    if kind is None:
        advice = _SAVED_AS.get(ending)
        raise DocumentSkippedError(
            f"{ending or 'no ending'}: not a kind that is read" + (f" ({advice})" if advice else "")
        )
    if kind == "pdf":
        if _PDF not in head[:_PDF_HEAD]:
            raise DocumentRefusedError("is no PDF: it does not begin with %PDF-")
    else:
        what = next((words for begin, words in _SIGNATURES if head.startswith(begin)), None)
        if what is not None:
            raise DocumentRefusedError(f"is {what}, and not what its ending says")
    return kind
