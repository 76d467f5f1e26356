"""Counts how often files are opened, whoever opens them and by whatever way."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_watched: dict[str, Counter[str]] = {}
"""Counts by folder; a hook cannot be removed, so that it looks here."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watched and isinstance(arguments[0], str | Path):
        path = Path(arguments[0])
        counts = _watched.get(str(path.parent))
        if counts is not None:
            counts[path.name] += 1


sys.addaudithook(_note)


@contextmanager
def opened_in(folder: Path) -> Iterator[Counter[str]]:
    """Yield how often each file in ``folder`` has been opened, by name, from here on."""
    counts: Counter[str] = Counter()
    _watched[str(folder)] = counts
    try:
        yield counts
    finally:
        del _watched[str(folder)]
