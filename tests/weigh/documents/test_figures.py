"""Figures of search, groundedness and refusals, on cases small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, EvidencePiece, Example, OutputKind, Record
from steelyard.result.documents import Groundedness, Refusals, RetrievalFigures
from steelyard.retrieve.base import Hit, Passage
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.seeds import generator
from steelyard.strategy.base import Brief
from steelyard.strategy.grounding import GroundingOptions
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.documents import measure_documents
from steelyard.weigh.documents.refusals import is_refusal, measure_refusals, refusal_texts
from steelyard.weigh.documents.support import names_in, numbers_in, support
from tests.weigh.documents.scripted import (
    REFUSAL,
    Script,
    arm_of,
    corpus,
    examples,
    guesses,
    oracle,
    plan_of,
    rag,
    reads_well,
)

FOUR = Grounds(Corpus(tuple(Document(f"{name}.md", f"Fact {name}.") for name in "abcd")))


class Ranked(WholeDocuments):
    """Finds what the question spells: ``ba`` ranks b before a."""

    name = "ranked"
    not_ranked = None  # type: ignore[assignment]

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        by_name = {passage.span.document[0]: passage for passage in self.passages if passage.span}
        return [[Hit(by_name[name], 1.0) for name in text[:k]] for text in texts]


def ranked(*rows: Example) -> RetrievalFigures:
    arm = arm_of(
        "rag", Ranked(FOUR.whole), GroundingOptions(2), rows, lambda row, passages: "nothing"
    )
    figures = measure_documents([arm], plan_of(FOUR, rows)).of("rag").retrieval
    assert figures is not None
    return figures


def asks(order: str, *evidence: str, output: str = "?", answerable: bool = True) -> Example:
    pieces = tuple(EvidencePiece(f"Fact {name}.") for name in evidence)
    return Example(order, order, output, evidence=pieces, answerable=answerable)


def test_recall_mrr_and_ndcg_by_hand() -> None:
    figures = ranked(asks("abcd", "a"), asks("bacd", "a"), asks("bcda", "a"), asks("bcd", "a"))
    assert figures.recall_at_1.value == 1 / 4
    assert figures.recall_at_3.value == 2 / 4
    assert figures.recall_at_5.value == 3 / 4
    assert figures.mrr.value == pytest.approx((1 + 1 / 2 + 1 / 4 + 0) / 4)
    assert figures.ndcg.value == pytest.approx((1 + 0.63093 + 0.43068 + 0) / 4, abs=1e-4)
    assert figures.n == 4
    assert figures.recall_at_1.low is not None and figures.recall_at_1.low < 1 / 4


def test_recall_counts_pieces_of_evidence() -> None:
    figures = ranked(asks("abcd", "a", "d"))
    assert figures.recall_at_1.value == figures.recall_at_3.value == 0.5
    assert figures.recall_at_5.value == 1


def test_what_no_passage_holds_is_counted_apart() -> None:
    figures = ranked(asks("ab", "a"), asks("ab", "z"), asks("ab", answerable=False))
    assert (figures.n, figures.unfindable, figures.recall_at_1.value) == (1, 1, 1)
    assert ranked(asks("ab", "z")).recall_at_1.value is None


def test_without_evidence_an_answer_that_stands_in_a_passage_is_looked_for() -> None:
    figures = ranked(asks("ba", output="Fact a"), asks("ba", output="unheard of"))
    assert (figures.n, figures.recall_at_1.value, figures.mrr.value) == (1, 0, 0.5)
    assert "word for word" in figures.by


def test_questions_of_one_cluster_count_as_one() -> None:
    rows = [
        Example(str(at), "ab" if at < 20 else "ba", "?", group=str(at < 20), evidence=piece)
        for at, piece in enumerate([(EvidencePiece("Fact a."),)] * 40)
    ]
    figures = ranked(*rows)
    assert figures.recall_at_1.value == 0.5
    assert "clusters" in figures.recall_at_1.method
    assert figures.recall_at_1.low is not None and figures.recall_at_1.low < 0.05


@pytest.mark.parametrize("which", ["oracle", "long_context"])
def test_an_arm_that_searches_nothing_has_a_reason_instead(which: str) -> None:
    grounds, rows = Grounds(corpus()), examples()[:4]
    whole = WholeDocuments(grounds.whole)
    arm = oracle(grounds, rows, reads_well)
    if which == "long_context":
        arm = arm_of("long_context", whole, GroundingOptions(99), rows, reads_well)
    documents = measure_documents([arm], plan_of(grounds, rows)).of(arm.arm.name)
    assert documents.retrieval is not None and documents.bins is not None
    assert documents.retrieval.mrr.value is None
    assert "nothing is searched" in (documents.retrieval.reason or "")
    assert documents.bins.total == 0


PASSAGE = (
    "On 3 May 1912 the ship Albatross II left New Haven with 1,200 sacks of Café Zürich coffee."
)


@pytest.mark.parametrize(
    ("answer", "numbers", "names", "tokens"),
    [
        ("1200 sacks", 1, None, 1),
        ("1,200 sacks and 7 crates", 0.5, None, 0.5),
        ("The Albatross", None, 1, 1),
        ("Albatross from Old Haven", None, 0.5, 2 / 3),
        ("the cafe zurich", None, None, 1),
        ("It is of the", None, None, None),
        ("12 Albatross", 0, 1, 1),
        ("New York", None, 0, 1 / 2),
    ],
)
def test_what_of_an_answer_stands_in_a_passage(
    answer: str, numbers: float | None, names: float | None, tokens: float | None
) -> None:
    assert support(answer, [PASSAGE]) == pytest.approx((numbers, names, tokens))


@pytest.mark.parametrize(
    ("answer", "passage", "numbers", "names", "tokens"),
    [
        ("P5", "The P7 pack weighs 3 kg", None, 0, None),
        ("P5", "The P5 pack", None, 1, None),
        ("p5", "The Ｐ５ pack", None, 1, None),
        ("P5", "The P5-based pack", None, 1, None),
        ("P5", "The P55 pack", None, 0, None),
        ("E22", "error E91", None, 0, None),
        ("E22", "error E-22", None, 1, None),
        ("E-22", "error E22", 1, 1, None),
        ("E 22", "error E22", 1, 1, 1),
        ("E22", "error E22-B", None, 0, None),
        ("KB-1234-A", "see KB-1234-A", 1, 1, None),
        ("KB-1234-A", "see KB-1234-C", 1, 0, None),
        ("X034", "Device X021 is on", None, 0, None),
        ("SB2411", "bulletin SB9999", None, 0, None),
        ("GT500X", "GT900X", None, 0, None),
        ("Type B7", "Type A1, Type C3, group B", None, 0.5, 1),
        ("v3", "v2", None, 0, None),
        ("v2.1", "v2.1 or later", None, 1, None),
        ("v2.1", "v2.2", None, 0, None),
        ("H2O", "H1 and O", None, 0, None),
        ("M6x20", "M8x35", None, 0, None),
        ("3rd floor", "2nd floor", 0, 0, 1),
        ("12 kg", "The weight is 12kg.", 1, None, 1),
        ("12kg", "The weight is 12 kg.", 1, 1, None),
        ("12-kg", "The weight is 12kg.", 1, None, 1),
        ("12kg", "The weight is 15kg.", 0, 0, None),
        ("5pm", "closed at 9pm, 5 am", 1, 0, None),
        ("22", "code E22", 0, None, None),
        ("7天", "七天，7天之内", 1, None, 1),
        ("New P5 York", "New York has P5", None, 1, 1),
    ],
)
def test_a_code_is_held_as_a_whole_whatever_stands_between_number_and_unit(
    answer: str, passage: str, numbers: float | None, names: float | None, tokens: float | None
) -> None:
    assert support(answer, [passage]) == pytest.approx((numbers, names, tokens))


@given(code=st.from_regex(r"[A-Z]{1,3}[0-9]{1,4}", fullmatch=True), number=st.integers(0, 9999))
def test_another_code_is_never_held(code: str, number: int) -> None:
    other = f"{code.rstrip('0123456789')}{number}"
    assert support(code, [f"Unit {other} is on."]).names == (1 if other == code else 0)


def test_names_and_numbers() -> None:
    assert names_in("The Rhine meets Jean-Luc Picard in New York. He waits.") == [
        "Rhine",
        "Jean Luc Picard",
        "New York",
    ]
    assert numbers_in("3.9 bar, 1,200 sacks at 12:30 and 3.9 again, model X9") == [
        "3.9",
        "1200",
        "12:30",
    ]


def grounded(script: Script, cites: bool = True) -> Groundedness:
    grounds, rows = Grounds(corpus()), examples(unanswerable=2)
    arm = rag(grounds, rows, script, cites=cites)
    figures = measure_documents([arm], plan_of(grounds, rows)).of("rag").groundedness
    assert figures is not None
    return figures


def test_a_good_reader_is_grounded_in_what_it_cites() -> None:
    figures = grounded(reads_well)
    assert figures.basis == "the passages that answers cite"
    assert figures.numbers.value == figures.tokens.value == figures.citations_right.value == 1
    assert figures.answers == figures.citations == 80, "refusals are not looked up"
    assert (figures.made_up, figures.uncited, figures.names.value) == (0, 0, None)


def test_made_up_ids_and_missing_citations_are_counted() -> None:
    def careless(example: Example, passages: Sequence[Passage]) -> str:
        if not example.answerable:
            return REFUSAL
        return "101 grams [9]" if example.id == "q0" else "7 tons"

    figures = grounded(careless)
    assert (figures.made_up, figures.uncited, figures.answers) == (1, 80, 0)
    assert figures.tokens.value is None and figures.tokens.reason == "no answer cites a passage"


def test_an_arm_that_does_not_cite_is_held_against_its_prompt() -> None:
    figures = grounded(lambda row, passages: "9999 grams" if row.answerable else REFUSAL, False)
    assert figures.basis.startswith("all passages in the prompt")
    assert (figures.numbers.value, figures.tokens.value) == (0, 1)
    assert figures.citations_right.reason == "the arm is not asked to cite"
    assert {figures.citations, figures.made_up, figures.uncited} == {None}


def grounded_as(kind: OutputKind, output: str) -> Groundedness:
    """The groundedness of one answer of another kind, beside the first facts of the corpus."""
    grounds, rows = Grounds(corpus()), examples()[:1]
    arm = rag(grounds, rows, lambda row, passages: output, cites=False)
    arm.arm.brief = Brief("Answer.", kind, labels=("101", "102"))
    figures = measure_documents([arm], plan_of(grounds, rows)).of("rag").groundedness
    assert figures is not None
    return figures


def test_the_values_of_json_are_looked_up_and_no_names_of_fields() -> None:
    figures = grounded_as(
        "json", '{"zzz":[101, 9999], "Qqq": {"x": "grams", "y": null, "z": true}}'
    )
    assert (figures.numbers.value, figures.names.value, figures.tokens.value) == (0.5, None, 1)
    assert figures.citations_right.reason is not None
    assert "has no room for a citation" in figures.citations_right.reason


@pytest.mark.parametrize("kind", ["label", "labels"])
def test_of_a_label_nothing_is_looked_up(kind: OutputKind) -> None:
    figures = grounded_as(kind, "101" if kind == "label" else '["101"]')
    assert figures.answers == 0
    assert {figures.citations, figures.made_up, figures.uncited} == {None}
    for figure in (figures.numbers, figures.names, figures.tokens, figures.citations_right):
        assert figure.value is None and (figure.reason or "").startswith("not applicable: a label")


def refusals_of(script: Script, unanswerable: int = 10) -> Refusals | None:
    grounds, rows = Grounds(corpus()), examples(unanswerable)
    arm = rag(grounds, rows, script)
    return measure_documents([arm], plan_of(grounds, rows)).of("rag").refusals


def test_refusals_are_counted_on_both_sides() -> None:
    def shy(example: Example, passages: Sequence[Passage]) -> str:
        if example.id in {"u0", "u1", "q0", "q1"}:
            return "not in the DOCUMENTS!"
        return "" if example.id == "u2" else guesses(example, passages)

    figures = refusals_of(shy)
    assert figures is not None
    assert (figures.refused, figures.fabricated, figures.failed) == (2, 7, 1)
    assert figures.unanswerable == 10 and figures.wrongly_refused == 2
    assert (figures.recall.value, figures.precision.value) == (0.2, 0.5)
    assert figures.recall.low is not None and figures.recall.high is not None


def test_where_every_question_has_an_answer_no_text_is_a_refusal() -> None:
    assert refusals_of(reads_well, 0) is None


def test_arms_without_documents_refuse_too() -> None:
    grounds, rows = Grounds(corpus()), examples(3)
    arm = rag(grounds, rows, lambda row, passages: REFUSAL)
    arm.arm.prompt = type(arm.arm.prompt)(arm.arm.prompt.recipe)  # type: ignore[attr-defined]
    documents = measure_documents([arm], plan_of(grounds, rows))
    assert documents.result is None
    assert documents.of("rag").bins is None
    refusals = documents.of("rag").refusals
    assert refusals is not None and refusals.recall.value == 1


def record(output: str | None, score: float = 0.0) -> Record:
    answer = Answer(output, Completion(output or "", "stop"))
    outcome = "failed" if output is None else "scored"
    return Record("rag", "1", outcome, score, "", answer)  # type: ignore[arg-type]


def test_what_a_refusal_is() -> None:
    unknown = Example("1", "?", "Not there.", accepted=("No idea",), answerable=False)
    known = Example("2", "?", "blue")
    texts = refusal_texts([unknown, known])
    assert is_refusal(known, record("no idea."), texts, 0.5)
    assert not is_refusal(known, record("blue"), texts, 0.5)
    assert not is_refusal(known, record("It does not say", 1.0), texts, 0.5)
    assert is_refusal(unknown, record("It does not say", 1.0), texts, 0.5), "the metric takes it"
    assert not is_refusal(unknown, record("", 0.0), texts, 0.5)
    assert not is_refusal(unknown, record(None), texts, 0.5)


def test_who_never_refuses_has_no_precision() -> None:
    rows = [Example("1", "?", REFUSAL, answerable=False)]
    figures = measure_refusals(rows, [record("7")], [False], None, generator(0, "t"))
    assert (figures.precision.value, figures.precision.reason) == (None, "it refused nothing")
    assert (figures.recall.value, figures.fabricated) == (0, 1)


def best_cases(measured: MeasuredArm, grounds: Grounds, rows: Sequence[Example]) -> list[str]:
    result = measure_documents([measured], plan_of(grounds, rows)).result
    assert result is not None
    return [case.bin for case in result.cases]


def test_cases_come_from_every_bin() -> None:
    def faults(example: Example, passages: Sequence[Passage]) -> str:
        return REFUSAL if example.id in {"q3", "q5"} else "7 tons"

    grounds, rows = Grounds(corpus(lambda page: page == 0)), examples(unanswerable=3)
    bins = best_cases(rag(grounds, rows, faults), grounds, rows)
    assert len(bins) == 30
    assert set(bins) == {"not_in_documents", "lost_in_parsing", "not_read", "wrongly_refused"}
    assert bins.count("not_in_documents") == 3 and bins.count("wrongly_refused") == 2 - 1
