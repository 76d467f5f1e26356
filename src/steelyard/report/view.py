"""What the report shows, picked from a result: which arm stands where. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from steelyard.packaged import packaged
from steelyard.report import formats

_LONG_OPTIONS = frozenset({"spread", "search"})
FAMILIES = ("prompt", "few_shot", "fine_tune", "classical")


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """The report's words for strategies, metrics and verdicts (``words.json``)."""
    return packaged("report/words.json")  # type: ignore[no-any-return]


def section(data: Any, key: str) -> Mapping[str, Any]:
    """Return a mapping inside ``data``, empty where it is missing or null."""
    found = data.get(key) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def entries(data: Any, key: str) -> list[Mapping[str, Any]]:
    """Return the mappings of a list inside ``data``, empty where it is missing or null."""
    found = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [entry for entry in found if isinstance(entry, Mapping)]


@dataclass(frozen=True)
class ArmView:
    """One arm as the report shows it. ``versus`` is its comparison with the reference arm."""

    data: Mapping[str, Any]
    metric: str
    winner: bool = False
    reference: bool = False
    versus: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The arm's name."""
        return str(self.data.get("name", "?"))

    @property
    def strategy(self) -> str:
        """The strategy it was fitted by."""
        return str(self.data.get("strategy") or self.name)

    @property
    def strategy_name(self) -> str:
        """The arm's name without its model's tag."""
        return self.name.partition("@")[0]

    @property
    def twin_name(self) -> str:
        """The name of the constrained arm beside a free one, on the same model."""
        _, at, tag = self.name.partition("@")
        return f"{self.strategy_name.removesuffix('_free')}{at}{tag}"

    @property
    def family(self) -> str:
        """Which column of the field's comparison it belongs to."""
        known = words()["families"].get(self.strategy)
        return known or ("other" if self.data.get("model") else "classical")

    @property
    def free(self) -> bool:
        """Whether it answers in free text, read back into a label."""
        return self.section("options").get("decoding") == "free" or self.strategy_name.endswith(
            "_free"
        )

    @property
    def about(self) -> str:
        """The strategy in a few words."""
        text = words()["strategies"].get(self.strategy, self.strategy)
        again = (
            ", asked again where it does not fit" if self.section("options").get("repairs") else ""
        )
        return f"{text}; free text{again}" if self.free else text

    @property
    def quality(self) -> float | None:
        """The metric's value."""
        return formats.number(section(self.data, "quality").get("value"))

    @property
    def low(self) -> float | None:
        """The lower end of the quality's interval."""
        return formats.number(section(self.data, "quality").get("low"))

    @property
    def high(self) -> float | None:
        """The upper end of the quality's interval."""
        return formats.number(section(self.data, "quality").get("high"))

    @property
    def currency(self) -> str:
        """The currency of its costs."""
        return str(self.section("cost").get("currency") or "USD")

    @property
    def prompts_only(self) -> bool:
        """Whether it adapts the model by its prompt alone."""
        return self.family in ("prompt", "few_shot")

    @property
    def breaks(self) -> list[str]:
        """The constraints it does not meet, in words."""
        found = self.data.get("breaks") or []
        return [words()["constraints"].get(str(name), str(name)) for name in found]

    @property
    def options_text(self) -> str:
        """The options on one line, without the search's own record."""
        shown = {k: v for k, v in self.section("options").items() if k not in _LONG_OPTIONS}
        return formats.clip(formats.option(shown) or "none", 400)

    def section(self, key: str) -> Mapping[str, Any]:
        """One of the arm's sections: ``cost``, ``fit``, ``tokens``, ``options`` and so on."""
        return section(self.data, key)


class View:
    """A result, ready for the templates."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.result = result
        self.task = section(result, "task")
        self.verdict = section(result, "verdict")
        self.audit = section(result, "audit")
        self.split = section(result, "split")
        self.crossover = section(result, "crossover")
        self.comparisons = entries(result, "comparisons")

    @cached_property
    def metric(self) -> str:
        """The metric that decides."""
        for arm in entries(self.result, "arms"):
            found = section(arm, "quality").get("metric")
            if found:
                return str(found)
        return str(self.task.get("metric") or "accuracy")

    @property
    def metric_name(self) -> str:
        """The metric in words."""
        return words()["metrics"].get(self.metric, self.metric)

    @cached_property
    def reference_name(self) -> str | None:
        """The arm that every other is compared with: the best prompt-only one."""
        named = self.result.get("reference")
        return None if named is None else str(named)

    @cached_property
    def arms(self) -> list[ArmView]:
        """Every arm, the best quality first; arms without a figure last."""
        views = [
            ArmView(
                arm,
                self.metric,
                winner=arm.get("name") == self.verdict.get("arm"),
                reference=arm.get("name") == self.reference_name,
                versus=self._versus(str(arm.get("name"))),
            )
            for arm in entries(self.result, "arms")
        ]
        return sorted(views, key=lambda arm: (arm.quality is None, -(arm.quality or 0), arm.name))

    def arm(self, name: Any) -> ArmView | None:
        """The arm called ``name``."""
        return next((arm for arm in self.arms if arm.name == name), None)

    @property
    def winner(self) -> ArmView | None:
        """The recommended arm."""
        return next((arm for arm in self.arms if arm.winner), None)

    @property
    def traffic(self) -> Mapping[str, Any]:
        """Requests a day and the horizon in days."""
        return section(self.task, "traffic") or section(self.result, "traffic")

    @cached_property
    def currency(self) -> str:
        """The currency of the costs."""
        named = self.result.get("currency")
        return str(named) if named else next((arm.currency for arm in self.arms), "USD")

    @property
    def detectable(self) -> Mapping[str, Any]:
        """The smallest difference that the test split can show."""
        places = (self.result, self.split, self.audit)
        return next((found for at in places if (found := section(at, "detectable"))), {})

    @property
    def least(self) -> float | None:
        """The lowest end of any arm's quality."""
        return min((arm.low for arm in self.arms if arm.low is not None), default=None)

    @property
    def most(self) -> float | None:
        """The highest end of any arm's quality."""
        return max((arm.high for arm in self.arms if arm.high is not None), default=None)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        headlines = words()["headlines"]
        kind = str(self.verdict.get("recommendation") or "undecided")
        named = self.verdict.get("arm")
        if kind not in headlines or (named is None and kind != "undecided"):
            kind = "undecided"
        return headlines[kind].format(arm=named)

    @property
    def shown(self) -> ArmView | None:
        """The arm shown first: the recommended one, else the one that leads, else the best."""
        leading = self.arm(section(self.verdict, "details").get("leading"))
        return self.winner or leading or (self.arms[0] if self.arms else None)

    @property
    def reference_kind(self) -> str:
        """What the reference arm is among the arms."""
        arm = self.arm(self.reference_name)
        return "the best arm that only prompts" if arm and arm.prompts_only else "the best arm"

    def family(self, name: str) -> ArmView | None:
        """The arm that stands for a family: the recommended one, else the best of it."""
        members = [arm for arm in self.arms if arm.family == name]
        return next((arm for arm in members if arm.winner), members[0] if members else None)

    @cached_property
    def free_pairs(self) -> list[tuple[ArmView, ArmView, Mapping[str, Any] | None]]:
        """Arms answered both ways: constrained, free, and their comparison where there is one."""
        pairs = []
        for free in self.arms:
            twin = self.arm(free.twin_name) if free.free else None
            if twin is not None and twin is not free:
                pairs.append((twin, free, self._between(free.name, twin.name)))
        return pairs

    def _versus(self, name: str) -> Mapping[str, Any] | None:
        if self.reference_name is None or name == self.reference_name:
            return None
        return self._between(name, self.reference_name)

    def _between(self, a: str, b: str) -> Mapping[str, Any] | None:
        return oriented(self.comparisons, a, b)


def oriented(comparisons: Iterable[Mapping[str, Any]], a: str, b: str) -> Mapping[str, Any] | None:
    """Return the comparison of ``a`` with ``b``, turned round if it is kept as ``b`` with ``a``."""
    for each in comparisons:
        if (each.get("a"), each.get("b")) == (a, b):
            return each
        if (each.get("a"), each.get("b")) == (b, a):
            turned = {
                key: None if (figure := formats.number(each.get(key))) is None else -figure
                for key in ("difference", "low", "high")
            }
            return {
                **each,
                "a": a,
                "b": b,
                "difference": turned["difference"],
                "low": turned["high"],
                "high": turned["low"],
            }
    return None
