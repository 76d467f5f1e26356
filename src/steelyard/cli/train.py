"""``steelyard train TASK``: tune alone, or show what tuning would learn."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from steelyard.cli.options import add_fit_options, count, run_options
from steelyard.commands import command
from steelyard.printing import console, say, say_json
from steelyard.train.curve import epoch_words

if TYPE_CHECKING:
    from steelyard.planning.plan import Plan
    from steelyard.report.live import LiveTraining
    from steelyard.train.learnt import LearntRow
    from steelyard.train.tracking import LogTarget
    from steelyard.weigh.training import JobLearnt, TrainedJob


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "train",
        help="tune a model on a task, without weighing it",
        description="Tune as run would, and leave the weights in the run folder; test is not read. The "
        "same command again resumes after an interruption, and steelyard run goes on from there.",
    )
    add_fit_options(verb)
    verb.add_argument(
        "--show",
        metavar="N",
        type=count,
        help="train nothing: print N examples as the trainer reads them, what is learnt marked",
    )
    verb.add_argument(
        "--log",
        metavar="WHERE",
        action="append",
        default=[],
        type=_log_target,
        help="send the curves there, too: tensorboard:DIR or mlflow:URI; give it again for several",
    )
    verb.add_argument("--json", action="store_true", help="print the figures on stdout as JSON")
    verb.set_defaults(call=call)


def _log_target(text: str) -> LogTarget:
    from steelyard.errors import ConfigError
    from steelyard.train.tracking import LogTarget

    try:
        return LogTarget.parse(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def call(args: argparse.Namespace) -> int:
    """Show what is learnt, or tune and say where the weights are."""
    from steelyard.planning.options import RunOptions
    from steelyard.weigh.training import learnt_of_plan, training_plan

    plan = training_plan(args.task, RunOptions(**run_options(args)))
    if args.show is not None:
        several = learnt_of_plan(plan, args.show)
        if args.json:
            say_json([_plain_learnt(one) for one in several])
        else:
            for one in several:
                _show_learnt(one)
        return 0
    return _train(plan, args)


def _train(plan: Plan, args: argparse.Namespace) -> int:
    from steelyard.planning.plan import default_folder
    from steelyard.progress import display_for
    from steelyard.report.live import LivePlan, LiveTraining
    from steelyard.report.training import TrainingOutcome
    from steelyard.train.course import TrainingWatch, Watches
    from steelyard.train.tracking import open_logs
    from steelyard.weigh.training import train

    folder, display = args.out or default_folder(plan), display_for(quiet=args.json)
    names = [job.key for job in plan.jobs]
    live = LiveTraining(LivePlan(folder, plan.task.name, args.task, names), display)
    logs = open_logs(args.log, plan.task.name, partial(say, file=sys.stderr))

    def watch_of(name: str) -> TrainingWatch:
        return Watches(live.watch_of(name), logs.watch_of(name, folder / "work" / name))

    try:
        trained = train(plan, folder, display, watch_of)
    finally:
        for unsent in logs.close():
            say(f"note: {unsent.words}", file=sys.stderr)
    has_page = live.finish(
        {
            one.strategy: TrainingOutcome([path.name for path in one.folders], one.training.notes)
            for one in trained
        }
    )
    if args.json:
        say_json([_plain_trained(one) for one in trained])
        return 0
    for tuning in trained:
        _show_curves(live, tuning.strategy)
        _show_trained(tuning)
    if has_page:
        say(f"the page of this training:  {live.path}")
    return 0


def _show_curves(live: LiveTraining, name: str) -> None:
    from steelyard.report.training_charts import text_curves

    if (view := live.view(name)) is not None:
        say(text_curves(view, console().width))
        say()


def _show_learnt(one: JobLearnt) -> None:
    learnt, screen = one.learnt, console()
    if learnt is None:
        say(one.reason)
        return
    whole = learnt.prompt_tokens + learnt.learnt_tokens
    say(
        f"{one.strategy} on {one.model}: {learnt.examples:,} train examples; "
        f"{learnt.learnt_tokens:,} of {whole:,} tokens are learnt: each answer and the end of its turn"
    )
    if learnt.pairs:
        say(
            f"{learnt.pairs:,} of them are pairs, whose answer is learnt against a rejected one "
            f"({learnt.rejected_tokens:,} tokens, shown as ‹›)"
        )
    if learnt.too_long:
        say(
            f"{learnt.too_long:,} of them have more than {learnt.max_tokens:,} tokens and are left out; "
            "the option max_tokens allows more"
        )
    for number, row in enumerate(learnt.rows, start=1):
        screen.print()
        screen.print(_counts(number, row), style="dim", highlight=False)
        screen.print(row.prompt, end="", highlight=False, soft_wrap=True)
        screen.print(f"«{row.learnt}»", style="bold green", highlight=False, soft_wrap=True)
        if row.rejected:
            screen.print(f"‹{row.rejected}›", style="red", highlight=False, soft_wrap=True)


def _counts(number: int, row: LearntRow) -> str:
    left_out = "; too long, left out" if row.is_too_long else ""
    rejected = f", {row.rejected_tokens:,} rejected" if row.rejected else ""
    counts = f"{row.prompt_tokens:,} tokens of prompt, {row.learnt_tokens:,} learnt{rejected}"
    return f"{number}: {counts}{left_out}"


def _plain_learnt(one: JobLearnt) -> dict[str, object]:
    named = {"strategy": one.strategy, "model": one.model}
    if one.learnt is None:
        return {**named, "reason": one.reason}
    return {**named, **one.learnt._asdict(), "rows": [row._asdict() for row in one.learnt.rows]}


def _show_trained(one: TrainedJob) -> None:
    training, screen = one.training, console()
    screen.print(_curve(one), highlight=False)
    dev = "" if one.dev_score is None else f"; {one.dev_score:.1%} on dev"
    say(
        f"{one.strategy} on {one.model}: {training.tokens:,} tokens in {training.seconds:,.0f} s{dev}"
    )
    for note in training.notes:
        say(f"note: {note}")
    for folder in one.folders:
        say(f'{folder}; ask it:  {command("ask", folder)} "…"')


def _plain_trained(one: TrainedJob) -> dict[str, object]:
    return {
        "strategy": one.strategy,
        "model": one.model,
        "arms": [str(folder) for folder in one.folders],
        "seconds": one.training.seconds,
        "tokens": one.training.tokens,
        "left_out_too_long": one.training.left_out_too_long,
        "notes": list(one.training.notes),
        "trace": [dict(entry) for entry in one.training.trace],
        "dev_score": one.dev_score,
    }


_SHORT = {"learning_rate": "rate", "seconds": "s"}
"""Heads that leave room for the figures of pairs in 80 columns."""


def _curve(one: TrainedJob) -> object:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    keys = list(dict.fromkeys(key for entry in one.training.trace for key in entry))
    keys = [key for key in keys if key not in ("stage", "number", "share")]
    table.add_column("pass")
    for key in keys:
        head = _SHORT.get(key, key.replace("_", " "))
        table.add_column(f" {head}", justify="right", overflow="fold")
    for entry in one.training.trace:
        table.add_row(_pass_name(entry), *(_cell(entry.get(key)) for key in keys))
    return table


def _pass_name(entry: Mapping[str, Any]) -> str:
    if entry.get("stage") == "trial":
        return "trial"
    return epoch_words(entry["number"], entry.get("share", 1.0)) if "number" in entry else "-"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
