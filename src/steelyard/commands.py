"""Commands to run next, written so that a shell takes them as they are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def command(*words: Path | str, columns: Mapping[str, str | None] | None = None) -> str:
    """Return ``steelyard WORD…``, quoted for the shell, with ``--columns`` for each role that is named.

    A path is written from the working directory where it is below that.
    """
    texts = [_path(word) if isinstance(word, Path) else word for word in words]
    pairs = [f"{role}={_name(name)}" for role, name in (columns or {}).items()]
    options = [text for pair in pairs for text in ("--columns", pair)]
    return shlex.join(["steelyard", *texts, *options])


def _path(path: Path) -> str:
    text = str(path)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        text = os.path.relpath(path)
    return f"./{text}" if text.startswith("-") else text


def _name(name: str | None) -> str:
    return "" if name is None else name.replace("\n", "\\n")
