"""Everything that is measured of arms with documents, after all arms have answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

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
from steelyard.weigh.documents.look import ArmPassages, look_up, reads_in_parts
from steelyard.weigh.documents.ranking import measure_ranking
from steelyard.weigh.documents.refusals import is_refusal, measure_refusals, refusal_texts

if TYPE_CHECKING:
    import numpy as np

NOT_BY_PARTS = (
    "one of its two stages answers from documents, and which stage gave an answer is not recorded; "
    "that stage as an arm of its own is measured"
)
_IS_CEILING = "it is the ceiling itself"
_NO_ORACLE = "rag_oracle was not measured on this model"
_ORACLE_BLIND = "rag_oracle was not shown the evidence of these either"
_UNSEEN_CUTS = (
    "a prompt that a server cuts is noticed by its count of tokens; one that counts what it was sent, and "
    "reads less, is not noticed"
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


class _Oracle(NamedTuple):
    """A ceiling's answers: whether each is right, and whether it had the evidence before it."""

    right: Sequence[bool]
    saw_evidence: Sequence[bool]


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
    looks = {
        measured.arm.name: look
        for measured in arms
        if (look := look_up(measured.arm, plan.grounds, test.examples, measured.records))
    }
    oracles = _oracles(arms, looks, test)
    by_arm: dict[str, ArmDocuments] = {}
    bins_of: dict[str, list[AnswerBin | None]] = {}
    for measured in arms:
        name = measured.arm.name
        by_arm[name], bins_of[name] = _of_arm(measured, looks.get(name), test, oracles)
    best = _best(arms, looks)
    if best is None:
        return DocumentsMeasured(by_arm)
    name, bins = best.arm.name, by_arm[best.arm.name].bins or AnswerBins()
    advice = mend(name, bins)
    shown = cases(looks[name], test.examples, best.records, bins_of[name], rewrite)
    result = DocumentsResult(arm=name, mend=advice.mend, sentence=advice.sentence, cases=shown)
    return DocumentsMeasured(by_arm, result)


def right_from(metric: Metric) -> float:
    """The score from which an answer counts as right."""
    return 1.0 if metric.binary else RIGHT_FROM


def _best(arms: Sequence[MeasuredArm], looks: Mapping[str, ArmPassages]) -> MeasuredArm | None:
    """The best arm with documents that is no ceiling; the first of equals."""
    real = [
        measured
        for measured in arms
        if measured.arm.name in looks and not traits_of(measured.arm.strategy).is_ceiling
    ]
    return max(real, key=lambda measured: measured.quality.value or 0.0, default=None)


def _oracles(
    arms: Sequence[MeasuredArm], looks: Mapping[str, ArmPassages], test: _Test
) -> dict[str, _Oracle]:
    """The best ceiling of each model, by the model's account."""
    oracles: dict[str, tuple[float, _Oracle]] = {}
    for measured in arms:
        name, account = measured.arm.name, _account(measured)
        if name not in looks or not traits_of(measured.arm.strategy).is_ceiling:
            continue
        right = [record.score >= test.right_from for record in measured.records]
        look = looks[name]
        saw = [
            _lost_at(look, place, example) is None for place, example in enumerate(test.examples)
        ]
        value = measured.quality.value or 0.0
        if account not in oracles or value > oracles[account][0]:
            oracles[account] = value, _Oracle(right, saw)
    return {account: oracle for account, (_, oracle) in oracles.items()}


def _account(measured: MeasuredArm) -> str:
    """The model behind an arm: without adapter, or pace."""
    return " + ".join(sorted({spec.base.unpaced.account for spec in measured.arm.specs}))


def _of_arm(
    measured: MeasuredArm,
    look: ArmPassages | None,
    test: _Test,
    oracles: Mapping[str, _Oracle],
) -> tuple[ArmDocuments, list[AnswerBin | None]]:
    records, examples, name = measured.records, test.examples, measured.arm.name
    refused, clusters = test.refused(records), clusters_of(examples)
    seed = test.plan.seed

    def rng(what: str) -> np.random.Generator:
        return generator(seed, f"documents:{what}:{name}")

    refusals = None
    if test.texts:
        refusals = measure_refusals(examples, records, refused, clusters, rng("refusals"))
    if look is None:
        reason = NOT_BY_PARTS if reads_in_parts(measured.arm) else None
        return ArmDocuments(refusals=refusals, documents_reason=reason), []
    is_ceiling = traits_of(measured.arm.strategy).is_ceiling
    oracle = None if is_ceiling else oracles.get(_account(measured))
    facts = [
        _facts(look, place, example, record, refused[place], oracle, test.right_from)
        for place, (example, record) in enumerate(zip(examples, records, strict=True))
    ]
    bins = count_bins(facts, test.right_from)
    if bins.model is None:
        why = _IS_CEILING if is_ceiling else _NO_ORACLE if oracle is None else _ORACLE_BLIND
        bins = bins.updated(split_reason=why)
    if not bins.dropped_from_prompt:
        bins = bins.updated(dropped_note=_UNSEEN_CUTS)
    grounded = measure_groundedness(look, examples, records, refused, clusters, rng("groundedness"))
    if test.judge is not None:
        answered = (records, refused)
        judged = measure_judged(test.judge, look, examples, answered, clusters, rng("judged"))
        grounded = grounded.updated(judged=judged)
    documents = ArmDocuments(
        retrieval=measure_ranking(look, examples, clusters, rng("ranking")),
        bins=bins,
        groundedness=grounded,
        refusals=refusals,
    )
    return documents, [bin_of(fact) for fact in facts]


def _facts(
    look: ArmPassages,
    place: int,
    example: Example,
    record: Record,
    is_refused: bool,
    oracle: _Oracle | None,
    right: float,
) -> AnswerFacts:
    citations = look.questions[place].citations
    cites = bool(citations.places or citations.outside)
    is_held = any(holds_evidence(look, example, passage) for passage in look.questions[place].cited)
    has_evidence = bool(example.evidence)
    return AnswerFacts(
        is_right=record.outcome == "scored" and record.score >= right,
        answerable=example.answerable,
        has_evidence=has_evidence,
        lost_at=_lost_at(look, place, example) if has_evidence else None,
        is_refusal=is_refused,
        is_failed=record.outcome == "failed" or not (record.answer.output or "").strip(),
        is_cut=record.answer.completion.is_cut,
        cites_wrongly=cites and not is_held,
        oracle_right=oracle.right[place] if oracle and oracle.saw_evidence[place] else None,
    )


def _lost_at(look: ArmPassages, place: int, example: Example) -> AnswerBin | None:
    question = look.questions[place]
    return look.places.stage(
        example,
        question.ranking,
        question.in_prompt,
        is_ranked=look.not_ranked is None,
        is_dropped=question.is_dropped,
    )
