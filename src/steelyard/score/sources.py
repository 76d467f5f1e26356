"""The files that decide what a function of the user's does: its own, and those next to it that it imports."""

from __future__ import annotations

import ast
import inspect
import re
import sysconfig
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from warnings import catch_warnings

_INSTALLED = {Path(path).resolve() for path in sysconfig.get_paths().values()}
_WORD = re.compile(r"\w+")
_DOTTED = re.compile(r"\w+(?:[./\\]\w+)*")


def sources_of(function: Callable[..., Any]) -> list[Path]:
    """The file that defines ``function``, first, and what it may import from its folder, sorted.

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
    return [file] if file.parent in _INSTALLED else [file, *sorted(_helpers(file) - {file})]


def _helpers(file: Path) -> set[Path]:
    """The modules and packages next to ``file`` that it names, or that these do; a package whole.

    A folder that is named may stand in ``sys.path``: what is named is looked for in it as well.
    """
    helpers: set[Path] = set()
    names: set[tuple[str, ...]] = set()
    folders, unread = {file.parent}, {file}
    tried: set[tuple[Path, tuple[str, ...]]] = set()
    while True:
        # a module of a package names its neighbours by the package's name too, which leads nowhere
        dotted = {name for path in unread for name in _module_names(path)}
        names |= {name[start:] for name in dotted for start in range(len(name))}
        pairs = set(product(folders, names)) - tried
        if not pairs:
            return helpers
        tried |= pairs
        modules = {path.resolve() for folder, name in pairs for path in _modules(folder, name)}
        folders |= {folder.joinpath(*name) for folder, name in pairs if _is_plain(folder, name)}
        unread = modules - helpers
        helpers |= modules


def _module_names(file: Path) -> set[tuple[str, ...]]:
    """The dotted names in the imports of ``file``, and in its texts: these may be imported as well.

    A docstring, like any text that stands alone, imports nothing.
    """
    try:
        with catch_warnings(action="ignore"):
            nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):  # nothing can import it either
        return set()
    unused = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in unused
        ):
            names |= set(_DOTTED.findall(node.value))
    return {tuple(_WORD.findall(name)) for name in names}


def _modules(folder: Path, name: Sequence[str]) -> list[Path]:
    """The files that importing ``name`` may run, looked for in ``folder``.

    A folder without ``__init__.py`` is no more than the way to what is named in it.
    """
    if not name:
        return []
    module, package = folder / f"{name[0]}.py", folder / name[0]
    files = [module] if module.is_file() else []
    if _is_environment(package):
        return files
    if _is_package(package):
        environments = [mark.parent for mark in package.rglob("pyvenv.cfg")]
        return files + [
            path
            for path in package.rglob("*.py")
            if not any(path.is_relative_to(environment) for environment in environments)
        ]
    return files + _modules(package, name[1:])


def _is_plain(folder: Path, name: Sequence[str]) -> bool:
    """Whether ``name`` in ``folder`` is a folder that is no package, nor in a virtual environment."""
    place = folder.joinpath(*name)
    if not place.is_dir() or _is_package(place):
        return False
    steps = (folder.joinpath(*name[: length + 1]) for length in range(len(name)))
    return not any(map(_is_environment, steps))


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()
