"""``steelyard data fix TASK-or-FILE OUT``: the safe repairs, into a new file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from steelyard.cli.data.options import add_columns, add_source, is_task
from steelyard.cli.options import file_path
from steelyard.commands import command
from steelyard.printing import say, say_json

if TYPE_CHECKING:
    from steelyard.data.repair import Repairs


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "fix",
        help="repair examples into a new file",
        description="Repair white space, encoding damage and label spellings, drop exact duplicates, "
        "and move conflicts, unusable rows and rows over the model's context to a review file. "
        "OUT.changes.jsonl logs every change; the source stays as it is.",
    )
    add_source(verb)
    verb.add_argument(
        "out", metavar="OUT", type=file_path, help="a new file, or for a task a new folder"
    )
    verb.add_argument(
        "--answers", metavar="FILE", type=file_path, help="apply the answers given in data label"
    )
    verb.add_argument(
        "--redact", action="store_true", help="replace private data with placeholders"
    )
    add_columns(verb)
    verb.add_argument(
        "--dry-run", action="store_true", help="show what would be done, write nothing"
    )
    verb.add_argument("--force", action="store_true", help="replace an earlier OUT")
    verb.add_argument("--json", action="store_true", help="print the outcome as JSON")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Repair, and show what was done to how many rows."""
    from steelyard.data import fix

    repairs = fix(
        args.source,
        args.out,
        redact=args.redact,
        answers=args.answers,
        columns=args.columns,
        dry_run=args.dry_run,
        force=args.force,
    )
    if args.json:
        say_json(repairs.to_dict())
    else:
        _show(repairs)
        if repairs.files:
            say(f"next: {_next(repairs, args)}")
    return 0


def _next(repairs: Repairs, args: argparse.Namespace) -> str:
    """What comes after the repair: a run of the new task, or a task over the new file."""
    if "task" in repairs.files:
        return command("run", args.out)
    if is_task(args.source):
        return f"name {args.out} under examples in task.yaml, then: {command('run', args.source)}"
    return command("init", "DIR", "--from", args.out, columns=args.columns)


def _show(repairs: Repairs) -> None:
    from steelyard.data.repairs.work import ACTIONS
    from steelyard.words import counted

    removed = repairs.rows - repairs.kept
    say(f"{counted(repairs.rows, 'row')} read, {repairs.kept:,} kept, {removed:,} left out")
    for action, count in repairs.counts.items():
        say(f"  {count:>8,}  {action:<15} {ACTIONS[action]}")
    if not repairs.counts:
        say("  nothing to repair")
    for note in repairs.notes:
        say(f"  note: {note}")
    for name, path in repairs.files.items():
        say(f"wrote {path}" + (" (rows to review)" if name == "review" else ""))
    if not repairs.files:
        say("dry run: nothing was written")
