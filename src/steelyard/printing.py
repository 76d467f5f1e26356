"""The door to the terminal and the log: text goes out without what would command a terminal.

Names, labels, answers and error messages come from files and endpoints, so they may hold escape
sequences, carriage returns, or marks that hide or reorder letters.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger("steelyard")

_CONTROLS = "\0-\x08\x0b-\x1f\x7f-\x9f"
"""C0 and C1, but for tab and line feed."""
_HIDING = "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u3164\ufeff\uffa0\ufff9-\ufffb"
_HIDING += "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\U000e0000-\U000e0fff"
"""Invisible letters, marks that change the direction of text, separators of lines, tags."""
_JOINERS = r"(?<![^\0-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\0-\x7f])"
"""Zero-width joiners beside an ASCII letter or an end; between others Persian and emoji need them."""
_SURROGATES = "\ud800-\udfff"
_UNSAFE = re.compile(f"[{_CONTROLS}{_HIDING}{_SURROGATES}]|{_JOINERS}")
_MARK = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return ``text`` with a replacement character for each that is not to be shown.

    Tabs and line feeds stay; a carriage return before a line feed goes.
    """
    return _UNSAFE.sub(_MARK, text.replace("\r\n", "\n"))


def say(text: object = "", *, file: TextIO | None = None, end: str = "\n") -> None:
    """Print a text for a person, on stdout or ``file``."""
    print(printable(str(text)), file=file or sys.stdout, end=end, flush=True)


def say_json(data: object, **options: Any) -> None:
    """Print data as JSON on stdout: what `printable` would replace is an escape in its text."""
    text = json.dumps(data, indent=2, ensure_ascii=False, **options)
    print(_UNSAFE.sub(lambda unsafe: json.dumps(unsafe[0])[1:-1], text), flush=True)


def console(**options: Any) -> Console:
    """Return a rich console that cleans all text; square brackets and colons are what they are."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class CleanConsole(Console):
        """Cleans what is drawn, not what draws it: colours and bars are rich's own."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control:
                    yield segment
                else:
                    yield Segment(printable(segment.text), segment.style)

    return CleanConsole(**{"markup": False, "emoji": False, **options})


class CleanFormatter(logging.Formatter):
    """Formats a record of a log; what follows its first line is indented, so that none is forged."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record)).replace("\n", "\n    ")


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Show warnings of the log on stderr, where they do not go to a run's own log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(CleanFormatter())
    handler.addFilter(lambda _: log.propagate)  # a run keeps its log to itself
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
