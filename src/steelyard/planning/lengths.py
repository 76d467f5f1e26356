"""How long a task's texts are in a model's tokens, before the model is loaded or asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from steelyard.core import Example, Split
from steelyard.data.pairs import pairs_of, second
from steelyard.data.tokens import estimate
from steelyard.data.unlabelled import Unlabelled
from steelyard.model import ModelSpec, provider_of
from steelyard.model.provider_facts import CountTokens
from steelyard.model.tokenizer import local_tokenizer
from steelyard.strategy.base import Brief
from steelyard.strategy.outlook import InputSizes, PairSizes, Sizes
from steelyard.strategy.prompt import full_instruction, known_outputs

_COUNTED = 400
"""So many examples, from all over the data, tell the mean."""


@dataclass(frozen=True)
class Lengths:
    """A task's sizes in one model's tokens; ``how`` names the tokenizer or the estimate.

    ``inputs`` are those of its files of inputs, by name.
    """

    sizes: Sizes
    how: str
    is_exact: bool
    inputs: Mapping[str, InputSizes] = field(default_factory=dict)


def lengths_of(
    split: Split, brief: Brief, spec: ModelSpec, unlabelled: Mapping[str, Unlabelled]
) -> Lengths:
    """Count with the model's own tokenizer where it is on this machine, else estimate."""
    count, how, exact = _counter(spec)
    examples = _spread([*split.train, *split.dev, *split.test])
    sizes = Sizes(
        train=len(split.train),
        dev=len(split.dev),
        test=len(split.test),
        labels=len(brief.labels),
        instruction_tokens=float(count([full_instruction(brief)])[0]),
        input_tokens=_mean(count(_asked_of(examples))),
        output_tokens=_mean(count([example.output for example in examples])),
        longest_output_tokens=float(max(count(known_outputs(brief, split.train)), default=0)),
        pairs=_pairs(split, count),
    )
    inputs = {
        name: InputSizes(len(file.examples), _mean(count(_asked_of(file.examples))))
        for name, file in unlabelled.items()
    }
    return Lengths(sizes, how, exact, inputs)


def _counter(spec: ModelSpec) -> tuple[CountTokens, str, bool]:
    """A function that counts tokens, what it counts with, and whether that is exact."""
    if (count := provider_of(spec).count) is not None:
        return count, f"counted by {spec.provider}", True
    tokenizer = local_tokenizer(spec)
    if isinstance(tokenizer, str):
        return estimate, f"estimated from characters: {tokenizer}", False
    return tokenizer.count, f"counted by the tokenizer of {spec.name}", True


def _pairs(split: Split, count: CountTokens) -> PairSizes:
    train, dev = pairs_of(split.train), pairs_of(split.dev)
    worse = [second(one).output for one in _spread([*train, *dev])]
    return PairSizes(len(train), len(dev), _mean(count(worse)))


def _asked_of(examples: Sequence[Example]) -> list[str]:
    """All that some of the examples bring into a prompt: the turns before, and the input."""
    return [
        "\n".join([*(turn.content for turn in one.context), one.input]) for one in _spread(examples)
    ]


def _spread(examples: Sequence[Example]) -> list[Example]:
    places = np.linspace(0, len(examples) - 1, min(_COUNTED, len(examples))).round()
    return [examples[int(place)] for place in places]


def _mean(counts: Sequence[int]) -> float:
    return float(np.mean(counts)) if counts else 0.0
