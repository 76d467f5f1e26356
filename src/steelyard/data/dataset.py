"""Rows as the checks see them: read with patience, numbered from 1, nothing left out unsaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.config.source import names_in
from steelyard.core import Example, OutputKind, Split
from steelyard.data.formats import BadRow
from steelyard.data.guess import guess_file
from steelyard.data.likeness.near import NearPair, near_pairs
from steelyard.data.likeness.normalise import asked_text, exact_key, normalised_key
from steelyard.data.read import read_file, scored_by_rules_alone
from steelyard.data.rows import RowParser
from steelyard.errors import DataError, closest_file
from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig
from steelyard.task import Task, load_task
from steelyard.task.dataset_folder import is_dataset_folder
from steelyard.words import one_line

SHOWN = 20
CLIP = 160


class Unreadable(NamedTuple):
    """A row that is no example, with its row number from 1."""

    number: int
    part: str
    bad: BadRow


@dataclass(frozen=True)
class DataBrief:
    """What is known of the task besides its rows; guessed where there is only a file.

    ``labels`` are those declared, in order; empty when none are. ``model`` is the task's first,
    ``other_models`` the rest. ``requests_per_day`` is the task's traffic, assumed
    (`assumed_traffic`) where it states none.
    """

    name: str
    kind: OutputKind
    labels: tuple[str, ...]
    schema: Mapping[str, Any] | None
    instruction: str
    model: ModelSpec
    requests_per_day: int
    assumed_traffic: bool
    columns: Mapping[str, str]
    paths: Mapping[str, Path]
    task: Task | None = None
    other_models: tuple[ModelSpec, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Readable rows in reading order, and those that are not.

    ``examples[i]`` stands at row ``numbers[i]`` (from 1, blank lines not counted, counted on from
    file to file) in part ``parts[i]`` (``all``, or train, dev, test); ``written[i]`` is its output as
    the file has it. Outputs may be empty, and labels may be undeclared: that is for checks to find.
    ``parts_read`` are the parts as the task's files give them, ``parts`` those in use.
    """

    brief: DataBrief
    examples: tuple[Example, ...]
    numbers: tuple[int, ...]
    parts: tuple[str, ...]
    written: tuple[str, ...]
    bad: tuple[Unreadable, ...]
    ignored_keys: tuple[str, ...] = ()
    parts_read: tuple[str, ...] = ()

    def with_parts(self, split: Split) -> Dataset:
        """Return the rows with the parts that ``split`` gave them; rows in none keep theirs.

        Only rows of one file for all parts, and train rows of which dev was cut, can move.
        """
        cut = {example.source: "dev" for example in split.dev}
        every = {
            example.source: name
            for name, part in zip(split._fields, split, strict=True)
            for example in part
        }
        moved: dict[str, dict[str, str]] = {"all": every, "train": cut}
        parts = tuple(
            moved.get(part, {}).get(example.source, part)
            for example, part in zip(self.examples, self.parts_read, strict=True)
        )
        return replace(self, parts=parts)

    @property
    def rows(self) -> int:
        """All rows, readable or not."""
        return len(self.examples) + len(self.bad)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels declared, else those that occur, the most frequent first; empty by kind."""
        if self.brief.kind != "label":
            return ()
        if self.brief.labels:
            return self.brief.labels
        counts: dict[str, int] = {}
        for example in self.examples:
            counts[example.output] = counts.get(example.output, 0) + 1
        return tuple(sorted((label for label in counts if label), key=lambda x: (-counts[x], x)))

    @cached_property
    def texts(self) -> list[str]:
        """What each row asks, normalised, without system messages."""
        return [asked_text(example) for example in self.examples]

    @cached_property
    def exact_keys(self) -> list[str]:
        """Equal for rows that ask the very same."""
        return [exact_key(example) for example in self.examples]

    @cached_property
    def normalised_keys(self) -> list[str]:
        """Equal for rows that ask the same but for case, punctuation and spaces."""
        return [normalised_key(example) for example in self.examples]

    @cached_property
    def near(self) -> list[NearPair]:
        """Pairs of indices with nearly the same `texts`; see `near_pairs` for which are listed."""
        return near_pairs(self.texts)

    def evidence(self, indices: Sequence[int], **more: Sequence[Any]) -> tuple[dict[str, Any], ...]:
        """The first rows of ``indices`` as evidence: row, source, input, output and ``more``.

        Each of ``more`` runs along ``indices``. Private data is hidden: an audit is passed on more
        freely than the rows themselves.
        """
        from steelyard.data.private.redact import hide

        return tuple(
            {
                "row": self.numbers[index],
                "source": self.examples[index].source,
                "input": clip(hide(self.examples[index].input)),
                "output": clip(hide(self.written[index])),
                **{name: values[place] for name, values in more.items()},
            }
            for place, index in enumerate(indices[:SHOWN])
        )

    def rows_of(self, indices: Sequence[int]) -> tuple[int, ...]:
        """Row numbers of ``indices``, in the same order."""
        return tuple(self.numbers[index] for index in indices)


def clip(text: str, most: int = CLIP) -> str:
    """The beginning of ``text`` on one line."""
    return one_line(text, most)


def open_dataset(source: Task | DataBrief | Path | str) -> Dataset:
    """Read a task, its folder or file, or a bare file of examples whose columns are guessed.

    Raises `ConfigError` for a wrong task and `DataError` for a file that cannot be read at all.
    """
    brief = open_brief(source)
    needs_output = brief.task is None or not scored_by_rules_alone(brief.task)
    parser = RowParser(brief.kind, (), brief.columns, patient=True, needs_output=needs_output)
    examples: list[Example] = []
    numbers: list[int] = []
    parts: list[str] = []
    bad: list[Unreadable] = []
    for part, path in brief.paths.items():
        before = len(examples) + len(bad)
        found, unusable = read_file(path, parser)
        taken = _numbers(found, unusable)
        examples += found
        numbers += [before + taken[_line(example)] for example in found]
        parts += [part] * len(found)
        bad += [Unreadable(before + taken[row.line], part, row) for row in unusable]
    written = tuple(example.output for example in examples)
    if brief.kind == "label":
        examples = [replace(example, output=example.output.strip()) for example in examples]
    return Dataset(
        brief,
        tuple(examples),
        tuple(numbers),
        tuple(parts),
        written,
        tuple(bad),
        tuple(sorted(parser.ignored)),
        tuple(parts),
    )


def _numbers(examples: Sequence[Example], bad: Sequence[BadRow]) -> dict[int, int]:
    """Row number from 1 by line, over the rows of one file."""
    lines = sorted([*map(_line, examples), *(row.line for row in bad)])
    return {line: number for number, line in enumerate(lines, 1)}


def _line(example: Example) -> int:
    return int(example.source.rpartition(":")[2])


def open_brief(
    source: Task | DataBrief | Path | str, columns: Mapping[str, str] | None = None
) -> DataBrief:
    """Say what is known of ``source``; ``columns`` by role go before what it says or seems to hold.

    Raises as `open_dataset` does.
    """
    if isinstance(source, DataBrief):
        return source
    if isinstance(source, Task):
        return _brief_of(_with_columns(source, columns))
    path = Path(source).expanduser()
    is_set = is_dataset_folder(path)
    if (path.is_dir() and not is_set) or path.suffix.lower() in {".yaml", ".yml"}:
        return _brief_of(_with_columns(load_task(path), columns))
    if not path.is_file() and not is_set:
        hint = closest_file(path.name, names_in(path.parent))
        raise DataError(f"no file {path}{hint}: give a task's folder or a file of examples")
    guess = guess_file(path, columns, patient=True)
    model = ModelConfig()
    traffic = Task.model_fields["traffic"].default
    return DataBrief(
        name=path.name,
        kind=guess.kind,
        labels=(),
        schema=None,
        instruction="",
        model=ModelSpec(**model.to_spec()),
        requests_per_day=traffic.requests_per_day,
        assumed_traffic=True,
        columns=guess.columns,
        paths={"all": path},
    )


def _with_columns(task: Task, columns: Mapping[str, str] | None) -> Task:
    return task.updated(columns={**task.columns.given(), **columns}) if columns else task


def _brief_of(task: Task) -> DataBrief:
    return DataBrief(
        name=task.name,
        kind=task.output.kind,
        labels=task.output.labels,
        schema=task.output.json_schema,
        instruction=task.instruction,
        model=ModelSpec(**task.model.to_spec()),
        requests_per_day=task.traffic.requests_per_day,
        assumed_traffic=task.traffic_is_assumed,
        columns=task.columns.given(),
        paths=task.example_paths,
        task=task,
        other_models=tuple(ModelSpec(**model.to_spec()) for model in task.models[1:]),
    )
