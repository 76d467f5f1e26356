"""Everything that is measured of arms with documents, after all arms have answered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.core import Example, Record, clusters_of
from steelyard.planning.plan import Plan
from steelyard.result.documents import (
    AnswerBin,
    AnswerBins,
    DocumentsResult,
    Groundedness,
    Refusals,
    RetrievalFigures,
)
from steelyard.result.figures import Figure
from steelyard.score import Metric
from steelyard.score.judge import Judge
from steelyard.seeds import generator
from steelyard.strategy import traits_of
from steelyard.verdict.documents import mend
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.documents.binning import RIGHT_FROM, AnswerFacts, bin_of, count_bins
from steelyard.weigh.documents.cases import cases
from steelyard.weigh.documents.grounding import holds_evidence, measure_groundedness
from steelyard.weigh.documents.judged import measure_judged
from steelyard.weigh.documents.oracles import Oracle, oracles_of
from steelyard.weigh.documents.ranking import measure_ranking, unranked
from steelyard.weigh.documents.readings import ArmReadings, StageReading, readings_of
from steelyard.weigh.documents.refusals import is_refusal, measure_refusals, refusal_texts

if TYPE_CHECKING:
    import numpy as np

TWO_WAYS = (
    "two of its stages read documents, each in its own way; each as an arm of its own is measured"
)
_IS_CEILING = "it is the ceiling itself"
_NO_ORACLE = "rag_oracle was not measured on this model"
_ORACLE_BLIND = "rag_oracle was not shown the evidence of these either"
_UNSEEN_CUTS = (
    "a prompt that a server cuts is noticed by its count of tokens; one that counts what it was sent, and "
    "reads less, is not noticed"
)
_NOT_COUNTED_APART = (
    "its stages ask one model, and the tokens of their prompts are not known apart: a prompt that a server "
    "cuts is not noticed"
)


class ArmDocuments(NamedTuple):
    """Fields of an `ArmResult`, by their names; ``None`` of an arm without documents."""

    retrieval: RetrievalFigures | None = None
    bins: AnswerBins | None = None
    groundedness: Groundedness | None = None
    refusals: Refusals | None = None
    documents_reason: str | None = None


@dataclass(frozen=True)
class DocumentsMeasured:
    """The figures of arms by name, and what the best arm with documents says; empty without documents."""

    by_arm: Mapping[str, ArmDocuments] = field(default_factory=dict)
    result: DocumentsResult | None = None

    def of(self, arm: str) -> ArmDocuments:
        return self.by_arm.get(arm, ArmDocuments())


@dataclass(frozen=True)
class _Test:
    """The test split as it is read here."""

    plan: Plan
    texts: frozenset[str]
    right_from: float

    @property
    def examples(self) -> Sequence[Example]:
        return self.plan.split.test

    @property
    def judge(self) -> Judge | None:
        """The judge, where the task wants it to read answers with their passages."""
        judge = Judge.among(self.plan.metrics)
        return judge if judge is not None and judge.options.groundedness else None

    def is_right(self, record: Record) -> bool:
        return record.outcome == "scored" and record.score >= self.right_from

    def refused(self, records: Sequence[Record]) -> list[bool]:
        return [
            is_refusal(example, record, self.texts, self.right_from)
            for example, record in zip(self.examples, records, strict=True)
        ]


def measure_documents(
    arms: Sequence[MeasuredArm], plan: Plan, rewrite: Callable[[str], str] = str
) -> DocumentsMeasured:
    """Measure search, bins, groundedness and refusals of every arm of a task with documents.

    Arms without documents have refusals alone. Where the task wants it a judge is asked, whose answers are
    in the store after the first time. ``rewrite`` is applied to the texts of cases.
    """
    if plan.grounds is None:
        return DocumentsMeasured()
    every = [example for part in plan.split for example in part]
    test = _Test(plan, refusal_texts(every), right_from(plan.metrics[0]))
    readings = {
        measured.arm.name: readings_of(measured.arm, plan.grounds, test.examples, measured.records)
        for measured in arms
    }
    oracles = oracles_of(arms, readings, test.examples, test.right_from)
    by_arm: dict[str, ArmDocuments] = {}
    bins_of: dict[str, list[AnswerBin | None]] = {}
    for measured in arms:
        name = measured.arm.name
        by_arm[name], bins_of[name] = _of_arm(measured, readings[name], test, oracles)
    best = _best(arms, readings)
    if best is None:
        return DocumentsMeasured(by_arm)
    name = best.arm.name
    advice = mend(name, by_arm[name].bins or AnswerBins())
    reading = readings[name].parts[0]
    of_stage = (reading.among(test.examples), reading.among(best.records))
    shown = cases(reading.look, *of_stage, reading.among(bins_of[name]), rewrite)
    result = DocumentsResult(arm=name, mend=advice.mend, sentence=advice.sentence, cases=shown)
    return DocumentsMeasured(by_arm, result)


def right_from(metric: Metric) -> float:
    """The score from which an answer counts as right."""
    return 1.0 if metric.binary else RIGHT_FROM


def _best(arms: Sequence[MeasuredArm], readings: Mapping[str, ArmReadings]) -> MeasuredArm | None:
    """The best arm with documents that is no ceiling, the first of equals.

    One of stages, which answers from documents in part, is taken only where there is no other.
    """
    real = [
        measured
        for measured in arms
        if readings[measured.arm.name].only and not traits_of(measured.arm.strategy).is_ceiling
    ]
    return max(
        real,
        key=lambda one: (readings[one.arm.name].is_whole, one.quality.value or 0.0),
        default=None,
    )


def _of_arm(
    measured: MeasuredArm,
    readings: ArmReadings,
    test: _Test,
    oracles: Mapping[str, Oracle],
) -> tuple[ArmDocuments, list[AnswerBin | None]]:
    """The figures of an arm, and the bin of each test answer; ``None`` of one that has none."""
    answers = _Answers.of(measured, test)
    nothing: list[AnswerBin | None] = [None] * len(measured.records)
    refusals = None
    if test.texts:
        refusals = measure_refusals(
            test.examples,
            measured.records,
            answers.refused,
            answers.clusters,
            answers.rng("refusals"),
        )
    if not readings.parts:
        return ArmDocuments(refusals=refusals, documents_reason=readings.reason), nothing
    facts = _all_facts(answers, readings, oracles)
    bins_of = [bin_of(facts[at]) if at in facts else None for at in range(len(nothing))]
    documents = ArmDocuments(
        bins=_bins(answers, readings, facts, oracles),
        refusals=refusals,
        **_looked_up(answers, readings),
    )
    return documents, bins_of


@dataclass(frozen=True)
class _Answers:
    """An arm's answers to test, which of them refuse, and the clusters of their examples."""

    measured: MeasuredArm
    test: _Test
    refused: Sequence[bool]
    clusters: Sequence[Hashable] | None

    @classmethod
    def of(cls, measured: MeasuredArm, test: _Test) -> _Answers:
        return cls(measured, test, test.refused(measured.records), clusters_of(test.examples))

    @property
    def is_ceiling(self) -> bool:
        return traits_of(self.measured.arm.strategy).is_ceiling

    def rng(self, what: str) -> np.random.Generator:
        return generator(self.test.plan.seed, f"documents:{what}:{self.measured.arm.name}")

    def oracle(self, reading: StageReading, oracles: Mapping[str, Oracle]) -> Oracle | None:
        return None if self.is_ceiling else oracles.get(reading.account)


def _all_facts(
    answers: _Answers, readings: ArmReadings, oracles: Mapping[str, Oracle]
) -> dict[int, AnswerFacts]:
    """What decides the bin of each answer from documents, by its place in test."""
    return {
        place: _facts(answers, reading, at, answers.oracle(reading, oracles))
        for reading in readings.parts
        for at, place in enumerate(reading.places)
    }


def _bins(
    answers: _Answers,
    readings: ArmReadings,
    facts: Mapping[int, AnswerFacts],
    oracles: Mapping[str, Oracle],
) -> AnswerBins:
    test, records = answers.test, answers.measured.records
    bins = count_bins(list(facts.values()), test.right_from)
    if bins.model is None:
        has_oracle = any(answers.oracle(reading, oracles) for reading in readings.parts)
        why = _IS_CEILING if answers.is_ceiling else _ORACLE_BLIND if has_oracle else _NO_ORACLE
        bins = bins.updated(split_reason=why)
    if not bins.dropped_from_prompt:
        is_apart = all(reading.stage.is_counted_apart for reading in readings.parts)
        bins = bins.updated(dropped_note=_UNSEEN_CUTS if is_apart else _NOT_COUNTED_APART)
    if readings.is_whole:
        return bins
    others = readings.elsewhere(len(records))
    wrong = sum(not test.is_right(records[place]) for place in others)
    return bins.updated(elsewhere=len(others), elsewhere_wrong=wrong)


def _looked_up(answers: _Answers, readings: ArmReadings) -> dict[str, Any]:
    """The search of an arm and its groundedness: of one stage that reads, since two do it in two ways."""
    reading, test = readings.only, answers.test
    if reading is None:
        nothing = Figure(reason=TWO_WAYS)
        grounded = Groundedness(
            numbers=nothing, names=nothing, tokens=nothing, citations_right=nothing, reason=TWO_WAYS
        )
        return {"retrieval": unranked(TWO_WAYS), "groundedness": grounded}
    look, examples = reading.look, reading.among(test.examples)
    records, refused = reading.among(answers.measured.records), reading.among(answers.refused)
    clusters = None if answers.clusters is None else reading.among(answers.clusters)
    rng = answers.rng
    grounded = measure_groundedness(look, examples, records, refused, clusters, rng("groundedness"))
    if test.judge is not None:
        answered = (records, refused)
        judged = measure_judged(test.judge, look, examples, answered, clusters, rng("judged"))
        grounded = grounded.updated(judged=judged)
    ranking = measure_ranking(look, examples, clusters, rng("ranking"))
    return {"retrieval": ranking, "groundedness": grounded}


def _facts(answers: _Answers, reading: StageReading, at: int, oracle: Oracle | None) -> AnswerFacts:
    look, place, test = reading.look, reading.places[at], answers.test
    example, record = test.examples[place], answers.measured.records[place]
    question = look.questions[at]
    cites = bool(question.citations.places or question.citations.outside)
    is_held = any(holds_evidence(look, example, passage) for passage in question.cited)
    has_evidence = bool(example.evidence)
    return AnswerFacts(
        is_right=test.is_right(record),
        answerable=example.answerable,
        has_evidence=has_evidence,
        lost_at=look.lost_at(at, example) if has_evidence else None,
        is_refusal=answers.refused[place],
        is_failed=record.outcome == "failed" or not (record.answer.output or "").strip(),
        is_cut=record.answer.completion.is_cut,
        cites_wrongly=cites and not is_held,
        oracle_right=None if oracle is None else oracle.is_right(place),
    )
