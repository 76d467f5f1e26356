"""What is measured of arms that answer from documents: search, bins of wrong answers, support, refusals."""

from __future__ import annotations

from typing import Literal, get_args

from steelyard.result.base import Omitted, ResultPart
from steelyard.result.figures import Figure

AnswerBin = Literal[
    "not_in_documents",
    "lost_in_parsing",
    "cut_by_chunking",
    "not_found",
    "ranked_too_low",
    "dropped_from_prompt",
    "not_read",
    "wrongly_refused",
    "wrong_format",
    "wrong_citation",
    "unplaced",
]
BINS: tuple[AnswerBin, ...] = get_args(AnswerBin)
"""The ten bins in the order in which they are tried, and what cannot be placed without evidence."""
BEFORE_PROMPT: tuple[AnswerBin, ...] = BINS[1:5]
"""The bins of answers whose evidence no search result brought to the prompt."""
Mend = Literal["retrieval", "prompt", "model", "unclear", "nothing"]
"""What holds an arm back most."""


class RetrievalFigures(ResultPart):
    """How high the passages that hold the evidence stand, over ``n`` test questions.

    ``recall_at_k``: the share of a question's pieces of evidence that one of the first k passages holds;
    ``mrr`` and ``ndcg`` (of the first 10) take every passage that holds one as relevant. ``by`` says what
    counts as evidence; ``unfindable`` questions have none in any passage, and no figure.
    """

    recall_at_1: Figure = Figure()
    recall_at_3: Figure = Figure()
    recall_at_5: Figure = Figure()
    mrr: Figure = Figure()
    ndcg: Figure = Figure()
    n: int = 0
    unfindable: int = 0
    by: str = ""
    reason: Omitted[str] = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures by what people call them."""
        return {
            "Recall@1": self.recall_at_1,
            "Recall@3": self.recall_at_3,
            "Recall@5": self.recall_at_5,
            "MRR": self.mrr,
            "nDCG@10": self.ndcg,
        }


class AnswerBins(ResultPart):
    """Why answers are wrong, or right with a wrong citation: each in exactly one bin.

    An answer is wrong where its score is below ``right_from``. ``model`` and ``distraction`` are parts of
    ``not_read``: given the evidence alone, the same model answers these wrongly, and those rightly; ``None``
    with a reason where that was not measured. ``dropped_note`` says which cut prompts would not have been
    noticed. Of an arm of stages ``n`` answers came from those that read documents, ``elsewhere`` ones from
    others: they are in no bin, and ``elsewhere_wrong`` of them are wrong.
    """

    n: int = 0
    right_from: float = 1.0
    not_in_documents: int = 0
    lost_in_parsing: int = 0
    cut_by_chunking: int = 0
    not_found: int = 0
    ranked_too_low: int = 0
    dropped_from_prompt: int = 0
    not_read: int = 0
    wrongly_refused: int = 0
    wrong_format: int = 0
    wrong_citation: int = 0
    unplaced: int = 0
    model: int | None = None
    distraction: int | None = None
    split_reason: Omitted[str] = None
    dropped_note: Omitted[str] = None
    elsewhere: Omitted[int] = None
    elsewhere_wrong: Omitted[int] = None

    @property
    def counts(self) -> dict[AnswerBin, int]:
        """Every bin's count, in their order."""
        return {name: getattr(self, name) for name in BINS}

    @property
    def total(self) -> int:
        """All binned answers: the wrong ones, and the right ones with a wrong citation."""
        return sum(self.counts.values())

    @property
    def largest(self) -> AnswerBin | None:
        """The largest bin, the first of equals; ``None`` where all are empty."""
        order = sorted(self.counts.items(), key=lambda pair: -pair[1])
        return order[0][0] if self.total else None


class JudgedGroundedness(ResultPart):
    """What the judge says of the same answers and passages: whether these support every claim.

    ``share`` is the part of the ``judged`` answers that it calls supported; ``failed`` ones it could not
    judge, and they are in no figure. The look-up calls an answer supported if all its numbers, names and
    words stand in its passages: ``alike`` is the share of answers of which both say the same, ``kappa`` that
    beyond chance, and the four counts say who calls what supported. ``reason``: why nothing was asked.
    """

    share: Figure = Figure()
    judged: int = 0
    failed: int = 0
    alike: Figure = Figure()
    kappa: Figure = Figure()
    both: int = 0
    judge_only: int = 0
    lookup_only: int = 0
    neither: int = 0
    notes: tuple[str, ...] = ()
    reason: Omitted[str] = None


class Groundedness(ResultPart):
    """How much of the answers stands in the passages of ``basis``, without a judge.

    ``numbers``, ``names`` (capitalised words in a row) and ``tokens`` (words that are not function words)
    are means over the answers that have any. ``citations_right`` is the share of the ``citations`` that
    hold evidence; ``made_up`` numbers name no passage of the prompt, ``uncited`` answers cite none. All
    three are ``None`` of an arm that is not asked to cite, as the reason of ``citations_right`` says.
    ``judged`` is what a judge says, where the task asks one.
    """

    basis: str = ""
    answers: int = 0
    numbers: Figure = Figure()
    names: Figure = Figure()
    tokens: Figure = Figure()
    citations_right: Figure = Figure()
    citations: int | None = None
    made_up: int | None = None
    uncited: int | None = None
    reason: Omitted[str] = None
    judged: Omitted[JudgedGroundedness] = None


class Refusals(ResultPart):
    """Whether the arm refuses where it should: of ``unanswerable`` test questions, and of the others.

    ``precision`` is the share of refusals that are right, ``recall`` the share of unanswerable questions
    that were refused. The unanswerable ones are ``refused``, ``fabricated`` (answered) or ``failed``.
    """

    precision: Figure = Figure()
    recall: Figure = Figure()
    unanswerable: int = 0
    refused: int = 0
    fabricated: int = 0
    failed: int = 0
    wrongly_refused: int = 0


class TextPiece(ResultPart):
    """A stretch of a passage; ``gold`` where it is evidence, ``cut`` where text before it is left out."""

    text: str = ""
    gold: bool = False
    cut: bool = False


class PassageShown(ResultPart):
    """A passage in a prompt by its ``number``; ``cited`` where the answer names it."""

    number: int = 0
    source: str = ""
    cited: bool = False
    pieces: tuple[TextPiece, ...] = ()

    @property
    def is_gold(self) -> bool:
        return any(piece.gold for piece in self.pieces)


class GroundedCase(ResultPart):
    """A binned answer with the passages of its prompt; ``evidence`` is what these do not hold whole."""

    example_id: str = ""
    bin: AnswerBin = "unplaced"
    input: str = ""
    reference: str = ""
    output: str | None = None
    failure: Omitted[str] = None
    passages: tuple[PassageShown, ...] = ()
    more_passages: int = 0
    evidence: tuple[PassageShown, ...] = ()


class DocumentsResult(ResultPart):
    """What the bins of the best arm with documents say: what to ``mend`` first, in a ``sentence``.

    ``cases`` are some of its binned answers, from every bin.
    """

    arm: str | None = None
    mend: Mend = "nothing"
    sentence: str = ""
    cases: tuple[GroundedCase, ...] = ()
