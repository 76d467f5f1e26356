"""Where the keys of a review come from: a terminal, or lines of a file.

A key is a character, or enter, tab, backspace, escape; `END` when none will come.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

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


def line_keys(file: TextIO) -> Iterator[str]:
    """Keys from lines, where there is no terminal: each character is one, ``/card`` a search with enter."""
    for line in file:
        text = line.rstrip("\r\n")
        yield from text or ["enter"]
        if text.startswith("/"):
            yield "enter"


def _terminal_keys(file: TextIO) -> Iterator[str]:
    """Single keys, without enter; cursor and function keys come as ``escape``."""
    while True:
        key = _read_key(file)
        yield _NAMES.get(key, key)


@contextmanager
def open_keys(file: TextIO | None = None) -> Iterator[Iterator[str]]:
    """Give single keys where ``file`` (stdin) is a terminal, else a key for each line."""
    file = sys.stdin if file is None else file
    if not file.isatty():
        yield line_keys(file)
        return
    with _single_keys(file):
        yield _terminal_keys(file)


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
