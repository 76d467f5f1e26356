"""Start a task folder from a file of examples or from a packaged example."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from string import Template
from typing import NamedTuple

import yaml

from steelyard.core import OutputKind
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.formats.roles import Columns
from steelyard.data.guess import FileGuess, guess_file
from steelyard.data.own_parts import example_files
from steelyard.data.read import bad_rows
from steelyard.errors import ConfigError, DataError, closest
from steelyard.files import expanded, real, whole_folder
from steelyard.packaged import packaged
from steelyard.task import Task
from steelyard.task.config import FILE_NAME, load_task
from steelyard.task.dataset_folder import is_dataset_folder
from steelyard.task.places import no_file

_LEAST_ROWS = 4  # where rows could not be read: two labels, each seen twice

_INSTRUCTIONS: dict[OutputKind, str] = {
    "label": "Classify the input. Answer with one of these labels and nothing else:\n$labels",
    "labels": (
        "Which of these labels fit the input? Answer with a JSON list of them, [] if none does, and "
        "nothing else:\n$labels"
    ),
    "json": "Extract the data from the input as JSON. Answer with the JSON and nothing else.",
    "text": "Answer the input.",
}


_RULES = """
# What every reply must and must never do, scored rule by rule with metric: rules
# rules:
#   - {name: closing, type: ends_with, text: "Is there anything else I can help you with?"}
#   - {name: no pricing, type: never, words: [price, discount]}
"""


class StarterTask(NamedTuple):
    """A folder begun from a file, its rows as a run reads them, and why a run would refuse them, if so."""

    folder: Path
    data: Dataset
    refusal: str | None = None


def init_from_file(folder: Path | str, source: Path | str, columns: Columns | None = None) -> Path:
    """Write a commented ``task.yaml`` and a copy of ``source`` to ``folder``; return the folder.

    Columns (but those of ``columns``), output kind and labels are guessed. Raises `DataError` for an
    unusable file, `ConfigError` for a folder that is not empty, `StorageError` when it cannot be written.
    """
    return start_from_file(folder, source, columns).folder


def start_from_file(
    folder: Path | str, source: Path | str, columns: Columns | None = None
) -> StarterTask:
    """Do as `init_from_file` does, and return as well how a run reads the task."""
    folder, source = expanded(folder), expanded(source)
    is_set = is_dataset_folder(source)
    if not source.is_file() and not is_set:
        raise DataError(no_file(source))
    _check_free(folder)
    if is_set and real(folder).is_relative_to(real(source)):
        raise ConfigError(f"{folder} lies inside {source}: choose a folder beside it")
    files, notes = example_files(source)
    guess = guess_file(source, files, columns or {})
    _check_enough(guess)
    read: list[Dataset] = []

    def fill(target: Path) -> None:
        (shutil.copytree if is_set else shutil.copyfile)(source, target / source.name)
        text = _render(guess, folder, files)
        (target / FILE_NAME).write_text(text, encoding="utf-8")
        read.append(_tried(load_task(target), guess))

    _write(folder, fill)
    every = dict.fromkeys((*notes, *guess.notes, *read[0].notes))
    data = replace(read[0], task=load_task(folder), notes=tuple(every))
    return StarterTask(folder, data, _refusal(data))


def _tried(task: Task, guess: FileGuess) -> Dataset:
    """The rows of a new task, which must be those that it was guessed from. Raises `DataError`."""
    data = open_dataset(task)
    if len(data.usable.examples) != guess.count:
        raise DataError(
            f"the task guessed from {guess.count:,} rows reads {len(data.usable.examples):,} of them: "
            "name the columns (--columns input=…,output=…)"
        )
    return data


def _refusal(data: Dataset) -> str | None:
    """Why a run would refuse the task, its bad rows skipped; ``None`` where it would not."""
    from steelyard.data.prepare import divide

    try:
        divide(data.usable, seed=0)
    except DataError as error:
        return str(error)
    return None


def _check_enough(guess: FileGuess) -> None:
    if guess.bad and guess.count < max(_LEAST_ROWS, len(guess.bad) + 1):
        remaining = "1 row is" if guess.count == 1 else f"{guess.count} rows are"
        others = "".join(f"; {note}" for note in guess.notes if "--columns" in note)
        raise DataError(
            f"{bad_rows(guess.bad)}; only {remaining} left to guess the task from: fix the file first"
            f"{others}"
        )


def init_from_example(folder: Path | str, name: str) -> Path:
    """Copy the packaged example ``name`` to ``folder``; return the folder. Raises `ConfigError`."""
    folder = expanded(folder)
    examples = list_examples()
    if name not in examples:
        names = ", ".join(examples) or "none in this installation"
        raise ConfigError(f"unknown example {name!r}{closest(name, examples)}; known: {names}")
    _check_free(folder)
    origin = _examples_root() / name
    ignore = shutil.ignore_patterns(".*", "__pycache__")
    return _write(
        folder, lambda target: shutil.copytree(origin, target, ignore=ignore, dirs_exist_ok=True)
    )


def list_examples() -> tuple[str, ...]:
    """Names of the packaged examples."""
    root = _examples_root()
    return tuple(sorted(path.parent.name for path in root.glob(f"*/{FILE_NAME}")))


def _examples_root() -> Path:
    """In the wheel the examples lie inside the package, in a checkout next to ``src``."""
    package = Path(__file__).resolve().parents[1] / "examples"
    return package if package.is_dir() else Path(__file__).resolve().parents[3] / "examples"


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: choose another folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: choose another folder, nothing was written")


def _write(folder: Path, fill: Callable[[Path], object]) -> Path:
    with whole_folder(folder) as scratch:
        fill(scratch)
        load_task(scratch)
    return folder


def _render(guess: FileGuess, folder: Path, files: Mapping[str, str]) -> str:
    template = Template(packaged("data/data/task.yaml.template"))
    instruction = Template(_INSTRUCTIONS[guess.kind]).substitute(labels=", ".join(guess.labels))
    return template.substitute(
        folder=quote(str(folder)),
        name=_quoted(re.sub(r"\s+", "-", real(folder).name) or "task"),
        instruction="\n".join(f"  {line}" for line in instruction.splitlines()),
        kind=guess.kind,
        labels=_labels_block(guess.labels),
        count=guess.count,
        examples=_examples(files),
        columns=_columns_block(guess),
        metric=guess.metric,
        rules=_RULES if guess.kind == "text" else "",
    )


def _examples(files: Mapping[str, str]) -> str:
    if "all" in files:
        return _quoted(files["all"])
    return f"{{{', '.join(f'{part}: {_quoted(name)}' for part, name in files.items())}}}"


def _labels_block(labels: tuple[str, ...]) -> str:
    if not labels:
        return ""
    return "  labels:\n" + "".join(f"    - {_quoted(label)}\n" for label in labels)


def _columns_block(guess: FileGuess) -> str:
    if not guess.columns:
        return ""
    pairs = ", ".join(
        f"{role}: {'null' if name is None else _quoted(name)}"
        for role, name in guess.columns.items()
    )
    comment = "# Which column holds what (null: none); group keeps rows of one customer or thread together."
    return f"\n{comment}\ncolumns: {{{pairs}}}\n"


def _quoted(text: str) -> str:
    """The text as YAML reads it back, on one line and safe inside brackets."""
    if "\n" in text:
        return json.dumps(text, ensure_ascii=False)
    dumped = yaml.safe_dump([text], allow_unicode=True, default_flow_style=True, width=1_000_000)
    return dumped.strip()[1:-1]
