"""The examples on which any two arms differ, as compact data for the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from steelyard.report import formats
from steelyard.report.view import View
from steelyard.result.differences import PairCounts


class DifferencesView:
    """The section of a result; false where fewer than two arms were measured."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._all = view.result.differences

    def __bool__(self) -> bool:
        return bool(self._all.pairs)

    @property
    def n(self) -> int:
        return self._all.n

    @cached_property
    def arms(self) -> list[str]:
        """The arms, the main one first, then the best quality first."""
        paired = {name for pair in self._all.pairs for name in (pair.a, pair.b)}
        names = [arm.name for arm in self._view.arms if arm.name in paired]
        main = self._view.main_arm
        return sorted(names, key=lambda name: main is None or name != main.name)

    @property
    def main(self) -> str:
        return self.arms[0]

    @property
    def titles(self) -> tuple[str, str, str, str]:
        if self._all.is_graded:
            return "both right", f"{self.main} better", "other better", "alike, not right"
        return "both right", f"only {self.main}", "only the other", "neither"

    @property
    def of_main(self) -> list[tuple[str, Sequence[int]]]:
        """The counts of the main arm with each other arm."""
        return [(other, self._counts(self.main, other)) for other in self.arms[1:]]

    def _counts(self, a: str, b: str) -> Sequence[int]:
        pair = next(pair for pair in self._all.pairs if {pair.a, pair.b} == {a, b})
        return _oriented(pair, a)

    @property
    def intro(self) -> str:
        listed = len(self._all.examples)
        if listed == self._all.differing:
            return f"Every one of the {formats.count(listed)} test examples that arms differ on is listed."
        return (
            f"{formats.count(listed)} of the {formats.count(self._all.differing)} test examples that arms "
            "differ on are listed, spread over the pairs of arms; the counts are over all."
        )

    @property
    def table(self) -> dict[str, Any]:
        """What the page picks from: pairs by the places of their arms, each text once.

        An answer is its score and the place of its text, -1 where it failed.
        """
        texts: dict[str, int] = {}
        examples = [
            {
                "input": example.input,
                "reference": example.reference,
                "answers": [
                    [
                        round(example.scores.get(arm, 0.0), 4),
                        _place(example.outputs.get(arm), texts),
                    ]
                    for arm in self.arms
                ],
            }
            for example in self._all.examples
        ]
        return {
            "graded": self._all.is_graded,
            "arms": self.arms,
            "pairs": {
                f"{self.arms.index(pair.a)},{self.arms.index(pair.b)}": _oriented(pair, pair.a)
                for pair in self._all.pairs
            },
            "examples": examples,
            "texts": list(texts),
        }


def _oriented(pair: PairCounts, a: str) -> Sequence[int]:
    better = (pair.a_better, pair.b_better)
    return pair.both_right, *(better if pair.a == a else better[::-1]), pair.alike


def _place(output: str | None, texts: dict[str, int]) -> int:
    return -1 if output is None else texts.setdefault(output, len(texts))
