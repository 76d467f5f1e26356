"""Private data in documents: counted by kind and file, shown in part, whatever the text's length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.retrieve.documents import Corpus, Document, read_documents
from steelyard.retrieve.documents.private import private_findings

MAIL, CARD = "bob.smith@acme-corp.com", "4111 1111 1111 1111"


def test_values_are_counted_by_kind_and_file_and_never_shown_whole() -> None:
    corpus = Corpus(
        (
            Document("a.pdf", f"first page\n{MAIL} and {CARD}", (0, 11), kind="pdf"),
            Document("clean.md", "The pump holds 3.9 bar."),
            Document("t.csv#2", f"Ask {MAIL}", kind="row"),
            Document("t.csv#7", f"Ask {MAIL} or {MAIL}", kind="row"),
        )
    )
    result = private_findings(corpus)
    assert result.facts["kinds"] == {
        "card": {"files": 1, "values": 1, "not_shown": 0},
        "email": {"files": 2, "values": 4, "not_shown": 0},
    }
    assert result.facts["files"] == [
        {"name": "t.csv", "values": {"email": 3}},
        {"name": "a.pdf", "values": {"email": 1, "card": 1}},
    ]
    assert result.facts["documents_searched"] == 4 and result.facts["files_with_any"] == 2
    card, mail = result.findings
    assert (
        card.severity == "error"
        and card.message == "1 file contains a payment card number (1 value)"
    )
    assert mail.message == "2 files contain e-mail addresses (4 values)"
    assert [row["source"] for row in mail.evidence] == ["t.csv", "a.pdf"]
    assert mail.evidence[0]["found"][0] == "bob.******** (email) at line 2"
    assert mail.evidence[1]["found"] == ["bob.******** (email) at page 2"]
    text = json.dumps([finding.to_dict() for finding in result.findings] + [dict(result.facts)])
    assert MAIL not in text and CARD not in text and "1111 1111" not in text


@pytest.mark.parametrize("before", [19_970, 19_980, 19_990, 19_999, 20_000, 20_001, 40_005])
def test_a_value_across_pieces_is_counted_once(before: int) -> None:
    text = f"{'word ' * (before // 5)}{'x' * (before % 5)} {CARD} and {MAIL} {'word ' * 9_000}"
    result = private_findings(Corpus((Document("a.md", text),)))
    assert {kind: one["values"] for kind, one in result.facts["kinds"].items()} == {
        "card": 1,
        "email": 1,
    }


def test_text_beyond_the_most_is_said_not_to_be_searched() -> None:
    corpus = Corpus((Document("a.md", "x" * 50), Document("b.md", f"{'x' * 40} {MAIL}")))
    result = private_findings(corpus, most=60)
    assert not result.findings
    assert (
        result.reason is not None and "1 document not searched, or not to the end" in result.reason
    )
    assert (result.facts["documents_searched"], result.facts["characters_searched"]) == (1, 60)
    assert private_findings(corpus).findings


def test_nothing_is_nothing() -> None:
    result = private_findings(Corpus())
    assert not result.findings and result.facts["documents_searched"] == 0


def rows_of(tmp_path: Path, name: str, text: str, column: str | None = None) -> Corpus:
    (tmp_path / name).write_text(text)
    return read_documents([tmp_path], text=column)


def test_columns_that_stand_in_no_text_are_searched_too(tmp_path: Path) -> None:
    corpus = rows_of(tmp_path, "t.csv", f"says,owner,n\nA pump.,{MAIL},7\nAsk {MAIL}.,,\n", "says")
    result = private_findings(corpus)
    [mail] = result.findings
    assert mail.message == (
        "1 file contains an e-mail address (2 values, 1 of them in columns or titles that no model is shown)"
    )
    assert mail.evidence[0]["found"] == [
        "bob.******** (email) at line 2, column 'owner'",
        "bob.******** (email) at line 3",
    ]
    assert result.facts["kinds"]["email"] == {"files": 1, "values": 2, "not_shown": 1}
    assert result.facts["characters_searched"] == len(f"A pump.Ask {MAIL}.{MAIL}7")


def test_a_column_below_the_text_is_counted_once_and_a_long_one_apart(tmp_path: Path) -> None:
    fields = {"text": "A pump.", "owner": MAIL, "soft": f"by\u200b {CARD}", "n": [0.25] * 400}
    fields |= {"log": f"{'long ' * 70}{MAIL}", "more": {"iban": "x" * 400, "who": {"mail": MAIL}}}
    corpus = rows_of(tmp_path, "t.jsonl", json.dumps(fields))
    result = private_findings(corpus)
    assert result.facts["kinds"] == {
        "card": {"files": 1, "values": 1, "not_shown": 0},
        "email": {"files": 1, "values": 3, "not_shown": 2},
    }
    found = result.findings[1].evidence[0]["found"]
    assert found[0].endswith("at line 1") and "column 'log'" in found[1] and "'more'" in found[2]


def test_the_name_of_a_column_tells_what_its_numbers_are(tmp_path: Path) -> None:
    table = "says,{}\nA pump.,078-05-1121\n"
    named, unnamed = (
        private_findings(rows_of(tmp_path, "t.csv", table.format(name), "says"))
        for name in ("social_security_number", "part")
    )
    assert [value["values"] for value in named.facts["kinds"].values()] == [1]
    assert MAIL not in f"{named.findings}" and "078-05-1121" not in f"{named.findings}"
    assert not unnamed.findings


def test_metadata_count_among_the_characters_that_are_searched() -> None:
    row = Document("t.csv#2", "x" * 50, metadata=(("owner", f"{MAIL}"),), kind="row")
    result = private_findings(Corpus((row,)), most=60)
    assert not result.findings and result.facts["documents_searched"] == 0
    assert result.facts["characters_searched"] == 60
