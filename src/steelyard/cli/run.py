"""``steelyard run TASK``: compare the strategies and recommend one."""

from __future__ import annotations

import argparse

from steelyard.cli.options import add_options, run_options
from steelyard.commands import command
from steelyard.printing import say, say_json


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "run",
        help="compare the strategies on a task and recommend one",
        description="Fit each strategy, answer the test examples, and write result.json, "
        "report.html and winner/. Run the same command again to resume after an interruption.",
    )
    add_options(verb)
    verb.add_argument(
        "--json", action="store_true", help="print result.json on stdout and nothing else"
    )
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Run the task; print the verdict, or with ``--json`` the result."""
    from steelyard.cli.report import show
    from steelyard.progress import display_for
    from steelyard.weigh import run

    display = display_for(quiet=args.json)
    outcome = run(args.task, args.out, **run_options(args), display=display)
    if args.json:
        say_json(outcome.result)
        return 0
    show(outcome.record, outcome.report)
    if outcome.winner is not None:
        say(f'ask it:  {command("ask", outcome.winner)} "…"')
    return 0
