"""What the report shows, picked from a result: which arm stands where. It computes no figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

from steelyard.core import PROMPT_FAMILIES, Comparison
from steelyard.families import METRICS
from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.result import ArmResult, Result
from steelyard.result.answers import FailedAnswer, GroupScore, LabelScore, SliceScore
from steelyard.result.audit import Duplicates
from steelyard.verdict.pairs import oriented

_LONG_OPTIONS = frozenset({"spread", "search"})
_LONG_LABEL = 14
Score = TypeVar("Score", bound=GroupScore)


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
        """The name of a free arm's constrained twin, on the same model."""
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
        again = ", retried when the answer does not fit" if self.record.repairs else ""
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
        return self.family in PROMPT_FAMILIES

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
        return self.arm(self.verdict.first_arm) or (self.arms[0] if self.arms else None)

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

    @property
    def level(self) -> str:
        return formats.percent(next((arm.record.quality.level for arm in self.arms), 0.95), 0)

    @property
    def reasons(self) -> list[str]:
        """The verdict's reasons, without those that only say which arm is ruled out."""
        return [self.sentence(reason) for reason in self.verdict.reasons_to_choose]

    @property
    def flips(self) -> list[str]:
        return [self.sentence(flip) for flip in self.verdict.flips]

    @property
    def warnings(self) -> list[str]:
        return [self.sentence(warning) for warning in self.verdict.warnings]

    def sentence(self, clause: str) -> str:
        """A clause as a sentence: a full stop, and a capital unless an arm's name begins it."""
        words = clause.strip()
        starts_with_arm = words.split(" ", 1)[0] in {arm.name for arm in self.arms}
        opened = words if starts_with_arm else words[:1].upper() + words[1:]
        return opened if opened.endswith((".", "?", "!")) else f"{opened}."

    @property
    def leading(self) -> str:
        """Where nothing is recommended: which arm leads so far, and what would settle it."""
        details = self.verdict.details
        more, name = details.more_items, details.leading
        sentences = [f"{name} leads so far."] if name and not self._is_level else []
        if more:
            sentences.append(f"About {formats.count(more)} more test items would settle it.")
        return " ".join(sentences)

    @property
    def _is_level(self) -> bool:
        """Whether every arm has the same figure, so that none leads."""
        return len({arm.quality for arm in self.arms}) <= 1 < len(self.arms)

    @property
    def long_answers(self) -> bool:
        longest = max((len(label) for label in self.labels), default=_LONG_LABEL + 1)
        return longest > _LONG_LABEL

    @property
    def families(self) -> set[str]:
        return {arm.family for arm in self.arms}

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        arm = self.main_arm
        if arm is None:
            return []
        place = "level with the others" if self._is_level else "ahead so far"
        lead = "" if arm.winner else f"{arm.name}, {place}: "
        between = formats.interval(arm.low, arm.high)
        keys = [(self.metric_name, formats.percent(arm.quality), f"{lead}{between}")]
        if arm.versus is not None:
            p = formats.p_value(arm.versus.p_adjusted)
            figure = f"{formats.points(arm.versus.difference)} points"
            equals = "" if p.startswith("<") else "= "
            keys.append(("Over the best prompt", figure, f"{self.result.reference}; p {equals}{p}"))
        return keys + self._price_keys(arm)

    def _price_keys(self, arm: ArmView) -> list[tuple[str, str, str]]:
        cost, latency = arm.record.cost, arm.record.latency_seconds
        keys = []
        if cost.monthly is not None:
            per_day = formats.count(self.task.traffic.requests_per_day)
            monthly = formats.money(cost.monthly, arm.currency)
            keys.append(("Cost a month", monthly, f"at {per_day} requests a day"))
        if cost.upfront is not None:
            keys.append(("Upfront", formats.money(cost.upfront, arm.currency), "once"))
        if latency.p95 is not None:
            median = formats.seconds(latency.p50)
            keys.append(("Latency, p95", formats.seconds(latency.p95), f"median {median}"))
        return keys

    @property
    def per_label(self) -> dict[str, list[LabelScore]]:
        """Each arm's quality by label, the weakest first."""
        return {arm: _weakest_first(scores) for arm, scores in self.result.per_label.items()}

    @property
    def per_slice(self) -> dict[str, list[SliceScore]]:
        """Each arm's quality by slice, the weakest first."""
        return {arm: _weakest_first(scores) for arm, scores in self.result.per_slice.items()}

    @property
    def form_kept(self) -> str:
        """What constrained decoding alone gives: the form kept by each arm, tuned ones apart."""
        tuned, prompted = [], []
        for price in self.result.constraint:
            free = f"{price.free} {formats.percent(price.validity.free)}"
            arm = self.arm(price.free)
            if arm is not None and arm.family == "fine_tune":
                tuned.append(f"tuned and free, {free}")
            else:
                prompted.append(
                    f"{free}, constrained {formats.percent(price.validity.constrained)}"
                )
        return "; ".join([*prompted, *tuned])

    @property
    def several_models(self) -> bool:
        return len(self.task.models) > 1

    @property
    def failed_arms(self) -> list[tuple[ArmView, tuple[FailedAnswer, ...]]]:
        pairs = [(arm, self.result.failures.get(arm.name, ())) for arm in self.arms]
        return [(arm, failures) for arm, failures in pairs if failures]

    @property
    def spreads(self) -> list[tuple[ArmView, list[tuple[str, float]]]]:
        """Each prompting arm's formats with their figure on dev, the best first."""
        return [
            (arm, sorted(arm.record.formats.items(), key=lambda pair: -pair[1]))
            for arm in self.arms
            if len(arm.record.formats) > 1
        ]

    @cached_property
    def part_labels(self) -> dict[str, dict[str, int]]:
        return {name: part.labels for name, part in self.audit.parts.items() if part.labels}

    @property
    def labels(self) -> list[str]:
        """The task's labels, none where its output is of another kind."""
        for table in self.result.confusion.values():
            return list(table.labels)
        return list(dict.fromkeys(label for part in self.part_labels.values() for label in part))

    @property
    def duplicates(self) -> list[tuple[str, Duplicates]]:
        kinds = self.audit.duplicates
        titled = {
            "Exact duplicates": kinds.exact,
            "Duplicates, ignoring case and spacing": kinds.normalised,
            "Near-duplicates": kinds.near,
        }
        return [(title, rows) for title, rows in titled.items() if rows is not None]

    @property
    def methods(self) -> dict[str, str]:
        return {
            "interval": _listed(arm.record.quality.method for arm in self.arms),
            "paired": _listed(comparison.method for comparison in self.result.comparisons),
        }


def _weakest_first(scores: Iterable[Score]) -> list[Score]:
    return sorted(scores, key=lambda group: (group.score is None, group.score or 0.0))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, names)))
