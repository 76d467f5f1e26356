"""The user's own files that a scorer is made of."""

from __future__ import annotations

import ast
import inspect
import sysconfig
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

_INSTALLED = {Path(path).resolve() for path in sysconfig.get_paths().values()}


def sources_of(function: Callable[..., Any]) -> list[Path]:
    """The file that defines ``function``, first, and what it imports from beside it, sorted.

    They are read, not run: which modules happen to be loaded does not matter. Of a lone module among
    the installed packages it is that alone. Empty for a function without a file.
    """
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # a callable object: its class has the source
        file = inspect.getsourcefile(type(function))
    if file is None or not Path(file).is_file():
        return []
    own = Path(file).resolve()
    module = str(getattr(function, "__module__", None) or "")
    package = module if own.name == "__init__.py" else module.rpartition(".")[0]
    if not package and own.parent in _INSTALLED:
        return [own]
    return [own, *sorted(_closure(own, package) - {own})]


def _closure(own: Path, package: str) -> set[Path]:
    """A file, and those of its folder that it imports, or that these do."""
    found, pending = {own}, [own]
    while pending:
        for name in _imported(pending.pop(), package):
            fresh = [path for path in _beside(own.parent, name) if path not in found]
            found.update(fresh)
            pending += [path for path in fresh if path.parent == own.parent]
    return found


def _imported(file: Path, package: str) -> Iterator[str]:
    """The first names of the modules that a file imports, from the folder that it is in."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from _first((alias.name for alias in node.names), package)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            wholes = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from _first(wholes, package)
        elif isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (name.partition(".")[0] for name in names)


def _first(names: Iterator[str], package: str) -> Iterator[str]:
    start = f"{package}." if package else ""
    for name in names:
        if name.startswith(start):
            yield name.removeprefix(start).partition(".")[0]


def _beside(folder: Path, name: str) -> list[Path]:
    """The file of a module in ``folder``, or all those of a package."""
    file, inner = folder / f"{name}.py", folder / name
    if (inner / "__init__.py").is_file():
        return [path.resolve() for path in inner.rglob("*.py") if path.is_file()]
    if file.is_file():
        return [file.resolve()]
    return [path.resolve() for path in inner.glob("*.py") if path.is_file()]
