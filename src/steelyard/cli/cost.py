"""``steelyard cost``: what each way costs, from a file or a few figures, without any data."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from shutil import get_terminal_size
from typing import Any

from steelyard.cli.options import file_path
from steelyard.errors import ConfigError
from steelyard.printing import console, say, say_json

_FLAG_WAYS = ("long prompt", "tuned")
_MODEL = "your model"
_THOUSANDS = 1000  # thousands in a million
_FLAGS = (
    ("prompt-tokens", "N", "input tokens of a request with the long prompt"),
    ("tuned-tokens", "N", "input tokens of a request to the tuned model"),
    ("output-tokens", "N", "output tokens of a request, either way"),
    ("price-per-1k", "X", "money for 1,000 input tokens"),
    ("output-price-per-1k", "X", "money for 1,000 output tokens"),
    ("model", "NAME", "a model whose prices the book knows, instead of prices"),
    ("multiplier", "X", "price of a tuned token over that of its base"),
    ("cached-share", "S", "share of the long prompt's input that is read from a cache"),
    ("cached-price-per-1k", "X", "money for 1,000 cached input tokens"),
    ("training", "X", "what tuning costs: 350, 200-500 or 4 x 100 + 5 x 1.1"),
    ("hosting-hour", "X", "what an hour of the tuned model's hosting costs"),
    ("retrain-days", "N", "tuned again every N days"),
    ("requests-per-day", "N", "how many requests come"),
    ("growth", "S", "growth of traffic a month, as a share: 0.05"),
    ("horizon-days", "N", "over how many days (default: 365)"),
    ("currency", "CODE", "of all amounts: EUR (default: USD)"),
)


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
    for name, unit, text in _FLAGS:
        group.add_argument(f"--{name}", metavar=unit, help=text)
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Print the answer as a table with its notes, or with ``--json`` as data."""
    from steelyard.calculator import cost
    from steelyard.report.calculation import WIDTH, answer_text, choice_table, cost_table

    figures = {
        name: value for name, _, _ in _FLAGS if (value := getattr(args, _key(name))) is not None
    }
    source: Any = args.file
    if figures:
        if args.file is not None or args.example is not None:
            raise ConfigError(
                f"give a file, an example or figures, not two of them: leave out --{next(iter(figures))}"
            )
        source = _two_ways(figures)
    elif args.file is None and args.example is None:
        raise ConfigError(
            "nothing to price: give a file, --example field, or --prompt-tokens, --tuned-tokens, "
            "--price-per-1k, --requests-per-day and --training"
        )
    answer = cost(source, example=args.example, prices_at=args.prices_at, with_map=args.map)
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


def _key(flag: str) -> str:
    return flag.replace("-", "_")


def _two_ways(figures: dict[str, str]) -> dict[str, Any]:
    """The figures of the command line as the mapping that a file holds."""
    for name in ("prompt-tokens", "tuned-tokens", "requests-per-day"):
        if name not in figures:
            raise ConfigError(f"--{name} is missing: give {_about(name)}")
    if ("price-per-1k" in figures) == ("model" in figures):
        raise ConfigError("give --price-per-1k, or --model for a price of the book, and not both")
    if "training" not in figures:
        raise ConfigError(
            f"--training is missing: give {_about('training')}; 0 if it costs nothing"
        )
    model = figures.get("model", _MODEL)
    currency = figures.get("currency", "USD")
    common = _renamed(figures, {"output-tokens": "output_tokens"}) | {"model": model}
    prices = {
        key: _per_million(flag, figures[flag], currency)
        for key, flag in (
            ("input", "price-per-1k"),
            ("output", "output-price-per-1k"),
            ("cached", "cached-price-per-1k"),
        )
        if flag in figures
    }
    prompt = _renamed(figures, {"prompt-tokens": "input_tokens", "cached-share": "cached_share"})
    tuned = _renamed(
        figures,
        {
            "tuned-tokens": "input_tokens",
            "multiplier": "multiplier",
            "training": "training",
            "hosting-hour": "hosting_hour",
            "retrain-days": "retrain_days",
        },
    )
    traffic = {
        "requests-per-day": "requests_per_day",
        "growth": "growth_per_month",
        "horizon-days": "horizon_days",
    }
    return {
        "currency": currency,
        "traffic": _renamed(figures, traffic),
        "prices": {model: prices} if prices else {},
        "ways": dict(zip(_FLAG_WAYS, ({**common, **prompt}, {**common, **tuned}), strict=True)),
    }


def _renamed(figures: dict[str, str], names: dict[str, str]) -> dict[str, Any]:
    return {key: figures[flag] for flag, key in names.items() if flag in figures}


def _per_million(flag: str, text: str, currency: str) -> str:
    """A price per 1,000 tokens as one per million."""
    from steelyard.config.numbers import number_text
    from steelyard.words import CURRENCY_SIGNS

    try:
        plain = number_text(text.removeprefix(CURRENCY_SIGNS.get(currency, "")))
        return str(Decimal(str(plain)) * _THOUSANDS)
    except ValueError as error:
        raise ConfigError(f"--{flag}: {error}") from None
    except InvalidOperation:
        raise ConfigError(f"--{flag}: {text!r} is not an amount of money in {currency}") from None


def _about(flag: str) -> str:
    return next(text for name, _, text in _FLAGS if name == flag)
