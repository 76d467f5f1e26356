"""What runs in the process that takes files apart: one JSON line asks, one answers."""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

from steelyard.errors import MissingExtraError
from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    DocumentSkippedError,
    ParsedText,
)


def main(limits: dict[str, float]) -> None:
    """Answer until the other end closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(2, 1)  # a parser that prints must not answer
    _limit_memory(int(limits["bytes"]))
    for line in sys.stdin.buffer:
        clock = _ProcessorLimit(limits["seconds"], limits["page_seconds"])
        answers.write(json.dumps(_answer(json.loads(line), clock)).encode() + b"\n")
        answers.flush()


def _answer(request: dict[str, Any], clock: _ProcessorLimit) -> dict[str, Any]:
    try:
        parsed = _parsed(request, clock)
    except (DocumentRefusedError, MissingExtraError) as error:
        return {"refused": str(error)}
    except DocumentSkippedError as error:
        return {"skipped": str(error)}
    except MemoryError:
        return {"refused": "needs more memory than it may have to be read", "is_full": True}
    except Exception:  # noqa: BLE001 - a bug, raised again on the other side
        return {"bug": traceback.format_exc()}
    return {
        "text": parsed.text,
        "hidden": parsed.hidden,
        "page_starts": parsed.page_starts,
        "metadata": parsed.metadata,
        "notes": parsed.notes,
    }


def _parsed(request: dict[str, Any], clock: _ProcessorLimit) -> ParsedText:
    if request["kind"] == "html":
        from steelyard.retrieve.documents.html_text import read_html

        return read_html(request["source"], keep_hidden=request["keep_hidden"])
    from steelyard.retrieve.documents.pdf_text import read_pdf

    return read_pdf(
        request["path"],
        request["pages"],
        request["drawn"],
        keep_hidden=request["keep_hidden"],
        on_page=clock.extend,
    )


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the limit of time holds alone
        return
    with suppress(ValueError, OSError):  # a system that knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class _ProcessorLimit:
    """Lets the file at hand take some seconds of processor time more than all before it.

    For each page that has been read it may take ``page_seconds`` more; then the system ends the process.
    """

    def __init__(self, seconds: float, page_seconds: float) -> None:
        self._page_seconds = page_seconds
        self._most = time.process_time() + seconds
        self._set = 0
        self._apply()

    def extend(self) -> None:
        """One more page has been read."""
        self._most += self._page_seconds
        self._apply()

    def _apply(self) -> None:
        most = math.ceil(self._most)
        if most == self._set:
            return
        self._set = most
        try:
            import resource
        except ImportError:  # Windows: the other side watches the clock
            return
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
