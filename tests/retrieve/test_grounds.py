"""Evidence placed in documents, and the passages that hold it."""

from __future__ import annotations

from steelyard.core import EvidencePiece, Example
from steelyard.retrieve.base import TextSpan
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.documents.base import HiddenText
from steelyard.retrieve.grounds import Grounds, covers, overlaps

PUMP = Document("pump.md", "# Pump\n\nThe pump holds 3.9 bar.\nIt weighs 4 kg.\n", kind="markdown")
TYRE = Document("tyre.md", "The tyre holds 3.9 bar. The pump holds  3.9\nbar.", removed=((0, 2),))


def grounds() -> Grounds:
    return Grounds(Corpus((PUMP, TYRE)))


def example(*evidence: EvidencePiece, output: str = "3.9 bar", answerable: bool = True) -> Example:
    return Example("1", "How many?", output, evidence=evidence, answerable=answerable)


def text_of(span: TextSpan) -> str:
    return next(one for one in (PUMP, TYRE) if one.name == span.document).text[
        span.start : span.end
    ]


def test_a_text_is_found_wherever_it_stands() -> None:
    spans = grounds().spans(EvidencePiece("holds 3.9 bar."))
    assert [span.document for span in spans] == ["pump.md", "tyre.md", "tyre.md"]
    assert {" ".join(text_of(span).split()) for span in spans} == {"holds 3.9 bar."}


def test_a_named_document_is_searched_alone() -> None:
    [span] = grounds().spans(EvidencePiece("weighs 4 kg", "pump.md"))
    assert text_of(span) == "weighs 4 kg"
    assert grounds().spans(EvidencePiece("weighs 4 kg", "tyre.md")) == ()
    assert grounds().spans(EvidencePiece("weighs 4 kg", "nowhere.md")) == ()


def test_a_stretch_counts_in_characters_of_the_file() -> None:
    [span] = grounds().spans(EvidencePiece("", "tyre.md", 6, 10))
    assert text_of(span) == "tyre", "two hidden characters before it were taken out"


def test_the_passages_of_an_example_hold_a_part_of_its_evidence() -> None:
    passages = grounds().passages(6)
    places = grounds().answering(passages, example(EvidencePiece("It weighs 4 kg.")))
    assert places
    assert all("weighs" in passages[place].text or "kg" in passages[place].text for place in places)


def test_without_evidence_an_answer_that_stands_word_for_word_will_do() -> None:
    passages = grounds().passages(100)
    assert grounds().answering(passages, example(output="4 KG")) == {0}
    assert not grounds().answering(passages, example(output="4 kg", answerable=False))
    assert not grounds().answering(passages, example(output="4")), "it stands there by chance"


def test_touching_is_no_overlap() -> None:
    passage = TextSpan("a", 3, 9)
    assert overlaps(passage, TextSpan("a", 8, 12)) and not overlaps(passage, TextSpan("a", 9, 12))
    assert not overlaps(passage, TextSpan("b", 3, 9)) and not overlaps(None, passage)
    assert covers(passage, TextSpan("a", 3, 9)) and not covers(passage, TextSpan("a", 3, 10))


def test_a_text_that_no_reader_sees_is_said_to_be_hidden() -> None:
    hidden = HiddenText("display_none", "The code is  42 bar, at most.", None, "line 3")
    corpus = Corpus((Document("a.html", "Seen.", hidden=(hidden,)), Document("b.html", "Seen.")))
    assert corpus.where_hidden("code is 42 bar") == (
        "; it is in text of a.html that no reader sees (display none), which is left out unless documents "
        "says hidden: keep"
    )
    assert corpus.where_hidden("code is 42 bar", "b.html") == ""
    assert corpus.where_hidden("Seen.") == corpus.where_hidden(" ") == ""
