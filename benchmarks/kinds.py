"""Every kind of tuning on the same task: quality, seconds, memory, and the bytes that are kept.

    python benchmarks/kinds.py TASK... --out FOLDER [--kinds lora dora ...] [--seeds 0 1 2]

Each TASK is a folder with task.yaml. A kind that the task lists has the options that stand there, without
``learning_rates``; any other has its defaults, with the ``max_epochs`` that the task gives to ``lora``. Each
cell is fitted in a process of its own on one core, so that its peak memory and its processor time are its
own; a fit that was killed begins anew. Then its first arm answers test. Quality is a mean over the seeds,
and its difference from ``lora`` is paired by test example, where one that came up under several seeds counts
once. What is in FOLDER is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from regret import by_example, tested

from steelyard import load_task
from steelyard.files import write_whole
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import Plan, make_plan
from steelyard.progress import Display
from steelyard.stats import compare
from steelyard.strategy import load_arm
from steelyard.weigh.opening import open_run

KINDS = ("lora", "rslora", "dora", "lora_plus", "full_fine_tuning", "classifier_head")
UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


class Cell(NamedTuple):
    """One kind on one task under one seed; times in seconds, sizes in bytes."""

    processor: float
    wall: float
    peak: int
    size: int
    options: Mapping[str, Any]
    test: Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", default=KINDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--one", action="store_true", help="one cell, in this process")
    args = parser.parse_args()
    if args.one:
        fitted(args.tasks[0], args.kinds[0], args.seeds[0], args.out)
        return
    for task in args.tasks:
        cells = {
            kind: [cell(task, kind, seed, args.out) for seed in args.seeds] for kind in args.kinds
        }
        print(f"\n{task.resolve().name}, seeds {', '.join(map(str, args.seeds))}")
        print("| kind | quality | 95 % | against lora | 95 % | processor | peak memory | kept |")
        print("|---" * 8 + "|")
        for kind in args.kinds:
            print(row(kind, cells), flush=True)


def cell(task: Path, kind: str, seed: int, out: Path) -> Cell:
    """Read one cell, measured in a process of its own if it is not there yet."""
    path = out / task.resolve().name / str(seed) / kind / "cell.json"
    if not path.is_file():
        words = [
            str(task),
            "--one",
            "--kinds",
            kind,
            "--seeds",
            str(seed),
            "--out",
            str(path.parent),
        ]
        command = [sys.executable, __file__, *words]
        subprocess.run(command, check=True)
    return Cell(**json.loads(path.read_text(encoding="utf-8")))


def fitted(task: Path, kind: str, seed: int, folder: Path) -> None:
    """Fit one kind and answer test, and write what it took."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    plan, fit = planned(task, kind, seed), folder / "fit.json"
    if not fit.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        write_whole(fit, json.dumps(cost(plan, folder / "run")))
    took = json.loads(fit.read_text(encoding="utf-8"))
    arm = load_arm(folder / "run" / "arms" / took.pop("arm"))
    one = Cell(**took, options=arm.options, test=tested(plan, arm, folder / "test.json"))
    write_whole(folder / "cell.json", json.dumps(one._asdict()))


def cost(plan: Plan, folder: Path) -> dict[str, Any]:
    """Fit the plan's one job; return its first arm's name, its seconds and its bytes."""
    start = time.perf_counter()
    with open_run(plan, folder, Display()) as steps:
        name = steps.fit(steps.plan.jobs[0])[0].name
    wall, usage = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    files = (path for path in (folder / "arms" / name).rglob("*") if path.is_file())
    return {
        "arm": name,
        "processor": usage.ru_utime + usage.ru_stime,
        "wall": wall,
        "peak": usage.ru_maxrss * 1024,
        "size": sum(path.stat().st_size for path in files),
    }


def planned(task: Path, kind: str, seed: int) -> Plan:
    """Plan ``kind`` alone, with what the task says of it."""
    config = load_task(task)
    listed = {
        entry["name"]: dict(entry.get("options", {}))
        for entry in config.to_config().get("strategies", ())
        if isinstance(entry, Mapping)
    }
    options = listed.get(kind, {})
    options.pop("learning_rates", None)
    epochs = listed.get("lora", {}).get("max_epochs")
    if epochs is not None and kind != "classifier_head":
        options.setdefault("max_epochs", epochs)
    entry = {"name": kind, "options": options}
    plan = make_plan(config.updated(strategies=[entry]), RunOptions(seed=seed))
    return replace(plan, jobs=tuple(job for job in plan.jobs if job.strategy.name == kind))


def row(kind: str, cells: Mapping[str, Sequence[Cell]]) -> str:
    """One kind over its seeds as a line of Markdown."""
    mine = by_example([one.test for one in cells[kind]])
    ids = sorted(mine)
    ours = np.array([mine[one] for one in ids])
    rng = np.random.default_rng(0)
    spread = rng.choice(ours, (2000, len(ours))).mean(axis=1)
    low, high = 100 * np.percentile(spread, [2.5, 97.5])
    against = "– | –"
    if kind != "lora" and "lora" in cells:
        theirs = by_example([one.test for one in cells["lora"]])
        test = compare(ours, np.array([theirs[one] for one in ids]), (kind, "lora"), "quality", rng)
        against = f"{100 * test.difference:+.1f} | {100 * test.low:+.1f} to {100 * test.high:+.1f}"
    processor, peak, size = (
        np.mean([getattr(one, field) for one in cells[kind]])
        for field in ("processor", "peak", "size")
    )
    return (
        f"| {kind} | {100 * ours.mean():.1f} | {low:.1f} to {high:.1f} | {against} | {processor:.0f} s | "
        f"{in_units(peak)} | {in_units(size)} |"
    )


def in_units(count: float) -> str:
    unit, name = next((unit for unit in UNITS if count >= unit[0]), UNITS[-1])
    return f"{count / unit:.1f} {name}"


if __name__ == "__main__":
    main()
