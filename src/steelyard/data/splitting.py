"""``steelyard.data.split``: files for train, dev, test and nested training subsets, and their manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from steelyard._version import __version__
from steelyard.data.base import CheckOptions
from steelyard.data.checks import leaks
from steelyard.data.dataset import Dataset, open_source
from steelyard.data.outfiles import check_free, ending_of, moved_task, writers
from steelyard.data.read import NumberedRow
from steelyard.data.splits import cuts
from steelyard.data.splits.allocation import Subsets, check_train_labels, nested_order, subset_sizes
from steelyard.errors import ConfigError, DataError, closest
from steelyard.files import expanded, hash_file, read_json, sources_kept, whole_folder
from steelyard.output_kinds import KINDS
from steelyard.seeds import check_seed
from steelyard.task import Task, load_task
from steelyard.task.config import FILE_NAME as TASK_FILE
from steelyard.task.sections import PARTS, SplitConfig
from steelyard.words import counted

By = Literal["label", "group", "time", "given"]
Destinations = dict[str, list[int]]
"""Row numbers by name of the file without its ending: ``train``, ``train-50``, …"""
MANIFEST = "manifest.json"
SCHEMA = 1


@dataclass(frozen=True)
class SplitFiles:
    """Where the files are, and ``manifest.json`` as data."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def parts(self) -> dict[str, Path]:
        return {name: self.folder / part["file"] for name, part in self.manifest["parts"].items()}

    @property
    def subsets(self) -> dict[int, Path]:
        return {subset["size"]: self.folder / subset["file"] for subset in self.manifest["subsets"]}

    @property
    def task(self) -> Path | None:
        path = self.folder / TASK_FILE
        return path if path.is_file() else None


@sources_kept()
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
    check_seed(seed)
    task, numbered = open_source(source, columns)
    out = expanded(out)
    replaces = check_free(out, task.example_paths, written_by_split, force=force)
    numbered = list(numbered)  # they are written again as they are
    data = cuts.read(task, numbered)
    rows = data.usable
    plan = cuts.CutPlan(_method(task, by), seed, _config(fractions) or task.split)
    cut = cuts.cut(rows, plan)
    train = [rows.examples[index] for index in cut.parts["train"]]
    sizes = subset_sizes(subsets, len(train))
    order = nested_order(train, rows.kind, seed)
    indices: Destinations = {part: cut.parts[part] for part in PARTS} | {
        f"train-{size}": sorted(cut.parts["train"][place] for place in order[:size])
        for size in sizes
    }
    with whole_folder(out, replaces=replaces, private=True) as folder:
        files = _write(folder, indices, rows, numbered)
        facts = _manifest(folder, data, cut, indices, files)
        write_manifest(folder, facts)
        if not task.is_bare:
            names = {part: files[part] for part in PARTS}
            remark = f"Written by steelyard data split: see {MANIFEST}."
            text = moved_task(task, out, names, remark)
            (folder / TASK_FILE).write_text(text, encoding="utf-8", newline="\n")
            load_task(folder)
    return SplitFiles(out, facts)


def _config(fractions: SplitConfig | Mapping[str, float] | None) -> SplitConfig | None:
    from pydantic import ValidationError

    if fractions is None or isinstance(fractions, SplitConfig):
        return fractions
    try:
        return SplitConfig.model_validate(dict(fractions)) if fractions else None
    except ValidationError as error:
        from steelyard.config.explain import Place, explain

        raise explain(error, fractions, Place("fractions", {})) from None


def _method(task: Task, by: By | None) -> By:
    several = "all" not in task.example_paths
    if several and by not in (None, "given"):
        raise ConfigError(
            f"the task gives {', '.join(task.example_paths)} files, so it is split already: leave out "
            f"--by {by} to keep its parts, or give one file"
        )
    if by is not None and by not in get_args(By):
        ways = ", ".join(get_args(By))
        raise ConfigError(f"unknown way to split {by!r}{closest(by, get_args(By))}; known: {ways}")
    if by == "given" and not several:
        raise ConfigError("--by given is for a task whose files are split already: leave it out")
    return "given" if several else by or "label"


def _write(
    folder: Path, indices: Destinations, rows: Dataset, numbered: Sequence[NumberedRow]
) -> dict[str, str]:
    """Write every row to the files that take it; return the files' names."""
    paths = rows.task.example_paths
    parts = {name: _origin(paths, name) for name in indices}
    origins = {name: paths[part] for name, part in parts.items()}
    files = {name: f"{name}{ending_of(path)}" for name, path in origins.items()}
    takers: dict[int, list[str]] = {}
    for name, places in indices.items():
        for place in places:
            takers.setdefault(rows.numbers[place], []).append(name)
    targets = {name: folder / file for name, file in files.items()}
    field_names = {name: rows.field_names[part] for name, part in parts.items()}
    with writers(targets, origins, field_names) as write:
        for number, _, row in numbered:
            for name in takers.get(number, ()):
                write[name](row.fields)
    return files


def _origin(paths: Mapping[str, Path], name: str) -> str:
    """The part of the source whose format the file ``name`` takes."""
    part = name.partition("-")[0]
    if "all" in paths:
        return "all"
    return part if part in paths else "train"


def _manifest(
    folder: Path, data: Dataset, cut: cuts.Cut, indices: Destinations, files: Mapping[str, str]
) -> dict[str, Any]:
    rows = data.usable

    def entry(name: str) -> dict[str, Any]:
        labels = Counter(label for place in indices[name] for label in rows.label_sets[place])
        return {
            "file": files[name],
            "sha256": hash_file(folder / files[name]),
            "rows": len(indices[name]),
            "labels": dict(sorted(labels.items())) if KINDS[rows.kind].is_labelled else None,
        }

    divided = rows.divided({name: indices[name] for name in PARTS}, {}, rows.task).usable
    likeness = leaks.find(divided, CheckOptions(encoder=False)).facts["likeness"]
    leaking = {name: figures["test_rows"] for name, figures in likeness.items()}
    fractions = cut.plan.fractions
    return {
        "schema": SCHEMA,
        "steelyard": __version__,
        "source": [
            {
                "part": part,
                "file": path.name,
                "sha256": hash_file(path) if path.is_file() else None,
            }
            for part, path in rows.task.example_paths.items()
        ],
        "columns": rows.task.columns.by_role(),
        "kind": rows.kind,
        "method": cut.plan.by,
        "seed": cut.plan.seed,
        "fractions": None if fractions is None else fractions.model_dump(exclude_none=True),
        "wanted": dict(cut.sizes),
        "rows": data.rows,
        "parts": {name: entry(name) for name in PARTS},
        "subsets": [
            {"size": len(indices[name]), **entry(name)} for name in indices if name not in PARTS
        ],
        "test_rows_also_in_train_or_dev": leaking,
        "left_out": [row._asdict() for row in cuts.omitted_rows(data, cut)],
        "notes": [*cut.notes, *_notes(divided, leaking)],
    }


def _notes(data: Dataset, leaking: Mapping[str, int]) -> list[str]:
    notes = []
    if leaking["normalised"]:
        rows = counted(leaking["normalised"], "test row")
        notes.append(
            f"{rows} with the text of a train or dev row, so scores will look too high; "
            "--by label keeps duplicates together"
        )
    if leaking["group"]:
        rows = counted(leaking["group"], "test row")
        notes.append(
            f"{rows} from a group that is also in train or dev; --by group keeps groups together"
        )
    try:
        check_train_labels(data.split, data.kind, data.task.output.labels)
    except DataError as error:
        notes.append(f"steelyard run will refuse this split: {error}")
    return notes


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest; equal manifests make equal bytes."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a split. Raises `DataError` when there is none that can be read."""
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"{folder} holds no {MANIFEST}: give a folder that data split wrote")
    try:
        manifest = read_json(path)
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise ValueError(f"schema is not {SCHEMA}")
        hashes = _hashes(manifest)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is not a split manifest ({error}): split again") from None
    return {**manifest, "hashes": hashes}


def verify(folder: Path | str) -> tuple[str, ...]:
    """Compare the files of a split with its manifest; return what differs, nothing where all is well.

    Raises `DataError` for a folder without a manifest.
    """
    folder = expanded(folder)
    problems = []
    for name, expected in read_manifest(folder)["hashes"].items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif hash_file(path) != expected:
            problems.append(f"{name} has changed since the split")
    return tuple(problems)


def written_by_split(folder: Path) -> frozenset[str]:
    """Names of the files in ``folder`` that a split wrote; none without a manifest."""
    try:
        return frozenset({MANIFEST, "task.yaml", *read_manifest(folder)["hashes"]})
    except DataError:
        return frozenset()


def _hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    entries = [*manifest["parts"].values(), *manifest["subsets"]]
    return {cast(str, entry["file"]): cast(str, entry["sha256"]) for entry in entries}
