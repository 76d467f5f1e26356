"""What Steelyard's choice of learning rate and epoch loses against a sweep of seven rates.

    python benchmarks/regret.py TASK... --out FOLDER [--seeds 0 1 2] [--rates 7]

Each TASK is a folder with task.yaml. For each seed, LoRA is tuned once with the task's own options but
no ``learning_rates``, so that Steelyard chooses them within its budget, and once at each rate of the
sweep, which goes by factors of two around the published formula for long runs. The best of it on dev is
taken (between equals the one of lower loss), so that both sides choose on dev alone. Then both answer
test, constrained where the task allows it. What Steelyard starts from in a short run lies between two
points of the sweep, so that regret contains the grid's offset. Regret is the sweep's test score minus
that of the choice, in points; its interval is paired by test example, and an example that came up under
several seeds counts once. What is in FOLDER is not done again: a killed benchmark goes on where it was.
Fewer than 1,000 test answers of a task over all seeds are refused unless ``--least`` says so.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steelyard import load_task
from steelyard.core import questions_of
from steelyard.files import write_whole
from steelyard.model.base import provider_of
from steelyard.model.huggingface import read_config
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import Plan
from steelyard.progress import Display
from steelyard.stats import compare
from steelyard.store.database import Store
from steelyard.strategy import Arm, build_strategy, load_arm
from steelyard.train.rates import FACTOR, formula_rate
from steelyard.weigh.measure import to_records
from steelyard.weigh.training import TrainedJob, train, training_plan

LEAST = 1000
LONG_RUN = 10_000
"""Steps for which the sweep's centre is the formula's rate: what Steelyard starts from in a shorter run is
then no point of the sweep."""


class Tuned(NamedTuple):
    """A finished tuning: what was chosen, how good it was on dev, and its scores on test by example.

    ``seconds`` are those of the whole fit, answers to dev among them.
    """

    learning_rate: float
    epochs: int
    dev_score: float
    dev_loss: float
    seconds: float
    budget: str
    test: Mapping[str, float]
    notes: Sequence[str] = ()


class Cell(NamedTuple):
    """One task under one seed."""

    seed: int
    choice: Tuned
    sweep: Tuned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--rates", type=int, default=7, help="how many the sweep has; an odd number"
    )
    parser.add_argument("--least", type=int, default=LEAST, help="test answers over all seeds")
    args = parser.parse_args()
    rows = []
    for task in args.tasks:
        name = task.resolve().name
        plans = {seed: planned(task, seed) for seed in args.seeds}
        count = sum(len(plan.split.test) for plan in plans.values())
        if count < args.least:
            raise SystemExit(
                f"{name}: {count} test answers over all seeds; --least {count} allows it"
            )
        cells = []
        for seed, plan in plans.items():
            cells.append(cell(task, plan, args.out / name / str(seed), args.rates))
            print(line(name, cells[-1]), flush=True)
        rows.append(row(name, cells, count))
    print("\n| task | test answers | choice | sweep | regret, points | 95 % interval |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


def planned(task: Path, seed: int, rates: Sequence[float] = ()) -> Plan:
    """Plan LoRA alone, with the task's options for it, at ``rates`` or at those that Steelyard tries."""
    config = load_task(task)
    options: dict[str, Any] = {}
    for entry in config.to_config().get("strategies", ()):
        if isinstance(entry, Mapping) and entry["name"] == "lora":
            options = dict(entry.get("options", {}))
    options.pop("learning_rates", None)
    if rates:
        options["learning_rates"] = list(rates)
    lora = {"name": "lora", "options": options}
    return training_plan(config.updated(strategies=[lora]), RunOptions(seed=seed))


def cell(task: Path, plan: Plan, folder: Path, count: int) -> Cell:
    """Tune by Steelyard's choice and by the sweep; only the best of the sweep answers test."""
    choice = tuned(plan, folder / "choice")
    swept = {}
    for rate in sweep(plan, count):
        place = folder / f"rate-{rate:g}"
        at_rate = planned(task, plan.seed, [rate])
        swept[rate] = (at_rate, place, tuned(at_rate, place, tests=False))
    best = max(swept, key=lambda rate: (swept[rate][2].dev_score, -swept[rate][2].dev_loss))
    at_rate, place, _ = swept[best]
    return Cell(plan.seed, choice, tuned(at_rate, place))


def sweep(plan: Plan, count: int) -> Iterator[float]:
    """Yield the rates of the sweep, the lowest first."""
    model = plan.jobs[0].model
    assert model is not None
    weights = provider_of(model.spec).weights
    assert weights is not None
    config = read_config(weights(model.spec)).get_text_config()
    multiplier = build_strategy(plan.jobs[0].strategy).config.multiplier(LONG_RUN)
    centre = formula_rate(config.hidden_size, config.model_type, multiplier)
    for power in range(-(count // 2), count // 2 + 1):
        yield centre * FACTOR**power


def tuned(plan: Plan, folder: Path, *, tests: bool = True) -> Tuned:
    """Tune in ``folder`` and answer test, or read what was done there."""
    [job] = train(plan, folder, Display())
    arm = load_arm(job.folders[0])
    chosen = chosen_entry(job, arm.options)
    return Tuned(
        arm.options["learning_rate"],
        math.ceil(arm.options["epochs"]),
        float(job.dev_score or 0.0),
        float(chosen["dev_loss"]),
        fit_seconds(folder, job.strategy),
        "{used:,} of {allowed:,}".format(**arm.fit.search["budget"]),
        tested(plan, load_arm(job.folders[0]), folder / "test.json") if tests else {},
        job.training.notes,
    )


def fit_seconds(folder: Path, strategy: str) -> float:
    """How long a finished fit took, over all attempts at it."""
    store = Store.of_former_run(folder, to_read=True)
    assert store is not None
    seconds = store.step_seconds(f"fit:{strategy}")
    store.close()
    return seconds


def chosen_entry(job: TrainedJob, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pass of the training that was chosen."""
    return next(
        entry
        for entry in job.training.trace
        if entry["stage"] == "epoch"
        and entry["learning_rate"] == options["learning_rate"]
        and entry["number"] + 1 == math.ceil(options["epochs"])
    )


def tested(plan: Plan, arm: Arm, path: Path) -> Mapping[str, float]:
    """The scores on test by example, kept in ``path``."""
    if not path.is_file():
        test = plan.split.test
        records = to_records(arm.name, test, arm.answer_all(questions_of(test)), plan.metrics)
        scores = {record.example_id: record.score for record in records}
        write_whole(path, json.dumps(scores))
    scores = json.loads(path.read_text(encoding="utf-8"))
    return dict(scores)


def line(name: str, one: Cell) -> str:
    """One task under one seed, as a line."""
    parts = [f"{name} seed {one.seed}"]
    for side, result in (("choice", one.choice), ("sweep", one.sweep)):
        mean = 100 * float(np.mean(list(result.test.values())))
        parts.append(
            f"{side} {result.learning_rate:.2g}, epoch {result.epochs}: dev {result.dev_score:.3f}, "
            f"test {mean:.1f}, {result.seconds:.0f} s, budget {result.budget}"
        )
    parts += [f"note: {note}" for note in one.choice.notes]
    return "\n  ".join(parts)


def row(name: str, cells: Sequence[Cell], count: int) -> str:
    """All seeds of a task as a line of the table."""
    choice, best = (
        by_example([getattr(one, side).test for one in cells]) for side in Cell._fields[1:]
    )
    ids = sorted(choice)
    a, b = (np.array([scores[one] for one in ids]) for scores in (best, choice))
    test = compare(a, b, ("sweep", "choice"), name, np.random.default_rng(0))
    low, high = 100 * test.low, 100 * test.high
    return (
        f"| {name} | {count:,} over {len(ids):,} examples | {100 * b.mean():.1f} | {100 * a.mean():.1f} | "
        f"{100 * test.difference:+.1f} | {low:+.1f} to {high:+.1f} |"
    )


def by_example(seeds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The mean score of each test example over the seeds that it came up under."""
    scores: dict[str, list[float]] = {}
    for one in seeds:
        for example, score in one.items():
            scores.setdefault(example, []).append(score)
    return {example: float(np.mean(several)) for example, several in scores.items()}


if __name__ == "__main__":
    main()
