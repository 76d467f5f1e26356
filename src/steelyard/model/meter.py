"""Models whose answers are paid for one by one, and the money that they may spend."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Literal, Protocol, runtime_checkable

from steelyard.core import Completion, Request
from steelyard.errors import BudgetError
from steelyard.model.base import Model


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
class PaidModel(Model, Protocol):
    """A model whose answers are paid for one by one, so that none is asked for twice.

    ``meter`` is asked before a request is sent, and its error raised; ``memory`` keeps what must be
    found again after a kill, as plain JSON. An answer may serve other runs: ``learned`` is what was
    found out about the endpoint, and with the request decides what is sent.
    """

    meter: Meter | None
    memory: MutableMapping[str, Any]
    learned: tuple[str, ...]

    def sent_text(self, request: Request) -> str:
        """Return what would be sent for ``request`` now, as canonical text."""
        ...
