"""Whether a task's files are where it says, and what to say where they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from steelyard.commands import command
from steelyard.config.explain import Place
from steelyard.config.source import names_in
from steelyard.errors import ConfigError, closest_file
from steelyard.files import TASK_NAME
from steelyard.task.dataset_folder import holds_examples, is_dataset_folder


def no_file(path: Path) -> str:
    """Say that there is no file of examples, or that what is there is none."""
    if path.is_dir():
        return f"{path} is a folder: name a file in it, or a datasets folder"
    if path.exists():
        return f"{path} is no regular file (a pipe or a device): save its contents as a file"
    return f"no file {path}{closest_file(path.name, names_in(path.parent))}"


def no_task(source: Path) -> str:
    """Say that there is no task, and how to make one."""
    if not source.exists():
        hint = closest_file(source.name, names_in(source.parent))
        return f"no task at {source}{hint}: give a folder with {TASK_NAME}, or run steelyard init"
    if holds_examples(source):
        makes_one = command("init", "DIR", "--from", source)
        return f"{source.name} holds examples and is no task: {makes_one} makes one"
    hint = closest_file(TASK_NAME, names_in(source))
    return f"{source} has no {TASK_NAME}{hint}: create one with: steelyard init DIR --from my.csv"


def check_places(examples: Mapping[str, Path], documents: Sequence[Path], where: Place) -> None:
    """Refuse examples (by part) and documents that are not there. Raises `ConfigError`."""
    for part, path in examples.items():
        if not path.is_file() and not is_dataset_folder(path):
            key = ("examples",) if part == "all" else ("examples", part)
            line = where.lines.get(("examples", part)) or where.lines.get(("examples",))
            raise ConfigError(f"{_at(where, line)}: {'.'.join(key)}: {no_file(path)}")
    for place, path in enumerate(documents):
        if not path.exists():
            keys = (("documents", "files", place), ("documents", place), ("documents",))
            line = next((where.lines[key] for key in keys if key in where.lines), None)
            hint = closest_file(path.name, names_in(path.parent))
            raise ConfigError(f"{_at(where, line)}: documents: no folder or file {path}{hint}")


def check_changes_place(path: Path | None, where: Place) -> None:
    """Refuse a file of changed facts that is not there. Raises `ConfigError`."""
    if path is not None and not path.is_file():
        line = where.lines.get(("document_changes",))
        raise ConfigError(f"{_at(where, line)}: document_changes: {no_file(path)}")


def _at(where: Place, line: int | None) -> str:
    return f"{where.where} line {line}" if line else where.where
