"""Where the keys of a review come from: a terminal, lines of a file, or a script."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

END = ""
_NAMES = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b": "escape",
    "\x04": END,
}


class Keys(Protocol):
    """Gives one key after another."""

    def next(self) -> str:
        """Wait for a key: a character, or enter, tab, backspace, escape; `END` when none will come."""
        ...


class ScriptedKeys:
    """Keys known beforehand: for tests, and for replaying a review."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = iter(keys)

    def next(self) -> str:
        return next(self._keys, END)


class LineKeys:
    """Keys from lines, where there is no terminal: each line is one key, ``/card`` a search."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: deque[str] = deque()

    def next(self) -> str:
        """Return the next key; a line of several characters gives each, and a search an enter."""
        if not self._waiting:
            line = self._file.readline()
            if not line:
                return END
            text = line.rstrip("\r\n")
            self._waiting.extend(text or ["enter"])
            if text.startswith("/"):
                self._waiting.append("enter")
        return self._waiting.popleft()


class TerminalKeys:
    """Single keys from the terminal, without enter; open one with `terminal_keys`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def next(self) -> str:
        """Wait for a key. Cursor and function keys come as ``escape``."""
        key = _read_key(self._file)
        return _NAMES.get(key, key)


@contextmanager
def open_keys(file: TextIO | None = None) -> Iterator[Keys]:
    """Give single keys where ``file`` (stdin) is a terminal, else a key for each line."""
    file = sys.stdin if file is None else file
    if not file.isatty():
        yield LineKeys(file)
        return
    with _single_keys(file):
        yield TerminalKeys(file)


if sys.platform == "win32":
    import msvcrt

    @contextmanager
    def _single_keys(file: TextIO) -> Iterator[None]:
        del file
        yield

    def _read_key(file: TextIO) -> str:
        del file
        key = msvcrt.getwch()
        if key == "\x03":
            raise KeyboardInterrupt
        if key in "\x00\xe0":  # the first half of a function key
            msvcrt.getwch()
            return "\x1b"
        return key

else:
    import os
    import select
    import termios
    import tty

    @contextmanager
    def _single_keys(file: TextIO) -> Iterator[None]:
        """Take keys without enter and without echo; the terminal is as before afterwards."""
        before = termios.tcgetattr(file.fileno())
        try:
            tty.setcbreak(file.fileno())
            yield
        finally:
            termios.tcsetattr(file.fileno(), termios.TCSADRAIN, before)

    def _read_key(file: TextIO) -> str:
        descriptor = file.fileno()
        read = os.read(descriptor, 1)
        if read == b"\x1b":
            while select.select([descriptor], [], [], 0.02)[0]:
                os.read(descriptor, 16)
            return "\x1b"
        while read and _is_partial(read):
            read += os.read(descriptor, 1)
        return read.decode("utf-8", "replace") if read else "\x04"

    def _is_partial(read: bytes) -> bool:
        size = 4 if read[0] >= 0xF0 else 3 if read[0] >= 0xE0 else 2 if read[0] >= 0xC0 else 1
        return len(read) < size
