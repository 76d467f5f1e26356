"""A writer of small PDFs, for tests: pages as content streams, and whatever can be wrong with a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

HEAD = b"%PDF-1.4\n"
FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def stream(content: bytes, more: str = "", *, packed: bool = False) -> bytes:
    if packed:
        content, more = zlib.compress(content, 9), f"{more} /Filter /FlateDecode"
    return (
        b"<< /Length %d %s >>\nstream\n" % (len(content), more.encode()) + content + b"\nendstream"
    )


def pdf(objects: Sequence[bytes | str], trailer: str = "") -> bytes:
    """A file of objects, numbered from 1; the first one is the catalogue."""
    body, places = bytearray(HEAD), []
    for number, item in enumerate(objects, 1):
        places.append(len(body))
        raw = item.encode("latin-1") if isinstance(item, str) else item
        body += b"%d 0 obj\n" % number + raw + b"\nendobj\n"
    xref = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % place for place in places)
    body += f"trailer << /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\n".encode()
    return bytes(body) + b"startxref\n%d\n%%%%EOF\n" % xref


def pages(
    contents: Iterable[str | bytes],
    *,
    packed: bool = False,
    more: str = "",
    extra: Sequence[bytes | str] = (),
    resources: str = "",
) -> bytes:
    """A file with a page for each content stream; ``extra`` objects start at number 4."""
    contents = [c.encode("cp1252") if isinstance(c, str) else c for c in contents]
    first = 4 + len(extra)
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(contents)))
    objects: list[bytes | str] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>",
        FONT,
        *extra,
    ]
    for at, content in enumerate(contents):
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
            f"{first + 2 * at + 1} 0 R /Resources << /Font << /F1 3 0 R >> {resources} >> >>"
        )
        objects.append(stream(content, packed=packed))
    return pdf(objects, more)


def line(text: str, x: float = 72, y: float = 700, size: float = 12, before: str = "") -> str:
    """The operators that show one line of text; ``before`` are operators inside the text object."""
    quoted = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {before} {x} {y} Td ({quoted}) Tj ET\n"


def page(text: str, size: float = 12) -> str:
    """The content of a page of black text, a line for each."""
    return "".join(
        line(part, y=740 - 16 * at, size=size) for at, part in enumerate(text.split("\n"))
    )


IMAGE = stream(
    bytes(100 * 100),
    "/Type /XObject /Subtype /Image /Width 100 /Height 100 /ColorSpace /DeviceGray /BitsPerComponent 8",
    packed=True,
)
"""A black image."""
WITH_IMAGE = "/XObject << /Im1 4 0 R >>"
DRAW_IMAGE = "q 612 0 0 792 0 0 cm /Im1 Do Q\n"
