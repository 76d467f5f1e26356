"""The field's own script beside ours: trl as the articles write it, on the train rows of a task.

    python benchmarks/field_script.py TASK --out FOLDER [--seeds 0 1 2]

The articles' recipe is trl's SFTTrainer with LoRA, 3 epochs, batches of 4 and a rate of 2e-4, on prompts
that carry the task's whole instruction; the last epoch is kept and nothing is chosen on dev. Ours chooses
rate and epoch on dev, and its seconds are those of training and choosing. Both tuned models then answer the
task's test examples, constrained where the task allows it, and the task's metric judges them; differences
are paired by test example. What is in FOLDER is not done again. Needs `pip install -c constraints.txt -r
benchmarks/requirements.txt` for trl.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lora import sft
from regret import Tuned, planned, tested, tuned

from steelyard.files import write_whole
from steelyard.model import ModelSpec, load_model
from steelyard.planning.plan import Plan
from steelyard.stats import compare
from steelyard.strategy.base import ArmFacts
from steelyard.strategy.lessons import chat_samples
from steelyard.strategy.prompt import (
    Prompt,
    PromptRecipe,
    answer_schema,
    full_instruction,
    output_limit,
)
from steelyard.strategy.prompting import PromptArm

SETTINGS = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 4,
    "learning_rate": 2e-4,
    "bf16": True,
}


class Side(NamedTuple):
    """Seconds of the fit, and the scores on test by example."""

    seconds: float
    test: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    print("| seed | script | seconds | ours | seconds | ours - script, points | 95 % interval |")
    print("|---|---|---|---|---|---|---|")
    for seed in args.seeds:
        plan = planned(args.task, seed)
        theirs = by_script(plan, args.out / str(seed) / "script")
        ours: Tuned = tuned(plan, args.out / str(seed) / "ours")
        print(row(plan, theirs, Side(ours.seconds, dict(ours.test))), flush=True)


def row(plan: Plan, theirs: Side, ours: Side) -> str:
    """One seed as a line of Markdown."""
    ids = sorted(ours.test)
    a, b = (np.array([side.test[one] for one in ids]) for side in (ours, theirs))
    test = compare(a, b, ("ours", "script"), plan.metrics[0].name, np.random.default_rng(0))
    low, high = 100 * test.low, 100 * test.high
    return (
        f"| {plan.seed} | {100 * b.mean():.1f} % | {theirs.seconds:.0f} | {100 * a.mean():.1f} % | "
        f"{ours.seconds:.0f} | {100 * test.difference:+.1f} | {low:+.1f} to {high:+.1f} |"
    )


def by_script(plan: Plan, folder: Path) -> Side:
    """Tune as the articles do, and answer under the prompt that was trained."""
    model, brief = plan.jobs[0].model, plan.brief
    assert model is not None
    recipe = PromptRecipe(
        full_instruction(brief),
        "system_user",
        brief.kind,
        brief.choices,
        decoding="constrained" if brief.constrainable else "free",
        max_output_tokens=output_limit(brief, plan.split.train, load_model(model.spec)),
        schema=answer_schema(brief, plan.split.train),
    )
    path = folder / "seconds.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        rows = chat_samples(Prompt(recipe), plan.split.train)
        outcome = sft(rows, folder, {**SETTINGS, "seed": plan.seed})
        write_whole(path, json.dumps(outcome.seconds))
    spec = ModelSpec(model.spec.provider, model.spec.name, adapter=str(folder / "adapter"))
    arm = PromptArm(ArmFacts("script", "lora", brief), Prompt(recipe), spec, load_model)
    return Side(json.loads(path.read_text()), dict(tested(plan, arm, folder / "test.json")))


if __name__ == "__main__":
    main()
