"""The methods section: what the run did, from its own figures, with sources and what may fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import comb
from typing import NamedTuple

from steelyard.core import Comparison
from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.report.price_rows import PriceRow
from steelyard.report.view import View
from steelyard.words import counted, listed

_MANY_LISTED = 12


class Method(NamedTuple):
    """One aspect: its name, and what the run did, sentence by sentence."""

    name: str
    sentences: list[str]


class Methods:
    """The methods of a result. An aspect that the run has no figures for is left out."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._result = view.result

    @property
    def aspects(self) -> list[Method]:
        parts = {
            "Data and split": self._split(),
            "Fitting": self._fitting(),
            "Metric": self._metric(),
            "Intervals": self._intervals(),
            "Differences": self._differences(),
            "The verdict's rule": self._rule(),
            "Slices": self._slices(),
            "Money": self._money(),
            "What may fail": self._assumptions(),
        }
        aspects = [Method(name, list(sentences)) for name, sentences in parts.items()]
        return [aspect for aspect in aspects if aspect.sentences]

    @property
    def sources(self) -> list[str]:
        """The papers behind the methods that the sentences name, and no others."""
        text = " ".join(sentence for aspect in self.aspects for sentence in aspect.sentences)
        papers: dict[str, str] = packaged("report/sources.json")
        return [paper for name, paper in papers.items() if name in text]

    def _split(self) -> Iterator[str]:
        split = self._view.split
        if split.test is not None:
            sizes = (formats.count(size) for size in (split.train, split.dev, split.test))
            how = f" ({split.method})" if split.method else ""
            yield "{} examples in train, {} in dev, {} in test{}.".format(*sizes, how)
        if (clusters := getattr(split, "clusters", None)) is not None:
            largest = getattr(split, "largest_cluster", None)
            of = f", the largest of {formats.count(largest)}" if (largest or 0) > 1 else ""
            yield f"Alike and grouped examples were split as {counted(clusters, 'cluster')}{of}."
        leaks = self._view.audit.leaks
        if torn := [likeness for likeness, leak in leaks.items() if leak.test_count]:
            yield f"Not sealed: test shares examples with earlier parts ({listed(torn)})."
        elif leaks:
            yield f"Sealed: test shares no example with train or dev ({listed(list(leaks))})."
        if split.test_opened is not None:
            times = "once" if split.test_opened == 1 else f"{split.test_opened} times"
            yield f"Test was opened {times}."

    def _fitting(self) -> Iterator[str]:
        if not self._result.arms:
            return
        yield "Every strategy was fitted on train; what it chose, it chose on dev."
        searched = [arm for arm in self._view.arms if arm.known_options.search.dev_calls]
        if searched:
            names = [
                f"{arm.name} ({formats.count(arm.known_options.search.dev_calls)} questions)"
                for arm in searched
            ]
            yield f"Searches on dev: {listed(names, _MANY_LISTED)}."
        if self._result.left_out:
            names = list(dict.fromkeys(left_out.strategy for left_out in self._result.left_out))
            yield f"Not weighed: {listed(names, _MANY_LISTED)}."

    def _metric(self) -> Iterator[str]:
        measured = [arm for arm in self._view.arms if arm.quality.value is not None]
        if not measured:
            return
        sizes = sorted({arm.quality.n for arm in measured})
        span = " to ".join(formats.count(n) for n in dict.fromkeys((sizes[0], sizes[-1])))
        yield f"{self._view.metric_name} over {span} test examples, the same for every arm."
        if failed := sum(arm.outcomes.failed or 0 for arm in self._view.arms):
            yield f"Failed answers count as wrong; there were {formats.count(failed)} over all arms."

    def _intervals(self) -> Iterator[str]:
        methods = Counter(arm.quality.method for arm in self._view.arms if arm.quality.method)
        if methods:
            counts = [f"{name} ({counted(n, 'arm')})" for name, n in methods.most_common()]
            yield f"Quality: {'; '.join(counts)}, at {self._view.level} each, not simultaneous."

    def _differences(self) -> Iterator[str]:
        result, tests = self._result, self._view.verdict.details.tests
        if result.comparisons:
            yield (
                f"Table of arms: {self._view.methods['paired']}, paired by example against "
                f"{result.reference}; {self._family(result.comparisons)}."
            )
        if tests:
            methods = ", ".join(dict.fromkeys(test.method for test in tests))
            against = f"{tests[0].a} against each other arm"
            yield f"Verdict: {methods}, {against}; {self._family(tests)}."

    def _family(self, tests: Sequence[Comparison]) -> str:
        """What the p-values are corrected over, and the intervals' level.

        Tests of one family of all pairs have intervals at the level at which each was tested; those of
        older results are all at one level, and their family is the tests that are listed.
        """
        levels = sorted(level for test in tests if (level := getattr(test, "level", None)))
        if not levels or levels[-1] - levels[0] < 1e-9:
            return f"Holm over {counted(len(tests), 'comparison')}"
        pairs = comb(len(self._view.candidates), 2)
        span = " to ".join(formats.percent(level) for level in (levels[0], levels[-1]))
        return f"Holm with Shaffer's counts over all {pairs} pairs, intervals at each test's level, {span}"

    def _rule(self) -> Iterator[str]:
        details = self._view.verdict.details
        is_by_price = self._view.task.traffic.error_cost is not None
        if details.rule:
            price = " (error_cost)" if is_by_price else ""
            yield self._view.sentence(f"{details.rule}{price}")
        if details.cost_rule and not (details.rule and is_by_price):
            yield self._view.sentence(details.cost_rule)
        if details.confidence_rule:
            yield self._view.sentence(f"confidence: {details.confidence_rule}")
        if details.alpha is not None:
            yield f"Level of its tests: {formats.percent(details.alpha, 0)}."
        if limits := self._limits():
            yield f"Constraints: {limits}."

    def _limits(self) -> str:
        limits = self._view.task.constraints.model_dump(exclude={"margin"}, exclude_none=True)
        return ", ".join(f"{name} {value}" for name, value in limits.items())

    def _slices(self) -> Iterator[str]:
        table = self._result.slices
        if table.rows:
            tested = (
                f"; Holm over the {counted(table.tests, 'slice')} tested" if table.tests else ""
            )
            pair = f", {table.a} against {table.b} on each" if table.b else ""
            yield f"{counted(len(table.rows), 'slice')}{pair}{tested}; exploratory."

    @property
    def prices(self) -> list[PriceRow]:
        """The prices in words, each with its age."""
        return [PriceRow.of(price) for price in self._result.prices]

    def _money(self) -> Iterator[str]:
        traffic = self._view.task.traffic
        for price in self.prices:
            dated = ", ".join(filter(None, (price.date, price.age)))
            yield f"{price.name}: {price.source or 'price of the task'}{dated and f', {dated}'}."
        if traffic.requests_per_day is not None:
            per_day, days = (
                formats.count(n) for n in (traffic.requests_per_day, traffic.horizon_days)
            )
            assumed = " (assumed)" if traffic.assumed else ""
            yield f"{per_day} requests a day{assumed} over {days} days; a month has 30 days."
        if any(arm.latency_seconds.n for arm in self._view.arms):
            counts = sorted({arm.latency_seconds.n for arm in self._view.arms})
            yield f"Latency: {counts[-1]} requests, one at a time, in turns over the arms."

    @property
    def _expected(self) -> str:
        """What the verdict expects of the first arm, where it draws the arms towards each other."""
        arm = self._view.main_arm
        expected = self._view.verdict.details.expected_quality.get(arm.name) if arm else None
        measured = arm.quality.value if arm else None
        if arm is None or expected is None or measured is None or expected >= measured:
            return ""
        quality = formats.percent(arm.quality.value)
        return f"; of {arm.name}, measured at {quality}, the verdict expects {formats.percent(expected)}"

    def _assumptions(self) -> Iterator[str]:
        arms, split = self._view.arms, self._view.split
        if not arms:
            return
        unit = "clusters" if any("cluster" in arm.quality.method for arm in arms) else "examples"
        yield f"Test {unit} are taken as independent draws from what the arms will be asked."
        if len(arms) > 1:
            yield (
                f"The best of {len(arms)} arms was picked on the same test that measured it, so its figure "
                f"leans upward (the winner's curse){self._expected}."
            )
        if self._view.chances:
            yield (
                "Chances are of a posterior that takes the arms' true qualities as normal about one middle "
                "and as correlated as their answers, and measured means as normal about them."
            )
        if (split.test_opened or 0) > 1:
            yield "P-values hold for one look at test; it was opened more often."
        if conflicts := self._view.audit.conflicts.inputs:
            yield f"{counted(conflicts, 'input has', 'inputs have')} several outputs; no arm can match all."
        if any("sign-flip" in test.method for test in self._view.verdict.details.tests):
            yield "The sign-flip test takes differences as symmetric where there is none."
        yield "Prices, models behind endpoints and the traffic stay as they were in this run."
