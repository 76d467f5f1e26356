"""Print which rules of a task each arm of finished runs keeps, with its tokens, as docs/results.md has it.

python benchmarks/results/rules_kept.py OUT/runs/support-replies
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from table import share

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
            print(
                line(
                    part, [share(parts[part].value) if part in parts else "–" for parts in of_arms]
                )
            )
        tokens = [arm.tokens for arm in arms]
        print(line("tokens in", [count(one.input_mean) for one in tokens]))
        print(line("tokens out", [count(one.output_mean) for one in tokens]))


def line(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def with_interval(figure: Figure) -> str:
    return f"{share(figure.value)} ({share(figure.low)} to {share(figure.high)})"


def count(tokens: float | None) -> str:
    return "–" if tokens is None else f"{tokens:.0f}"


if __name__ == "__main__":
    main()
