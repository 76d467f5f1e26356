"""Files that are broken or meant to do harm: one line each, within limits, and their neighbours are read."""

from __future__ import annotations

import resource
import time
import zlib
from pathlib import Path

import pytest

from steelyard.retrieve.documents import Corpus, DocumentLimits, read_documents, split_passages
from steelyard.retrieve.documents.worker import ParserProcess
from tests.retrieve.documents.pdfs import FONT, HEAD, line, page, pages, pdf, stream

GOOD = page("A page that is in order.")
WHITE = line("SEEN", before="1 1 .9 rg")


def encrypted(user: str) -> bytes:
    """A file that the standard security handler encrypts (RC4, 40 bits), with an owner's password."""
    import hashlib

    pad = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    key_of = hashlib.md5((b"owner" + pad)[:32]).digest()[:5]
    owner = rc4(key_of, (user.encode() + pad)[:32])
    ident = b"0123456789abcdef"
    rights = (-4).to_bytes(4, "little", signed=True)
    key = hashlib.md5((user.encode() + pad)[:32] + owner + rights + ident).digest()[:5]
    check = rc4(key, pad)
    content = rc4(hashlib.md5(key + b"\x04\0\0\0\0").digest()[:10], GOOD.encode())
    objects: list[bytes | str] = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [5 0 R] /Count 1 >>",
        FONT,
        stream(content),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 3 0 R >> >> >>",
    ]
    handler = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{owner.hex()}> /U <{check.hex()}> >> "
        f"/ID [<{ident.hex()}> <{ident.hex()}>]"
    )
    return pdf(objects, handler)


def rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def bomb() -> bytes:
    """Content that unpacks to a thousand times its size: 1 GB."""
    packer = zlib.compressobj(9)
    first, again = (packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "12")
    packed = first + again * 1000 + packer.flush()
    content = (
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream"
    )
    page_of = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 3 0 R >>"
    return pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            content,
            page_of,
        ]
    )


def tree_loop() -> bytes:
    """Pages whose children are themselves."""
    return pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 /Parent 2 0 R >>",
        ]
    )


def xref_loop() -> bytes:
    data = pages([GOOD])
    place = int(data.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % place)


def stream_loop() -> bytes:
    """A stream whose length and a form that draws itself."""
    form = stream(
        b"/Fm Do",
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /Fm 4 0 R >> >>",
    )
    return pages([GOOD + "/Fm Do\n"], extra=[form], resources="/XObject << /Fm 4 0 R >>")


PDFS = {
    "encrypted.pdf": (lambda: encrypted("secret"), "refused", "encrypted"),
    "owner.pdf": (lambda: encrypted(""), "read", ""),
    "truncated.pdf": (lambda: pages([GOOD] * 3)[:400], "refused", "damaged"),
    "header.pdf": (lambda: HEAD + b"\0" * 5000, "refused", "damaged"),
    "fake.pdf": (lambda: b"MZ" + b"\0" * 5000, "refused", "no PDF"),
    "many.pdf": (lambda: pages([GOOD] * 10_000), "refused", "10,000 pages"),
    "tree.pdf": (tree_loop, "refused", ""),
    "xref.pdf": (xref_loop, "read", ""),
    "form.pdf": (stream_loop, "read", ""),
    "bomb.pdf": (bomb, None, ""),
    "deep.pdf": (lambda: pages([b"[" * 200_000 + GOOD.encode()]), None, ""),
    "saves.pdf": (lambda: pages([b"q " * 500_000 + GOOD.encode()]), None, ""),
    "huge page.pdf": (lambda: pages([WHITE]).replace(b"612 792", b"99999999 99999999"), None, ""),
}


ENDS = 60
"""Seconds: what hangs takes minutes, and a machine that does other work fails no test."""


def outcome_of(folder: Path, name: str) -> tuple[Corpus, str, str, float]:
    """Read a folder with one bad file; what it came to, and the seconds that took."""
    (folder / "good.md").write_text("In order.")
    (folder / "good.pdf").write_bytes(pages([GOOD]))
    # a child counts what its parent holds until it runs its own program, and children of other tests count
    others = [resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN]
    before = max(resource.getrusage(whose).ru_maxrss for whose in others)
    started = time.monotonic()
    corpus = read_documents([folder])
    seconds = time.monotonic() - started
    (outcome,) = [outcome for outcome in corpus.outcomes if outcome.name == name]
    assert corpus.document("good.md") is not None
    assert corpus.document("good.pdf") is not None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak < max(2**20, before + 1), "kilobytes"
    return corpus, outcome.state, outcome.reason, seconds


@pytest.mark.parametrize("name", PDFS)
def test_a_pdf_that_does_harm_ends_with_one_line(name: str, tmp_path: Path) -> None:
    make, state, words = PDFS[name]
    (tmp_path / name).write_bytes(make())
    corpus, ended, reason, seconds = outcome_of(tmp_path, name)
    assert seconds < ENDS
    assert state is None or ended == state
    assert words in reason
    assert "\n" not in reason
    assert (corpus.document(name) is not None) == (ended == "read")


def test_what_may_be_copied_by_nobody_is_read_where_it_opens(tmp_path: Path) -> None:
    (tmp_path / "owner.pdf").write_bytes(encrypted(""))
    (document,) = read_documents([tmp_path]).documents
    assert document.text.strip() == "A page that is in order."


HTMLS = {
    "rowspan.html": "<table><tr><td rowspan=9007199254740991 colspan=9007199254740991>a</td></tr></table>",
    "formats.html": "".join(f"<b id={n}><p>" for n in range(3000)) + "x",
    "attributes.html": "<p " + " ".join(f"a{n}=1" for n in range(8_000)) + ">x</p>",
    "styles.html": "<style>"
    + "".join(f".c{n}>.d{{display:none}}" for n in range(50_000))
    + "</style><p class=d>x</p>",
    "braces.html": "<style>" + "{" * 200_000 + "</style><p>x</p>",
    "comments.html": "<style>" + "/*" * 200_000 + "</style><p>x</p>",
    "entities.html": "&lt;" * 200_000,
    "unclosed.html": "<" * 300_000,
    "cells.html": "<table>" + "<tr><td>x" * 20_000,
}


@pytest.mark.parametrize("name", HTMLS)
def test_a_page_that_does_harm_ends_with_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(HTMLS[name])
    corpus, ended, reason, seconds = outcome_of(tmp_path, name)
    assert seconds < ENDS
    assert ended == "read" or "\n" not in reason
    assert (corpus.document(name) is not None) == (ended == "read")


def test_what_takes_too_long_is_refused_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<p {' '.join(f'a{n}' for n in range(100_000))}>x")
    (tmp_path / "b.html").write_text("<p>In order.")
    started = time.monotonic()
    corpus = read_documents([tmp_path], limits=DocumentLimits(parse_seconds=1.5))
    assert time.monotonic() - started < 9
    assert [(o.name, o.state) for o in corpus.outcomes] == [
        ("a.html", "refused"),
        ("b.html", "read"),
    ]
    assert "over 1.5 s of processor time" in corpus.outcomes[0].reason


MARKDOWNS = {
    "comments.md": "a <!-- ",
    "instructions.md": "a <?php ",
    "quotes.md": "<a '\"",
    "hidden.md": "<p hidden>x</p>\n",
    "blocks.md": "<div>\n<b>x</b>\n\n",
    "ticks.md": "` `` ``` <b> ",
    "blank.md": "\n",
    "styles.md": "<style>a{b{",
}


@pytest.mark.parametrize("name", MARKDOWNS)
def test_markdown_that_does_harm_ends_with_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("<b> " + MARKDOWNS[name] * (2_000_000 // len(MARKDOWNS[name])))
    _, ended, reason, seconds = outcome_of(tmp_path, name)
    assert seconds < ENDS
    assert ended != "refused" or "500,000" in reason


def test_markdown_of_too_many_tags_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tags.md").write_text("<b> " * 500_001)
    _, ended, reason, seconds = outcome_of(tmp_path, "tags.md")
    assert (ended, "split it" in reason) == ("refused", True)
    assert seconds < ENDS


SHEETS = {
    "blocks": "{" * 200_000,
    "nested": "a{b:c;" * 20_000,
    "doubling": "a{&&{" * 20_000,
    "brackets": ".x:is(" * 20_000,
    "variables": ":root{--v0:lol"
    + "".join(f";--v{n}:var(--v{n - 1})var(--v{n - 1})" for n in range(1, 100))
    + "}p{color:var(--v99)}",
    "calc": "p{left:calc(" + "(" * 100_000,
}


@pytest.mark.parametrize("name", SHEETS)
def test_sheets_that_do_harm_are_read_in_time(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text(f"<style>{SHEETS[name]}</style>" + "<p>x</p>" * 500)
    _, ended, _, seconds = outcome_of(tmp_path, "x.html")
    assert ended == "read"
    assert seconds < ENDS


def test_nested_tags_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "nested.html").write_text("<div>" * 100_000 + "x")
    _, ended, reason, seconds = outcome_of(tmp_path, "nested.html")
    assert (ended, "nests more than 10,000" in reason) == ("refused", True)
    assert seconds < ENDS


def test_a_parser_that_swells_is_stopped() -> None:
    with ParserProcess(DocumentLimits(parse_bytes=256 * 2**20)) as parser:
        source = "".join(f"<b id={n}><p>" for n in range(4000)) + "x"
        with pytest.raises(Exception, match="memory"):
            parser.html(source, keep_hidden=False)
        assert parser.html("<p>In order.", keep_hidden=False).text == "In order.\n"


LONG = {"line": "A line without an end. ", "no spaces": "abcdefghij"}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_are_read_and_split(name: str, tmp_path: Path) -> None:
    size = 5 * 2**20
    (tmp_path / "x.txt").write_text((LONG[name] * (size // len(LONG[name]) + 1))[:size])
    started = time.process_time()
    (document,) = read_documents([tmp_path]).documents
    passages = split_passages(document, most=256, overlap=32)
    assert time.process_time() - started < 20
    assert len(document.text) == size
    assert sum(len(passage.text) for passage in passages) > 0.98 * size


def test_archives_are_not_opened(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../outside.md", "x")
    (outcome,) = read_documents([tmp_path]).outcomes
    assert (outcome.state, "unpack it" in outcome.reason) == ("skipped", True)
    assert not (tmp_path.parents[1] / "outside.md").exists()
