"""The user's own files that a scorer is made of."""

from __future__ import annotations

import ast
import inspect
import sysconfig
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

_INSTALLED = {Path(path).resolve() for path in sysconfig.get_paths().values()}


def sources_of(function: Callable[..., Any]) -> list[Path]:
    """The file that defines ``function``, first, and what it imports from its folder, sorted.

    They are read, not run: which modules happen to be loaded does not matter. Of a lone module among
    the installed packages it is that alone. Empty for a function without a file.
    """
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    try:
        source = inspect.getsourcefile(function)
    except TypeError:  # a callable object: its class has the source
        source = inspect.getsourcefile(type(function))
    if source is None or not Path(source).is_file():
        return []
    file = Path(source).resolve()
    return [file] if file.parent in _INSTALLED else [file, *sorted(_closure(file) - {file})]


def _closure(file: Path) -> set[Path]:
    """A file, and those of its folder that it imports, or that these do."""
    files, pending = {file}, [file]
    while pending:
        for name in _imported(pending.pop()):
            fresh = _modules(file.parent, name) - files
            files |= fresh
            pending += [path for path in fresh if path.parent == file.parent]
    return files


def _imported(file: Path) -> set[str]:
    """Every word in the import statements of a file: any may be a module of its folder."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            dotted = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            names |= {word for name in dotted for word in name.split(".") if word.isidentifier()}
    return names


def _modules(folder: Path, name: str) -> set[Path]:
    """The file of a module in ``folder``, or all those of a package."""
    file, inner = folder / f"{name}.py", folder / name
    if (inner / "__init__.py").is_file():
        return {path.resolve() for path in inner.rglob("*.py")}
    if file.is_file():
        return {file.resolve()}
    return {path.resolve() for path in inner.glob("*.py")}
