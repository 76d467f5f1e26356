"""What a file is where it is no rows: an archive, a document, an image, a pointer, a web page."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from shlex import quote
from typing import IO, Any, NamedTuple

from steelyard.errors import DataError
from steelyard.files import open_file
from steelyard.packaged import packaged
from steelyard.words import one_line

HEAD_BYTES = 4096
"""So much of a file is looked at."""
_BEFORE_TEXT = b"\xef\xbb\xbf \t\r\n"
_TWO = 2
_DELIMITERS = {b"\t": ".tsv", b";": ".csv", b",": ".csv"}
_MANY_LINED = re.compile(rb'\{\s*\n\s*"')
_LIST_INSIDE = re.compile(rb'\{\s*"([^"\\]+)"\s*:\s*\[\s*\{')
_COLUMNAR = (b"PAR1", b"ARROW1")
_ZIP = b"PK\x03\x04"
_TITLE = re.compile(rb"<(title|message)[^>]*>([^<]{1,200})", re.IGNORECASE)
_LONGEST_TITLE = 60


class _Signature(NamedTuple):
    """How a kind of file begins, and what to do with one."""

    what: str
    do: str
    pattern: re.Pattern[bytes]
    form: str = ""


def refuse_disguise(path: Path, head: bytes, *forms: str) -> None:
    """Raise `DataError` where ``head``, the first bytes of a file, is of something else than rows.

    What is read under one of the endings ``forms`` passes; ``data/disguises.yaml`` has the signatures.
    """
    signature = _zip_kind(path) if head.startswith(_ZIP) else _known(head)
    if signature is None or signature.form in forms:
        return
    do = signature.do.format(name=path.name, stem=path.stem, path=quote(path.name))
    title = _TITLE.search(head) if head.lstrip(_BEFORE_TEXT)[:1] == b"<" else None
    shown = one_line(title[2].decode(errors="replace"), _LONGEST_TITLE) if title else ""
    says = f" ({shown!r})" if shown else ""
    raise DataError(f"{path.name} is {signature.what}{says}: {do}")


def refuse_known(path: Path) -> None:
    """Do as `refuse_disguise` for a file with an ending that is not read, where its kind is known."""
    try:
        with open_file(path) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return
    refuse_disguise(path, head)


def refuse_text(path: Path, head: bytes, form: str) -> None:
    """Raise `DataError` where a file that should hold ``form`` is text: rows, it seems, of another form."""
    ending = _json_ending(head) or (".csv" if is_text(head) else None)
    if ending is not None and not head.startswith(_COLUMNAR):
        raise DataError(f"{path.name} is text and not {form}: name it {path.stem}{ending}")


def refuse_json(path: Path, head: bytes) -> None:
    """Raise `DataError` where a table is JSON in truth."""
    ending = _json_ending(head)
    if ending is not None:
        raise DataError(f"{path.name} holds JSON and not a table: name it {path.stem}{ending}")


def refuse_many_lined(path: Path, head: bytes) -> None:
    """Raise `DataError` where an object goes over several lines: JSON Lines has one on each."""
    if not _MANY_LINED.match(head.lstrip(_BEFORE_TEXT)):
        return
    inside = _LIST_INSIDE.match(head.lstrip(_BEFORE_TEXT))
    rows = f".[{json.dumps(inside[1].decode(errors='replace'))}][]" if inside else "."
    raise DataError(
        f"{path.name} holds JSON over several lines, not one object on each: "
        f"jq -c {quote(rows)} {quote(path.name)} > rows.jsonl writes it so"
    )


def refuse_table(path: Path, head: bytes) -> None:
    """Raise `DataError` where JSON Lines are a table in truth: two lines of as many cells, none of JSON."""
    lines = [line for line in head.lstrip(_BEFORE_TEXT).splitlines() if line.strip()][:2]
    if len(lines) < _TWO or any(line.lstrip()[:1] in b"{[" for line in lines):
        return
    counts = [{mark: line.count(mark) for mark in _DELIMITERS} for line in lines]
    ending = next(
        (_DELIMITERS[mark] for mark in _DELIMITERS if 0 < counts[0][mark] == counts[1][mark]), None
    )
    if ending is not None:
        raise DataError(f"{path.name} holds a table and not JSON: name it {path.stem}{ending}")


def head_of(file: IO[bytes]) -> bytes:
    """The first bytes of a file, which is then at its begin again."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


@cache
def _signatures() -> tuple[_Signature, ...]:
    entries: Iterable[Mapping[str, Any]] = packaged("data/data/disguises.yaml")["signatures"]
    return tuple(
        _Signature(entry["what"], entry["do"], _pattern(entry), entry.get("form", ""))
        for entry in entries
    )


def _pattern(entry: Mapping[str, Any]) -> re.Pattern[bytes]:
    if "begins" in entry:
        text = re.escape(entry["begins"].encode())
        return re.compile(rb"[%s]*%s" % (re.escape(_BEFORE_TEXT), text), re.IGNORECASE)
    starts = entry["starts"]
    ways = [starts] if isinstance(starts, str) else starts
    codes = [b"".join(map(_byte, re.findall("..", way))) for way in ways]
    return re.compile(b".{%d}(?:%s)" % (entry.get("at", 0), b"|".join(codes)), re.DOTALL)


def _byte(code: str) -> bytes:
    return b"." if code == ".." else re.escape(bytes.fromhex(code))


def _known(head: bytes) -> _Signature | None:
    return next((known for known in _signatures() if known.pattern.match(head)), None)


def _zip_kind(path: Path) -> _Signature:
    """What a zip archive is by the names in it, where they can be read."""
    kinds = packaged("data/data/disguises.yaml")
    plain = kinds["zip"]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        names = []
    entries = [
        entry
        for entry in kinds["archives"]
        if any(name.startswith(entry["holds"]) for name in names)
    ]
    if any(name.endswith("/data.pkl") for name in names):
        entries.append(kinds["pickled"])
    entry = next(iter(entries), plain)
    return _Signature(entry["what"], entry["do"], re.compile(b""), entry.get("form", ""))


def _json_ending(head: bytes) -> str | None:
    """``.json`` for an array of objects, ``.jsonl`` for an object in the first line."""
    text = head.lstrip(_BEFORE_TEXT)
    if re.match(rb"\[\s*\{", text):
        return ".json"
    if not re.match(rb'\{\s*"', text):
        return None
    line, is_whole, _ = text.partition(b"\n")
    try:
        return ".jsonl" if not is_whole or isinstance(json.loads(line), dict) else None
    except (ValueError, RecursionError):
        return None


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are text in UTF-8."""
    try:
        text = head.decode() if len(head) < HEAD_BYTES else head[:-3].decode(errors="ignore")
    except UnicodeDecodeError:
        return False
    return bool(text) and all(mark.isprintable() or mark.isspace() for mark in text)
