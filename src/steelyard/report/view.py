"""What the report shows, picked from a result: which arm stands where. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from steelyard.core import Comparison
from steelyard.families import METRICS
from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.result import ArmResult, Result

_LONG_OPTIONS = frozenset({"spread", "search"})


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """The report's words for families, metrics and verdicts (``words.json``)."""
    return packaged("report/words.json")  # type: ignore[no-any-return]


def metric_title(name: str) -> str:
    """What people call a metric; a user's own is called by its name."""
    family = name if name in METRICS else name.partition("_")[0]
    return str(METRICS.get(family).title_of(name)) if family in METRICS else name


@dataclass(frozen=True)
class ArmView:
    """One arm as the report shows it. ``versus`` is its comparison with the reference arm."""

    record: ArmResult
    winner: bool = False
    reference: bool = False
    versus: Comparison | None = None

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def twin_name(self) -> str:
        """The name of the constrained arm beside a free one, on the same model."""
        name, at, tag = self.name.partition("@")
        return f"{name.removesuffix('_free')}{at}{tag}"

    @property
    def family(self) -> str:
        return self.record.family

    @property
    def free(self) -> bool:
        return self.record.is_free

    @property
    def about(self) -> str:
        if not self.free:
            return self.record.about
        again = ", asked again where it does not fit" if self.record.repairs else ""
        return f"{self.record.about}; free text{again}"

    @property
    def quality(self) -> float | None:
        return self.record.quality.value

    @property
    def low(self) -> float | None:
        return self.record.quality.low

    @property
    def high(self) -> float | None:
        return self.record.quality.high

    @property
    def currency(self) -> str:
        return self.record.cost.currency

    @property
    def prompts_only(self) -> bool:
        """Whether it adapts the model by its prompt alone."""
        return self.family in ("prompt", "few_shot")

    @property
    def breaks(self) -> list[str]:
        return [words()["constraints"].get(name, name) for name in self.record.breaks]

    @property
    def options_text(self) -> str:
        """The options on one line, without the search's own record."""
        short = {k: v for k, v in self.record.options.items() if k not in _LONG_OPTIONS}
        return formats.clip(formats.option(short) or "none", 400)


class View:
    """A result, ready for the templates."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.task = result.task
        self.verdict = result.verdict
        self.audit = result.audit
        self.split = result.split

    @property
    def metric_name(self) -> str:
        return metric_title(self.task.metric)

    @cached_property
    def arms(self) -> list[ArmView]:
        views = [
            ArmView(
                arm,
                winner=arm.name == self.verdict.arm,
                reference=arm.name == self.result.reference,
                versus=self._versus(arm.name),
            )
            for arm in self.result.arms
        ]
        return sorted(views, key=lambda arm: (arm.quality is None, -(arm.quality or 0), arm.name))

    def arm(self, name: str | None) -> ArmView | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def winner(self) -> ArmView | None:
        return next((arm for arm in self.arms if arm.winner), None)

    @cached_property
    def currency(self) -> str:
        return next((arm.currency for arm in self.arms), "USD")

    @property
    def least(self) -> float | None:
        return min((arm.low for arm in self.arms if arm.low is not None), default=None)

    @property
    def most(self) -> float | None:
        return max((arm.high for arm in self.arms if arm.high is not None), default=None)

    @property
    def headline(self) -> str:
        return words()["headlines"][self.verdict.recommendation].format(arm=self.verdict.arm)

    @property
    def main_arm(self) -> ArmView | None:
        """The arm shown first: the recommended one, else the one that leads, else the best."""
        leading = self.arm(self.verdict.details.leading)
        return self.winner or leading or (self.arms[0] if self.arms else None)

    @property
    def reference_kind(self) -> str:
        """What the reference arm is among the arms."""
        arm = self.arm(self.result.reference)
        return "the best prompt-only arm" if arm and arm.prompts_only else "the best arm"

    def family(self, name: str) -> ArmView | None:
        members = [arm for arm in self.arms if arm.family == name]
        return next((arm for arm in members if arm.winner), members[0] if members else None)

    @cached_property
    def free_pairs(self) -> list[tuple[ArmView, ArmView]]:
        """Arms answered both ways: constrained and free."""
        twins = ((self.arm(free.twin_name), free) for free in self.arms if free.free)
        return [(twin, free) for twin, free in twins if twin is not None and twin is not free]

    def _versus(self, name: str) -> Comparison | None:
        reference = self.result.reference
        if reference is None or name == reference:
            return None
        return oriented(self.result.comparisons, name, reference)


def oriented(comparisons: Iterable[Comparison], a: str, b: str) -> Comparison | None:
    """Return the comparison of ``a`` with ``b``, turned round if it is kept as ``b`` with ``a``."""
    for comparison in comparisons:
        if (comparison.a, comparison.b) == (a, b):
            return comparison
        if (comparison.a, comparison.b) == (b, a):
            return comparison.turned()
    return None
