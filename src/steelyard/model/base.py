"""The protocol every model keeps, and the spec a model is built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from steelyard.core import Completion, Request

OnDone = Callable[[Sequence[tuple[int, Completion]]], None]
"""Called with ``(index, completion)`` pairs as each batch ends, before the next one begins."""


@dataclass(frozen=True)
class ModelSpec:
    """How to build a model: plain data, saved with every arm.

    ``provider`` is a name in the registry (``embedded``, ``hf``, ``openai``, ``fake``); ``name`` is the
    provider's model name or a local folder. ``adapter`` is a folder with LoRA weights, or ``None``.
    The key itself is never stored, only the name of its environment variable; it travels as a bearer
    token unless ``key_header`` names another header. ``max_in_flight`` bounds requests at once.
    """

    provider: str
    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    adapter: str | None = None
    key_header: str | None = None
    max_in_flight: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class Model(Protocol):
    """A chat model. Implementations never raise for one bad request: they return its failure."""

    @property
    def name(self) -> str:
        """The name shown to people."""
        ...

    @property
    def fingerprint(self) -> str:
        """Everything that decides an answer besides the request (weights, precision), as a short text."""
        ...

    @property
    def local(self) -> bool:
        """Whether it runs on this machine (paid by machine hours rather than tokens)."""
        ...

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer ``requests``; the result has the same length and order.

        ``skip`` names indices that are already answered: they shape the plan (shared prefix, batches),
        so that a resumed run computes exactly what an undisturbed one does, but they are not asked and
        their place in the result is ``None``. ``on_done`` receives each finished batch.
        """
        ...

    def count_tokens(self, text: str) -> int | None:
        """Tokens of ``text`` by the model's own tokenizer, or ``None`` when it is not known here."""
        ...
