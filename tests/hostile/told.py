"""What every hostile input must come to: an end in time, an exit code, and at most one line of error."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import pytest

from steelyard.cli import main

SECONDS = 20
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LONGEST = 3_000
"""Characters of the line of error."""


@contextmanager
def in_time(seconds: int = SECONDS) -> Iterator[None]:
    """Fail what takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"took over {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def told(argv: Sequence[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command; return its exit code and the line of error, empty where there is none.

    Whatever is raised beyond the user's mistakes fails the test with its traceback.
    """
    capsys.readouterr()
    with in_time():
        code = main([str(word) for word in argv])
    captured = capsys.readouterr()
    assert code in (0, 1, 2)
    assert not _CONTROL.search(captured.out + captured.err), "raw control characters"
    errors = [line for line in captured.err.splitlines() if line.startswith("steelyard: error: ")]
    assert len(errors) == (code == 2), captured.err
    assert not errors or (captured.err.endswith(f"{errors[0]}\n") and len(errors[0]) <= _LONGEST)
    return code, errors[0] if errors else ""
