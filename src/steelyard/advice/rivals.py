"""The arms of a finished run that rules of thumb are about, and what is known between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from steelyard.core import Comparison
from steelyard.result import ArmResult, Result
from steelyard.verdict.pairs import oriented

DEFAULT_ALPHA = 0.05


class ClaimCheck(NamedTuple):
    """What a run says of a claim: whether it ``holds``, by which ``figure``.

    Without a figure it was not measured; with one that settles nothing ``holds`` is ``None``. ``reason``
    says why. ``applies`` is false where what the rule speaks of did not come up.
    """

    holds: bool | None
    figure: str | None
    reason: str = ""
    applies: bool = True


@dataclass(frozen=True)
class RivalArms:
    """A result's tuned arm, prompt-only arm and plain classifier.

    Each is the recommended arm where that is one, else the best of its kind on test.
    """

    result: Result

    @cached_property
    def tuned(self) -> ArmResult | None:
        return self._best(arm for arm in self.result.arms if is_tuned(arm))

    @cached_property
    def prompt(self) -> ArmResult | None:
        return self._best(arm for arm in self.result.arms if arm.is_prompt_only)

    @cached_property
    def classifier(self) -> ArmResult | None:
        """Not the floor, which learns nothing."""
        floor = self.result.verdict.details.floor
        return self._best(
            arm for arm in self.result.arms if arm.family == "classical" and arm.name != floor
        )

    @cached_property
    def figures(self) -> dict[str, Any]:
        """What rules read, as far as the run has it."""
        result, prompt = self.result, self.prompt
        per_day = result.task.traffic.requests_per_day
        tokens = None if prompt is None else prompt.tokens.input_mean
        return {
            "kind": result.task.kind or None,
            "examples": result.split.train,
            "requests_per_day": per_day,
            "prompt_tokens": tokens,
            "tokens_per_day": None if tokens is None or per_day is None else tokens * per_day,
            "private_data": None if self.private_rows is None else self.private_rows > 0,
        }

    @property
    def private_facts(self) -> dict[str, Any]:
        """What the audit counted of private data; empty where it did not look."""
        check = self.result.audit.checks.get("private_data")
        return {} if check is None else check.facts

    @property
    def private_rows(self) -> int | None:
        return self.private_facts.get("rows_with_any")

    def is_useful(self, arm: ArmResult) -> bool:
        """Whether an arm answers something right, and no test leaves it level with the most common answer."""
        floor = self.arm(self.result.verdict.details.floor)
        is_level = floor is not None and self.shown(arm, floor) in (0, -1)
        return bool(arm.quality.value) and not is_level

    def arm(self, name: str | None) -> ArmResult | None:
        return next((arm for arm in self.result.arms if arm.name == name), None)

    def shown(self, one: ArmResult, other: ArmResult) -> int | None:
        """1 where a test shows ``one`` better, -1 where worse, 0 where neither; ``None`` without a test."""
        comparison = self.difference(one, other)
        if comparison is None:
            return None
        p = comparison.p_value if comparison.p_adjusted is None else comparison.p_adjusted
        if p >= (self.result.verdict.details.alpha or DEFAULT_ALPHA):
            return 0
        return 1 if comparison.difference > 0 else -1

    def difference(self, one: ArmResult, other: ArmResult) -> Comparison | None:
        return oriented(self.result.comparisons, one.name, other.name)

    def _best(self, arms: Iterable[ArmResult]) -> ArmResult | None:
        measured = [arm for arm in arms if arm.quality.value is not None]
        choice = self.result.verdict.arm
        return min(
            measured,
            key=lambda arm: (
                arm.name != choice,
                -(arm.quality.value or 0.0),
                arm.is_free,
                arm.name,
            ),
            default=None,
        )


def is_tuned(arm: ArmResult) -> bool:
    """Whether its weights were trained; by its family in files that do not say."""
    return arm.is_tuned or arm.family == "fine_tune"


def lacking(arms: Mapping[str, ArmResult | None]) -> ClaimCheck:
    """Not measured, for want of those of ``arms`` that are ``None``; keys are what people call them."""
    missing = [name for name, arm in arms.items() if arm is None]
    return ClaimCheck(None, None, f"no {' and no '.join(missing)} was measured")
