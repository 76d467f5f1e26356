"""Folders to documents: each file has one outcome, and nothing is dropped without a word."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from steelyard.errors import DataError, MissingExtraError
from steelyard.retrieve.documents import Corpus, DocumentLimits, read_documents, split_passages
from tests.conftest import HidePackages
from tests.retrieve.documents.pdfs import DRAW_IMAGE, IMAGE, WITH_IMAGE, line, page, pages


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def texts(corpus: Corpus) -> dict[str, str]:
    return {document.name: document.text for document in corpus.documents}


def states(corpus: Corpus) -> dict[str, str]:
    return {outcome.name: outcome.state for outcome in corpus.outcomes}


def reason(corpus: Corpus, name: str) -> str:
    (outcome,) = [outcome for outcome in corpus.outcomes if outcome.name == name]
    return outcome.reason or "; ".join(outcome.notes)


def test_every_kind_is_read(tmp_path: Path) -> None:
    files = {
        "a.md": "# A\n\nMarkdown.\n",
        "sub/b.txt": "Text.\r\n",
        "sub/deep/c.html": "<h1>C</h1><p>HTML.</p>",
        "d.pdf": pages([page("PDF.")]),
        "e.jsonl": '{"text": "Row.", "product": "X", "n": 3, "none": null}\n',
        "f.csv": 'text,product\n"A, b",Y\n',
        "README": "A file without an ending.",
    }
    corpus = read_documents([write(tmp_path, files)])
    assert texts(corpus) == {
        "README": "A file without an ending.",
        "a.md": "# A\n\nMarkdown.\n",
        "d.pdf": "PDF.\n\n",
        "e.jsonl#1": "Row.\n\nproduct: X\nn: 3",
        "f.csv#2": "A, b\n\nproduct: Y",
        "sub/b.txt": "Text.\r\n",
        "sub/deep/c.html": "# C\n\nHTML.\n",
    }
    assert set(states(corpus).values()) == {"read"}
    kinds = {document.name: document.kind for document in corpus.documents}
    assert kinds["sub/deep/c.html"] == "html"
    assert dict(corpus.documents[3].metadata) == {"product": "X", "n": "3"}
    assert [document.name for document in corpus.documents] == sorted(texts(corpus))


def test_every_file_has_its_outcome(tmp_path: Path) -> None:
    files = {
        "good.md": "Fine.",
        "empty.md": "",
        "blank.txt": " \n\n",
        ".hidden.md": "x",
        ".git/config": "x",
        "a.zip": b"PK\x03\x04",
        "b.docx": b"PK\x03\x04",
        "c.bin": b"\0\1",
        "d.png": b"\x89PNG",
        "image.md": b"\x89PNG\r\n",
        "binary.txt": bytes(range(256)) * 8,
        "rows.csv": "a,b\n",
        "one.json": '{\n"a": 1}',
        "fake.pdf": b"hello",
    }
    write(tmp_path, files)
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "out.md").symlink_to("/etc/hostname")
    (tmp_path / "again.md").symlink_to("good.md")
    corpus = read_documents([tmp_path])
    assert states(corpus) == {
        "good.md": "read",
        **dict.fromkeys(("image.md", "binary.txt", "fake.pdf"), "refused"),
        **dict.fromkeys(
            "empty.md blank.txt .hidden.md .git a.zip b.docx c.bin d.png rows.csv one.json pipe.txt loop "
            "self out.md again.md".split(),
            "skipped",
        ),
    }
    for name, words in {
        "empty.md": "empty",
        "a.zip": "archive",
        "b.docx": "save it as PDF",
        "d.png": "OCR",
        "image.md": "image",
        "binary.txt": "bytes and no text",
        "fake.pdf": "no PDF",
        "rows.csv": "no rows",
        "pipe.txt": "no regular file",
        "loop": "lies in",
        "self": "nowhere",
        "out.md": "out of the folder",
        "again.md": "good.md",
        ".git": "hidden folder",
    }.items():
        assert words in reason(corpus, name)


ENCODED = {
    "UTF-8 with a mark": ("Grüße, alle.".encode("utf-8-sig"), "Grüße, alle.", ""),
    "UTF-16 with a mark": ("Grüße, alle.".encode("utf-16"), "Grüße, alle.", ""),
    "UTF-32 with a mark": ("Grüße, alle.".encode("utf-32"), "Grüße, alle.", ""),
    "UTF-16 LE": ("Grüße, alle hier.".encode("utf-16-le"), "Grüße, alle hier.", "UTF-16 LE"),
    "UTF-16 BE": ("Привет, мир. Это мы.".encode("utf-16-be"), "Привет, мир. Это мы.", "UTF-16 BE"),
    "Windows-1252": ("“Grüße” – Café.".encode("cp1252"), "“Grüße” – Café.", "Windows-1252"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_encodings(name: str, tmp_path: Path) -> None:
    data, text, note = ENCODED[name]
    corpus = read_documents([write(tmp_path, {"x.txt": data})])
    assert texts(corpus) == {"x.txt": text}
    assert note in reason(corpus, "x.txt")


def test_an_encoding_that_cannot_be_told_is_refused(tmp_path: Path) -> None:
    files = {
        "cyrillic.txt": "Привет, мир. Это текст.".encode("cp1251"),
        "undefined.txt": b"caf\xe9 \x81\x8d",
    }
    corpus = read_documents([write(tmp_path, files)])
    assert set(states(corpus).values()) == {"refused"}
    assert "save it as UTF-8" in reason(corpus, "cyrillic.txt")


def test_a_page_is_read_in_the_encoding_it_names(tmp_path: Path) -> None:
    source = '<meta charset="windows-1251"><p>Привет, мир</p>'
    corpus = read_documents([write(tmp_path, {"x.html": source.encode("cp1251")})])
    assert texts(corpus) == {"x.html": "Привет, мир\n"}
    assert "cp1251" in reason(corpus, "x.html")


def test_rows_have_the_column_that_is_named(tmp_path: Path) -> None:
    rows = '{"q": "Why?", "a": "So.", "tags": ["x", "y"]}\n{"q": "No answer"}\nnot json\n'
    folder = write(tmp_path, {"x.jsonl": rows})
    corpus = read_documents([folder], text="a")
    assert texts(corpus) == {"x.jsonl#1": "So."}
    assert corpus.documents[0].metadata == (("q", "Why?"), ("tags", "x\ny"))
    assert reason(corpus, "x.jsonl").startswith(
        "2 rows left out: line 2: 'a' is empty; line 3: not JSON"
    )
    assert "has no column 'aa' (did you mean 'a'?)" in reason(
        read_documents([folder], text="aa"), "x.jsonl"
    )


def test_the_other_columns_of_a_row_stand_below_its_text_and_a_note_says_so(tmp_path: Path) -> None:
    rows = [
        {"product": "Dray\u200b", "price": 129, "text": "A cart. ", "tags": ["x", "y"]},
        {"product": "Sled", "text": "For snow.", "vector": [0.25] * 200},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    corpus = read_documents([write(tmp_path, {"faq.jsonl": lines})])
    first, second = corpus.documents
    assert first.text == "A cart.\n\nproduct: Dray\nprice: 129\ntags: x, y"
    assert second.text == "For snow.\n\nproduct: Sled", "no vector"
    assert dict(second.metadata)["vector"].startswith("[0.25")
    note = reason(corpus, "faq.jsonl")
    assert "the text is the column 'text', and below it product, price and tags" in note
    assert "values over 300 characters are not shown to a model: of vector" in note
    [passage] = split_passages(first, most=60)
    assert passage.span is not None and "price: 129" in passage.text
    assert first.text[passage.span.start : passage.span.end] == passage.text


def test_a_column_that_is_named_is_shown_alone_and_a_note_says_so(tmp_path: Path) -> None:
    folder = write(tmp_path, {"faq.csv": "product,price,text\nDray,129,A cart.\n"})
    corpus = read_documents([folder], text="text")
    assert texts(corpus) == {"faq.csv#2": "A cart."}
    note = reason(corpus, "faq.csv")
    assert "shown the column 'text' alone, as text: says; not product and price" in note
    alone = read_documents([write(tmp_path / "more", {"faq.csv": "text\nA cart.\n"})])
    assert "column" not in reason(alone, "faq.csv")
    headed = {"faq.csv": "heading,price,text\nCarts,129,A cart.\n"}
    corpus = read_documents([write(tmp_path / "headed", headed)], text="text")
    assert "'text', as text: says, and heading as its heading; not price" in reason(
        corpus, "faq.csv"
    )


def test_rows_without_a_usual_name_are_read_whole(tmp_path: Path) -> None:
    corpus = read_documents(
        [write(tmp_path, {"x.csv": "q;a\nWhy?;Because of é\n".encode("cp1252")})]
    )
    assert texts(corpus) == {"x.csv#2": "q: Why?\na: Because of é"}
    assert "no column has a usual name" in reason(corpus, "x.csv")
    assert "Windows-1252" in reason(corpus, "x.csv")


def test_half_a_surrogate_in_a_row_is_replaced(tmp_path: Path) -> None:
    corpus = read_documents([write(tmp_path, {"x.jsonl": '{"text": "a \\ud800 b"}\n'})])
    assert texts(corpus) == {"x.jsonl#1": "a ? b"}


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    limits = DocumentLimits(text_bytes=2**20)
    corpus = read_documents(
        [write(tmp_path, {"x.md": "x" * (2**20 + 1), "y.md": "y"})], limits=limits
    )
    assert states(corpus) == {"x.md": "refused", "y.md": "read"}
    assert "more than the 1 MB" in reason(corpus, "x.md")


def test_hidden_text_of_all_kinds_stays_out_of_passages(tmp_path: Path) -> None:
    secret = "SECRET words that nobody sees"
    files = {
        "a.md": f"Fine. <!-- {secret} -->",
        "b.html": f"<style>.x{{display:none}}</style><p>Fine.</p><p class=x>{secret}</p>",
        "c.pdf": pages([page("Fine.") + line(secret, y=300, before="3 Tr")]),
        "d.txt": "Fine." + "".join(chr(0xE0000 + ord(c)) for c in secret),
        "e.jsonl": '{"text": "Fine. \\u202eSECRET words\\u202c"}\n',
        "f.html": "<p>Fine.</p><p>a\u200bb</p>",
    }
    corpus = read_documents([write(tmp_path, files)])
    assert len(corpus.documents) == 6
    assert all(d.hidden for d in corpus.documents if d.name != "a.md")
    assert "1 comment left out" in reason(corpus, "a.md")
    for document in corpus.documents:
        assert not [
            p for p in split_passages(document, most=50) if "SECRET" in p.text or "\u200b" in p.text
        ]
    kept = read_documents([tmp_path], keep_hidden=True)
    assert all(
        "SECRET" in text or "\u200b" in text or "\U000e0053" in text
        for text in texts(kept).values()
    )


def test_pages_keep_their_places_where_marks_are_taken_out(tmp_path: Path) -> None:
    corpus = read_documents([write(tmp_path, {"x.pdf": pages([page("One."), page("Two.")])})])
    (document,) = corpus.documents
    assert [document.page_at(document.text.index(word)) for word in ("One", "Two")] == [1, 2]


def test_scanned_pages_are_said(tmp_path: Path) -> None:
    scan = pages([DRAW_IMAGE], extra=[IMAGE], resources=WITH_IMAGE)
    corpus = read_documents([write(tmp_path, {"scan.pdf": scan})])
    assert "holds no text" in reason(corpus, "scan.pdf")


def test_names_with_several_paths(tmp_path: Path) -> None:
    write(tmp_path, {"one/a.md": "1", "two/a.md": "2", "b.md": "3", "x/one/a.md": "4"})
    names = ("one", "two", "b.md", "two/a.md", "x/one")
    corpus = read_documents([tmp_path / name for name in names])
    assert texts(corpus) == {"b.md": "3", "one/a.md": "1", "two/a.md": "2", "x/one/a.md": "4"}
    assert "it is two/a.md, which is read" in [outcome.reason for outcome in corpus.outcomes]


def test_a_document_is_known_by_its_path_from_the_task_too(tmp_path: Path) -> None:
    write(tmp_path, {"data/docs/a.md": "1", "data/docs/b/c.md": "2"})
    corpus = read_documents([tmp_path / "data" / "docs"])
    first, second = corpus.documents
    for name in ("a.md", "./a.md", "docs/a.md", "data/docs/a.md", "./data/docs/a.md"):
        assert corpus.document(name) == first
    assert corpus.document("docs/b/c.md") == corpus.document("b/c.md") == second
    assert corpus.document("x/a.md") is None
    assert corpus.document("c.md") is None
    alone = read_documents([tmp_path / "data" / "docs" / "a.md"])
    assert alone.document("data/docs/a.md") == alone.document("a.md") == first
    assert read_documents([]) == Corpus()


def test_a_path_that_is_not_there_and_too_many_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder or file"):
        read_documents([tmp_path / "nowhere"])
    write(tmp_path, {f"{n}.md": "x" for n in range(5)})
    with pytest.raises(DataError, match="more than 2 files"):
        read_documents([tmp_path], limits=DocumentLimits(files=2))


def test_the_same_files_have_the_same_fingerprint(tmp_path: Path) -> None:
    first = read_documents([write(tmp_path, {"a.md": "1"})])
    assert first.fingerprint == read_documents([tmp_path]).fingerprint
    assert first.fingerprint != read_documents([write(tmp_path, {"a.md": "2"})]).fingerprint


def test_without_the_parsers_the_extra_is_named(
    tmp_path: Path, without_packages: HidePackages
) -> None:
    write(tmp_path, {"a.md": "1"})
    without_packages("pypdfium2", "selectolax")
    assert len(read_documents([tmp_path]).documents) == 1
    with pytest.raises(MissingExtraError, match=r'pip install "steelyard\[documents\]"'):
        read_documents([write(tmp_path, {"b.html": "<p>x"})])


def test_pages_as_they_are_written_hide_nothing() -> None:
    root = Path(__file__).resolve().parents[3]
    corpus = read_documents([root / "docs", root / "examples" / "product-questions" / "docs"])
    passages = [p for d in corpus.documents for p in split_passages(d, most=128)]
    hidden = {
        document.name: len(document.hidden) for document in corpus.documents if document.hidden
    }
    assert len(passages) > 500
    assert hidden == {"examples/product-questions/docs/service-bulletins.html": 2}
