"""The options that ``run`` and ``plan`` share: what of a task the command line may change."""

from __future__ import annotations

import argparse
import os
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from steelyard.cli.trust import add_trust
from steelyard.words import shortened

_LONGEST_NAME, _LONGEST_PATH = 255, 4000
"""Bytes that file systems allow, or somewhat fewer."""


def add_options(verb: argparse.ArgumentParser) -> None:
    """Add the task and the options over it."""
    add_fit_options(verb)
    verb.add_argument(
        "--prices-at",
        metavar="DATE",
        help="the day whose prices hold (default: today); what the run folder holds is weighed again",
    )
    verb.add_argument(
        "--no-race",
        dest="race",
        action="store_false",
        help="ask every arm the test, also those that dev shows cannot win",
    )


def add_fit_options(verb: argparse.ArgumentParser) -> None:
    """Add the task and those of its options that matter where no test is asked."""
    verb.set_defaults(race=True, prices_at=None)
    verb.add_argument("task", metavar="TASK", type=file_path, help="a folder with task.yaml")
    verb.add_argument(
        "--out", metavar="DIR", type=file_path, help="run folder (default: runs/NAME)"
    )
    verb.add_argument(
        "--strategies", metavar="A,B", type=names, help="instead of the task's strategies"
    )
    verb.add_argument(
        "--model",
        metavar="M",
        action="append",
        help="smollm2-135m, hf:NAME-OR-PATH or openai:NAME; give it again for several models",
    )
    verb.add_argument("--seed", metavar="N", type=whole, default=0, help="default: 0")
    verb.add_argument(
        "--no-cache",
        action="store_true",
        help="discard what the run folder holds, and ask again what other runs paid for",
    )
    verb.add_argument(
        "--max-cost", metavar="X", type=_money, help="stop before hosted tokens cost more than X"
    )
    verb.add_argument(
        "--skip-bad-rows",
        action="store_true",
        help="skip rows that cannot be read",
    )
    add_trust(verb)


def run_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options as the Python functions take them."""
    names = "strategies model seed skip_bad_rows no_cache max_cost race prices_at".split()
    return {name: getattr(args, name) for name in names}


def names(text: str) -> tuple[str, ...]:
    """The names in ``A,B``."""
    several = tuple(name.strip() for name in text.split(",") if name.strip())
    if not several:
        raise argparse.ArgumentTypeError("give at least one name")
    return several


def file_path(text: str) -> Path:
    """The path of a file or folder; a text that can be none is refused."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path")
    if any(len(os.fsencode(name)) > _LONGEST_NAME for name in Path(text).parts):
        raise argparse.ArgumentTypeError(
            f"{shortened(text, 40)!r} is not a path: a name in it has more than {_LONGEST_NAME} bytes"
        )
    if len(os.fsencode(text)) > _LONGEST_PATH:
        raise argparse.ArgumentTypeError(
            f"{shortened(text, 40)!r} is not a path: it has more than {_LONGEST_PATH} bytes"
        )
    return Path(text)


def count(text: str) -> int:
    """A whole number of at least 0."""
    number = whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return number


def whole(text: str) -> int:
    """A whole number, with or without separators of thousands."""
    from steelyard.config.numbers import count_text

    try:
        plain = str(count_text(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    try:
        return int(plain)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def share(text: str) -> float:
    """A share as a number; a percentage is refused with the share that it is."""
    return float(_number(text, "a share, such as 0.01"))


def _number(text: str, what: str) -> Decimal:
    from steelyard.config.numbers import number_text

    try:
        return Decimal(str(number_text(text)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None


def _money(text: str) -> Decimal:
    value = _number(text, "an amount of money")
    if not value.is_finite() or value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of money")
    return value
