"""Passages: offsets that are exact, nothing lost, nothing over its limit, at a cost linear in the text."""

from __future__ import annotations

import gc
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import ConfigError
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents import Document, estimated_tokens, split_passages
from steelyard.retrieve.documents.markdown_lines import CodeBlock, Heading, markdown_lines
from steelyard.retrieve.documents.sentences import sentence_ends
from steelyard.retrieve.documents.sizes import Ruler, units

PIECES = (
    *(
        "The cat sat. ",
        "Dr. Smith e.g. ",
        "\r\n",
        "\n",
        "\n\n",
        "# Head\n",
        "## Über uns\n",
        "- item\n",
    ),
    *(
        "|a|b|\n",
        "```\n",
        "שלום עולם. ",
        "مرحبا بالعالم؟ ",
        "退款政策是七天之内。",
        "é",
        "e\u0301\u0302\u0323",
    ),
    *(
        "👩\u200d👩\u200d👧",
        "🏴\U000e0067",
        "\0",
        "\ud800",
        "\udfff",
        "\u200b",
        " ",
        "\t",
        "word",
        "x" * 50,
    ),
    *("...", "?!", "\u2028", "\x85", "Same sentence. "),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=60).map("".join)


def check(document: Document, passages: list[Passage], most: int) -> None:
    text, covered = document.text, 0
    for passage in passages:
        span = passage.span
        assert span is not None
        assert span.document == document.name
        assert text[span.start : span.end] == passage.text
        assert passage.text == passage.text.strip() != ""
        assert estimated_tokens(passage.text) <= most
        assert not text[covered : span.start].strip()
        assert span.end > covered
        covered = span.end
    assert not text[covered:].strip()


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(1, 40), st.integers(0, 39), st.sampled_from(["text", "markdown", "pdf"]))
def test_offsets_limit_and_coverage_hold_for_any_text(
    text: str, most: int, overlap: int, kind: str
) -> None:
    starts = (0, len(text) // 2) if kind == "pdf" else ()
    document = Document("d", text, starts, kind=kind)
    passages = split_passages(document, most=most, overlap=min(overlap, most - 1))
    check(document, passages, most)
    assert all(p.span and p.span.page == document.page_at(p.span.start) for p in passages)


@given(TEXTS)
def test_the_size_of_a_text_is_that_of_its_parts(text: str) -> None:
    half = len(text) // 2
    whole = estimated_tokens(text)
    parts = estimated_tokens(text[:half]) + estimated_tokens(text[half:])
    assert whole <= parts <= whole + 1


@given(TEXTS, st.integers(1, 60), st.data())
def test_a_ruler_measures_as_the_estimate_does(
    text: str, longest: int, data: st.DataObject
) -> None:
    ruler = Ruler(text, longest)
    for start in sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5))):
        end = data.draw(st.integers(start, min(len(text), start + longest)))
        assert ruler.units(start, end) == units(text[start:end])
        last = ruler.fitting(start, longest) if start < len(text) else start
        assert last <= start + 1 or units(text[start:last]) <= longest
        assert last == len(text) or start == last or units(text[start : last + 1]) > longest


def test_a_ruler_goes_on_where_its_block_ends() -> None:
    text = "ab, " * 200_000
    ruler = Ruler(text, 480)
    assert all(ruler.units(at, at + 4) == 5 for at in range(0, len(text), 4))
    assert ruler.fitting(len(text) - 3, 480) == len(text)


def passages(text: str, most: int = 40, overlap: int = 0, kind: str = "markdown") -> list[str]:
    document = Document("d", text, kind=kind)
    every = split_passages(document, most=most, overlap=overlap)
    check(document, every, most)
    return [passage.text for passage in every]


SECTION = "This section has a few plain words and goes on for a while. "


def test_headings_begin_passages_and_are_told_apart() -> None:
    text = f"# Product\n\n{SECTION}\n\n## Setup\n\n{SECTION}\n\n### Power\n\n{SECTION}\n## Care\n{SECTION}"
    document = Document("d", text, kind="markdown", metadata=(("product", "X"),))
    every = split_passages(document, most=40)
    assert [dict(p.metadata)["heading"] for p in every] == [
        "Product",
        "Product > Setup",
        "Product > Setup > Power",
        "Product > Care",
    ]
    assert [p.text.split("\n")[0] for p in every] == [
        "# Product",
        "## Setup",
        "### Power",
        "## Care",
    ]
    assert {dict(p.metadata)["product"] for p in every} == {"X"}


def test_a_heading_stays_with_what_follows_it() -> None:
    assert len(passages(f"# A\n\n## B\n\n{SECTION}")) == 1
    document = Document("d", f"# A\n\n## B\n\n{SECTION}", kind="markdown")
    assert dict(split_passages(document, most=40)[0].metadata)["heading"] == "A > B"


def test_code_has_no_headings() -> None:
    text = f"# A\n{SECTION}\n```sh\n# no heading\n```\n{SECTION}"
    document = Document("d", text, kind="markdown")
    every = split_passages(document, most=30)
    assert {dict(p.metadata)["heading"] for p in every} == {"A"}


def test_lines_with_a_hash_are_headings_in_markdown_only() -> None:
    document = Document("d", f"# A\n{SECTION}", kind="text")
    assert split_passages(document, most=40)[0].metadata == ()


SENTENCES = (
    "Dr. Smith came. |He left at 5 p.m. on Monday. |Then?",
    "See Fig. 3 for it. |It shows e.g. Berlin.",
    "Version 2.5 is out. |J. R. Tolkien wrote. |No.",
    "退款政策是七天之内。|请联系客服！|好吗？",
    'She said "Stop." |He did (at last). |Good…  |And on',
    "Das ist z.B. gut. |Im Jahr 2019. |Danach kam usw. nichts.",
    "1. Open it.\n|2. Close it.",
    "مرحبا؟ |نعم।",
)


@pytest.mark.parametrize("marked", SENTENCES)
def test_sentences(marked: str) -> None:
    text = marked.replace("|", "")
    ends = list(sentence_ends(text, 0, len(text)))
    assert "|".join(text[a:b] for a, b in pairwise([0, *ends])) == marked


def test_overlap_repeats_whole_sentences() -> None:
    text = "".join(f"Sentence number {n} is here. " for n in "abcdefghij")
    every = passages(text, most=24, overlap=8, kind="text")
    assert len(every) > 2
    for before, after in pairwise(every):
        first = after.split(". ")[0]
        assert before.rstrip(".").endswith(first)


def test_nothing_is_repeated_without_overlap() -> None:
    text = "Same here. " * 30
    assert "".join("".join(passages(text, most=9, kind="text")).split()) == "".join(text.split())


def test_a_word_is_not_cut_where_a_space_will_do() -> None:
    text = " ".join(["alpha", "beta", "gamma"] * 40)
    words = [word for passage in passages(text, most=10, kind="text") for word in passage.split()]
    assert set(words) == {"alpha", "beta", "gamma"}


def test_a_line_is_not_cut_where_its_end_will_do() -> None:
    lines = [f"Part {n}  9110-{n}  EUR {n}" for n in range(100, 140)]
    ends = {
        passage.rpartition("\n")[2] for passage in passages("\n".join(lines), most=40, kind="pdf")
    }
    assert ends <= set(lines)


def test_letters_keep_their_accents_and_families_stay_together() -> None:
    for letter in ("e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "\r\n"):
        every = passages(f"x{letter}" * 50, most=9, kind="text")
        assert not [p for p in every if p[0] in "\u0301\u200d🏽"]
        assert not [p for p in every if p.endswith("\u200d")]


def test_the_page_is_that_of_the_first_character() -> None:
    text = f"{SECTION}\n\n{SECTION}\n\n{SECTION}"
    starts = (0, len(SECTION) + 2, 2 * (len(SECTION) + 2))
    every = split_passages(Document("d", text, starts, kind="pdf"), most=18)
    assert [p.span.page for p in every if p.span] == [1, 2, 3]


@pytest.mark.parametrize(("most", "overlap"), [(0, 0), (10, 10), (10, -1)])
def test_limits_that_cannot_be_are_refused(most: int, overlap: int) -> None:
    with pytest.raises(ConfigError, match="passage"):
        split_passages(Document("d", "x"), most=most, overlap=overlap)


DENSE = (". ", ". a", "1. A ", "- a\n", "# a\n", "```\n", "```\na\n```\n", "。」", "x\n\n", '."')


@pytest.mark.parametrize("piece", DENSE)
@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_text_of_nothing_but_marks_is_covered(piece: str, kind: str) -> None:
    document = Document("d", piece * (200_000 // len(piece)), kind=kind)
    check(document, split_passages(document, most=120, overlap=20), 120)


def test_marks_beyond_any_language_are_not_all_looked_at() -> None:
    assert len(list(sentence_ends("Yes. " * 500, 0, 2500))) == 500
    assert len(list(sentence_ends("Yes. " * 100_000, 0, 500_000))) < 15_000
    dense = list(markdown_lines("# a\n" * 100_000 + "```\n# b\n```\n" + "# c\n" * 40))
    assert sum(isinstance(line, Heading) for line in dense) < 15_000
    assert sum(isinstance(line, CodeBlock) for line in dense) == 1


LONG = (
    "x" * 10,
    "a line of words without an end ",
    ".",
    "\n",
    "é",
    "1. ",
    "|a|b|\n",
    "#\n",
    "e.g. ",
    "[a]: # ",
)


@pytest.mark.slow  # it is timed: what else the machine does can fail it
@pytest.mark.parametrize("piece", LONG)
def test_cost_is_linear(piece: str) -> None:
    def seconds(size: int) -> float:
        document = Document("d", (piece * size)[:size], kind="markdown")
        gc.disable()  # a collection looks at all that the other tests left
        started = time.process_time()
        split_passages(document, most=256, overlap=32)
        took = time.process_time() - started
        gc.enable()
        return took

    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(3)) < 8 * 4 * small + 0.2
