"""``steelyard run TASK``: weigh the strategies and say which pays."""

from __future__ import annotations

import argparse
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser(
        "run",
        help="weigh the strategies on a task and say which pays",
        description="Fit each strategy, answer the test examples, and write result.json, "
        "report.html and winner/. Run the same command again to go on after an interruption.",
    )
    verb.add_argument("task", metavar="TASK", type=Path, help="a folder with task.yaml")
    verb.add_argument("--out", metavar="DIR", type=Path, help="run folder (default: runs/NAME)")
    verb.add_argument("--strategies", metavar="A,B", type=_names, help="instead of the task's own")
    verb.add_argument("--model", metavar="M", help="smollm2-135m, hf:NAME-OR-PATH or openai:NAME")
    verb.add_argument("--seed", metavar="N", type=int, default=0, help="default: 0")
    verb.add_argument(
        "--no-cache", action="store_true", help="throw away what the run folder holds"
    )
    verb.add_argument(
        "--max-cost", metavar="X", type=_money, help="stop before hosted tokens cost more than X"
    )
    verb.add_argument(
        "--skip-bad-rows",
        action="store_true",
        help="go on without rows that cannot be read",
    )
    verb.add_argument(
        "--json", action="store_true", help="print result.json on stdout and nothing else"
    )
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Run the task; print the verdict, or with ``--json`` the result."""
    from steelyard.cli.show import show
    from steelyard.run import display_for, run

    outcome = run(
        args.task,
        args.out,
        strategies=args.strategies,
        model=args.model,
        seed=args.seed,
        skip_bad_rows=args.skip_bad_rows,
        no_cache=args.no_cache,
        max_cost=args.max_cost,
        display=display_for(quiet=args.json),
    )
    if args.json:
        json.dump(outcome.result, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return 0
    show(outcome.result, outcome.report)
    if outcome.winner is not None:
        print(f'ask it:  steelyard ask {outcome.winner} "…"')
    return 0


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("give at least one strategy name")
    return names


def _money(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money") from None
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money")
    return value
