"""What a comparison of two runs states: ``before`` is the baseline, ``now`` the run that may differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from steelyard.core import Comparison, Recommendation
from steelyard.result.base import Omitted, ResultPart
from steelyard.result.figures import Quality


class ComparedRun(ResultPart):
    """One of the two runs: its verdict, and how many test examples it has.

    ``deployed`` is the recommended arm, or else the one that leads; ``None`` where there is neither.
    """

    folder: str = ""
    created: str = ""
    recommendation: Recommendation = "undecided"
    arm: str | None = None
    confidence: str = ""
    deployed: str | None = None
    test: int = 0


class SettingChange(ResultPart):
    """A setting that is not the same in both runs; ``None`` where a run has none."""

    name: str = ""
    before: Any = None
    now: Any = None


class ArmFigures(ResultPart):
    """An arm's figures in one run, over that run's own test examples."""

    arm: str = ""
    quality: Quality = Quality()
    failed: int | None = None
    per_request: float | None = None
    currency: str = "USD"
    latency_p50_seconds: float | None = None
    latency_p95_seconds: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None


class ItemChange(ResultPart):
    """A test example whose score changed; an output is ``None`` where the answer failed."""

    example_id: str = ""
    reference: str = ""
    before: str | None = None
    now: str | None = None
    score_before: float = 0.0
    score_now: float = 0.0


class ArmChange(ResultPart):
    """An arm of each run over the test examples that both runs have.

    ``comparison.difference`` is now minus before. ``better`` and ``worse`` count examples whose score
    rose and fell, ``same_answers`` those that were answered alike. ``replayed`` is how many test requests
    one of the two runs took from the cache, the larger number.
    """

    before: ArmFigures = ArmFigures()
    now: ArmFigures = ArmFigures()
    comparison: Comparison
    better: int = 0
    worse: int = 0
    same_answers: int = 0
    replayed: int = 0
    items: tuple[ItemChange, ...] = ()


class MissingArm(ResultPart):
    """Why an arm that one run measured has no figures in the other: stopped on dev, or its model failed."""

    arm: str = ""
    reason: str = ""


class DocumentsChange(ResultPart):
    """How the documents of two runs differ, by file and as they were read.

    ``before`` and ``now`` are digests of all documents, ``None`` without any. Counts are ``None`` with a
    ``reason`` where a run did not keep its files; the lists hold the first 50. ``arms`` are those
    that read documents in either run.
    """

    before: str | None = None
    now: str | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    added_files: tuple[str, ...] = ()
    removed_files: tuple[str, ...] = ()
    changed_files: tuple[str, ...] = ()
    reason: Omitted[str] = None
    arms: tuple[str, ...] = ()


class RunComparison(ResultPart):
    """What changed between two runs of a task, and whether it is real.

    ``common`` counts the test examples that both runs have. ``arms`` are those in both, by name, their
    p-values corrected by Holm over those of which a score changed. ``deployed`` compares what each run says
    to deploy, alone and uncorrected. ``missing_before`` and ``missing_now`` say of arms that only the
    other run measured why this one did not, where it began them. ``documents`` is only there where they
    differ.
    """

    before: ComparedRun = ComparedRun()
    now: ComparedRun = ComparedRun()
    metric: str = ""
    metric_title: str = ""
    common: int = 0
    settings: tuple[SettingChange, ...] = ()
    deployed: ArmChange | None = None
    arms: tuple[ArmChange, ...] = ()
    only_before: tuple[str, ...] = ()
    only_now: tuple[str, ...] = ()
    missing_before: tuple[MissingArm, ...] = ()
    missing_now: tuple[MissingArm, ...] = ()
    notes: tuple[str, ...] = ()
    documents: Omitted[DocumentsChange] = None

    @property
    def gone(self) -> tuple[str, ...]:
        """Arms of the first run alone that the second did not even begin."""
        return tuple(set_aside(self.only_before, self.missing_now))

    @property
    def new(self) -> tuple[str, ...]:
        """Arms of the second run alone that the first did not even begin."""
        return tuple(set_aside(self.only_now, self.missing_before))


def set_aside(names: Iterable[str], missing: Iterable[MissingArm]) -> Iterator[str]:
    """The names of arms for whose absence there is no reason."""
    explained = {each.arm for each in missing}
    return (name for name in names if name not in explained)
