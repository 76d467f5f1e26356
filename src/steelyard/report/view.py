"""What the report shows, picked from a result: which arm stands where. It computes no figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import TypeVar

from steelyard.core import FAMILIES, Comparison
from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.result import ArmResult, Result
from steelyard.result.answers import FailedAnswer, GroupScore, LabelScore
from steelyard.verdict.pairs import oriented
from steelyard.verdict.rule import LEVEL_LOSS
from steelyard.words import likely, listed
from steelyard.words import points as points_of

_LONG_OPTIONS = frozenset({"spread", "search"})
_LONG_LABEL = 14
_AHEAD = "ahead so far"
DAYS_A_MONTH = 30
Score = TypeVar("Score", bound=GroupScore)


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """The report's words for families, metrics and verdicts (``words.json``)."""
    return packaged("report/words.json")  # type: ignore[no-any-return]


class ArmView(ArmResult):
    """One arm as the report shows it. ``versus`` is its comparison with the reference arm."""

    winner: bool = False
    reference: bool = False
    versus: Comparison | None = None

    @property
    def title(self) -> str:
        """Its name, and that it is a ceiling."""
        return f"{self.name} (ceiling)" if self.is_ceiling else self.name

    @property
    def description(self) -> str:
        if not self.is_free:
            return self.about
        again = ", retried when the answer does not fit" if self.known_options.repairs else ""
        return f"{self.about}; free text{again}"

    @property
    def constraints_broken(self) -> list[str]:
        return [words()["constraints"].get(name, name) for name in self.breaks]

    @property
    def options_text(self) -> str:
        """The options on one line, without the search's own record."""
        short = {k: v for k, v in self.options.items() if k not in _LONG_OPTIONS}
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
    def candidates(self) -> list[ArmView]:
        """The arms that may be chosen: all but ceilings, the best first."""
        return [arm for arm in self.arms if not arm.is_ceiling]

    @property
    def metric_name(self) -> str:
        return self.task.title_of(self.task.metric)

    @cached_property
    def arms(self) -> list[ArmView]:
        views = [
            ArmView(
                **dict(arm),
                winner=arm.name == self.verdict.arm,
                reference=arm.name == self.result.reference,
                versus=self._versus(arm.name),
            )
            for arm in self.result.arms
        ]
        return sorted(views, key=_rank)

    def arm(self, name: str | None) -> ArmView | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def winner(self) -> ArmView | None:
        return next((arm for arm in self.arms if arm.winner), None)

    @cached_property
    def currency(self) -> str:
        return next((arm.cost.currency for arm in self.arms), "USD")

    @property
    def chances(self) -> dict[str, float]:
        """By arm the probability of lying within the margin of the best; empty in older results."""
        return self.verdict.details.chances

    @property
    def certainty(self) -> str:
        """How sure the verdict is, beyond its word: the chance that its arm is right by its rule."""
        details = self.verdict.details
        chance, minimum = details.chance, details.minimum.get(self.verdict.arm or "", 1.0)
        if chance is None:
            return ""
        if minimum < chance:
            return f"{likely(minimum)} likely to reach min_quality"
        if len(details.chances) == 1:
            return "the only arm in the choice"
        if self.task.traffic.error_cost is None:
            return f"{likely(chance)} likely to lie within {self.margin} of the best"
        return f"{likely(chance)} likely to lie within {100 * LEVEL_LOSS:.0f} % of the least cost in all"

    @property
    def margin(self) -> str:
        """How far below the best an arm may lie and be as good: ``2 points``."""
        return points_of(self.task.constraints.margin)

    def cost_to_own(self, name: str) -> float | None:
        """What an arm costs over the horizon, without wrong answers."""
        if (cost := self.verdict.details.cost_to_own.get(name)) is not None:
            return cost
        arm, traffic = self.arm(name), self.task.traffic
        if arm is None or traffic.requests_per_day is None or traffic.horizon_days is None:
            return None
        return arm.cost.after(traffic.mean_per_day * traffic.horizon_days)

    @property
    def price_day(self) -> str:
        """The day whose prices hold: the task's, else that of the run; empty where neither is known."""
        return self.result.prices_at or self.result.created.partition("T")[0]

    def running_a_month(self, name: str) -> float | None:
        """An arm's cost over the horizon by the month, what was paid upfront spread over it."""
        cost, days = self.cost_to_own(name), self.task.traffic.horizon_days
        return None if cost is None or not days else cost * DAYS_A_MONTH / days

    @cached_property
    def quality_range(self) -> tuple[float, float]:
        """The axis that all arms' intervals share."""
        lows = [arm.quality.low for arm in self.arms if arm.quality.low is not None]
        highs = [arm.quality.high for arm in self.arms if arm.quality.high is not None]
        return min(lows, default=0.0), max(highs, default=1.0)

    @property
    def headline(self) -> str:
        name: str = self.verdict.recommendation
        if name == "classical":
            name += self._qualification
        leading, dropped = self.verdict.details.leading, self.verdict.details.dropped
        if name == "undecided" and leading in {arm.arm for arm in dropped}:
            name = "none_keeps"
        return words()["headlines"][name].format(arm=self.verdict.arm)

    @property
    def _qualification(self) -> str:
        """What keeps a classical winner from showing that no language model is needed."""
        if self.winner and self.winner.name == self.verdict.details.floor:
            return "_floor"
        measured = [a for a in self.candidates if a.model is not None and a.outcomes.scored != 0]
        if not measured:
            failed = any(arm.model is not None and arm.outcomes.failed for arm in self.candidates)
            return "_unusable" if failed else "_alone"
        best = self.winner.quality.value if self.winner else None
        is_better = any(arm.breaks and (arm.quality.value or 0) > (best or 0) for arm in measured)
        if is_better or all(arm.breaks for arm in measured):
            return "_within_limits"
        reads_model = self.winner and self.winner.options.get("states") == "model"
        return "_states" if reads_model else ""

    @property
    def main_arm(self) -> ArmView | None:
        """The arm shown first: the recommended one, else the one that leads, else the best."""
        return self.arm(self.verdict.first_arm) or (self.arms[0] if self.arms else None)

    @property
    def is_against_prompt(self) -> bool:
        """Whether the reference arm is a prompt-only one."""
        arm = self.arm(self.result.reference)
        return arm is not None and arm.is_prompt_only

    @property
    def reference_kind(self) -> str:
        return "the best prompt-only arm" if self.is_against_prompt else "the best arm"

    def family(self, name: str) -> ArmView | None:
        members = [arm for arm in self.candidates if arm.family == name]
        return next((arm for arm in members if arm.winner), members[0] if members else None)

    def _versus(self, name: str) -> Comparison | None:
        reference = self.result.reference
        if reference is None or name == reference:
            return None
        return oriented(self.result.comparisons, name, reference)

    @property
    def level(self) -> str:
        return formats.percent(next((arm.quality.level for arm in self.arms), 0.95), 0)

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
        arm = self.arm(name)
        sentences = []
        if arm is not None and self._above(arm):
            sentences.append(
                f"{self.arms[0].name} scores highest so far; {name} comes closest to a choice."
            )
        elif arm is not None and self._place(arm) == _AHEAD:
            sentences.append(f"{name} leads so far.")
        if (
            more and not self.verdict.more_labels.n
        ):  # an older verdict's number, which has no chance
            sentences.append(f"About {formats.count(more)} more test items would settle it.")
        return " ".join(sentences)

    def _above(self, arm: ArmView) -> list[ArmView]:
        """The arms that score higher than ``arm``, the best first."""
        value = arm.quality.value
        if value is None:
            return []
        return [other for other in self.candidates if (other.quality.value or 0.0) > value]

    def _place(self, arm: ArmView) -> str:
        """Where an arm stands among all that were measured, whatever a constraint says of them."""
        measured = [other for other in self.candidates if other.quality.value is not None]
        others = [other for other in measured if other != arm]
        level = [other.name for other in others if other.quality.value == arm.quality.value]
        if arm.quality.value is None:
            return "not measured"
        if above := self._above(arm):
            return f"below {above[0].name}"
        if level and len(level) == len(others):
            return "level with the others"
        if level:
            return f"level with {listed(level)}"
        return _AHEAD if others else "the only arm measured"

    @property
    def long_answers(self) -> bool:
        longest = max((len(label) for label in self.task.labels), default=_LONG_LABEL + 1)
        return longest > _LONG_LABEL or self.task.kind == "labels"

    @property
    def families(self) -> list[str]:
        """The families that were weighed, in the order of every legend."""
        weighed = {arm.family for arm in self.arms}
        return [family for family in FAMILIES if family in weighed]

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        arm = self.main_arm
        if arm is None:
            return []
        lead = "" if arm.winner else f"{arm.name}, {self._place(arm)}: "
        between = formats.interval(arm.quality)
        keys = [(self.metric_name, formats.percent(arm.quality.value), f"{lead}{between}")]
        if arm.versus is not None:
            p = formats.p_value(arm.versus.p_adjusted)
            figure = f"{formats.points(arm.versus.difference)} points"
            equals = "" if p.startswith("<") else "= "
            over = "Over the best prompt" if self.is_against_prompt else "Over the best arm"
            keys.append((over, figure, f"{self.result.reference}; p {equals}{p}"))
        return keys + self._price_keys(arm)

    def _price_keys(self, arm: ArmView) -> list[tuple[str, str, str]]:
        cost, latency = arm.cost, arm.latency_seconds
        keys = []
        if cost.monthly is not None:
            per_day = formats.count(self.task.traffic.requests_per_day)
            monthly = formats.money(cost.monthly, cost.currency)
            assumed = ", assumed" if self.task.traffic.assumed else ""
            keys.append(("Cost a month", monthly, f"at {per_day} requests a day{assumed}"))
        if cost.upfront is not None:
            total = formats.money(self.cost_to_own(arm.name), cost.currency)
            days = formats.count(self.task.traffic.horizon_days)
            over = "" if total == formats.NONE else f"; {total} over {days} days"
            keys.append(("Upfront", formats.money(cost.upfront, cost.currency), f"once{over}"))
        if latency.p95 is not None:
            median = formats.seconds(latency.p50)
            keys.append(("Latency, p95", formats.seconds(latency.p95), f"median {median}"))
        return keys

    @property
    def per_label(self) -> dict[str, list[LabelScore]]:
        """Each arm's quality by label, the weakest first."""
        return {arm: _weakest_first(scores) for arm, scores in self.result.per_label.items()}

    @property
    def form_kept(self) -> str:
        """What constrained decoding alone gives: the form kept by each arm, tuned ones apart."""
        tuned, prompted = [], []
        for price in self.result.constraint:
            free = f"{price.free} {formats.percent(price.validity.free)}"
            arm = self.arm(price.free)
            if arm is not None and arm.is_tuned:
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
            (arm, sorted(spread.items(), key=lambda pair: -pair[1]))
            for arm in self.arms
            if len(spread := arm.known_options.spread) > 1
        ]

    @cached_property
    def part_labels(self) -> dict[str, dict[str, int]]:
        return {name: part.labels for name, part in self.audit.parts.items() if part.labels}

    @property
    def methods(self) -> dict[str, str]:
        return {
            "interval": _listed(arm.quality.method for arm in self.arms),
            "paired": _listed(comparison.method for comparison in self.result.comparisons),
        }


def _rank(arm: ArmView) -> tuple[bool, bool, float, str]:
    """The best quality first, then by name; then those without a figure, and ceilings last."""
    value = arm.quality.value
    return bool(arm.is_ceiling), value is None, -(value or 0.0), arm.name


def _weakest_first(scores: Iterable[Score]) -> list[Score]:
    return sorted(scores, key=lambda group: (group.score is None, group.score or 0.0))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, names)))
