"""The house's rule: a room imports only from lower floors, and the front door opens at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard

HOUSE = Path(steelyard.__file__).parent
FLOORS = (
    "core errors words files packaged extras registry user_code languages rules_of_thumb progress config "
    "stats model task data score retrieve train strategy cost verdict result store planning weigh "
    "report serve cli"
).split()
GROUND = {"_version", ""}  # the version, and the package itself (lazy names)
LAZY_UP = {("weigh", "report")}
"""``weigh`` ends by drawing the report: one call to a floor above it, made inside a function."""

DEBTS = {
    ("data", "score"),
    ("data", "strategy"),
    ("data", "train"),
}
"""Arrows that still go up."""


def modules() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path.parent != HOUSE)


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each imported steelyard module, and whether it is imported at the top of the file."""
    top = set(map(id, getattr(tree, "body", [])))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
            if node.module == "steelyard":
                names = [f"steelyard.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "steelyard":
                yield name, id(node) in top


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_from_lower_floors(path: Path) -> None:
    home = path.relative_to(HOUSE).parts[0]
    for name, at_top in imports(ast.parse(path.read_text(encoding="utf-8"))):
        other = room(name)
        if other in GROUND or other == home or ((home, other) in LAZY_UP and not at_top):
            continue
        if (home, other) in DEBTS:
            continue
        assert other in FLOORS, f"{path} imports {name}, which is no room"
        assert FLOORS.index(other) < FLOORS.index(home), f"{home} may not import {name}"


def test_core_and_errors_import_no_sibling() -> None:
    for name in ("core", "errors"):
        tree = ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))
        assert list(imports(tree)) == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.relative_to(HOUSE).parts[0] for path in modules()}
    assert rooms <= set(FLOORS)


def test_importing_steelyard_is_fast_and_light() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import steelyard;"
        "print(time.perf_counter() - start);"
        "print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    seconds = min(float(run.stdout.splitlines()[0]) for run in runs)
    loaded = runs[0].stdout.splitlines()[1]
    assert seconds < 0.5
    for heavy in ("torch", "transformers", "scipy", "sklearn", "pydantic", "sqlalchemy", "aiohttp"):
        assert f"'{heavy}'" not in loaded


def test_the_command_line_starts_without_torch() -> None:
    code = (
        "import sys; from steelyard.cli import main; main(['--version']);"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
