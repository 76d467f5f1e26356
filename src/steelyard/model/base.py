"""The protocol every model keeps, and the spec a model is built from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from steelyard.core import Completion, Request
from steelyard.errors import BudgetError

OnDone = Callable[[Sequence[tuple[int, Completion]]], None]
"""Called with ``(index, completion)`` pairs as each batch ends, before the next one begins."""


@dataclass(frozen=True)
class ModelSpec:
    """How to build a model: plain data, saved with every arm.

    ``provider`` is a name in the registry (``embedded``, ``hf``, ``openai``, ``fake``); ``name`` is the
    provider's model name or a local folder. ``adapter`` is a folder with LoRA weights, or ``None``.
    The key itself is never stored, only the name of its environment variable; it travels as a bearer
    token unless ``key_header`` names another header. ``max_in_flight`` bounds requests at once.
    ``batch`` asks through the provider's batch interface: cheaper, and within a day.
    ``timeout_seconds`` is how long one answer may take.
    """

    provider: str
    name: str
    base_url: str | None = None
    api_key_env: str | None = None
    adapter: str | None = None
    key_header: str | None = None
    max_in_flight: int | None = None
    batch: bool = False
    timeout_seconds: float | None = None

    @property
    def unpaced(self) -> ModelSpec:
        """The same model without how fast it is asked, which decides no answer."""
        return replace(self, max_in_flight=None, timeout_seconds=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set."""
        unset = (None, False)
        return {key: value for key, value in asdict(self).items() if value not in unset}


def sampling_seed(request: Request) -> int:
    """The seed of a request's own random numbers, in [0, 2**63).

    It is made of the request's seed, nonce and messages: the same request gives the same sample in
    any batch, another nonce gives another one.
    """
    said = "\0".join(f"{role}\0{content}" for role, content in request.messages)
    text = f"{request.seed}\0{request.nonce}\0{said}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


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


class Meter(Protocol):
    """The money that one model may spend. Safe to use from any thread."""

    def reserve(self, request: Request) -> Literal["go", "wait", "stop"]:
        """Set aside the most that ``request`` can cost.

        ``wait``: not before what is set aside for others is settled. ``stop``: never.
        """
        ...

    def owe(self, request: Request) -> None:
        """Set aside what ``request`` can cost whatever is left: it was sent before."""
        ...

    def settle(self, request: Request, completion: Completion | None) -> None:
        """Book what the answer really cost; ``None`` for a request that was never sent."""
        ...

    def over(self) -> BudgetError:
        """Return what to raise after ``stop``, when all that was sent is settled and delivered."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A model that asks its meter before it sends a request, and raises what the meter says."""

    meter: Meter | None


@runtime_checkable
class Remembering(Protocol):
    """A model that must find again what it began before it was killed: values are plain JSON."""

    memory: MutableMapping[str, Any]


@runtime_checkable
class Reusable(Protocol):
    """A model whose answers may be used again in other runs, because each was paid for.

    ``learned`` is what it found out about its endpoint, and with the request decides what is sent.
    """

    learned: tuple[str, ...]

    def sent_text(self, request: Request) -> str:
        """Return what would be sent for ``request`` now, as canonical text."""
        ...
