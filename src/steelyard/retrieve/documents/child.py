"""What runs in the process that takes files apart: one JSON line asks, one answers."""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
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
        _limit_processor(limits["seconds"])
        answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        parsed = _parsed(request)
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


def _parsed(request: dict[str, Any]) -> ParsedText:
    if request["kind"] == "html":
        from steelyard.retrieve.documents.html_text import read_html

        return read_html(request["source"], keep_hidden=request["keep_hidden"])
    from steelyard.retrieve.documents.pdf_text import read_pdf

    return read_pdf(request["path"], request["pages"], keep_hidden=request["keep_hidden"])


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the limit of time holds alone
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_processor(seconds: float) -> None:
    """Let the file at hand take ``seconds`` of processor time more than all before it."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
