"""The figures of ``steelyard cost`` on the command line: two ways, without a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from steelyard.errors import ConfigError

_MODEL = "your model"
_THOUSANDS = 1000  # thousands in a million
_LONG, _TUNED = ("ways", "long prompt"), ("ways", "tuned")
_PRICES = ("prices", "")
"""Of the model, whose name comes second."""


class Flag(NamedTuple):
    """A flag, the unit of its value, its help, and the keys of a file that it stands for."""

    name: str
    unit: str
    text: str
    keys: tuple[tuple[str, ...], ...]

    @property
    def is_per_1k(self) -> bool:
        return self.name.endswith("per-1k")


FLAGS = (
    Flag(
        "prompt-tokens",
        "N",
        "input tokens of a request with the long prompt",
        ((*_LONG, "input_tokens"),),
    ),
    Flag(
        "tuned-tokens",
        "N",
        "input tokens of a request to the tuned model",
        ((*_TUNED, "input_tokens"),),
    ),
    Flag(
        "output-tokens",
        "N",
        "output tokens of a request, either way",
        ((*_LONG, "output_tokens"), (*_TUNED, "output_tokens")),
    ),
    Flag("price-per-1k", "X", "money for 1,000 input tokens", ((*_PRICES, "input"),)),
    Flag("output-price-per-1k", "X", "money for 1,000 output tokens", ((*_PRICES, "output"),)),
    Flag(
        "model",
        "NAME",
        "a model whose prices the book knows, instead of prices",
        ((*_LONG, "model"), (*_TUNED, "model")),
    ),
    Flag(
        "multiplier",
        "X",
        "price of a tuned token over that of its base",
        ((*_TUNED, "multiplier"),),
    ),
    Flag(
        "cached-share",
        "S",
        "share of the long prompt's input that is read from a cache",
        ((*_LONG, "cached_share"),),
    ),
    Flag(
        "cached-price-per-1k", "X", "money for 1,000 cached input tokens", ((*_PRICES, "cached"),)
    ),
    Flag(
        "training",
        "X",
        "what tuning costs: 350, 200-500 or 4 x 100 + 5 x 1.1",
        ((*_TUNED, "training"),),
    ),
    Flag(
        "hosting-hour",
        "X",
        "what an hour of the tuned model's hosting costs",
        ((*_TUNED, "hosting_hour"),),
    ),
    Flag("retrain-days", "N", "tuned again every N days", ((*_TUNED, "retrain_days"),)),
    Flag("requests-per-day", "N", "how many requests come", (("traffic", "requests_per_day"),)),
    Flag(
        "growth",
        "S",
        "growth of traffic a month, as a share: 0.05",
        (("traffic", "growth_per_month"),),
    ),
    Flag("horizon-days", "N", "over how many days (default: 365)", (("traffic", "horizon_days"),)),
    Flag("currency", "CODE", "of all amounts: EUR (default: USD)", (("currency",),)),
)


def two_ways(figures: Mapping[str, str]) -> dict[str, Any]:
    """The figures by flag as the mapping that a file holds. Raises `ConfigError` for what is missing."""
    for name in ("prompt-tokens", "tuned-tokens", "requests-per-day"):
        if name not in figures:
            raise ConfigError(f"--{name} is missing: give {_about(name)}")
    if ("price-per-1k" in figures) == ("model" in figures):
        raise ConfigError("give --price-per-1k, or --model for a price of the book, and not both")
    if "training" not in figures:
        raise ConfigError(
            f"--training is missing: give {_about('training')}; 0 if it costs nothing"
        )
    data: dict[str, Any] = {"prices": {}}
    currency = figures.get("currency", "USD")
    for flag in FLAGS:
        text = _MODEL if flag.name == "model" else None
        text = figures.get(flag.name, text)
        if text is None:
            continue
        value = _per_million(flag.name, text, currency) if flag.is_per_1k else text
        for keys in flag.keys:
            *above, last = _of_model(keys, figures)
            section = data
            for key in above:
                section = section.setdefault(key, {})
            section[last] = value
    return data


def in_flags(text: str, figures: Mapping[str, str]) -> str:
    """A message about keys of a file as one about the flags that stand for them, in their units."""
    text = text.removeprefix("cost: ")
    for flag in FLAGS:
        for keys in flag.keys:
            path = re.escape(".".join(_of_model(keys, figures)))
            if len(keys) == 1:
                path = rf"(?:^|(?<=; )|(?<=problems: )){path}(?=: )"
            text, count = re.subn(path, f"--{flag.name}", text)
            if count and flag.is_per_1k:
                text = _in_thousands(text, flag.name)
    for pattern, phrase in _PHRASES:
        text = re.sub(pattern, phrase, text)
    return _once(text)


_PHRASES = (
    (r"its code as currency", "its code with --currency"),
    (
        r"give prices: \{.*\} per million tokens",
        "correct --model, or give --price-per-1k instead of it",
    ),
    (
        r"runs on a machine: give machine_seconds",
        "it runs on a machine: write a file with machine_seconds",
    ),
    (r"growth of (\S+) a month", r"--growth \1"),
    (r"give your own in (\w+)", r"give --price-per-1k in \1 instead of --model"),
    (r"^(\S+) requests a day: ", r"--requests-per-day \1: "),
)


def _in_thousands(text: str, flag: str) -> str:
    """Amounts for a million tokens, after the flag that asks for a thousand's."""
    before, after = text.split(f"--{flag}", 1)
    clause, mark, rest = after.partition(";")
    number = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
    clause = re.sub(number, lambda m: f"{(Decimal(m[0]) / _THOUSANDS).normalize():f}", clause)
    return f"{before}--{flag}{clause.replace('a million', '1,000')}{mark}{rest}"


def _once(text: str) -> str:
    """The problems without those that are said of both ways."""
    several = re.match(r"\d+ problems: ", text)
    if not several:
        return text
    problems = list(dict.fromkeys(text[several.end() :].split("; ")))
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    return count + "; ".join(problems)


def _of_model(keys: tuple[str, ...], figures: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(key or figures.get("model", _MODEL) for key in keys)


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


def _about(name: str) -> str:
    return next(flag.text for flag in FLAGS if flag.name == name)
