"""What a person sees while a run goes on: bars on a terminal, plain lines in a pipe, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from steelyard.printing import CleanFormatter, console, say

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

log = logging.getLogger("steelyard")
_FIT = ": fit"
_WIDE = 110
"""Characters of a terminal that has room for every column beside a job's figures."""
_PLAIN_SECONDS = 15.0  # a plain line about a long job at most this often


class OnProgress(Protocol):
    """Called with ``(done, total)`` as a job goes on."""

    def __call__(self, done: int, total: int) -> None: ...


class Display:
    """Shows nothing, and writes everything to ``run.log``. The base of the displays that show."""

    def say(self, text: str) -> None:
        log.info("%s", text)

    def print(self, text: str) -> None:
        """Show a text of several lines that the log is no place for."""

    def note(self, text: str) -> None:
        """Show figures beside the job that goes on, in place of those before; empty: none."""

    @contextmanager
    def job(self, name: str) -> Iterator[OnProgress]:
        """Show one job from start to end; yields what to call with ``(done, total)``."""
        started = time.monotonic()
        log.info("%s: started", name)
        yield lambda done, total: None
        log.info("%s: %.1f s", name, time.monotonic() - started)


class PlainDisplay(Display):
    """Plain lines on stderr: one as each long or telling job ends, and now and then during one."""

    def __init__(self, line_seconds: float = _PLAIN_SECONDS) -> None:
        self._line_seconds = line_seconds
        self._note = ""

    def say(self, text: str) -> None:
        super().say(text)
        self.print(text)

    def print(self, text: str) -> None:
        say(text, file=sys.stderr)

    def note(self, text: str) -> None:
        self._note = text

    @contextmanager
    def job(self, name: str) -> Iterator[OnProgress]:
        """Print a line every fifteen seconds with rate and time left, and one at the end."""
        started = last_printed = time.monotonic()
        finished = 0

        def report(done: int, total: int) -> None:
            nonlocal finished, last_printed
            finished, now = done, time.monotonic()
            if now - last_printed >= self._line_seconds and 0 < done < total:
                last_printed = now
                remaining = (total - done) * (now - started) / done
                rate = _rate(done, now - started)
                figures = f", {self._note}" if self._note else ""
                self.print(f"{name}: {done}/{total}{rate}{figures}, {remaining:.0f} s left")

        with super().job(name):
            yield report
        self.note("")
        seconds = time.monotonic() - started
        if is_telling(name) or seconds >= 1:
            self.print(f"{name}: {seconds:.1f} s{_rate(finished, seconds)}")


def is_telling(name: str) -> bool:
    """Whether a job is one that a person waits for: a fit or a test, not a probe."""
    return name.endswith((_FIT, ": test"))


def _rate(done: int, seconds: float) -> str:
    """Words for the rate; a job shorter than half a second has none worth reading."""
    return f", {done / seconds:.1f}/s" if done and seconds >= 0.5 else ""


class RichDisplay(Display):
    """A bar per arm with rate and time left, on a terminal; the bars of probes go when they end."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._note = ""
        self._show: Callable[[], None] = lambda: None

    def say(self, text: str) -> None:
        super().say(text)
        self.print(text)

    def print(self, text: str) -> None:
        self._console.print(text, highlight=False)

    def note(self, text: str) -> None:
        self._note = text
        self._show()

    @contextmanager
    def job(self, name: str) -> Iterator[OnProgress]:
        """Show a bar until the job ends; a fit's and a test's then stay as finished lines."""
        with super().job(name), self._bars(name) as bars:
            bar = bars.add_task(f"{name:<34}", total=None)

            def report(done: int, total: int) -> None:
                bars.update(bar, completed=done, total=total)

            def show() -> None:
                words = f"{name}  {self._note}" if self._note else name
                bars.update(bar, description=f"{words:<34}")

            self._show = show
            try:
                yield report
            finally:
                self._show = lambda: None
                self._note = ""
            end = bars.tasks[0].total or 1
            bars.update(bar, total=end, completed=end, description=f"{name:<34}")

    def _bars(self, name: str) -> RichProgress:
        """The bar of a job; a fit's gives way to the figures beside it on a narrow terminal."""
        from rich import progress as rich

        narrow = self._console.width < _WIDE and name.endswith(_FIT)
        columns: tuple[Any, ...] = (
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(bar_width=8 if narrow else 24),
            rich.MofNCompleteColumn(),
            *(() if narrow else (_rate_column(), rich.TimeElapsedColumn())),
            rich.TimeRemainingColumn(),
        )
        return rich.Progress(*columns, console=self._console, transient=not is_telling(name))


def _rate_column() -> Any:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Answers per second."""

        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")

    return RateColumn()


def display_for(quiet: bool) -> Display:
    """Return the display that fits: none when quiet, bars on a terminal, else plain lines."""
    if quiet:
        return Display()
    return RichDisplay() if sys.stderr.isatty() else PlainDisplay()


class _LogFile(logging.FileHandler):
    """A log file whose own failure never disturbs the run; a full disk is reported by the store."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say nothing."""


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Write Steelyard's log to ``folder/run.log`` while inside, after what is already there."""
    handler = _LogFile(folder / "run.log", encoding="utf-8")
    handler.setFormatter(CleanFormatter("%(asctime)s %(levelname)s %(message)s"))
    level, propagates = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagates
        handler.close()
