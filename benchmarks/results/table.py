"""Print the table of docs/results.md for a finished run.

python benchmarks/results/table.py OUT/runs/banking77
"""

from __future__ import annotations

import argparse
from pathlib import Path

from steelyard.result import ArmResult, read_result

HEAD = "| arm | {metric} | failed | tokens in · out | search | latency p50 |\n|---|---|---|---|---|---|"


def main() -> None:
    """Print a row for each arm, the best first, and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    for folder in parser.parse_args().runs:
        result = read_result(folder)
        print(f"\n{result.task.name}: {result.split.test} test examples")
        print(HEAD.format(metric=result.task.metric))
        arms = sorted(result.arms, key=lambda arm: -(arm.quality.value or 0))
        for arm in arms:
            print(row(arm))
        print(f"\n{result.verdict.recommendation}: {result.verdict.arm}")


def row(arm: ArmResult) -> str:
    """One arm as a line of Markdown."""
    quality, median = arm.quality, arm.latency_seconds.p50
    score = f"{share(quality.value)} ({share(quality.low)} to {share(quality.high)})"
    tokens = "–"
    if arm.tokens.input_mean is not None:
        tokens = f"{arm.tokens.input_mean:.0f} · {arm.tokens.output_mean:.1f}"
    search = f"{arm.fit.seconds:.0f} s"
    wait = "–" if median is None else f"{1000 * median:.0f} ms"
    return f"| {arm.name} | {score} | {arm.outcomes.failed} | {tokens} | {search} | {wait} |"


def share(value: float | None) -> str:
    """A share in percent."""
    return "–" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
