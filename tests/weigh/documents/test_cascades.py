"""A cascade that reads documents: its answers from documents have bins, the others are counted apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from steelyard.core import Answer, Completion, Example, Question
from steelyard.result.documents import AnswerBins
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy.base import Arm, ArmFacts, Brief, OnAnswers, Progress
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.documents import ArmDocuments, measure_documents
from steelyard.weigh.documents.measure import TWO_WAYS
from steelyard.weigh.documents.readings import NEVER_READ, NOT_RECORDED
from steelyard.weigh.measure import quality, to_records
from tests.weigh.documents.scripted import (
    METRIC,
    Script,
    corpus,
    examples,
    guesses,
    oracle,
    plan_of,
    rag,
    reads_well,
)

GROUNDS = Grounds(corpus(lambda page: page == 0))
ROWS = examples(unanswerable=4)
FACTS = ArmFacts("cascade", "cascade", Brief("Answer.", "text"))


def is_odd(row: Example) -> bool:
    return int(row.id[1:]) % 2 == 1


class Scripted(PromptArm):
    """Gives the answers that it is made with, by input, and is asked through ``prompt``."""

    def __init__(self, prompt: Prompt, answers: dict[str, Answer], like: PromptArm) -> None:
        super().__init__(FACTS, prompt, like.spec, _none)
        self.brief = like.brief
        self.answers = answers

    def answer_all(
        self,
        questions: Sequence[Question],
        progress: Progress | None = None,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        return [self.answers[question.input] for question in questions]


def _none(spec: object) -> object:
    raise AssertionError("no model is asked")


def reader(script: Script, k: int = 3, sure: Callable[[Example], bool] | None = None) -> Scripted:
    """An arm that searches; ``sure`` says of which of its answers it is."""
    measured = rag(GROUNDS, ROWS, script, k=k)
    assert isinstance(measured.arm, PromptArm)
    answers = {
        row.input: with_confidence(record.answer, sure is not None and sure(row))
        for row, record in zip(ROWS, measured.records, strict=True)
    }
    return Scripted(measured.arm.prompt, answers, measured.arm)


def closed_book(output: Callable[[Example], str], sure: Callable[[Example], bool]) -> Scripted:
    """An arm without documents."""
    like = rag(GROUNDS, ROWS[:1], reads_well).arm
    assert isinstance(like, PromptArm)
    prompt = Prompt(PromptRecipe("Answer.", "system_user", kind="text"))
    answers = {
        row.input: with_confidence(Answer(output(row), Completion(output(row), "stop")), sure(row))
        for row in ROWS
    }
    return Scripted(prompt, answers, like)


def with_confidence(answer: Answer, is_sure: bool) -> Answer:
    if answer.output is None:
        return answer
    shares = {answer.output: 0.9 if is_sure else 0.1}
    return replace(answer, completion=replace(answer.completion, probabilities=shares))


def cascade(first: Arm, then: Arm) -> MeasuredArm:
    arm = CascadeArm(FACTS, (first, then), 0.5)
    records = to_records("cascade", ROWS, arm.answer_all([row.question for row in ROWS]), [METRIC])
    like = rag(GROUNDS, ROWS, reads_well)
    return replace(like, arm=arm, records=records, quality=quality(METRIC, records, ROWS, 0))


def documents_of(*arms: MeasuredArm) -> ArmDocuments:
    return measure_documents(arms, plan_of(GROUNDS, ROWS)).of("cascade")


def bins_of(documents: ArmDocuments) -> AnswerBins:
    assert documents.bins is not None
    return documents.bins


def wrong(measured: MeasuredArm) -> int:
    return sum(record.score < 1 for record in measured.records)


def careless(row: Example, passages: Sequence[object]) -> str:
    return "7 tons [1]" if int(row.id[1:]) % 5 == 0 else guesses(row, passages)  # type: ignore[arg-type]


@pytest.mark.parametrize("script", [reads_well, guesses, careless])
@pytest.mark.parametrize("known", [True, False])
def test_what_was_passed_on_has_the_bins_of_the_stage_that_read(
    script: Script, known: bool
) -> None:
    measured = cascade(
        closed_book(lambda row: row.output if known else "blue", is_odd), reader(script)
    )
    bins = bins_of(documents_of(measured))
    passed = [row for row in ROWS if not is_odd(row)]
    alone = measure_documents([rag(GROUNDS, passed, script)], plan_of(GROUNDS, passed)).of("rag")
    assert bins.counts == bins_of(alone).counts and bins.total > 0
    assert (bins.n, bins.elsewhere) == (len(passed), len(ROWS) - len(passed))
    assert bins.elsewhere_wrong == (0 if known else bins.elsewhere)
    cited = bins.wrong_citation
    assert bins.total - cited + (bins.elsewhere_wrong or 0) == wrong(measured)


def test_search_and_groundedness_are_of_the_answers_from_documents() -> None:
    documents = documents_of(cascade(closed_book(lambda row: "blue", is_odd), reader(reads_well)))
    passed = [row for row in ROWS if not is_odd(row)]
    alone = measure_documents([rag(GROUNDS, passed, reads_well)], plan_of(GROUNDS, passed)).of(
        "rag"
    )
    assert documents.retrieval is not None and alone.retrieval is not None
    assert documents.retrieval.recall_at_1.value == alone.retrieval.recall_at_1.value
    assert documents.retrieval.n == alone.retrieval.n < 40
    assert documents.groundedness is not None and alone.groundedness is not None
    assert documents.groundedness.answers == alone.groundedness.answers > 0
    assert documents.groundedness.citations_right.value == 1


def test_a_first_answer_that_stands_since_the_other_is_unusable_came_without_documents() -> None:
    then = reader(lambda row, passages: Answer(None, Completion("", "stop"), "no answer"))
    measured = cascade(closed_book(lambda row: row.output, lambda row: False), then)
    assert {record.answer.completion.stage for record in measured.records} == {"first"}
    assert documents_of(measured).documents_reason == NEVER_READ


def test_where_both_stages_read_every_answer_has_a_bin_and_search_is_each_stage_s_own() -> None:
    measured = cascade(reader(guesses, 1, is_odd), reader(careless, 3))
    documents = documents_of(measured)
    bins = bins_of(documents)
    assert (bins.n, bins.elsewhere, bins.elsewhere_wrong) == (len(ROWS), 0, 0)
    assert bins.total - bins.wrong_citation == wrong(measured)
    assert documents.retrieval is not None and documents.retrieval.reason == TWO_WAYS
    assert documents.groundedness is not None and documents.groundedness.reason == TWO_WAYS


def test_a_cascade_within_a_cascade() -> None:
    inner = CascadeArm(FACTS, (closed_book(lambda row: "blue", is_odd), reader(reads_well)), 0.5)
    measured = cascade(closed_book(lambda row: row.output, lambda row: row.id == "q0"), inner)
    stages = [record.answer.completion.stage for record in measured.records]
    assert stages[:3] == ["first", "then/first", "then/then"]
    bins = bins_of(documents_of(measured))
    assert bins.n == stages.count("then/then") and bins.elsewhere == len(ROWS) - bins.n


def test_answers_of_which_no_stage_is_recorded_have_a_reason() -> None:
    measured = cascade(closed_book(lambda row: "blue", is_odd), reader(reads_well))
    older = [
        replace(
            record,
            answer=replace(record.answer, completion=replace(record.answer.completion, stage="")),
        )
        for record in measured.records
    ]
    documents = documents_of(replace(measured, records=older))
    assert documents.documents_reason == NOT_RECORDED and documents.bins is None
    assert documents.refusals is not None


def test_the_evidence_alone_splits_what_was_not_read() -> None:
    measured = cascade(closed_book(lambda row: "blue", is_odd), reader(careless))
    without = bins_of(documents_of(measured))
    assert without.not_read > 0 and without.model is None and without.split_reason is not None
    split = bins_of(documents_of(measured, oracle(GROUNDS, ROWS, reads_well)))
    assert (split.model, split.distraction) == (0, split.not_read)


def test_prompts_of_one_model_are_not_counted_apart() -> None:
    measured = cascade(closed_book(lambda row: "blue", is_odd), reader(reads_well))
    assert "not known apart" in (bins_of(documents_of(measured)).dropped_note or "")


def test_an_arm_that_always_reads_is_shown_before_a_cascade() -> None:
    measured = cascade(closed_book(lambda row: row.output, is_odd), reader(careless))
    other = rag(GROUNDS, ROWS, lambda row, passages: "blue")
    both = measure_documents([measured, other], plan_of(GROUNDS, ROWS)).result
    assert both is not None and both.arm == "rag"
    alone = measure_documents([measured], plan_of(GROUNDS, ROWS)).result
    assert alone is not None and alone.arm == "cascade" and alone.cases
    assert "answers of cascade from documents are wrong" in alone.sentence
    assert "none of its 42 answers without documents is wrong" in alone.sentence
    ids = {case.example_id for case in alone.cases}
    assert not any(is_odd(row) for row in ROWS if row.id in ids)
