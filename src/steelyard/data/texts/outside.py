"""Facts that outputs state and inputs do not contain: a model would have to know them by heart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.core import Example
from steelyard.data.dataset import Dataset

_SHOWN = 5
_NUMBER = re.compile(r"\d(?:[\d.,]*\d)?")


@dataclass(frozen=True)
class OutsideFacts:
    """How many outputs of those looked at state a fact that their input does not hold.

    ``kinds`` counts outputs by kind of fact, each output once for a kind; ``common`` lists the facts
    that most outputs share. ``rows`` are the row numbers of the first few such outputs.
    """

    looked_at: int
    outputs: int
    kinds: Mapping[str, int]
    common: tuple[tuple[str, int], ...]
    rows: tuple[int, ...]

    @property
    def first(self) -> int | None:
        return self.rows[0] if self.rows else None

    @property
    def share(self) -> float | None:
        """Share of the outputs; ``None`` where none was looked at."""
        return self.outputs / self.looked_at if self.looked_at else None


def outside_facts(data: Dataset, settings: Mapping[str, Any]) -> OutsideFacts:
    """Search the outputs for dates, prices, hours, versions and the like.

    ``settings`` is the section ``wrong_task`` of ``data/mistakes.yaml``. A fact counts when no turn of
    the input holds it and nothing next to it says that it was computed. Names and plain numbers are
    not looked for: too many of them are part of any reply.
    """
    kinds = {kind: re.compile(text, re.IGNORECASE) for kind, text in settings["facts"].items()}
    computed = re.compile(settings["computed"])
    counts: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    rows: list[int] = []
    indices = _sample(
        [i for i, text in enumerate(data.written) if text.strip()], settings["sample"]
    )
    for index in indices:
        stated = dict(_stated(data.examples[index], data.written[index], kinds, computed))
        if not stated:
            continue
        rows.append(data.numbers[index])
        counts.update(set(stated.values()))
        facts.update(stated.keys())
    return OutsideFacts(
        len(indices),
        len(rows),
        dict(counts.most_common()),
        tuple(facts.most_common(_SHOWN)),
        tuple(rows[:_SHOWN]),
    )


def _sample(indices: list[int], most: int) -> list[int]:
    if len(indices) <= most:
        return indices
    picked = np.random.default_rng(0).choice(len(indices), most, replace=False)
    return [indices[place] for place in sorted(picked.tolist())]


def _stated(
    example: Example, output: str, kinds: Mapping[str, re.Pattern[str]], computed: re.Pattern[str]
) -> Iterator[tuple[str, str]]:
    """Yield each fact of ``output``, folded, with its kind."""
    if not any(character.isdigit() or character == ":" for character in output):
        return
    question = " ".join([*(turn.content for turn in example.context), example.input]).casefold()
    numbers = set(_NUMBER.findall(question))
    # A number that is computed somewhere in the output is computed wherever it stands.
    numbers |= set(re.findall(rf"(?:{computed.pattern})\s*[€$£]?\s?({_NUMBER.pattern})", output))
    for kind, expression in kinds.items():
        for match in expression.finditer(output):
            fact = " ".join(match[0].casefold().split()).rstrip(".,")
            if fact not in question and not _derived(fact, kind, numbers):
                yield fact, kind


def _derived(fact: str, kind: str, input_numbers: set[str]) -> bool:
    """Whether the input holds the numbers; a date may be written in another way there."""
    numbers = [number.lstrip("0") or "0" for number in _NUMBER.findall(fact)]
    plain = {number.lstrip("0") or "0" for number in input_numbers}
    if kind == "date":
        numbers = [part for number in numbers for part in re.split(r"\D", number)]
        return any(number in plain for number in numbers)
    return bool(numbers) and all(number in plain for number in numbers)
