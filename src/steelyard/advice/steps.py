"""What to do next: three steps with their commands, and a ``task.yaml`` to run."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import NamedTuple

from steelyard.advice.situation import Situation
from steelyard.commands import command
from steelyard.data.splits.allocation import MIN_EXAMPLES
from steelyard.packaged import packaged

EXAMPLES = "examples.jsonl"
"""The file of examples that a written ``task.yaml`` names."""


class NextStep(NamedTuple):
    """What to do, and the command that does it."""

    text: str
    command: str


class Subject(NamedTuple):
    """What the advice is about: a task, a file of examples, or neither (``None``: not there yet)."""

    task: Path | None = None
    examples: Path | None = None


def next_steps(case: Situation, way: str, subject: Subject) -> list[NextStep]:
    """The next three steps."""
    data = packaged("advice/data/steps.yaml")
    if case.can_judge is False:
        steps = data["unjudged"]
    else:
        first = "task" if subject.task else "enough"
        if not subject.task and not subject.examples and (case.examples or 0) < MIN_EXAMPLES:
            first = "few"
        last = "unpriced" if case.requests_per_day is None else "priced"
        steps = [data["first"][first], data["weigh"][way], data["last"][last]]
    return [
        NextStep(step["do"], _command(data["commands"][step["command"]], subject)) for step in steps
    ]


def _command(words: list[str], subject: Subject) -> str:
    task = subject.task or Path("my-task")
    folder = task.parent if task.suffix in (".yaml", ".yml") else task
    paths = {
        "{task}": task,
        "{file}": subject.examples or Path("examples.csv"),
        "{run}": Path("runs") / (folder.resolve().name or "my-task"),
    }
    return command(*(paths.get(word, word) for word in words))


def task_yaml(case: Situation, way: str) -> str:
    """A ``task.yaml`` from the answers; what was not answered stands in it as a comment, never as a value.

    It names ``examples.jsonl`` beside it. A kind that was not answered is text, and says so.
    """
    kind = case.kind or "text"
    return Template(packaged("advice/data/task.yaml.template")).substitute(
        instruction=packaged("advice/data/instructions.yaml")[kind],
        kind=kind,
        guessed="" if case.kind else "; you did not say which: change it",
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


def _line(is_there: bool, text: str, *, commented: bool = False) -> str:
    return f"\n{'# ' if commented else ''}{text}\n" if is_there else ""
