"""Print the share of replies in which each arm of finished runs keeps a rule, in percent, and its tokens.

python benchmarks/results/rules_kept.py OUT/runs/support-replies
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from steelyard.result import read_result
from steelyard.result.figures import Figure


def main() -> None:
    """A column for each arm, the best first, a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    for folder in parser.parse_args().runs:
        result = read_result(folder)
        arms = sorted(result.arms, key=lambda arm: -(arm.quality.value or 0))
        print(f"\n{result.task.name}: {result.split.test} test examples")
        print("| | " + " | ".join(arm.name for arm in arms) + " |")
        print("|---" * (len(arms) + 1) + "|")
        print(line(result.task.metric, [with_interval(arm.quality) for arm in arms]))
        of_arms = [
            {one.part: one for one in arm.parts if one.metric == result.task.metric} for arm in arms
        ]
        for part in dict.fromkeys(part for parts in of_arms for part in parts):
            figures = [parts.get(part) for parts in of_arms]
            print(line(part, ["–" if one is None else with_interval(one) for one in figures]))
        tokens = [arm.tokens for arm in arms]
        print(line("tokens in", [count(one.input_mean) for one in tokens]))
        print(line("tokens out", [count(one.output_mean) for one in tokens]))


def line(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def with_interval(figure: Figure) -> str:
    """In percent, with the 95 % interval."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "–"
    return f"{100 * figure.value:.1f} ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def count(tokens: float | None) -> str:
    return "–" if tokens is None else f"{tokens:.0f}"


if __name__ == "__main__":
    main()
