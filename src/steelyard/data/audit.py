"""``steelyard.data.check``: every check over one data set, and what they amount to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steelyard.data.base import CheckOptions, CheckResult, Finding, Mistake
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.formats.roles import Columns
from steelyard.data.mistakes import mistakes
from steelyard.data.understood import understood
from steelyard.seeds import check_seed
from steelyard.task import Task

SEVERITIES = ("error", "warning", "note")

OnCheck = Callable[[str, int, int], None]
"""Called with a check's name, how many have finished, and how many there are."""


@dataclass(frozen=True, eq=False)
class Audit:
    """The results of every check of one data set. ``seconds`` is each check's own time."""

    dataset: Dataset
    results: Mapping[str, CheckResult]
    mistakes: tuple[Mistake, ...]
    seconds: Mapping[str, float]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the most serious first, in the order of the checks within one severity."""
        findings = [finding for result in self.results.values() for finding in result.findings]
        return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))

    def to_dict(self) -> dict[str, Any]:
        """The audit as ``data check --json`` prints it; plain JSON data without NaN."""
        data = self.dataset
        audit = {
            "rows": data.rows,
            "readable": len(data.examples),
            "kind": data.kind,
            "columns": dict(data.task.columns.by_role()),
            "files": files_of(data),
            "understood": [fact._asdict() for fact in understood(data)],
            "findings": [finding.to_dict() for finding in self.findings],
            "mistakes": [mistake._asdict() for mistake in self.mistakes],
            "checks": {name: self._check(name) for name in self.results},
        }
        return dict(json.loads(json.dumps(audit, allow_nan=False, default=_plain)))

    def _check(self, name: str) -> dict[str, Any]:
        result = self.results[name]
        state = "found" if result.findings else "clean" if result.reason is None else "not measured"
        return {
            "state": state,
            "reason": result.reason,
            "seconds": round(self.seconds[name], 3),
            "facts": dict(result.facts),
        }


def check(
    source: Task | Dataset | Path | str,
    options: CheckOptions | None = None,
    *,
    only: Sequence[str] | str | None = None,
    columns: Columns | None = None,
    on_check: OnCheck | None = None,
) -> Audit:
    """Audit a task, or a file of examples whose columns are guessed.

    ``only`` names the checks to make; all of them by default, none where it is empty. ``columns`` names
    columns by role, before what the task says or the file suggests. Raises `ConfigError` for a wrong task
    or an unknown check and `DataError` for a file that cannot be read at all; what is wrong with
    single rows is a finding.
    """
    only = (only,) if isinstance(only, str) else only
    names = tuple(CHECKS) if only is None else tuple(dict.fromkeys(only))
    checks = [(name, CHECKS.get(name)) for name in names]
    options = options or CheckOptions()
    check_seed(options.seed)
    data = source
    if not isinstance(data, Dataset):
        data = open_dataset(data, columns)
    results: dict[str, CheckResult] = {}
    seconds: dict[str, float] = {}
    for place, (name, find) in enumerate(checks):
        if on_check is not None:
            on_check(name, place, len(checks))
        started = time.perf_counter()
        results[name] = find(data, options)
        seconds[name] = time.perf_counter() - started
    # the common mistakes rest on all checks: a part of them says nothing about these
    common = mistakes(data, results) if only is None else ()
    return Audit(data, results, tuple(common), seconds)


def files_of(data: Dataset) -> list[dict[str, Any]]:
    """Each file with its part and its row numbers, from the first to the last."""
    every = [
        *zip(data.parts_read, data.numbers, strict=True),
        *((u.part, u.number) for u in (*data.bad, *data.left_out)),
    ]
    files = []
    for part, path in data.task.example_paths.items():
        numbers = [number for of, number in every if of == part]
        first, last = (min(numbers), max(numbers)) if numbers else (None, None)
        files.append({"part": part, "file": path.name, "first_row": first, "last_row": last})
    return files


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
