"""Every wrong answer falls into exactly one bin, and planted faults fill their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, EvidencePiece, Example
from steelyard.model import ModelSpec
from steelyard.result.documents import BINS, AnswerBins
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.score.text import TokenF1
from steelyard.strategy.prompting import PromptArm
from steelyard.verdict.documents import mend, mend_groups
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.documents import measure_documents
from steelyard.weigh.documents.binning import AnswerFacts, bin_of, count_bins
from tests.weigh.documents.scripted import (
    FACTS,
    REFUSAL,
    Script,
    corpus,
    examples,
    guesses,
    oracle,
    plan_of,
    rag,
    reads_well,
    with_distractors,
)

LOST = st.sampled_from([None, *BINS[1:6]])
FACTS_OF_ANSWERS = st.builds(
    AnswerFacts,
    is_right=st.booleans(),
    answerable=st.booleans(),
    has_evidence=st.booleans(),
    lost_at=LOST,
    is_refusal=st.booleans(),
    is_failed=st.booleans(),
    is_cut=st.booleans(),
    cites_wrongly=st.booleans(),
    oracle_right=st.sampled_from([None, True, False]),
)


def measured(
    read: Corpus, script: Script, *more: MeasuredArm, rows: Sequence[Example] = (), most: int = 60
) -> AnswerBins:
    grounds = Grounds(read)
    rows = rows or examples()
    arms = [rag(grounds, rows, script, most=most), *more]
    bins = measure_documents(arms, plan_of(grounds, rows)).of("rag").bins
    assert bins is not None
    return bins


@given(st.lists(FACTS_OF_ANSWERS))
def test_counts_add_up(answers: list[AnswerFacts]) -> None:
    bins = count_bins(answers, 1.0)
    wrong = sum(not facts.is_right for facts in answers)
    miscited = sum(facts.is_right and bin_of(facts) is not None for facts in answers)
    assert bins.total == wrong + miscited == sum(bins.counts.values())
    assert miscited == bins.wrong_citation
    assert (bins.model or 0) + (bins.distraction or 0) <= bins.not_read
    assert sum(sum(group.values()) for group in mend_groups(bins).values()) == bins.total


@given(FACTS_OF_ANSWERS)
def test_a_right_answer_has_no_bin_but_that_of_citations(facts: AnswerFacts) -> None:
    if facts.is_right:
        assert bin_of(facts) in (None, "wrong_citation")
    else:
        assert bin_of(facts) not in (None, "wrong_citation")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (AnswerFacts(False, answerable=False), "not_in_documents"),
        (AnswerFacts(False, answerable=False, is_failed=True), "wrong_format"),
        (AnswerFacts(False, answerable=False, is_refusal=True), "wrong_format"),
        (AnswerFacts(True, answerable=False, cites_wrongly=True), None),
        (AnswerFacts(False, lost_at="not_found", is_refusal=True), "not_found"),
        (AnswerFacts(False, lost_at="ranked_too_low", is_failed=True), "ranked_too_low"),
        (AnswerFacts(False, is_refusal=True), "wrongly_refused"),
        (AnswerFacts(False, is_failed=True), "wrong_format"),
        (AnswerFacts(False, is_cut=True), "wrong_format"),
        (AnswerFacts(False), "not_read"),
        (AnswerFacts(False, has_evidence=False), "unplaced"),
        (AnswerFacts(False, has_evidence=False, is_refusal=True), "wrongly_refused"),
        (AnswerFacts(True, cites_wrongly=True), "wrong_citation"),
        (AnswerFacts(True, has_evidence=False, cites_wrongly=True), None),
        (AnswerFacts(True), None),
    ],
)
def test_the_bin_of_an_answer(facts: AnswerFacts, name: str | None) -> None:
    assert bin_of(facts) == name


def test_without_a_fault_there_is_no_wrong_answer() -> None:
    assert measured(corpus(), reads_well).total == 0


def test_dropped_pages_are_lost_in_parsing() -> None:
    bins = measured(corpus(lambda page: page % 2 == 0), guesses)
    assert bins.largest == "lost_in_parsing"
    assert bins.lost_in_parsing == bins.total == len(FACTS) // 2


def test_passages_of_forty_characters_cut_the_evidence() -> None:
    grounds = Grounds(corpus())
    most = 10
    assert max(len(passage.text) for passage in grounds.passages(most)) <= 45
    bins = measured(corpus(), guesses, most=most)
    assert bins.largest == "cut_by_chunking"
    assert bins.cut_by_chunking > bins.total / 2


def test_a_few_distractors_push_the_evidence_down() -> None:
    bins = measured(with_distractors(corpus(), 5), guesses)
    assert bins.largest == "ranked_too_low"
    assert bins.not_found == 0


def test_many_distractors_hide_the_evidence() -> None:
    bins = measured(with_distractors(corpus(), 55, 4), guesses, rows=examples()[:4])
    assert bins.largest == "not_found"
    assert bins.not_found == 4


def reads_the_first(example: Example, passages: Sequence[Passage]) -> str:
    """Is right where the evidence alone is in the prompt, and lost where other text stands with it."""
    return reads_well(example, passages) if len(passages) == 1 else "7 tons [1]"


def never_right(example: Example, passages: Sequence[Passage]) -> str:
    return "7 tons [1]"


@pytest.mark.parametrize(
    ("read", "script", "word", "sentence"),
    [
        (with_distractors(corpus(), 5), guesses, "retrieval", "Mend retrieval first"),
        (corpus(), reads_the_first, "prompt", "fewer or shorter passages"),
        (corpus(), never_right, "model", "another model, or tuning"),
    ],
    ids=["retrieval", "prompt", "model"],
)
def test_the_sentence_says_what_to_mend(
    read: Corpus, script: Script, word: str, sentence: str
) -> None:
    grounds, rows = Grounds(read), examples()
    arms = [rag(grounds, rows, script), oracle(grounds, rows, script)]
    result = measure_documents(arms, plan_of(grounds, rows)).result
    assert result is not None
    assert (result.arm, result.mend) == ("rag", word)
    assert sentence in result.sentence
    assert "may be chance" not in result.sentence


def test_what_is_not_read_splits_by_the_oracle_of_the_same_model_alone() -> None:
    grounds, rows = Grounds(corpus()), examples()
    ceiling = oracle(grounds, rows, reads_well)
    bins = measured(corpus(), never_right, ceiling)
    assert (bins.not_read, bins.model, bins.distraction) == (len(rows), 0, len(rows))
    assert isinstance(ceiling.arm, PromptArm)
    ceiling.arm.spec = ModelSpec("fake", "echo")
    bins = measured(corpus(), never_right, ceiling)
    assert (bins.model, bins.distraction) == (None, None)
    assert bins.split_reason == "rag_oracle was not measured on this model"


def test_the_best_arm_is_never_the_ceiling() -> None:
    grounds, rows = Grounds(corpus()), examples()
    arms = [oracle(grounds, rows, reads_well), rag(grounds, rows, never_right)]
    result = measure_documents(arms, plan_of(grounds, rows)).result
    assert result is not None and result.arm == "rag"
    assert "rag_oracle" not in result.sentence


def test_evidence_that_two_passages_of_the_prompt_hold_together_is_read() -> None:
    text = "The pump weighs nine kilograms in all. It is made of steel and it is blue."
    grounds = Grounds(Corpus((Document("pump.md", text),)))
    row = Example("1", "How heavy is the pump of steel?", "9", evidence=(EvidencePiece(text),))
    assert len(grounds.passages(12)) == 2
    both = rag(grounds, [row], never_right, most=12, k=2)
    one = rag(grounds, [row], never_right, most=12, k=1)
    plan = plan_of(grounds, [row])
    assert measure_documents([both], plan).of("rag").bins == AnswerBins(
        n=1,
        not_read=1,
        split_reason="rag_oracle was not measured on this model",
        dropped_note=measure_documents([both], plan).of("rag").bins.dropped_note,  # type: ignore[union-attr]
    )
    bins = measure_documents([one], plan).of("rag").bins
    assert bins is not None and bins.cut_by_chunking == 1


def test_a_prompt_over_the_context_is_dropped() -> None:
    def too_long(example: Example, passages: Sequence[Passage]) -> Answer:
        reason = "needs 900 tokens, the model's context is 512"
        return Answer(None, Completion("", "error", 900, failure=reason), reason)

    bins = measured(corpus(), too_long)
    assert bins.dropped_from_prompt == bins.total == len(FACTS)


def test_a_server_that_counts_far_fewer_tokens_than_it_was_sent_dropped_passages() -> None:
    pages = "\n\n".join(f"{fact} " * 30 for fact in FACTS.values())
    grounds = Grounds(Corpus((Document("all.md", pages),)))

    def cut(tokens: int) -> Script:
        return lambda example, passages: Answer("7 tons", Completion("7 tons", "stop", tokens))

    rows = examples()[:1]
    counts = []
    for tokens in (5, 20_000):
        arm = rag(grounds, rows, cut(tokens), most=4000, k=3)
        bins = measure_documents([arm], plan_of(grounds, rows)).of("rag").bins
        assert bins is not None
        counts.append(bins.dropped_from_prompt)
    assert counts == [1, 0]


def test_without_evidence_wrong_answers_are_unplaced() -> None:
    bins = measured(corpus(), never_right, rows=examples(evidence=False))
    assert bins.unplaced == bins.total == len(FACTS)
    assert mend("rag", bins).mend == "unclear"
    assert "Name the evidence" in mend("rag", bins).sentence


def test_a_right_answer_that_cites_another_passage_is_binned() -> None:
    def cites_badly(example: Example, passages: Sequence[Passage]) -> str:
        return reads_well(example, passages).replace("[1]", "[2]")

    bins = measured(corpus(), cites_badly)
    assert bins.wrong_citation == bins.total > 0


@pytest.mark.parametrize(("score", "is_wrong"), [(0.49, True), (0.5, False)])
def test_a_graded_answer_is_right_from_half(score: float, is_wrong: bool) -> None:
    grounds, rows = Grounds(corpus()), examples()[:1]
    arm = rag(grounds, rows, never_right)
    arm = replace(arm, records=[replace(arm.records[0], score=score)])
    bins = measure_documents([arm], plan_of(grounds, rows, TokenF1())).of("rag").bins
    assert bins is not None and bins.right_from == 0.5
    assert (bins.not_read == 1) is is_wrong


def test_two_causes_alike_are_not_decided() -> None:
    bins = AnswerBins(n=10, not_found=3, not_read=3, model=3, distraction=0)
    advice = mend("rag", bins)
    assert advice.mend == "unclear"
    assert advice.sentence.endswith("retrieval and the model hold it back alike")


@pytest.mark.parametrize(("more", "sure"), [(5, False), (30, True)])
def test_a_small_lead_is_said_to_be_chance(more: int, sure: bool) -> None:
    bins = AnswerBins(n=90, not_found=more, not_read=4, model=4, distraction=0)
    assert ("may be chance" not in mend("rag", bins).sentence) is sure


def test_a_task_without_documents_has_nothing_here() -> None:
    rows = examples()[:2]
    measured_nothing = measure_documents([], plan_of(None, rows))
    assert measured_nothing.result is None and not measured_nothing.by_arm


def test_refusing_what_is_not_there_is_no_fault() -> None:
    rows = examples(unanswerable=6)
    assert measured(corpus(), reads_well, rows=rows).total == 0
    bins = measured(corpus(), guesses, rows=rows)
    assert bins.not_in_documents == bins.total == 6
    assert REFUSAL not in mend("rag", bins).sentence
