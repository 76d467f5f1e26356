"""``steelyard compare RUN RUN``: what changed between two runs, and whether it is real."""

from __future__ import annotations

import argparse

from steelyard.cli.options import count, file_path
from steelyard.printing import console, say, say_json


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "compare",
        help="say what changed between two runs, and whether it is real",
        description="Compare two finished runs of a task: arms by name, over the test examples that "
        "are the same in both, by paired tests. Nothing is asked of any model.",
    )
    verb.add_argument(
        "before", metavar="RUN", type=file_path, help="the run folder to compare with"
    )
    verb.add_argument("now", metavar="RUN", type=file_path, help="the run folder that may differ")
    verb.add_argument(
        "--items",
        metavar="N",
        type=count,
        default=0,
        help="list up to N examples of each arm whose score changed, losses first",
    )
    verb.add_argument(
        "--json",
        action="store_true",
        help="print the comparison on stdout as JSON and nothing else",
    )
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the comparison."""
    from steelyard.changes import compare
    from steelyard.report.changes import (
        changes_text,
        cost_table,
        details_text,
        quality_caption,
        quality_table,
    )

    comparison = compare(args.before, args.now, items=args.items)
    if args.json:
        say_json(comparison.to_dict())
        return 0
    screen = console()
    say(changes_text(comparison))
    say()
    screen.print(quality_table(comparison))
    say(f"{quality_caption(comparison)}\n")
    screen.print(cost_table(comparison))
    say(details_text(comparison))
    return 0
