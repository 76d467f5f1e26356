"""Test examples with every arm's answer, cut to a page's length."""

from __future__ import annotations

from typing import NamedTuple

from steelyard.report.view import View
from steelyard.result.answers import SampleAnswer, SampleResult

_MOST_SAMPLES = 60


class SampleView(NamedTuple):
    """One test example and its answers, in the order of the arms."""

    sample: SampleResult
    answers: dict[str, SampleAnswer]

    @property
    def failed(self) -> dict[str, SampleAnswer]:
        return {arm: answer for arm, answer in self.answers.items() if answer.output is None}

    @property
    def missed_by(self) -> str:
        """The names of the arms that were not right, set apart by blanks."""
        return " ".join(arm for arm, answer in self.answers.items() if answer.mark != "right")


def samples(view: View) -> list[SampleView]:
    """The run's samples, those the shown arm missed first."""
    views = [_sample(view, sample) for sample in view.result.samples]
    name = view.main_arm.name if view.main_arm else ""
    return sorted(views, key=lambda sample: name not in sample.missed_by.split())[:_MOST_SAMPLES]


def totals(view: View) -> dict[str, dict[str, int]]:
    """How many test examples there are in all, and how many each arm missed: by reference, ``""`` all.

    What a result does not say is left out.
    """
    main = view.main_arm
    labels = view.result.per_label
    counts = {"": {score.label: score.n for score in labels.get(main.name if main else "", ())}}
    if view.split.test is not None:
        counts[""][""] = view.split.test
    for arm, missed in view.result.missed.items():
        by_label = {s.label: s.missed for s in labels.get(arm, ()) if s.missed is not None}
        counts[arm] = {"": missed, **by_label}
    return counts


def _sample(view: View, sample: SampleResult) -> SampleView:
    names = [arm.name for arm in view.arms if arm.name in sample.answers]
    return SampleView(sample, {name: sample.answers[name] for name in names})
