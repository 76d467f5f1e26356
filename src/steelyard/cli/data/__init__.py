"""``steelyard data VERB``: judge, convert, split, repair and review examples."""

from __future__ import annotations

import argparse
from importlib import import_module

VERBS = ("check", "convert", "split", "fix", "label")


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    data = verbs.add_parser(
        "data",
        help="judge, convert, split, repair and review examples",
        description="From what you have to data worth measuring or training on.",
    )
    below = data.add_subparsers(dest="data_verb", required=True, metavar="VERB")
    for verb in VERBS:
        import_module(f"steelyard.cli.data.{verb}").add(below)
