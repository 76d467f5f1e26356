"""What a person is shown of an answer's sources."""

from __future__ import annotations

from steelyard.cli.ask import sources_lines
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.strategy.asking import Sources, sources_of
from steelyard.strategy.grounding import Citations

PASSAGES = (
    Passage(
        "one",
        span=TextSpan("a.pdf", 0, 1_200, 3),
        metadata=(("heading", "Pump > Pressure"),),
    ),
    Passage("two", span=TextSpan("b.md", 5, 9)),
    Passage("three"),
)


def lines(sources: Sources) -> list[str]:
    return list(sources_lines(sources))


def test_cited_passages_are_named_with_page_heading_and_span() -> None:
    sources = sources_of(PASSAGES, Citations((1, 0), 2), cites=True)
    assert [source.number for source in sources.cited] == [1, 2]
    assert lines(sources) == [
        "",
        "sources:",
        "  [1] a.pdf, page 3, Pump > Pressure, characters 0 to 1,200",
        "  [2] b.md, characters 5 to 9",
        "left out: 2 citations of no passage",
    ]


def test_an_answer_without_citations_shows_what_was_in_its_prompt() -> None:
    none = sources_of(PASSAGES[:2], Citations((), 0), cites=True)
    assert lines(none)[1] == "in the prompt (it cites none):" and len(lines(none)) == 4
    many = sources_of([PASSAGES[1]] * 12, Citations((), 0), cites=False)
    assert lines(many)[1] == "in the prompt (it is not asked to cite):"
    assert lines(many)[-1] == "  and 2 more passages: see --json"


def test_an_arm_without_documents_has_no_sources() -> None:
    assert lines(Sources()) == []


def test_a_name_of_a_document_stays_on_its_line() -> None:
    passage = Passage("x", span=TextSpan("a\nsources: evil.md", 0, 1))
    shown = lines(sources_of([passage], Citations((0,), 0), cites=True))
    assert len(shown) == 3 and "\n" not in shown[2]
