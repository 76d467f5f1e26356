"""``steelyard init DIR``: start a task from a packaged example, or from a file of your own."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from steelyard.cli.data.options import add_columns
from steelyard.cli.options import file_path
from steelyard.commands import command
from steelyard.printing import say

if TYPE_CHECKING:
    from steelyard.data.starter import StarterTask


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("init", help="start a task of your own")
    verb.add_argument("folder", metavar="DIR", type=file_path, help="the folder to create")
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--example", metavar="NAME", help="copy an example, e.g. support-tickets")
    source.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        type=file_path,
        help="guess task.yaml from a data file",
    )
    add_columns(verb, summary="which column of FILE holds what, e.g. input=text,output=queue")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Make the folder and say what to do next."""
    from steelyard.data.starter import init_from_example, start_from_file

    if args.example is not None:
        folder = init_from_example(args.folder, args.example)
        say(f"wrote {folder / 'task.yaml'}: read it, then: {command('run', folder)}")
        return 0
    started = start_from_file(args.folder, args.source, args.columns)
    _show(started)
    return 0


def _show(started: StarterTask) -> None:
    """Say what was understood of the rows, and the command that comes next."""
    from steelyard.data.read import summary
    from steelyard.data.understood import understood

    for about, text in understood(started.data):
        say(f"{about:<14} {text}")
    bad = started.data.unusable
    if bad:
        reasons = summary(tuple(row.bad for row in bad))
        say(f"steelyard: warning: guessed without {reasons}", file=sys.stderr)
    if started.refusal is not None:
        say(
            f"steelyard: warning: a run refuses this task as it is: {started.refusal}",
            file=sys.stderr,
        )
    skip = ("--skip-bad-rows",) if bad else ()
    following = command("run", started.folder, *skip)
    say(f"wrote {started.folder / 'task.yaml'}: read it, then: {following}")
