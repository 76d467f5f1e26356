"""The length of rows in the model's tokens: counted by its tokenizer, else estimated."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from steelyard.data.dataset import Dataset
from steelyard.model import ModelSpec
from steelyard.model.provider_facts import CountTokens
from steelyard.model.tokenizer import Overhead, local_tokenizer, overhead
from steelyard.packaged import packaged

Ints = NDArray[np.int64]
_SCRIPTS = {
    "han": re.compile(
        "[\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    ),
    "kana": re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"),
    "hangul": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "other": re.compile(
        "[\u0370-\u1dff\u2c00-\u2dff\ua4d0-\uabff\ufb1d-\ufefc\U00010000-\U0001efff]"
    ),
}


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """Tokens of each example, along `Dataset.examples`.

    ``input`` holds the row's own turns but its answer, ``output`` the answer as it is written;
    ``instruction`` is the task's, once a request. ``turns`` counts user and assistant turns with the
    answer, ``has_system`` says which rows have a system message of their own. ``overhead`` is what
    the chat template adds. ``window`` is the context of a model on this machine, if known.
    ``method`` is ``exact`` by the model's own tokenizer, else ``estimated``; ``how`` names what counted
    and ``reason`` why it is not exact.
    """

    input: Ints
    output: Ints
    turns: Ints
    has_system: NDArray[np.bool_]
    instruction: int
    overhead: Overhead
    method: Literal["exact", "estimated"]
    how: str
    reason: str | None = None
    window: int | None = None

    @property
    def prompt(self) -> Ints:
        """All that is sent: the instruction, the row's turns and the template's own tokens."""
        opened = self.has_system | (self.instruction > 0)
        opening = np.where(opened, self.overhead.opening_system, self.overhead.opening)
        template = np.ceil(opening + self.overhead.per_turn * self.turns).astype(np.int64)
        prompt: Ints = self.input + self.instruction + template
        return prompt

    @property
    def whole(self) -> Ints:
        """A row as it is trained on: prompt and answer."""
        return self.prompt + self.output

    def to_dict(self) -> dict[str, Any]:
        """The lengths and how they were counted, as plain data."""
        return {
            "method": self.method,
            "how": self.how,
            "reason": self.reason,
            "instruction": self.instruction,
            "input": lengths(self.input),
            "output": lengths(self.output),
            "prompt": lengths(self.prompt),
            "template": {key: float(value) for key, value in self.overhead._asdict().items()},
        }


def lengths(tokens: Ints) -> dict[str, int | None]:
    """The 5th, 50th and 95th percentile, the maximum and the total; ``None`` without rows."""
    if not len(tokens):
        return {"p5": None, "p50": None, "p95": None, "max": None, "total": 0}
    low, middle, high = np.percentile(tokens, (5, 50, 95), method="nearest")
    return {
        "p5": int(low),
        "p50": int(middle),
        "p95": int(high),
        "max": int(tokens.max()),
        "total": int(tokens.sum()),
    }


_KNOWN: WeakKeyDictionary[Dataset, TokenCounts] = WeakKeyDictionary()


def count_tokens(data: Dataset) -> TokenCounts:
    """Count the tokens of every row, once a data set; nothing is downloaded.

    Where the tokenizer of ``data.model`` is not on this machine, characters are divided by a
    ratio for each script (``data/tokens.yaml``). Texts are counted one by one: a model may join the
    last and first characters of neighbours, which moves a count by a token at most.
    """
    if data not in _KNOWN:
        _KNOWN[data] = _count(data)
    return _KNOWN[data]


def _count(data: Dataset) -> TokenCounts:
    model, instruction = data.model, data.task.instruction.strip()
    count, template, how, reason, window = _counter(model)
    roles = [[turn.role for turn in example.context] for example in data.examples]
    inputs = np.array(count([example.input for example in data.examples]), dtype=np.int64)
    turns = [turn.content for example in data.examples for turn in example.context]
    owner = np.repeat(np.arange(len(roles)), [len(turns_of_row) for turns_of_row in roles])
    before = np.bincount(owner, weights=_each(count, turns), minlength=len(roles))
    return TokenCounts(
        input=inputs + before.astype(np.int64),
        output=_each(count, data.written),
        turns=np.array([2 + len(r) - r.count("system") for r in roles], dtype=np.int64),
        has_system=np.array(["system" in turns_of_row for turns_of_row in roles], dtype=np.bool_),
        instruction=count([instruction])[0] if instruction else 0,
        overhead=template,
        method="exact" if reason is None else "estimated",
        how=how,
        reason=reason,
        window=window,
    )


def _counter(model: ModelSpec) -> tuple[CountTokens, Overhead, str, str | None, int | None]:
    """A way to count, the template's tokens, how it counts, why it only estimates, the window."""
    tokenizer = local_tokenizer(model)
    if isinstance(tokenizer, str):
        ratios = _ratios()["characters_per_token"]
        by_script = ", ".join(f"{script} {ratio}" for script, ratio in ratios.items())
        how = f"an estimate from characters ({by_script} per token)"
        return estimate, _usual_overhead(), how, tokenizer, None
    template = tokenizer.template and overhead(
        tokenizer.template, tokenizer.special, tokenizer.count_chat
    )
    how = f"the tokenizer of {model.name}"
    if template:
        return tokenizer.count, template, how, None, tokenizer.window
    plain = Overhead(0, 0, 1)  # without a template turns are joined by blank lines
    return (
        tokenizer.count,
        plain,
        f"{how}, without a usable chat template",
        None,
        tokenizer.window,
    )


def _each(count: CountTokens, texts: Sequence[str]) -> Ints:
    """Count each text, equal ones once: outputs and system messages repeat."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    counts = np.array(count(list(places)), dtype=np.int64)
    return counts[np.array([places[text] for text in texts], dtype=np.int64)]


def estimate(texts: Sequence[str]) -> list[int]:
    """Estimate the tokens of texts from their characters, rounded up."""
    ratios = _ratios()["characters_per_token"]
    return [_estimate(text, ratios) for text in texts]


def _estimate(text: str, ratios: dict[str, float]) -> int:
    rest, tokens = len(text), 0.0
    if not text.isascii():
        for script, pattern in _SCRIPTS.items():
            several = len(pattern.findall(text))
            tokens += several / ratios[script]
            rest -= several
    return math.ceil(tokens + rest / ratios["latin"])


def _usual_overhead() -> Overhead:
    chat = _ratios()["chat"]
    return Overhead(chat["opening"], chat["opening"] + chat["per_turn"], chat["per_turn"])


@cache
def _ratios() -> dict[str, Any]:
    return dict(packaged("model/data/tokens.yaml"))
