"""Binned answers to look through: evidence marked, citations flagged, long passages cut."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import EvidencePiece, Example
from steelyard.result.documents import GroundedCase
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.weigh.documents import measure_documents
from steelyard.weigh.documents.cases import passage_shown
from tests.weigh.documents.scripted import plan_of, rag

TEXT = f"{'Nothing here. ' * 60}The pump weighs nine kilograms. {'More of nothing. ' * 60}"
START = TEXT.index("The pump")
GOLD = TextSpan("a.md", START, START + len("The pump weighs nine kilograms."))


def shown(gold: Sequence[TextSpan], text: str = TEXT) -> str:
    passage = Passage(text, span=TextSpan("a.md", 0, len(text), 4))
    pieces = passage_shown(1, passage, gold, is_cited=False).pieces
    return "".join(
        f"{'…' if piece.cut else ''}{f'<{piece.text}>' if piece.gold else piece.text}"
        for piece in pieces
    )


def test_a_long_passage_is_cut_around_its_evidence() -> None:
    text = shown([GOLD])
    assert "<The pump weighs nine kilograms.>" in text
    assert text.startswith("…") and text.endswith("…")
    assert len(text) < 600


def test_a_short_passage_is_whole() -> None:
    text = TEXT[START - 20 : START + 60]
    gold = TextSpan("a.md", 20, 20 + len("The pump weighs nine kilograms."))
    assert shown([gold], text) == text.replace(
        "The pump weighs nine kilograms.", "<The pump weighs nine kilograms.>"
    )


def test_stretches_that_meet_are_one() -> None:
    first, second = GOLD._replace(end=START + 10), GOLD._replace(start=START + 5)
    assert shown([second, first]) == shown([GOLD])


def test_without_evidence_the_beginning_stands_for_a_passage() -> None:
    assert shown([]) == f"{TEXT[:900]}…"
    assert shown([GOLD._replace(document="b.md")]) == shown([])


def test_the_page_stands_with_the_source() -> None:
    passage = Passage("Text.", span=TextSpan("a.pdf", 0, 5, 4))
    assert passage_shown(2, passage, [], is_cited=True).source == "a.pdf, page 4"


def one_case(
    output: str, question: str = "What weighs nine kilograms?", k: int = 2
) -> GroundedCase:
    documents = (
        Document("a.md", "The pump weighs nine."),
        Document("b.md", "What weighs nine kilograms?"),
    )
    grounds = Grounds(Corpus(documents))
    row = Example("1", question, "the pump", evidence=(EvidencePiece("The pump weighs nine."),))
    arm = rag(grounds, [row], lambda example, passages: output, k=k)
    result = measure_documents([arm], plan_of(grounds, [row]), rewrite=str.upper).result
    assert result is not None
    [case] = result.cases
    return case


def test_the_cited_passage_is_flagged_and_the_evidence_marked() -> None:
    case = one_case("the tyre [1]")
    assert case.bin == "not_read"
    assert [one.cited for one in case.passages] == [True, False]
    assert [one.is_gold for one in case.passages] == [False, True]
    assert case.evidence == ()
    assert case.output == "THE TYRE", "private texts are rewritten"


def test_evidence_that_was_not_shown_is_quoted() -> None:
    case = one_case("the tyre [1]", k=1)
    assert case.bin == "ranked_too_low"
    [evidence] = case.evidence
    assert evidence.is_gold and evidence.source == "A.MD"


def test_of_two_pieces_the_one_that_is_missing_is_quoted() -> None:
    documents = (Document("a.md", "The pump weighs nine."), Document("b.md", "The tyre is red."))
    grounds = Grounds(Corpus(documents))
    pieces = (EvidencePiece("The pump weighs nine."), EvidencePiece("The tyre is red."))
    row = Example("1", "How much weighs the pump?", "nine and red", evidence=pieces)
    arm = rag(grounds, [row], lambda example, passages: "ten", k=1)
    result = measure_documents([arm], plan_of(grounds, [row])).result
    assert result is not None
    [case] = result.cases
    assert [one.is_gold for one in case.passages] == [True]
    assert [one.source for one in case.evidence] == ["b.md"]
