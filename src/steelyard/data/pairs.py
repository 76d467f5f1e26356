"""Which examples are pairs of a better and a worse answer, and what is wrong with those that are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from steelyard.core import Example
from steelyard.data.formats.base import json_in

PairState = Literal["none", "pair", "equal", "empty", "no_output"]
"""``none``: no rejected answer is stated; ``equal``: it is the output, or another accepted answer; ``empty``:
it is blank; ``no_output``: there is no better one."""


def pair_state(example: Example) -> PairState:
    """Say what an example is to training on pairs, which learns those of state ``pair``."""
    if example.rejected is None:
        return "none"
    worse, better = example.rejected.strip(), example.output.strip()
    if not worse:
        return "empty"
    if not better:
        return "no_output"
    right = {_plain(one) for one in (better, *example.accepted)}
    return "equal" if _plain(worse) in right else "pair"


def _plain(text: str) -> str:
    """An answer without what does not matter in it: spaces around it, and those of JSON and its order."""
    return json.dumps(json_in(text.strip(), ("[", "{")), sort_keys=True)


def is_pair(example: Example) -> bool:
    """Whether an example has two answers that differ."""
    return pair_state(example) == "pair"


def pairs_of(examples: Sequence[Example]) -> list[Example]:
    """Those of ``examples`` that are pairs."""
    return [one for one in examples if is_pair(one)]


def second(pair: Example) -> Example:
    """A pair with its rejected answer as the output."""
    return replace(pair, output=pair.rejected or "", rejected=None)
