"""Memory that runs out: a step is done again with fewer tokens at once, which gives the same gradient."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from steelyard.errors import FitError
from steelyard.files import read_json, write_whole
from steelyard.train.packing import TokenSample

_NAME = "memory.json"
_MESSAGES = (
    "not enough memory",
    "can't allocate memory",
    "out of memory",
    "alloc_failed",
    "bad_alloc",
)
"""Of CPU allocators and of CUDA's libraries, which raise a plain `RuntimeError`."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _MESSAGES)


def sum_in_pieces(
    most: int,
    cut: Callable[[int], Sequence[Sequence[TokenSample]]],
    compute: Callable[[Sequence[Sequence[TokenSample]]], Iterator[torch.Tensor]],
    restart: Callable[[], bool],
) -> tuple[torch.Tensor, int]:
    """Sum what ``compute`` makes of the pieces that ``cut`` gives for ``most`` tokens at once.

    Where memory runs out, ``restart`` undoes what was computed and says whether fewer pieces stand in
    memory from now on; all is done again so, or with half as many tokens. Returns the sum, and the tokens
    at once that memory allowed. Raises `FitError` where a single sample does not fit.
    """
    while True:
        pieces = cut(most)
        total, count, is_short = torch.zeros(()), 0, False
        try:
            for part in compute(pieces):
                total, count = total + part, count + 1
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            is_short = True
        if not is_short:
            return total, most
        has_room = restart()  # out of the handler, whose traceback holds on to tensors
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        most = most if has_room else _fewer(most, pieces[count])


def _fewer(most: int, too_large: Sequence[TokenSample]) -> int:
    """Halve ``most`` until those samples are more than one piece."""
    tokens = sum(sample.length for sample in too_large)
    if len(too_large) == 1:
        longest = too_large[0].longest
        raise FitError(
            f"memory ran out on a single example of {longest:,} tokens: set the option max_tokens below "
            f"{longest:,}, which leaves longer examples out, or tune a smaller model"
        )
    while most >= tokens:
        most //= 2
    return most


@contextmanager
def memory_errors() -> Iterator[None]:
    """Say in one line that memory ran out where fewer tokens at once are no help. Raises `FitError`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise FitError(
            "memory ran out in training: tune a smaller model, set max_tokens lower, or free memory on this "
            "machine and run the same command again"
        ) from error


def keep_step_tokens(folder: Path, most: int) -> None:
    """Write into a job's folder how many tokens at once memory allowed."""
    write_whole(folder / _NAME, json.dumps({"step_tokens": most}))


def allowed_step_tokens(folder: Path) -> int | None:
    """How many tokens at once memory allowed in a job's folder; ``None`` where it did not run out."""
    path = folder / _NAME
    return int(read_json(path)["step_tokens"]) if path.is_file() else None


def memory_note(folder: Path, planned: int) -> str | None:
    """Say that memory ran out and what was done, where it did; ``planned`` tokens at once were meant."""
    allowed = allowed_step_tokens(folder)
    if allowed is None:
        return None
    return memory_text(allowed, planned)


def memory_text(allowed: int, planned: int) -> str:
    """Say that ``allowed`` tokens are computed at once where ``planned`` were."""
    return (
        f"memory ran out: {allowed:,} tokens are computed at once instead of {planned:,}; the gradient is "
        "the same"
    )
