"""The phase of a run on whose account a request is asked: a context variable.

Each thread has its own, so that arms may be measured side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Phase(NamedTuple):
    """A phase by its name (``test:few_shot``), and what to call after each batch stored in it."""

    name: str
    on_stored: Callable[[], None] = lambda: None


_NO_PHASE = Phase("other")
_CURRENT: ContextVar[Phase] = ContextVar("phase", default=_NO_PHASE)


def current_phase() -> Phase:
    """Return the phase that the caller is in; outside any, ``other``."""
    return _CURRENT.get()


@contextmanager
def during(name: str, on_stored: Callable[[], None] | None = None) -> Iterator[None]:
    """Charge requests made inside to the phase ``name``.

    A phase inside another one keeps its ``on_stored``, unless it has its own.
    """
    token = _CURRENT.set(Phase(name, on_stored or current_phase().on_stored))
    try:
        yield
    finally:
        _CURRENT.reset(token)
