"""``steelyard init DIR``: start a task from a packaged example, or from a file of your own."""

from __future__ import annotations

import argparse
import sys
from shlex import quote

from steelyard.cli.options import file_path
from steelyard.printing import say


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
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Make the folder and say what to do next."""
    from steelyard.data.read import summary
    from steelyard.data.starter import init_from_example, start_from_file

    if args.example is not None:
        folder = init_from_example(args.folder, args.example)
    else:
        folder, bad = start_from_file(args.folder, args.source)
        if bad:
            say(f"steelyard: warning: guessed without {summary(bad)}", file=sys.stderr)
    say(f"wrote {folder / 'task.yaml'}: read it, then: steelyard run {quote(str(folder))}")
    return 0
