"""The same prompt in another form: separators, formats, wording around it, and order of shots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from steelyard.core import Message, Question
from steelyard.output_kinds import KINDS
from steelyard.packaged import packaged
from steelyard.strategy.formats import Format, Shot, get_format, load_formats
from steelyard.strategy.prompt import Prompt, PromptRecipe

PROMPT_KINDS = ("format", "instruction", "order")
"""The kinds of change that need a prompt."""
_TEMPLATES = ("system", "lead", "heading", "shot", "input", "output")
_DRAWS = 20
T = TypeVar("T")


def vary_prompt(prompt: Prompt, kind: str, rng: np.random.Generator) -> list[tuple[str, Prompt]]:
    """Return prompts that ask the same in another way, each with a name for the change, in random order.

    ``format``: small changes of separators, spacing and field names, taken in turn with the other
    formats, as Sclar et al. (2024, ICLR) do. ``instruction``: other words around the same
    instruction. ``order``: the shots reversed and shuffled (Lu et al. 2022, ACL), retrieved ones
    the other way round. All as data in ``data/variations.json``. Empty where nothing can be changed.
    """
    return list(_MAKERS[kind](prompt, rng)) if kind in _MAKERS else []


def _formats(prompt: Prompt, rng: np.random.Generator) -> Iterator[tuple[str, Prompt]]:
    recipe = prompt.recipe
    own_shape = get_format(recipe.format)
    shapes = {name: shape for name, shape in load_formats().items() if name != recipe.format}
    others = [
        (f"format {name}", replace(prompt, recipe=replace(recipe, format=name))) for name in shapes
    ]
    small = [
        (name, replace(prompt, recipe=replace(recipe, shape=shape)))
        for name, swaps in _changes("format").items()
        if (shape := _changed(own_shape, swaps, recipe)) != own_shape
    ]
    drawn = _in_turn(_shuffled(small, rng), _shuffled(others, rng))
    # Without shots a change in a heading or a shot is none, and two formats can be one.
    readings = {_reads(prompt)}
    for name, varied in drawn:
        reading = _reads(varied)
        if reading not in readings:
            readings.add(reading)
            yield name, varied


def _changed(shape: Format, swaps: Sequence[tuple[str, str]], recipe: PromptRecipe) -> Format:
    field = KINDS[recipe.kind].field
    changed: dict[str, Any] = {
        name: swapped(getattr(shape, name), swaps)
        .replace("{FIELD}", field.upper())
        .replace("{lower_field}", field.lower())
        for name in _TEMPLATES
    }
    return replace(shape, **changed)


def _reads(prompt: Prompt) -> tuple[Message, ...]:
    retrieved = (Shot("a", "b"),) * min(2, prompt.recipe.retrieved)
    return prompt.recipe.messages(Question("x"), retrieved)


def _instructions(prompt: Prompt, rng: np.random.Generator) -> Iterator[tuple[str, Prompt]]:
    recipe = prompt.recipe
    worded = {name: swapped(recipe.instruction, s) for name, s in _changes("instruction").items()}
    changed = [
        (name, replace(prompt, recipe=replace(recipe, instruction=text)))
        for name, text in worded.items()
        if text not in ("", recipe.instruction)
    ]
    return iter(_shuffled(changed, rng))


def _orders(prompt: Prompt, rng: np.random.Generator) -> Iterator[tuple[str, Prompt]]:
    shots = prompt.recipe.shots
    if prompt.index is not None and prompt.recipe.retrieved > 1:
        other = "nearest_first" if prompt.order == "nearest_last" else "nearest_last"
        yield other.replace("_", " "), replace(prompt, order=other)
    orders = {shots, tuple(reversed(shots))}
    if len(orders) > 1:
        yield "reversed", replace(prompt, recipe=replace(prompt.recipe, shots=shots[::-1]))
    for _ in range(_DRAWS):
        order = tuple(shots[place] for place in rng.permutation(len(shots)))
        if order not in orders:
            orders.add(order)
            name = f"shuffled {len(orders) - 2}"
            yield name, replace(prompt, recipe=replace(prompt.recipe, shots=order))


_MAKERS: Mapping[str, Callable[[Prompt, np.random.Generator], Iterator[tuple[str, Prompt]]]] = {
    "format": _formats,
    "instruction": _instructions,
    "order": _orders,
}


def swapped(text: str, swaps: Sequence[tuple[str, str]]) -> str:
    """Apply regular expressions with their replacements, in order."""
    for pattern, replacement in swaps:
        text = re.sub(pattern, replacement, text)
    return text


@cache
def _changes(kind: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    changes: Mapping[str, Any] = packaged("strategy/data/variations.json")[kind]
    return {name: tuple((old, new) for old, new in one["swap"]) for name, one in changes.items()}


def _shuffled(items: Sequence[T], rng: np.random.Generator) -> list[T]:
    return [items[place] for place in rng.permutation(len(items))]


def _in_turn(first: Sequence[T], then: Sequence[T]) -> Iterator[T]:
    """Take from both in turn, then what one of them has left."""
    both = min(len(first), len(then))
    turns = chain.from_iterable(zip(first, then, strict=False))
    return chain(turns, first[both:], then[both:])
