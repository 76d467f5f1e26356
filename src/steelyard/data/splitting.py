"""``steelyard.data.split``: files for train, dev, test and nested training subsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from steelyard._version import __version__
from steelyard.core import Split
from steelyard.data.dataset import DataBrief, open_brief
from steelyard.data.raw import check_free, columns_of, ending_of, raw_rows, whole_folder, writers
from steelyard.data.splits import cuts, manifest
from steelyard.data.splits.allocation import check_train_labels
from steelyard.data.splits.leaks import check_split
from steelyard.data.splits.moved import moved_task
from steelyard.data.splits.subsets import Subsets, nested_order, subset_sizes
from steelyard.errors import ConfigError, DataError, closest
from steelyard.task import Task, load_task
from steelyard.task.config import FILE_NAME as TASK_FILE
from steelyard.task.sections import PARTS, SplitConfig
from steelyard.words import counted

By = Literal["label", "group", "time", "given"]
Destinations = dict[str, list[int]]
"""Row numbers by name of the file without its ending: ``train``, ``train-50``, …"""


@dataclass(frozen=True)
class SplitFiles:
    """Where the files are, and ``manifest.json`` as data."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def parts(self) -> dict[str, Path]:
        """The files of train, dev and test."""
        return {name: self.folder / part["file"] for name, part in self.manifest["parts"].items()}

    @property
    def subsets(self) -> dict[int, Path]:
        """The files of the training subsets by size."""
        return {each["size"]: self.folder / each["file"] for each in self.manifest["subsets"]}

    @property
    def task(self) -> Path | None:
        """The ``task.yaml`` that names the files, when a task was split."""
        path = self.folder / TASK_FILE
        return path if path.is_file() else None


def split(
    source: Task | Path | str,
    out: Path | str,
    *,
    by: By | None = None,
    seed: int = 0,
    fractions: SplitConfig | Mapping[str, float] | None = None,
    subsets: Subsets = (),
    columns: Mapping[str, str] | None = None,
    force: bool = False,
) -> SplitFiles:
    """Cut a task's examples, or a bare file, into files that keep its form and fields.

    ``by`` is ``label`` (stratified; groups and duplicates stay together: the split of a run with the
    same seed), ``group`` (whole groups), ``time`` (the newest are for test) or ``given`` (the parts
    that the task's files are, the default for those). ``subsets`` are sizes of nested training files,
    or ``auto``. The same source, seed and options make the same bytes. Rows that a run would refuse
    are left out and named in ``manifest.json``. The folder appears whole or not at all; ``force``
    replaces an earlier split. Raises `DataError`, `ConfigError` and `StorageError`.
    """
    brief = open_brief(source, columns)
    out = Path(out).expanduser()
    replaces = check_free(out, brief.paths, manifest.written_by_split, force=force)
    rows = cuts.read_rows(brief)
    chosen = _config(fractions) or (brief.task.split if brief.task else None)
    cut = cuts.cut(rows, brief, cuts.CutPlan(_method(brief, by), seed, chosen))
    train = [rows.examples[index] for index in cut.parts["train"]]
    sizes = subset_sizes(subsets, len(train))
    order = nested_order(train, brief.kind, seed)
    indices: Destinations = {part: cut.parts[part] for part in PARTS} | {
        f"train-{size}": sorted(cut.parts["train"][place] for place in order[:size])
        for size in sizes
    }
    with whole_folder(out, replaces=replaces) as folder:
        files = _write(folder, brief, indices, rows)
        found = _manifest(folder, brief, rows, cut, indices, files)
        manifest.write_manifest(folder, found)
        if brief.task is not None:
            names = {part: files[part] for part in PARTS}
            remark = f"Written by steelyard data split: see {manifest.FILE_NAME}."
            text = moved_task(brief.task, out, names, remark)
            (folder / TASK_FILE).write_text(text, encoding="utf-8", newline="\n")
            load_task(folder)
    return SplitFiles(out, found)


def _config(fractions: SplitConfig | Mapping[str, float] | None) -> SplitConfig | None:
    from pydantic import ValidationError

    if fractions is None or isinstance(fractions, SplitConfig):
        return fractions
    try:
        return SplitConfig.model_validate(dict(fractions)) if fractions else None
    except ValidationError as error:
        from steelyard.config.explain import explain

        raise explain(error, "fractions", {}) from None


def _method(brief: DataBrief, by: By | None) -> By:
    several = "all" not in brief.paths
    if several and by not in (None, "given"):
        raise ConfigError(
            f"the task gives {', '.join(brief.paths)} files, so it is split already: leave out "
            f"--by {by} to keep its parts, or give one file"
        )
    if by is not None and by not in get_args(By):
        ways = ", ".join(get_args(By))
        raise ConfigError(f"unknown way to split {by!r}{closest(by, get_args(By))}; known: {ways}")
    if by == "given" and not several:
        raise ConfigError("--by given is for a task whose files are split already: leave it out")
    return "given" if several else by or "label"


def _write(
    folder: Path, brief: DataBrief, indices: Destinations, rows: cuts.CutRows
) -> dict[str, str]:
    """Stream every row to the files that take it; return the files' names."""
    origins = {name: _origin(brief, name) for name in indices}
    files = {name: f"{name}{ending_of(brief.paths[part])}" for name, part in origins.items()}
    columns = {part: columns_of(brief, part) for part in set(origins.values())}
    takers: dict[int, list[str]] = {}
    for name, places in indices.items():
        for place in places:
            takers.setdefault(rows.numbers[place], []).append(name)
    paths = {name: folder / file for name, file in files.items()}
    by_name = {name: columns[part] for name, part in origins.items()}
    with writers(paths, by_name) as write:
        for number, _, row in raw_rows(brief):
            for name in takers.get(number, ()):
                write[name](row.fields)
    return files


def _origin(brief: DataBrief, name: str) -> str:
    """The part of the source from which the file ``name`` takes its form."""
    part = name.partition("-")[0]
    if "all" in brief.paths:
        return "all"
    return part if part in brief.paths else "train"


def _manifest(
    folder: Path,
    brief: DataBrief,
    rows: cuts.CutRows,
    cut: cuts.Cut,
    indices: Destinations,
    files: Mapping[str, str],
) -> dict[str, Any]:
    def entry(name: str) -> dict[str, Any]:
        labels = Counter(rows.examples[place].output for place in indices[name])
        return {
            "file": files[name],
            "sha256": manifest.sha256_of(folder / files[name]),
            "rows": len(indices[name]),
            "labels": dict(sorted(labels.items())) if brief.kind == "label" else None,
        }

    parts = Split(*(tuple(rows.examples[place] for place in indices[name]) for name in PARTS))
    leaks = {kind: found["test_count"] for kind, found in check_split(parts).items()}
    left_out = [*rows.left_out, *cut.left_out]
    return {
        "schema": manifest.SCHEMA,
        "steelyard": __version__,
        "source": [
            {"part": part, "file": path.name, "sha256": _hash(path)}
            for part, path in brief.paths.items()
        ],
        "columns": dict(brief.columns),
        "kind": brief.kind,
        "method": cut.plan.by,
        "seed": cut.plan.seed,
        "fractions": cut.plan.fractions.model_dump(exclude_none=True)
        if cut.plan.fractions
        else None,
        "wanted": dict(cut.wanted),
        "rows": rows.count,
        "parts": {name: entry(name) for name in PARTS},
        "subsets": [
            {"size": len(indices[name]), **entry(name)} for name in indices if name not in PARTS
        ],
        "test_rows_also_in_train_or_dev": leaks,
        "left_out": [row._asdict() for row in sorted(left_out)],
        "notes": [*cut.notes, *_notes(parts, brief, leaks)],
    }


def _hash(path: Path) -> str | None:
    return manifest.sha256_of(path) if path.is_file() else None


def _notes(parts: Split, brief: DataBrief, leaks: Mapping[str, int]) -> list[str]:
    notes = []
    if leaks["normalised"]:
        rows = counted(leaks["normalised"], "test row")
        notes.append(
            f"{rows} with the text of a row of train or dev, which overstates quality; "
            "--by label keeps duplicates together"
        )
    if leaks["group"]:
        rows = counted(leaks["group"], "test row")
        notes.append(
            f"{rows} of a group that train or dev has too; --by group keeps groups together"
        )
    try:
        check_train_labels(parts, brief.kind, brief.labels)
    except DataError as error:
        notes.append(f"steelyard run will refuse this split: {error}")
    return notes
