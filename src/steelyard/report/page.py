"""The parts of a result that only the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from steelyard.report import formats
from steelyard.report.view import ArmView, View, entries, section

_LONG_LABEL = 14


class Page(View):
    """A result, ready for the page's templates."""

    @property
    def level(self) -> str:
        """The intervals' level."""
        levels = (formats.number(arm.section("quality").get("level")) for arm in self.arms)
        return formats.percent(next((level for level in levels if level is not None), 0.95), 0)

    @property
    def dropped(self) -> list[Mapping[str, Any]]:
        """The arms that break a constraint, each with the reason."""
        return entries(section(self.verdict, "details"), "dropped")

    @property
    def reasons(self) -> list[str]:
        """The verdict's reasons, without those that only say which arm dropped out."""
        out = {f"{each.get('arm')} drops out: {each.get('reason')}" for each in self.dropped}
        return [
            self.sentence(each) for each in self.verdict.get("reasons") or [] if each not in out
        ]

    @property
    def flips(self) -> list[str]:
        """What would change the verdict."""
        return [self.sentence(each) for each in self.verdict.get("flips") or []]

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before trusting the verdict."""
        return [self.sentence(each) for each in self.verdict.get("warnings") or []]

    def sentence(self, text: Any) -> str:
        """A clause as a sentence: a full stop, and a capital unless an arm's name begins it."""
        words = str(text).strip()
        named = words.split(" ", 1)[0] in {arm.name for arm in self.arms}
        opened = words if named else words[:1].upper() + words[1:]
        return opened if opened.endswith((".", "?", "!")) else f"{opened}."

    @property
    def leading(self) -> str:
        """Where nothing is recommended: which arm leads so far, and what would settle it."""
        details = section(self.verdict, "details")
        more, name = formats.number(details.get("more_items")), details.get("leading")
        said = [f"{name} leads so far."] if name and not self._is_level else []
        said += [f"About {formats.count(more)} more test items would settle it."] if more else []
        return " ".join(said)

    @property
    def _is_level(self) -> bool:
        """Whether every arm has the same figure, so that none leads."""
        return len({arm.quality for arm in self.arms}) <= 1 < len(self.arms)

    @property
    def long_answers(self) -> bool:
        """Whether answers need a line of their own."""
        longest = max((len(label) for label in self.labels), default=_LONG_LABEL + 1)
        return longest > _LONG_LABEL

    @property
    def families(self) -> set[str]:
        """The families that have an arm."""
        return {arm.family for arm in self.arms}

    @property
    def keys(self) -> list[tuple[str, str, str]]:
        """The key numbers below the headline: a label, a figure, a note."""
        arm = self.shown
        if arm is None:
            return []
        place = "level with the others" if self._is_level else "ahead so far"
        lead = "" if arm.winner else f"{arm.name}, {place}: "
        between = formats.interval(arm.low, arm.high, self.metric)
        found = [(self.metric_name, formats.score(arm.quality, self.metric), f"{lead}{between}")]
        versus = arm.versus
        if versus is not None:
            p = formats.p_value(versus.get("p_adjusted"))
            unit = " points" if formats.is_share(self.metric) else ""
            figure = f"{formats.points(versus.get('difference'), self.metric)}{unit}"
            equals = "" if p.startswith("<") else "= "
            found.append(("Over the best prompt", figure, f"{self.reference_name}; p {equals}{p}"))
        return found + self._price_keys(arm)

    def _price_keys(self, arm: ArmView) -> list[tuple[str, str, str]]:
        cost, latency = arm.section("cost"), arm.section("latency_seconds")
        found = []
        if formats.amount(cost.get("monthly")) is not None:
            per_day = formats.count(self.traffic.get("requests_per_day"))
            monthly = formats.money(cost.get("monthly"), arm.currency)
            found.append(("Cost a month", monthly, f"at {per_day} requests a day"))
        if formats.amount(cost.get("upfront")) is not None:
            found.append(("Upfront", formats.money(cost.get("upfront"), arm.currency), "once"))
        if formats.number(latency.get("p95")) is not None:
            median = formats.seconds(latency.get("p50"))
            found.append(("Latency, p95", formats.seconds(latency.get("p95")), f"median {median}"))
        return found

    @property
    def confusion(self) -> dict[str, Mapping[str, Any]]:
        """Each arm's confusion, where it is complete."""
        tables = section(self.result, "confusion")
        return {
            name: table
            for name, table in tables.items()
            if isinstance(table, Mapping) and table.get("labels") and table.get("counts")
        }

    @property
    def per_label(self) -> dict[str, list[Mapping[str, Any]]]:
        """Each arm's quality by label."""
        return {arm.name: self._shares("per_label", arm.name) for arm in self.arms}

    @property
    def per_slice(self) -> dict[str, list[Mapping[str, Any]]]:
        """Each arm's quality by slice."""
        return {arm.name: self._shares("per_slice", arm.name) for arm in self.arms}

    def _shares(self, key: str, arm: str) -> list[Mapping[str, Any]]:
        """One arm's quality by label or slice, the weakest first."""

        def order(each: Mapping[str, Any]) -> tuple[bool, float]:
            score = formats.number(each.get("score"))
            return score is None, score or 0.0

        return sorted(entries(self.result.get(key), arm), key=order)

    @property
    def constraint(self) -> list[dict[str, Any]]:
        """Each constrained arm beside its free twin."""
        pairs = ("validity", "seconds", "output_tokens")
        return [
            {**each, **{name: section(each, name) for name in pairs}}
            for each in entries(self.result, "constraint")
        ]

    @property
    def form_told(self) -> str:
        """What constrained decoding alone gives: the form kept by each arm, tuned ones apart."""
        tuned, told = [], []
        for each in self.constraint:
            kept = each["validity"]
            said = f"{each.get('free')} {formats.percent(kept.get('free'))}"
            if each.get("strategy") == "lora":
                tuned.append(f"tuned and free, {said}")
            else:
                told.append(f"{said}, constrained {formats.percent(kept.get('constrained'))}")
        return "; ".join([*told, *tuned])

    @property
    def several_models(self) -> bool:
        """Whether more than one language model was weighed."""
        return len(entries(self.task, "models")) > 1

    @property
    def ended(self) -> list[Mapping[str, Any]]:
        """Arms that could not be measured to their end, each with the reason."""
        return entries(self.result, "ended")

    @property
    def judge(self) -> Mapping[str, Any]:
        """The judge of the replies, empty where there was none."""
        return section(self.result, "judge")

    @property
    def judge_flips(self) -> float | None:
        """The share of judged replies whose winner changed with the order."""
        flips, judged = (formats.number(self.judge.get(k)) for k in ("order_flips", "judged"))
        return None if flips is None or not judged else flips / judged

    @property
    def failed_arms(self) -> list[tuple[ArmView, list[Mapping[str, Any]]]]:
        """The arms with failed answers, each with those that were kept."""
        found = self.result.get("failures")
        pairs = [(arm, entries(found, arm.name)) for arm in self.arms]
        return [(arm, rows) for arm, rows in pairs if rows]

    @property
    def spreads(self) -> list[tuple[ArmView, list[tuple[str, float]]]]:
        """Each prompting arm's formats with their figure on dev, the best first."""
        made = []
        for arm in self.arms:
            rows = [
                (name, figure)
                for name, value in section(arm.section("options"), "spread").items()
                if (figure := formats.number(value)) is not None
            ]
            if len(rows) > 1:
                made.append((arm, sorted(rows, key=lambda row: -row[1])))
        return made

    @cached_property
    def part_labels(self) -> dict[str, Mapping[str, Any]]:
        """How often each label occurs in each part."""
        parts = section(self.audit, "parts")
        counts = {name: section(part, "labels") for name, part in parts.items()}
        return {name: labels for name, labels in counts.items() if labels}

    @property
    def labels(self) -> list[str]:
        """The task's labels, none where its output is of another kind."""
        for table in self.confusion.values():
            return [str(label) for label in table["labels"]]
        return list(dict.fromkeys(label for part in self.part_labels.values() for label in part))

    @property
    def split_method(self) -> str:
        """How the split was made."""
        return str(self.split.get("method") or section(self.audit, "split").get("method") or "")

    @property
    def duplicates(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The audit's counts of rows that repeat others."""
        names = {
            "exact": "Exact duplicates",
            "normalised": "Duplicates but for case and spacing",
            "near": "Near-duplicates",
        }
        found = section(self.audit, "duplicates")
        return [(title, section(found, name)) for name, title in names.items() if name in found]

    @property
    def methods(self) -> dict[str, str]:
        """How intervals and differences were made."""
        intervals = [str(arm.section("quality").get("method") or "") for arm in self.arms]
        paired = [str(each.get("method") or "") for each in self.comparisons]
        return {
            "interval": ", ".join(dict.fromkeys(filter(None, intervals))),
            "paired": ", ".join(dict.fromkeys(filter(None, paired))),
        }

    @property
    def prices(self) -> list[dict[str, Any]]:
        """The prices assumed; they come as a list, or as a mapping by name."""
        found = self.result.get("prices")
        if isinstance(found, Mapping):
            rows = [{"name": k, **v} for k, v in found.items() if isinstance(v, Mapping)]
        else:
            rows = [dict(each) for each in entries(self.result, "prices")]
        fields = ("input", "cached", "output", "machine_hour")
        blank: dict[str, Any] = {**dict.fromkeys(fields), "currency": self.currency}
        return [{"name": "", "source": "", "date": "", **blank, **row} for row in rows]

    @property
    def versions(self) -> Mapping[str, Any]:
        """The versions of what ran."""
        return section(self.result, "versions")

    @property
    def machine(self) -> Mapping[str, Any]:
        """What it ran on."""
        return section(self.result, "machine")

    @property
    def left_out(self) -> list[dict[str, str]]:
        """Strategies that were not run, each with the reason."""
        found = self.result.get("left_out") or self.verdict.get("left_out") or []
        made = []
        for each in found if isinstance(found, list) else []:
            if isinstance(each, Mapping):
                name = each.get("strategy") or each.get("name")
                name = f"{name} on {each['model']}" if each.get("model") else name
                made.append({"strategy": str(name), "reason": str(each.get("reason") or "")})
            elif isinstance(each, (list, tuple)) and len(each) == 2:
                made.append({"strategy": str(each[0]), "reason": str(each[1])})
        return made
