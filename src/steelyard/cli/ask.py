"""``steelyard ask PATH TEXT``: put one question to a saved arm."""

from __future__ import annotations

import argparse

from steelyard.cli.options import file_path
from steelyard.cli.trust import add_trust
from steelyard.printing import say


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("ask", help="put one input to the winner of a run")
    verb.add_argument(
        "path", metavar="PATH", type=file_path, help="a run folder, or the winner/ in it"
    )
    verb.add_argument("text", metavar="TEXT", help="the input to answer")
    add_trust(verb)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the arm's answer."""
    from steelyard.errors import DataError
    from steelyard.strategy.saved import load

    if not args.text.strip():
        raise DataError("the input to answer is empty: give its text after the folder")
    say(load(args.path).answer(args.text))
    return 0
