"""What to do next: three steps with their commands."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from steelyard.advice.bills import is_dear
from steelyard.advice.choices import LEARNED
from steelyard.advice.situation import Situation
from steelyard.advice.task_file import fitting_metric, why_not_exact
from steelyard.commands import command
from steelyard.data.splits.allocation import MIN_EXAMPLES
from steelyard.packaged import packaged

_WITH_PROMPT = ("measure", "prompt", "few_shot", "retrieval", "hybrid")


class NextStep(NamedTuple):
    """What to do, and the command that does it."""

    text: str
    command: str


class Subject(NamedTuple):
    """What the advice is about: a task, a file of examples, or neither (``None``: not there yet).

    ``metric`` is what the file of examples starts with, where that is not ``exact_match``;
    ``is_word_for_word`` says whether free texts are scored by that.
    """

    task: Path | None = None
    examples: Path | None = None
    is_word_for_word: bool = False
    metric: str | None = None


def next_steps(case: Situation, way: str, subject: Subject) -> list[NextStep]:
    """The next three steps; with private data, where requests may go; for free text, what scores it."""
    data = packaged("advice/data/steps.yaml")
    if case.can_judge is False:
        steps = data["unjudged"]
    else:
        first = "task" if subject.task else "enough"
        if not subject.task and not subject.examples and (case.examples or 0) < MIN_EXAMPLES:
            first = "few"
        last = "unpriced" if case.requests_per_day is None else "priced"
        steps = [
            _more(data["first"][first], _labels_clause(case, way), _metric_clause(case, subject)),
            _more(
                data["weigh"][way],
                data["private"] if case.private_data else "",
                data["cache"] if case.holds("cache_1024") and way in _WITH_PROMPT else "",
            ),
            data["last"][last],
        ]
    return [
        NextStep(step["do"], _command(data["commands"][step["command"]], subject)) for step in steps
    ]


def _more(step: dict[str, str], *clauses: str) -> dict[str, str]:
    return {**step, "do": "; ".join(filter(None, (step["do"], *clauses)))}


def _labels_clause(case: Situation, way: str) -> str:
    """Where a good prompt may label what is to be learned from, in place of people."""
    is_short = case.holds("labels_by_prompt") and case.does_well and case.fails("labels_500")
    if not is_short or not (way in LEARNED or is_dear(case)):
        return ""
    text: str = packaged("advice/data/steps.yaml")["labels_by_prompt"]
    return text.format(tries=case.tries)


def _metric_clause(case: Situation, subject: Subject) -> str:
    """How free text is to be scored, where the task is yet to be made or scores it word for word."""
    if subject.metric is not None:
        text: str = packaged("advice/data/steps.yaml")["starts_with"]
        return text.format(metric=subject.metric)
    metric = fitting_metric(case) if case.kind == "text" else None
    if not metric or (subject != Subject() and not subject.is_word_for_word):
        return ""
    text = packaged("advice/data/steps.yaml")["metric"]
    return text.format(metric=metric, because=why_not_exact())


def _command(words: list[str], subject: Subject) -> str:
    task = subject.task or Path("my-task")
    folder = task.parent if task.suffix in (".yaml", ".yml") else task
    paths = {
        "{task}": task,
        "{file}": subject.examples or Path("examples.csv"),
        "{run}": Path("runs") / (folder.resolve().name or "my-task"),
    }
    return command(*(paths.get(word, word) for word in words))
