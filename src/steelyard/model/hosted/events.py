"""A stream of bytes, cut into server-sent events."""

from __future__ import annotations

from steelyard.model.hosted.faults import UnreadableError

LARGEST_LINE = 8 * 1024 * 1024
DONE = b"[DONE]"
_DATA = (b"data:", b"\xef\xbb\xbfdata:")  # a stream may begin with a byte order mark


class Events:
    """Cuts a stream of bytes into the data of its server-sent events.

    An event lasts up to a blank line, and its lines of data are put together (WHATWG, "HTML", 9.2.6).
    Not all endpoints keep to it: an object after an object, which no JSON has, is an event of its
    own, and ``[DONE]`` is one as soon as its line ends. Comments, other fields and empty data are
    passed over. Not an asynchronous generator: one that is left before its end, as at the last event
    of every answer, costs the event loop a task and a wake-up.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._is_after_return = False

    def of(self, chunk: bytes) -> list[bytes]:
        """The data of the events that ``chunk`` completes."""
        events: list[bytes] = []
        for line in self._lines(chunk):
            if not line:
                self._end(events)
            elif line.startswith(_DATA):
                self._take(line.partition(b":")[2].strip(), events)
        return events

    def _lines(self, chunk: bytes) -> list[bytes]:
        r"""The lines that ``chunk`` completes, ended by ``\n``, ``\r\n`` or ``\r``."""
        if self._is_after_return and chunk.startswith(b"\n"):  # the second half of a line end
            chunk = chunk[1:]
        self._is_after_return = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LARGEST_LINE:
            raise UnreadableError(f"a line of more than {LARGEST_LINE:,} bytes")
        return lines

    def _take(self, data: bytes, events: list[bytes]) -> None:
        if self._data and (
            data == DONE or (data.startswith(b"{") and self._data[-1].endswith(b"}"))
        ):
            self._end(events)
        if data:
            self._data.append(data)
            self._size += len(data)
        if data == DONE:
            self._end(events)
        elif self._size > LARGEST_LINE:
            raise UnreadableError(f"an event of more than {LARGEST_LINE:,} bytes")

    def _end(self, events: list[bytes]) -> None:
        if self._data:
            events.append(b"\n".join(self._data))
            self._data, self._size = [], 0
