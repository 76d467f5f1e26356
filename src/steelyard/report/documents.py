"""The section on documents: search, bins of wrong answers, groundedness, refusals, and answers to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.report.document_files import DocumentFiles
from steelyard.report.view import ArmView, View
from steelyard.result.documents import (
    BINS,
    AnswerBin,
    AnswerBins,
    GroundedCase,
    Groundedness,
    JudgedGroundedness,
    Refusals,
)
from steelyard.words import counted, listed

_TONES: Mapping[AnswerBin, int] = {
    "not_in_documents": 5,
    "lost_in_parsing": 1,
    "cut_by_chunking": 1,
    "not_found": 1,
    "ranked_too_low": 1,
    "dropped_from_prompt": 2,
    "not_read": 3,
    "wrongly_refused": 4,
    "wrong_format": 4,
    "wrong_citation": 6,
    "unplaced": 7,
}
"""The page's tone of each bin: those that search would mend share one, in rising strength."""
_SHADES: Mapping[AnswerBin, int] = {
    "lost_in_parsing": 14,
    "cut_by_chunking": 26,
    "not_found": 38,
    "ranked_too_low": 52,
    "wrong_format": 14,
}
_SHADE = 32
"""How strong a tone is, in per cent, so that figures can be read on it."""
_WIDE_ENOUGH = 0.05
"""A smaller share of a bar has no room for its count."""


class BinKey(NamedTuple):
    """A bin in the legend: its name, what it means, its tone and how strong that is (per cent)."""

    bin: AnswerBin
    name: str
    about: str
    tone: int
    shade: int


class BinSegment(NamedTuple):
    """A part of an arm's bar: so many of its binned answers, as per cent of the longest bar."""

    key: BinKey
    answers: int
    width: float
    label: str


class DocumentsView:
    """The section of a result; false where the task has no documents."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._documents = view.result.documents
        audit = view.audit.documents
        self.read = None if audit is None else DocumentFiles(audit)

    def __bool__(self) -> bool:
        return bool(self.arms or self.unmeasured) or self.read is not None

    @cached_property
    def arms(self) -> list[ArmView]:
        """The arms that answer from documents, the best first, ceilings last."""
        return [arm for arm in self._view.arms if arm.bins is not None]

    @property
    def unmeasured(self) -> list[tuple[str, str]]:
        """The arms that read documents and are not measured here, and why."""
        arms = self._view.arms
        return [(arm.name, arm.documents_reason) for arm in arms if arm.documents_reason]

    @property
    def main(self) -> str:
        """The arm whose answers are shown."""
        return "" if self._documents is None else self._documents.arm or ""

    @property
    def sentence(self) -> str:
        """What the bins say is to be mended first."""
        return "" if self._documents is None else self._view.sentence(self._documents.sentence)

    @property
    def cases(self) -> tuple[GroundedCase, ...]:
        return () if self._documents is None else self._documents.cases

    @property
    def binned(self) -> int:
        """How many answers of the shown arm are binned."""
        arm = self._view.arm(self.main)
        return 0 if arm is None else _bins(arm).total

    @property
    def dropped_note(self) -> str:
        """What a count of no dropped prompt does not exclude; where arms differ, of which of them."""
        notes = _by_reason((arm.name, _bins(arm).dropped_note) for arm in self.arms)
        if len(notes) == 1:
            return self._view.sentence(notes[0][1])
        return " ".join(f"{names}: {note}." for names, note in notes)

    @property
    def case_bins(self) -> list[BinKey]:
        """The bins of which there are answers to look at."""
        there = {case.bin for case in self.cases}
        return [self.key(name) for name in BINS if name in there]

    @property
    def keys(self) -> list[BinKey]:
        """The legend: the bins that are not empty in every arm."""
        return [
            self.key(name) for name in BINS if any(_bins(arm).counts[name] for arm in self.arms)
        ]

    @property
    def empty(self) -> list[str]:
        """The names of the bins that are empty in every arm; that without evidence is left out."""
        full = {key.bin for key in self.keys}
        return [self.key(name).name for name in BINS if name not in full and name != "unplaced"]

    def key(self, name: AnswerBin) -> BinKey:
        words = _words()
        shade = _SHADES.get(name, _SHADE)
        return BinKey(name, words["bins"][name], words["about"][name], _TONES[name], shade)

    def segments(self, arm: ArmView) -> list[BinSegment]:
        """The parts of an arm's bar, in the order of the bins."""
        longest = max(_bins(one).total for one in self.arms)
        return [
            BinSegment(
                self.key(name),
                count,
                round(100 * count / longest, 3),
                formats.count(count) if count >= _WIDE_ENOUGH * longest else "",
            )
            for name, count in _bins(arm).counts.items()
            if count
        ]

    def total(self, arm: ArmView) -> str:
        """How many of an arm's answers are binned: ``31 of 120 answers``."""
        bins = _bins(arm)
        what = "answers" if bins.elsewhere is None else "answers from documents"
        return f"{formats.count(bins.total)} of {formats.count(bins.n)} {what}"

    def elsewhere(self, arm: ArmView) -> str:
        """What became of the answers that stages without documents gave; empty where there are none."""
        bins = _bins(arm)
        if not bins.elsewhere:
            return ""
        answers = counted(bins.elsewhere, "answer")
        wrong = formats.count(bins.elsewhere_wrong or 0)
        return f"{answers} without documents in no bin, {wrong} of them wrong"

    def unread(self, arm: ArmView) -> str:
        """How an arm's answers that were not read split into model and distraction, or why not."""
        bins = _bins(arm)
        if not bins.not_read or arm.is_ceiling:
            return ""
        if bins.model is None or bins.distraction is None:
            return f"not split: {bins.split_reason}" if bins.split_reason else ""
        alone = f"{formats.count(bins.model)} wrong with the evidence alone as well (the model)"
        return f"{alone}, {formats.count(bins.distraction)} right with it (distraction)"

    @property
    def right_from(self) -> str:
        """From which score an answer counts as right."""
        least = _bins(self.arms[0]).right_from
        return "right" if least == 1 else f"scored {formats.percent(least, 0)} or more"

    @property
    def ranked(self) -> list[ArmView]:
        """The arms that search."""
        return [arm for arm in self.arms if arm.retrieval and arm.retrieval.reason is None]

    @property
    def not_ranked(self) -> list[tuple[str, str]]:
        """The arms without figures of search, those of one reason together, and why."""
        return _by_reason((arm.name, arm.retrieval.reason) for arm in self.arms if arm.retrieval)

    @cached_property
    def grounded(self) -> list[tuple[ArmView, Groundedness]]:
        """The arms with figures of groundedness."""
        pairs = [(arm, arm.groundedness) for arm in self.arms]
        return [(arm, block) for arm, block in pairs if block is not None and _has_figures(block)]

    @property
    def not_grounded(self) -> list[tuple[str, str]]:
        """The arms without, those of one reason together, and why."""
        blocks = [(arm.name, block) for arm in self.arms if (block := arm.groundedness) is not None]
        return _by_reason(
            (name, block.reason or block.numbers.reason)
            for name, block in blocks
            if not _has_figures(block)
        )

    @property
    def cites(self) -> bool:
        """Whether an arm of `grounded` is asked to cite."""
        return any(block.citations is not None for _, block in self.grounded)

    @property
    def not_cited(self) -> str:
        """Why no arm of `grounded` has citations."""
        return "; ".join(
            dict.fromkeys(block.citations_right.reason or "" for _, block in self.grounded)
        )

    @property
    def judging(self) -> list[tuple[ArmView, JudgedGroundedness]]:
        """The arms whose answers a judge read with their passages."""
        pairs = [(arm, arm.groundedness.judged) for arm in self.arms if arm.groundedness]
        return [(arm, judged) for arm, judged in pairs if judged is not None and not judged.reason]

    @property
    def not_judged(self) -> list[tuple[str, str]]:
        """The arms whose answers the judge was not asked about, those of one reason together, and why."""
        blocks = [(arm.name, arm.groundedness.judged) for arm in self.arms if arm.groundedness]
        return _by_reason((name, block.reason) for name, block in blocks if block)

    @property
    def judge_notes(self) -> list[str]:
        """What to know before trusting the judge, each once."""
        return list(dict.fromkeys(note for _, block in self.judging for note in block.notes))

    @property
    def refusing(self) -> list[tuple[ArmView, Refusals]]:
        """All arms with figures of refusals: those without documents too."""
        return [(arm, arm.refusals) for arm in self._view.arms if arm.refusals is not None]

    @property
    def is_refusing_asked(self) -> bool:
        """Whether a test question is to be refused."""
        return any(block.unanswerable for _, block in self.refusing)

    @property
    def refuses(self) -> bool:
        """Whether any arm refuses what has an answer."""
        return any(block.wrongly_refused for _, block in self.refusing)

    @property
    def largest_bin(self) -> str:
        """One line: the largest bin of the best arm with documents, and what it holds."""
        arm = self._view.arm(self.main)
        if arm is None or arm.bins is None or arm.bins.largest is None:
            return ""
        key, count = self.key(arm.bins.largest), arm.bins.counts[arm.bins.largest]
        of = formats.count(arm.bins.total)
        return f"{arm.name}, the largest bin: {key.name}, {formats.count(count)} of {of} ({key.about})."


def _by_reason(pairs: Iterable[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """The names that have a reason, those of the same together, and the reason."""
    names: dict[str, list[str]] = {}
    for name, why in pairs:
        if why:
            names.setdefault(why, []).append(name)
    return [(listed(some, len(some)), why) for why, some in names.items()]


def _has_figures(block: Groundedness) -> bool:
    """Whether anything of an arm's answers was looked up, or counted."""
    figures = (block.numbers, block.names, block.tokens, block.citations_right)
    return bool(block.citations is not None or any(figure.value is not None for figure in figures))


def _bins(arm: ArmView) -> AnswerBins:
    return arm.bins or AnswerBins()


def _words() -> Mapping[str, Mapping[str, str]]:
    return packaged("verdict/data/documents.json")  # type: ignore[no-any-return]
