"""The ``task.yaml`` that comes with the advice: the answers, what decides, and where requests may go."""

from __future__ import annotations

from string import Template
from typing import Any

from steelyard.advice.situation import Situation
from steelyard.packaged import packaged

EXAMPLES = "examples.jsonl"
"""The file of examples that a written ``task.yaml`` names."""


def task_yaml(case: Situation, way: str, metric: str | None = None) -> str:
    """A ``task.yaml`` from the answers; what was not answered stands in it as a comment, never as a value.

    It names ``examples.jsonl`` beside it. A kind that was not answered is text, and says so. Free text gets a
    metric that suits what is missing, or a line that says why none can be named yet;
    ``metric`` is one that the rows ask for.
    """
    kind = case.kind or "text"
    return Template(packaged("advice/data/task.yaml.template")).substitute(
        instruction=packaged("advice/data/instructions.yaml")[kind],
        kind=kind,
        guessed="" if case.kind else "; you did not say which: change it",
        metric=f"\nmetric: {metric}\n" if metric else _metric_lines(case),
        model=_lines()["model"][_where(case)],
        documents=_line(
            way == "retrieval",
            "documents: docs/             # the folder that holds the facts",
            commented=True,
        ),
        traffic=_line(
            case.requests_per_day is not None,
            f"traffic: {{requests_per_day: {case.requests_per_day}}}",
        ),
        constraints=_line(
            case.max_latency_ms is not None,
            f"constraints: {{max_latency_p95_ms: {case.max_latency_ms}}}",
        ),
    )


def fitting_metric(case: Situation) -> str | None:
    """What decides over free text, in words; empty where nothing can be named, ``None`` for other kinds."""
    entry = _entry(case)
    return None if entry is None else str(entry["name"])


def why_not_exact() -> str:
    """Why ``exact_match`` will not do for free text, in a clause."""
    return str(_lines()["because"])


def _lines() -> dict[str, Any]:
    return dict(packaged("advice/data/task_lines.yaml"))


def _where(case: Situation) -> str:
    return "private" if case.private_data else "anywhere"


def _entry(case: Situation) -> dict[str, str] | None:
    data = _lines()
    if case.kind not in (None, "text"):
        return None
    entry: dict[str, str] = (
        data["unjudged"]
        if case.can_judge is False
        else data["by_need"].get(case.need) or data["by_need"]["other"]
    )
    return entry


def _metric_lines(case: Situation) -> str:
    entry = _entry(case)
    if entry is None:
        return ""
    judge = _lines()["judge"][_where(case)]
    lines = entry["lines"].replace("{judge}", judge)
    other = "" if case.kind else "# These lines go with kind: text; leave them out for any other.\n"
    return f"\n{other}{lines}"


def _line(is_there: bool, text: str, *, commented: bool = False) -> str:
    return f"\n{'# ' if commented else ''}{text}\n" if is_there else ""
