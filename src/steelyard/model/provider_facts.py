"""What a provider may state of its models before one is built: how it counts tokens, and its pace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

CountTokens = Callable[[Sequence[str]], list[int]]
"""Tokens of each text, without special tokens of its own."""


@dataclass(frozen=True)
class LocalTokenizer:
    """What counting needs of a model on this machine.

    ``count`` reads what looks like a control token as text, as it is read inside a message;
    ``count_chat`` counts what a template rendered. ``template`` is its chat template (Jinja),
    ``special`` the names that templates know (``bos_token``, …), ``window`` its context in tokens;
    each ``None`` or empty when unknown.
    """

    count: CountTokens
    count_chat: CountTokens
    template: str | None
    special: Mapping[str, str]
    window: int | None


@dataclass(frozen=True)
class Pace:
    """Seconds a model needs: of a token read, written and trained on, and of a request as such.

    ``at_once`` requests share them; one that ``keeps_shared`` reads once what many prompts share.
    Without ``is_known`` there is no figure; ``source`` says why, or what the figures rest on.
    """

    source: str
    is_known: bool = True
    input_seconds: float = 0.0
    output_seconds: float = 0.0
    training_seconds: float | None = 0.0
    request_seconds: float = 0.0
    at_once: int = 1
    keeps_shared: bool = False

    def seconds(self, requests: float, input_tokens: float, output_tokens: float) -> float | None:
        """Return the seconds that this work takes; ``None`` if that is unknown."""
        if not self.is_known:
            return None
        work = input_tokens * self.input_seconds + output_tokens * self.output_seconds
        return (work + requests * self.request_seconds) / self.at_once
