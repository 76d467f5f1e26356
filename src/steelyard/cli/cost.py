"""``steelyard cost``: what each way costs, from a file or a few figures, without any data."""

from __future__ import annotations

import argparse
from dataclasses import replace
from shutil import get_terminal_size
from typing import Any

from steelyard.cli.options import file_path
from steelyard.cli.two_ways import FLAGS, in_flags, two_ways
from steelyard.errors import ConfigError
from steelyard.printing import console, say, say_json


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "cost",
        help="say what each way costs and from when one pays, without any data",
        description="Compare what ways of doing a task cost: upfront, a month, over a horizon, when one "
        "pays back another, what the sum leaves out and where each of these things alone turns it. "
        "Give a file, an example, or the figures of two ways.",
    )
    verb.add_argument(
        "file", metavar="FILE", nargs="?", type=file_path, help="traffic, prices, ways"
    )
    verb.add_argument(
        "--example", metavar="NAME", help="field, azure, bot-2023, bot-2026, bot-machine"
    )
    verb.add_argument(
        "--prices-at", metavar="DATE", help="the day whose prices hold (default: today)"
    )
    verb.add_argument(
        "--map", action="store_true", help="show the cheapest way over volumes and horizons"
    )
    verb.add_argument("--json", action="store_true", help="print the answer on stdout as JSON")
    group = verb.add_argument_group(
        "two ways", "a long prompt against a tuned model, without a file"
    )
    for flag in FLAGS:
        group.add_argument(f"--{flag.name}", metavar=flag.unit, help=flag.text)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the answer as a table with its notes, or with ``--json`` as data."""
    from steelyard.calculator import cost
    from steelyard.report.calculation import WIDTH, answer_text, choice_table, cost_table

    figures = {
        flag.name: value
        for flag in FLAGS
        if (value := getattr(args, flag.name.replace("-", "_"))) is not None
    }
    source: Any = args.file
    if figures:
        if args.file is not None or args.example is not None:
            raise ConfigError(
                f"give a file, an example or figures, not two of them: leave out --{next(iter(figures))}"
            )
        source = two_ways(figures)
    elif args.file is None and args.example is None:
        raise ConfigError(
            "nothing to price: give a file, --example field, or --prompt-tokens, --tuned-tokens, "
            "--price-per-1k, --requests-per-day and --training"
        )
    try:
        answer = cost(source, example=args.example, prices_at=args.prices_at, with_map=args.map)
    except ConfigError as error:
        raise (ConfigError(in_flags(str(error), figures)) if figures else error) from None
    if figures:
        unused = tuple(in_flags(text, figures) for text in answer.not_used)
        answer = replace(answer, not_used=unused)
    if args.json:
        say_json(answer.to_dict())
        return 0
    width = min(get_terminal_size((WIDTH, 24)).columns, WIDTH)
    screen = console(width=width)
    head, tail = answer_text(answer, width)
    say(f"{head}\n")
    screen.print(cost_table(answer))
    say(tail)
    if answer.map is not None:
        say()
        screen.print(choice_table(answer.map))
    return 0
