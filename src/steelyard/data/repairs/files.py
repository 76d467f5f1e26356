"""The files of a repair: the rows that stay, the change log, and the rows to review."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from steelyard.data.formats.write import ending_of as written_as
from steelyard.data.outfiles import check_free, ending_of, moved_task, writers
from steelyard.data.repairs.work import TO_REVIEW, RepairWork
from steelyard.errors import ConfigError, DataError
from steelyard.files import cannot_write, check_target, remove_file, replacing, whole_folder
from steelyard.task import Task, load_task
from steelyard.task.config import FILE_NAME as TASK_FILE

CHANGES, REVIEW = "changes.jsonl", "review.jsonl"
_MAKER = "Written by steelyard data fix: see changes.jsonl."


class RepairTarget:
    """Where a repair goes: a file (its log next to it), or a folder for a task."""

    def __init__(self, task: Task, out: Path) -> None:
        self.sources = task.example_paths
        self.out = out
        endings = {ending_of(path) for path in self.sources.values()}
        self.is_folder = not task.is_bare and (
            len(self.sources) > 1 or out.is_dir() or not out.suffix
        )
        if not self.is_folder and written_as(out) not in endings:
            raise ConfigError(
                f"{out.name} must end in {min(endings)}, as the source does: 'data convert' "
                "changes the format"
            )

    def files(self) -> dict[str, Path]:
        """The new files by part, then ``changes`` and ``review``, and ``task`` in a folder."""
        if not self.is_folder:
            part = next(iter(self.sources))
            logs = {name: self.out.with_name(f"{self.out.name}.{name}.jsonl") for name in _LOGS}
            return {part: self.out, **logs}
        parts = {
            part: self.out / f"{'examples' if part == 'all' else part}{ending_of(path)}"
            for part, path in self.sources.items()
        }
        logs = {"changes": self.out / CHANGES, "review": self.out / REVIEW}
        return {**parts, **logs, "task": self.out / TASK_FILE}

    def check_free(self, *, force: bool) -> bool:
        """Say whether a folder must be replaced. Raises `ConfigError` where nothing may be written."""
        for path in self.sources.values():
            if self.out.exists() and self.out.samefile(path):
                raise ConfigError(f"{self.out} is the source itself: name another file")
        if self.is_folder:
            return check_free(self.out, self.sources, self._ours, force=force)
        if self.out.is_dir():
            raise ConfigError(f"{self.out} is a folder: name a file in it")
        existing = [path for path in self.files().values() if path.exists()]
        if existing and not force:
            raise ConfigError(f"{existing[0]} already exists: choose another file, or --force")
        for path in existing:
            check_target(path)
        return False

    def _ours(self, folder: Path) -> frozenset[str]:
        if not (folder / CHANGES).is_file():
            return frozenset()
        return frozenset(path.name for path in self.files().values())

    def write(self, work: RepairWork, *, replaces: bool) -> dict[str, Path]:
        """Write all files, whole or not at all; return those written. Raises `StorageError`."""
        if not any(True for _ in work.remaining()):
            why = next(
                (f"; row {row.number}: {row.removal.reason}" for row in work.rows if row.removal),
                "",
            )
            raise DataError(
                f"no row of {work.task.name} would remain{why} (steelyard data check lists them)"
            )
        files = self.files()
        if not any(row.removal and row.removal.action in TO_REVIEW for row in work.rows):
            del files["review"]
        if not self.is_folder:
            self._write_file(work, files)
            return files
        with whole_folder(self.out, replaces=replaces) as scratch:
            at = {name: scratch / path.name for name, path in files.items()}
            _write_rows(work, {part: at[part] for part in self.sources})
            _write_logs(work, at, lambda path: path)
            names = {part: files[part].name for part in self.sources}
            text = moved_task(work.task, self.out, names, _MAKER)
            at["task"].write_text(text, encoding="utf-8", newline="\n")
            load_task(scratch)
        return files

    def _write_file(self, work: RepairWork, files: Mapping[str, Path]) -> None:
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                _write_logs(work, files, lambda path: stack.enter_context(replacing(path)))
                _write_rows(work, {part: files[part] for part in self.sources})
            if "review" not in files:
                remove_file(self.files()["review"])
        except OSError as error:
            raise cannot_write(self.out, error) from None


_LOGS = ("changes", "review")


def _write_rows(work: RepairWork, paths: Mapping[str, Path]) -> None:
    field_names: dict[str, dict[str, None]] = {part: {} for part in paths}
    for row in work.rows:
        field_names[row.part].update(dict.fromkeys(row.fields))
    sources = work.task.example_paths
    with writers(paths, sources, {part: tuple(field_names[part]) for part in paths}) as write:
        for row in work.remaining():
            write[row.part](row.fields)


def _write_logs(work: RepairWork, files: Mapping[str, Path], place: Callable[[Path], Path]) -> None:
    changes = sorted(work.changes, key=lambda change: change.row)
    _write_lines(place(files["changes"]), (change._asdict() for change in changes))
    if "review" in files:
        removals = (
            row.removal for row in work.rows if row.removal and row.removal.action in TO_REVIEW
        )
        _write_lines(
            place(files["review"]),
            (
                {"row": removal.row, "source": removal.source, "action": removal.action}
                | {"reason": removal.reason, "fields": removal.before}
                for removal in removals
            ),
        )


def _write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(_line(line) + "\n")


def _line(line: Mapping[str, Any]) -> str:
    """One JSON object; what no file can hold is written as escapes, or as words."""
    try:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, default=str)
    except (ValueError, RecursionError):
        texts = {"before", "after", "fields"}
        line = {key: str(value) if key in texts else value for key, value in line.items()}
        text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(line, default=str)
    return text
