"""LoRA chosen by the task's metric on dev against LoRA chosen by the loss on dev, over seeds.

    python benchmarks/by_loss.py TASK... --out FOLDER [--seeds 0 1 2]

Each TASK is a folder with task.yaml; its options for `lora` hold but for ``learning_rates``. Both sides
search as Steelyard does, the second without the metric. Where the loss would choose the pass that the metric
chose, that is one training. Differences are paired by test example, where one that came up under several
seeds counts once. What is in FOLDER is not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from regret import by_example, chosen_entry, planned, tested

from steelyard.planning.plan import Plan
from steelyard.progress import Display
from steelyard.stats import compare
from steelyard.strategy import load_arm
from steelyard.strategy.tuned import TunedStrategy
from steelyard.weigh.training import TrainedJob, train

Scores = Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    print("| task | seeds | chosen alike | by the metric | by the loss | difference, points |")
    print("|---" * 6 + "|")
    for task in args.tasks:
        name = task.resolve().name
        sides = [both(planned(task, seed), args.out / name / str(seed)) for seed in args.seeds]
        print(row(name, sides), flush=True)


def both(plan: Plan, folder: Path) -> tuple[Scores, Scores]:
    """The scores on test by example: chosen by the metric, and by the loss."""
    [job] = train(plan, folder / "metric", Display())
    by_metric = tested(plan, load_arm(job.folders[0]), folder / "metric.json")
    if is_alike(job):
        return by_metric, by_metric
    with patch.object(TunedStrategy, "_scorer", lambda *_: None):
        [job] = train(plan, folder / "loss", Display())
    return by_metric, tested(plan, load_arm(job.folders[0]), folder / "loss.json")


def is_alike(job: TrainedJob) -> bool:
    """Whether the pass with the lowest loss on dev is the one that the metric chose."""
    passes = [one for one in job.training.trace if one.get("dev_loss") is not None]
    best: Mapping[str, Any] = min(passes, key=lambda one: one["dev_loss"])
    return best is chosen_entry(job, load_arm(job.folders[0]).options)


def row(name: str, sides: list[tuple[Scores, Scores]]) -> str:
    """A task as a line of Markdown."""
    metric, loss = (by_example([side[place] for side in sides]) for place in (0, 1))
    ids = sorted(metric)
    a, b = (np.array([side[one] for one in ids]) for side in (metric, loss))
    test = compare(a, b, ("metric", "loss"), "quality", np.random.default_rng(0))
    alike = sum(one is other for one, other in sides)
    between = f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}]"
    return (
        f"| {name} | {len(sides)} | {alike} | {100 * a.mean():.1f} | {100 * b.mean():.1f} | "
        f"{100 * test.difference:+.1f} {between} |"
    )


if __name__ == "__main__":
    main()
