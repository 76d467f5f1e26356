"""A task's ``task.yaml`` for another folder, naming other example files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from steelyard.model.config import ModelConfig
from steelyard.task import Task


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
    if task.documents_path is not None:
        config["documents"] = _relative(task.documents_path, folder)
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
        relative = os.path.relpath(path, folder.resolve())
    except ValueError:  # another drive
        return str(path)
    text = Path(relative).as_posix()
    return text if text.startswith(".") else f"./{text}"
