"""PDF and HTML are taken apart in a process of their own, with limits on memory, processor and time.

Their parsers are C and C++ under files that anybody may have written: what crashes, hangs or swells is that
process, and the file at hand is refused. The process serves one file after another.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from steelyard.retrieve.documents.base import (
    DocumentLimits,
    DocumentRefusedError,
    DocumentSkippedError,
    HiddenText,
    ParsedText,
)

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from steelyard.retrieve.documents.child import main; main(json.loads(sys.argv[2]))"
)
_MOST_ANSWER_BYTES = 256 * 2**20


class ParserProcess:
    """The process, started with the first file and again after each that ended it."""

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def pdf(self, path: Path, *, keep_hidden: bool) -> ParsedText:
        """Read a PDF. Raises `DocumentRefusedError` and `DocumentSkippedError`."""
        request = {"kind": "pdf", "path": str(path.resolve()), "pages": self._limits.pdf_pages}
        return self._ask({**request, "keep_hidden": keep_hidden})

    def html(self, source: str, *, keep_hidden: bool) -> ParsedText:
        """Read a page. Raises `DocumentRefusedError` and `DocumentSkippedError`."""
        return self._ask({"kind": "html", "source": source, "keep_hidden": keep_hidden})

    def _ask(self, request: dict[str, Any]) -> ParsedText:
        process = self._running()
        too_late = threading.Event()

        def kill() -> None:
            too_late.set()
            process.kill()

        timer = threading.Timer(self._limits.parse_seconds, kill)
        timer.start()
        try:
            answer = self._exchange(process, request)
        finally:
            timer.cancel()
        if answer is None:
            code = self._stop()
            raise DocumentRefusedError(self._why(too_late.is_set(), code))
        if "is_full" in answer:
            self._stop()
        if "bug" in answer:
            raise RuntimeError(f"reading a document failed:\n{answer['bug']}")
        if "refused" in answer:
            raise DocumentRefusedError(str(answer["refused"]))
        if "skipped" in answer:
            raise DocumentSkippedError(str(answer["skipped"]))
        return ParsedText(
            answer["text"],
            tuple(HiddenText(*item) for item in answer["hidden"]),
            tuple(answer["page_starts"]),
            tuple((name, value) for name, value in answer["metadata"]),
            notes=tuple(answer["notes"]),
        )

    def _exchange(
        self, process: subprocess.Popen[bytes], request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The answer; ``None`` where the process ended before it was whole."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(_MOST_ANSWER_BYTES)
        except OSError:
            return None
        return dict(json.loads(line)) if line.endswith(b"\n") else None

    def _why(self, is_late: bool, code: int) -> str:
        limits = self._limits
        if is_late or -code == getattr(signal, "SIGXCPU", 0):
            return (
                f"takes longer than {limits.parse_seconds:g} s to read: split it, or save it anew"
            )
        return (
            f"ended its reader (code {code}): it is damaged, or needs more than "
            f"{limits.parse_bytes // 2**20} MB of memory"
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            limits = {"seconds": self._limits.parse_seconds, "bytes": self._limits.parse_bytes}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, json.dumps(sys.path), json.dumps(limits)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _stop(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
