"""What a training learns of its examples: the answer and what ends it, and not the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from steelyard.train.packing import TokenSample


class LearntRow(NamedTuple):
    """An example as the trainer reads it, decoded: ``learnt`` follows ``prompt`` and ends the turn.

    From a pair it is learnt in the place of ``rejected``. The counts are in tokens. One that ``is_too_long``
    is left out of training.
    """

    prompt: str
    learnt: str
    prompt_tokens: int
    learnt_tokens: int
    is_too_long: bool
    rejected: str = ""
    rejected_tokens: int = 0


class Learnt(NamedTuple):
    """Examples to look at, and the counts over all of them that are not left out."""

    rows: tuple[LearntRow, ...]
    examples: int
    too_long: int
    prompt_tokens: int
    learnt_tokens: int
    max_tokens: int
    pairs: int = 0
    rejected_tokens: int = 0


def learnt_of(tokenizer: Any, samples: Sequence[TokenSample], max_tokens: int, show: int) -> Learnt:
    """The first ``show`` of ``samples`` with the learnt span apart, control tokens written out."""
    fitting = [sample for sample in samples if sample.longest <= max_tokens]
    return Learnt(
        tuple(
            LearntRow(
                tokenizer.decode(sample.prompt),
                tokenizer.decode(sample.completion),
                len(sample.prompt),
                len(sample.completion),
                sample.longest > max_tokens,
                tokenizer.decode(sample.rejected),
                len(sample.rejected),
            )
            for sample in samples[:show]
        ),
        len(samples),
        len(samples) - len(fitting),
        sum(len(sample.prompt) for sample in fitting),
        sum(len(sample.completion) for sample in fitting),
        max_tokens,
        sum(bool(sample.rejected) for sample in fitting),
        sum(len(sample.rejected) for sample in fitting),
    )
