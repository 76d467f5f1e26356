"""The metric ``rules``: how many of the rules a reply keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from steelyard.config.explain import Place
from steelyard.config.options import Options
from steelyard.core import Example, OutputKind
from steelyard.errors import ConfigError, DataError
from steelyard.score.base import Grade, PartsMetric
from steelyard.score.rules.base import NamedRule, Reply, Rule, build_own_rules, build_rules
from steelyard.score.rules.patterns import PatternTimeoutError
from steelyard.task import Task

ALL = "all"
"""The part that says whether every rule was kept."""


class RulesOptions(Options):
    """``all`` scores 1 only when all rules are kept.

    ``loose`` gives each rule the best of eight readings: the reply as it is, without its first line,
    its last, or both, and each of these without asterisks.
    """

    all: bool = False
    loose: bool = False


_TITLES = {
    "rules": "Rules kept",
    "rules_all": "All rules kept",
    "rules_loose": "Rules kept (loose)",
    "rules_all_loose": "All rules kept (loose)",
}


class RulesMetric(PartsMetric):
    """The share of rules that a reply keeps: the task's, and those of its example.

    Parts: each rule under its name, and `ALL`. With ``all`` these are IFEval's
    prompt-level, strict or loose, accuracies; the pooled part ``each`` is its instruction level.
    Zhou et al. (2023), arXiv:2311.07911.
    """

    name = "rules"
    title = "Rules kept"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("text",)
    reads_accepted: ClassVar[bool] = False  # nor its reference
    needs_reference = False
    section = "rules"
    parts_about = "The share of replies that keep each rule, over the test examples it applies to."
    pooled_part = "each"
    summary_parts = (ALL,)
    unknown_reason = "its pattern came to no end in time on any reply"
    options_type = RulesOptions
    config: RulesOptions

    def __init__(
        self,
        options: RulesOptions | None = None,
        task: Task | None = None,
        name: str | None = None,
    ) -> None:
        """Build the task's rules. Raises `ConfigError` for an unknown type or key."""
        super().__init__(options, task, name)
        self.binary = self.config.all
        self.title = self.title_of(self.name_with(self.config))
        self._rules = build_rules(() if task is None else task.rules, "rules")
        self._read = lru_cache(maxsize=4096)(self._own_rules)

    @classmethod
    def name_with(cls, options: RulesOptions) -> str:
        return "rules" + ("_all" if options.all else "") + ("_loose" if options.loose else "")

    @classmethod
    def title_of(cls, name: str) -> str:
        """See `Metric.title_of`."""
        return _TITLES.get(name, name)

    @staticmethod
    def check_rules(rules: Sequence[Mapping[str, Any]], place: Place) -> None:
        """Raise `ConfigError` for a task's rule that cannot be built, with its ``place``."""
        build_rules(rules, "rules", place)

    def check(self, examples: Sequence[Example]) -> None:
        """Build every example's rules. Raises `DataError` for bad ones, `ConfigError` for none."""
        bare = None
        for example in examples:
            if not self.rules_of(example):
                bare = bare or example
        if bare is not None:
            raise ConfigError(
                f"metric rules has nothing to check in {bare.source or bare.id}; add rules: to "
                "task.yaml, or a rules key to every row"
            )

    def rules_of(self, example: Example) -> tuple[NamedRule, ...]:
        """The rules that a reply to ``example`` must keep. Raises `DataError` for bad ones."""
        if example.rules is None:
            return self._rules
        try:
            return (*self._rules, *self._read(example.rules))
        except ConfigError as error:
            raise DataError(f"{example.source or example.id}: {error}") from None

    def part_names(self, examples: Sequence[Example]) -> list[str]:
        """Every rule, also one that is given up."""
        return list(dict.fromkeys(rule.name for one in examples for rule in self.rules_of(one)))

    def _own_rules(self, rules: str) -> tuple[NamedRule, ...]:
        return build_own_rules(json.loads(rules), "rules", {rule.name for rule in self._rules})

    def score_answer(self, output: str, reference: str) -> float:
        return self._grade(self._rules, output).score

    def grade(self, example: Example, output: str | None) -> Grade:
        """The score, and 0 or 1 for each rule; all are 0 for a failed answer.

        A rule whose pattern does not end on the reply is in neither; if all are such, the score is 0.
        """
        return self._grade(self.rules_of(example), output)

    def _grade(self, rules: Sequence[NamedRule], output: str | None) -> Grade:
        if output is None:
            return Grade(0.0, dict.fromkeys((*(rule.name for rule in rules), ALL), 0.0))
        replies = loose_readings(output) if self.config.loose else [Reply(output)]
        kept = {name: _is_kept(rule, replies) for name, rule in rules}
        parts = {name: float(value) for name, value in kept.items() if value is not None}
        is_unknown = bool(kept) and not parts  # nothing could be told, and nothing is not all
        all_kept = float(not is_unknown and all(parts.values()))
        share = sum(parts.values()) / len(parts) if parts else all_kept
        return Grade(all_kept if self.config.all else share, {**parts, ALL: all_kept})


def _is_kept(rule: Rule, replies: Sequence[Reply]) -> bool | None:
    """Whether one of the readings of a reply keeps the rule; ``None`` where that cannot be told."""
    try:
        return any(bool(reply.text) and rule.is_kept(reply) for reply in replies)
    except PatternTimeoutError:
        return None


def loose_readings(output: str) -> list[Reply]:
    """The reply and what is left of it without its first line, last line, both, and asterisks."""
    lines = output.split("\n")
    cut = [output, *("\n".join(part) for part in (lines[1:], lines[:-1], lines[1:-1]))]
    texts = [*cut, *(text.replace("*", "") for text in cut)]
    return [Reply(text) for text in dict.fromkeys(texts)]
