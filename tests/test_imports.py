"""The house's rule: a room imports only from lower floors, and the front door opens at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import steelyard

HOUSE = Path(steelyard.__file__).parent
FLOORS = (
    "core errors words commands files packaged extras registry families user_code languages "
    "rules_of_thumb json_text json_schema seeds output_kinds folding layout next_item label_marks "
    "label_words label_text label_sets printing private "
    "progress config stats economics model calculator task data score retrieve train strategy result "
    "verdict advice store planning weigh changes exports report gates serve cli __main__"
).split()
GROUND = {"_version", ""}  # the version, and the package itself (lazy names)
LAZY_UP = {("weigh", "report")}
"""``weigh`` ends by drawing the report: one call to a floor above it, made inside a function."""


def modules() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if room_of(path) not in GROUND)


def room_of(path: Path) -> str:
    """The folder or the module on the ground that a file belongs to."""
    home = path.relative_to(HOUSE).with_suffix("").parts[0]
    return "" if home == "__init__" else home


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
    home = room_of(path)
    for name, at_top in imports(ast.parse(path.read_text(encoding="utf-8"))):
        other = room(name)
        if other in GROUND or other == home or ((home, other) in LAZY_UP and not at_top):
            continue
        assert other in FLOORS, f"{path} imports {name}, which is no room"
        assert FLOORS.index(other) < FLOORS.index(home), f"{home} may not import {name}"


def test_core_and_errors_import_no_sibling() -> None:
    for name in ("core", "errors"):
        tree = ast.parse((HOUSE / f"{name}.py").read_text(encoding="utf-8"))
        assert list(imports(tree)) == []


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} <= set(FLOORS)


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


def module_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows() -> dict[str, set[str]]:
    """Every module with the modules that it imports, at the top or inside a function.

    A package and its own modules import each other by nature.
    """
    paths = {module_of(path): path for path in HOUSE.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                targets.add(str(node.module))
                targets |= {f"{node.module}.{alias.name}" for alias in node.names}
        graph[name] = {
            target
            for target in targets & paths.keys() - {name}
            if not target.startswith(f"{name}.") and not name.startswith(f"{target}.")
        }
    return graph


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def public_types(tree: ast.Module) -> Iterator[str]:
    """The classes of a module, and the names at its top that stand for a type: ``Name = Callable[…]``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_no_two_public_types_have_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HOUSE.rglob("*.py")):
        for name in public_types(ast.parse(path.read_text(encoding="utf-8"))):
            if not name.startswith("_"):
                homes[name].append(module_of(path))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_an_alias_of_a_type_counts_as_one() -> None:
    source = "Pair = tuple[int, int]\nLIMIT = 3\nplain = 2\nclass Box: ...\n"
    assert list(public_types(ast.parse(source))) == ["Box", "Pair"]


def test_no_room_takes_the_name_of_a_public_function() -> None:
    """``steelyard.plan`` is a function: importing a room of that name would put the room in its place."""
    rooms = {room_of(path) for path in HOUSE.rglob("*.py")}
    assert rooms & set(steelyard.__all__) == {"data"}, "data is public as a room"
