"""Files and folders that take rows in the format of other files, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from steelyard.config.source import names_in
from steelyard.data.formats import container_of
from steelyard.data.formats.write import WRITERS, WriteRow, why_unwritable, writer_for
from steelyard.errors import ConfigError
from steelyard.files import check_target, real
from steelyard.model.config import ModelConfig
from steelyard.task import Task

_FALLBACK = ".jsonl"
_INSTEAD = {".arrow": ".parquet", "folder": ".parquet"}


def ending_of(path: Path) -> str:
    """The ending that a copy of ``path`` takes: its own, or that of the nearest form to write."""
    container = container_of(path)
    ending = container.format + container.packed
    for candidate in (ending, container.format, _INSTEAD.get(container.format, _FALLBACK)):
        if candidate in WRITERS:
            return candidate
    return _FALLBACK


def unwritable(fields: Mapping[str, Any]) -> str | None:
    """Why a row that could be read cannot be written again; ``None`` for nearly every row."""
    try:
        json.dumps(fields, ensure_ascii=False, allow_nan=False, default=str).encode()
    except (ValueError, RecursionError) as error:
        return why_unwritable(error)
    return None


@contextmanager
def writers(
    paths: Mapping[str, Path], sources: Mapping[str, Path], field_names: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, WriteRow]]:
    """Open a file for rows per name; all appear when the block ends well.

    Where the source has a header, ``field_names`` are the columns; in others each row has its own.
    """
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                writer_for(path)(
                    path, field_names[name] if container_of(sources[name]).has_header else ()
                )
            )
            for name, path in paths.items()
        }


def check_free(
    folder: Path, sources: Mapping[str, Path], ours: Callable[[Path], Set[str]], *, force: bool
) -> bool:
    """Say whether ``folder`` must be replaced: by ``force`` it may, if all in it is ``ours``.

    ``ours`` names the files in a folder that the same verb wrote. Raises `ConfigError` when the
    folder is taken.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: choose another folder")
    names = set(names_in(folder)) if folder.is_dir() else set()
    if not names:
        return False
    if not force:
        raise ConfigError(
            f"{folder} is not empty: choose another folder, or --force to replace what an earlier "
            "call wrote there"
        )
    inside = [path for path in sources.values() if real(path).is_relative_to(real(folder))]
    if inside:
        raise ConfigError(
            f"{inside[0]} is in {folder}, which would be replaced: choose another folder"
        )
    check_target(folder)
    other = sorted(names - ours(folder))
    if other:
        raise ConfigError(
            f"{folder} holds {', '.join(other[:5])}, which this command did not write: choose "
            "another folder"
        )
    return True


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def moved_task(task: Task, folder: Path, examples: Mapping[str, str], remark: str) -> str:
    """Return ``task.yaml`` for ``folder`` with ``examples`` by part; other paths stay what they were.

    The split key goes when there are parts: it is for one file.
    """
    config: dict[str, Any] = task.to_config()
    config["name"] = task.name
    names = dict(examples)
    config["examples"] = names.get("all", names)
    if "all" not in names:
        config.pop("split", None)
    if task.documents is not None:
        files = [_relative(path, folder) for path in task.document_paths]
        options = task.documents.model_dump(mode="json", exclude_unset=True)
        config["documents"] = {**options, "files": files} if len(options) > 1 else files
    if any(_is_folder(task, model) for model in task.models):
        moved = [_moved_model(task, model, folder) for model in task.models]
        config["model"] = moved[0] if len(moved) == 1 else moved
    dumped = yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"# {remark}\n{dumped}"


def _is_folder(task: Task, model: ModelConfig) -> bool:
    return model.may_be_folder and task.path(model.name).is_dir()


def _moved_model(task: Task, model: ModelConfig, folder: Path) -> dict[str, Any]:
    config = model.model_dump(mode="json", exclude_unset=True)
    if not _is_folder(task, model):
        return config
    return {**config, "name": _relative(task.path(model.name), folder)}


def _relative(path: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(path, real(folder))
    except ValueError:  # another drive
        return str(path)
    text = Path(relative).as_posix()
    return text if text.startswith(".") else f"./{text}"
