"""The ways that are advised, and what a choice of one consists of."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

AdvisedWay = Literal[
    "measure", "prompt", "few_shot", "retrieval", "fine_tune", "hybrid", "classical"
]
WAYS: tuple[str, ...] = get_args(AdvisedWay)
LEARNED = ("fine_tune", "hybrid", "classical", "measure")
"""Ways whose outcome rests on examples to learn from and on a test part of them."""
WELL = ("eight_of_ten", "more_right_than_wrong")
TRIED = (*WELL, "prompt_plateau")


class WayChoice(NamedTuple):
    """A way, the one sentence why, and the rules that decided."""

    way: AdvisedWay
    why: str
    rules: tuple[str, ...]
