"""The section on documents: only where there are some, every count in it, nothing of an answer alive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from steelyard.core import Example
from steelyard.report import render
from steelyard.report.documents import DocumentsView
from steelyard.report.terminal import table, verdict_text
from steelyard.report.view import View
from steelyard.result import ArmResult, Result, parse_result
from steelyard.result.arm import ArmCost
from steelyard.result.audit import DocumentsAudit, HiddenTextPlace
from steelyard.result.documents import AnswerBins, Groundedness, JudgedGroundedness, Refusals
from steelyard.result.figures import Figure, Quality
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy.base import ArmFacts
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.majority import MajorityArm
from steelyard.weigh.documents import ArmDocuments, measure_documents
from steelyard.weigh.documents.readings import NOT_RECORDED
from tests.report.test_html import Outline
from tests.weigh.documents.scripted import (
    corpus,
    examples,
    oracle,
    plan_of,
    rag,
    reads_well,
)

HOSTILE = '<a href="https://evil.example/x">click</a> [a](https://evil.example/y) <img src=x onerror=z> [1]'
RUMOUR = Document(
    "<b>rumour</b>.md", "How heavy is the pump? <script>alert(1)</script> Nobody knows."
)


def careless(example: Example, passages: Sequence[Passage]) -> str:
    """Right on most, hostile on every eighth, made up where nothing is to be answered."""
    if not example.answerable or int(example.id[1:]) % 8 == 0:
        return HOSTILE
    return reads_well(example, passages)


@pytest.fixture
def measured(result: dict[str, Any]) -> Result:
    """A run with two arms with documents, one of them a ceiling that scores highest."""
    grounds = Grounds(Corpus((*corpus(lambda page: page == 0).documents, RUMOUR)))
    rows = examples(unanswerable=3)
    arms = [rag(grounds, rows, careless), oracle(grounds, rows, reads_well)]
    documents = measure_documents(arms, plan_of(grounds, rows))
    more = tuple(
        ArmResult(
            name=name,
            strategy=name,
            family="retrieval",
            model="smart",
            is_ceiling=name == "rag_oracle" or None,
            cost=ArmCost(monthly=40.0),
            quality=Quality(value=value, low=value - 0.1, high=min(1, value + 0.1), n=83),
            **documents.of(name)._asdict(),
        )
        for name, value in (("rag", 0.4), ("rag_oracle", 1.0))
    )
    whole = parse_result(result)
    return whole.updated(arms=(*whole.arms, *more), documents=documents.result)


def section(page: str) -> str:
    start = page.index('<section id="documents"')
    return page[start : page.index("</section>", start)]


def test_a_task_without_documents_has_no_such_section(result: dict[str, Any]) -> None:
    plain = parse_result(result)
    assert 'id="documents"' not in render(plain)
    assert "#documents" not in re.sub(r"<style>.*?</style>", "", render(plain), flags=re.DOTALL)
    assert "Documents" not in verdict_text(plain)
    assert not DocumentsView(View(plain))


def test_every_bin_stands_with_its_count(measured: Result) -> None:
    view = DocumentsView(View(measured))
    [main, ceiling] = view.arms
    assert (main.name, ceiling.name) == ("rag", "rag_oracle"), "a ceiling stands last"
    assert main.bins is not None
    assert sum(part.answers for part in view.segments(main)) == main.bins.total > 40
    assert max(sum(part.width for part in view.segments(arm)) for arm in view.arms) == (
        pytest.approx(100, abs=0.1)
    )
    words = Outline(section(render(measured))).words
    for key in view.keys:
        assert key.name in words and key.about in words
    assert "Empty in every arm" in words and "ceiling" in words


def test_nothing_of_an_answer_or_a_document_is_alive(measured: Result) -> None:
    page = section(render(measured))
    outline = Outline(page)
    assert {tag for tag, _ in outline.elements} <= {
        *"section h2 h3 p ul ol li div span b em i small wbr table caption thead tbody tr th td".split(),
        *"dl dt dd details summary mark form label select option output".split(),
    }
    assert not any({"href", "src", "onerror"} & set(names) for _, names in outline.elements)
    assert "&lt;a href=" in page and "&lt;img src=x" in page
    assert "evil.example" in outline.words, "it is shown as text"


def test_evidence_is_marked_and_citations_flagged(measured: Result) -> None:
    outline = Outline(section(render(measured)))
    classes = [names.get("class") or "" for _, names in outline.elements]
    assert any("passage cited" in name for name in classes)
    assert outline.named("mark")
    cases = [names["data-bin"] for _, names in outline.elements if names.get("data-bin")]
    assert 0 < len(cases) <= 30
    assert {"lost_in_parsing", "not_in_documents", "not_read"} <= set(cases)


def test_a_ceiling_is_neither_chosen_nor_compared(measured: Result) -> None:
    view = View(measured)
    assert view.arms[-1].name == "rag_oracle"
    assert view.candidates == view.arms[:-1]
    assert view.family("retrieval") is not None
    assert view.family("retrieval").name == "rag"  # type: ignore[union-attr]
    page = render(measured)
    assert "ceiling, not compared" in page and "rag_oracle (ceiling)" in page
    assert "rag_oracle" not in Outline(page[: page.index('<section id="picture"')]).words


def test_the_verdict_says_it_once(measured: Result) -> None:
    assert measured.documents is not None
    sentence = measured.documents.sentence
    verdict = measured.verdict.updated(reasons=(*measured.verdict.reasons, sentence))
    page = render(measured.updated(verdict=verdict))
    words = Outline(page[: page.index('<section id="picture"')]).words
    assert words.count(sentence[:60]) == 1


def test_the_terminal_marks_the_ceiling_and_names_the_largest_bin(measured: Result) -> None:
    text = verdict_text(measured)
    assert "rag, the largest bin: lost in parsing" in " ".join(text.split())
    grid = table(measured)
    assert "ceiling: shown the evidence" in str(grid.caption)
    assert "ceil." in [str(cell) for column in grid.columns for cell in column.cells]


def test_an_arm_without_wrong_answers_says_so(measured: Result) -> None:
    grounds, rows = Grounds(corpus()), examples()
    documents = measure_documents([rag(grounds, rows, reads_well)], plan_of(grounds, rows))
    arm = ArmResult(name="rag", family="retrieval", **documents.of("rag")._asdict())
    fine = measured.updated(arms=(arm,), documents=documents.result)
    words = Outline(section(render(fine))).words
    assert "No answer of rag is wrong or cites the wrong passage." in words
    assert "Wrong answers of" not in words
    assert DocumentsView(View(fine)).largest_bin == ""


def test_what_a_judge_says_stands_beside_the_lookup(measured: Result) -> None:
    block = JudgedGroundedness(
        share=Figure(value=0.75, low=0.6, high=0.86, n=40),
        judged=40,
        failed=3,
        alike=Figure(value=0.9, low=0.77, high=0.97, n=40),
        kappa=Figure(value=0.0, n=40, reason="one rater gave every item the same rating"),
        judge_only=1,
        lookup_only=4,
        notes=("models tend to prefer their own wording",),
    )
    unasked = JudgedGroundedness(reason="all documents stand in its prompt")
    blocks = {"rag": block, "rag_oracle": unasked}
    arms = tuple(
        arm.updated(groundedness=arm.groundedness.updated(judged=blocks[arm.name]))
        if arm.groundedness is not None
        else arm
        for arm in measured.arms
    )
    words = Outline(section(render(measured.updated(arms=arms)))).words
    for text in ("Judge failed", "60.0 to 86.0", "one rater gave", "prefer their own wording"):
        assert text in words
    assert "The judge was not asked about rag_oracle: all documents stand in its prompt" in words
    assert "Judge failed" not in Outline(section(render(measured))).words


def cascade_of(measured: Result, documents: ArmDocuments) -> ArmResult:
    arm = ArmResult(name="cascade", family="hybrid", quality=Quality(value=0.4, n=83))
    return arm.updated(**documents._asdict())


def test_a_cascade_whose_stages_are_not_recorded_says_why_it_has_no_bins(measured: Result) -> None:
    grounds, rows = Grounds(corpus()), examples(unanswerable=3)
    part = rag(grounds, rows, reads_well)
    facts = ArmFacts("cascade", "cascade", part.arm.brief, {})
    plain = MajorityArm(facts, "7 grams")
    for stages in ((part.arm, plain), (plain, CascadeArm(facts, (plain, part.arm), 0.5))):
        cascade = replace(part, arm=CascadeArm(facts, stages, 0.5))
        documents = measure_documents([cascade], plan_of(grounds, rows)).of("cascade")
        assert documents.documents_reason == NOT_RECORDED
        assert documents.bins is None and documents.refusals is not None
        arm = cascade_of(measured, documents)
        for arms in ((*measured.arms, arm), (arm,)):
            words = Outline(section(render(measured.updated(arms=arms)))).words
            assert f"cascade is not measured here: {NOT_RECORDED}" in words
    both = replace(part, arm=CascadeArm(facts, (plain, plain), 0.5))
    assert measure_documents([both], plan_of(grounds, rows)).of("cascade").documents_reason is None


def test_answers_of_a_cascade_without_documents_are_counted_apart(measured: Result) -> None:
    bins = AnswerBins(n=30, not_read=4, elsewhere=12, elsewhere_wrong=3)
    words = Outline(
        section(
            render(
                measured.updated(
                    arms=(*measured.arms, cascade_of(measured, ArmDocuments(bins=bins)))
                )
            )
        )
    ).words
    assert "4 of 30 answers from documents" in words


def test_a_note_on_dropped_prompts_names_its_arms_where_they_differ(measured: Result) -> None:
    note = AnswerBins(n=3, dropped_note="its stages ask one model")
    one = cascade_of(measured, ArmDocuments(bins=note))
    view = DocumentsView(View(measured.updated(arms=(*measured.arms, one))))
    assert "cascade: its stages ask one model." in view.dropped_note
    assert "rag and rag_oracle: a prompt that a server cuts" in view.dropped_note
    assert DocumentsView(View(measured)).dropped_note.startswith("A prompt that a server cuts")


def test_answers_elsewhere_are_said(measured: Result) -> None:
    bins = AnswerBins(n=30, not_read=4, elsewhere=12, elsewhere_wrong=3)
    one = cascade_of(measured, ArmDocuments(bins=bins))
    words = Outline(section(render(measured.updated(arms=(*measured.arms, one))))).words
    assert "12 answers without documents in no bin, 3 of them wrong." in words


def test_a_reason_that_arms_share_stands_once_and_in_no_column(measured: Result) -> None:
    label = Figure(reason="not applicable: a label is one of the task's")
    block = Groundedness(numbers=label, names=label, tokens=label, citations_right=label)
    arms = tuple(
        arm.updated(groundedness=block) if arm.groundedness else arm for arm in measured.arms
    )
    page = section(render(measured.updated(arms=arms)))
    words = Outline(page).words
    assert words.count("a label is one of the task's") == 1
    assert "rag and rag_oracle: not applicable" in words
    assert "Made-up ids" not in words and 'aria-label="Groundedness"' not in page


def test_who_is_not_asked_to_cite_has_a_reason_in_place_of_noughts(measured: Result) -> None:
    [cites, not_asked] = [arm for arm in measured.arms if arm.groundedness]
    assert cites.groundedness is not None and not_asked.groundedness is not None
    assert cites.groundedness.made_up == 2 and not_asked.groundedness.made_up is None
    page = section(render(measured))
    assert page.count("the arm is not asked to cite") == 1
    alone = measured.updated(arms=(*measured.arms[:-2], not_asked))
    words = Outline(section(render(alone))).words
    assert "Made-up ids" not in words and "Citations: the arm is not asked to cite." in words


def test_hidden_texts_of_one_place_are_one_row(measured: Result) -> None:
    place = HiddenTextPlace(document="a.html", kind="display_none", place="<p class=x>")
    other = place.updated(place="<b>")
    audit = DocumentsAudit(hidden={"display_none": 4}, hidden_texts=(place, place, other, place))
    result = measured.updated(audit=measured.audit.updated(documents=audit))
    files = DocumentsView(View(result)).read
    assert files is not None and files.hidden_texts == [(place, 3), (other, 1)]
    assert "Hidden from readers: 4 texts" in Outline(section(render(result))).words


def test_refusals_that_nobody_asks_for_are_no_row_of_noughts(measured: Result) -> None:
    def words(wrongly: int) -> str:
        block = Refusals(
            recall=Figure(reason="no test question is unanswerable"), wrongly_refused=wrongly
        )
        arms = tuple(arm.updated(refusals=block) if arm.refusals else arm for arm in measured.arms)
        return Outline(section(render(measured.updated(arms=arms)))).words

    assert "and no arm refuses one." in words(0) and "Wrongly refused" not in words(0)
    assert "no refusal is right" in words(2) and "Wrongly refused" in words(2)
    for text in (words(0), words(2)):
        assert "no test question is unanswerable" not in text and "Fabricated" not in text
    assert "Fabricated" in Outline(section(render(measured))).words
