"""Answers read from a task's data, each with its grounds and the rows that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steelyard.advice.signals import fact_signs
from steelyard.advice.steps import Subject
from steelyard.data.audit import check
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.enough import first_indices
from steelyard.data.guess import first_metric
from steelyard.data.tokens import count_tokens
from steelyard.errors import DataError
from steelyard.files import expanded
from steelyard.output_kinds import KINDS
from steelyard.packaged import packaged
from steelyard.private.rules import rule_book
from steelyard.task import Task
from steelyard.task.config import FILE_NAME
from steelyard.words import counted, listed

_SHOWN = 5


class DataAnswer(NamedTuple):
    """An answer that the data gives; ``None`` where it gives none, with the reason in ``text``.

    ``rows`` are the numbers (from 1) of the first rows that it rests on.
    """

    key: str
    value: Any
    text: str
    rows: tuple[int, ...] = ()


class TaskAnswers(NamedTuple):
    """What the data of a task answers, and what it is about."""

    answers: tuple[DataAnswer, ...]
    subject: Subject

    @property
    def by_key(self) -> dict[str, Any]:
        return {answer.key: answer.value for answer in self.answers if answer.value is not None}


def from_task(source: Task | Path | str) -> TaskAnswers:
    """Read what a task (its folder or file), or a file of examples, answers by itself.

    Whether right can be told from wrong and what an answer is, whether facts are missing, how many examples
    there are, how long today's prompt is, whether there is private data; and the traffic and the latency that
    ``task.yaml`` states. Raises `ConfigError` for a wrong task, `DataError` for a file that cannot be read.
    """
    data = open_dataset(source).usable
    if not data.examples:
        raise DataError(f"{data.task.name} has no row that can be read: nothing to advise from")
    answers = (
        *_judgeable(data),
        _facts(data),
        _examples(data),
        _prompt(data),
        _private(data),
        *_stated(data.task),
    )
    return TaskAnswers(answers, _subject(source, data))


def _subject(source: Task | Path | str, data: Dataset) -> Subject:
    if isinstance(source, Task):
        return Subject(source.folder, None, _is_word_for_word(data))
    path = expanded(source)
    is_task = path.name == FILE_NAME or (path / FILE_NAME).is_file() or not data.task.is_bare
    exact = _is_word_for_word(data)
    if is_task:
        return Subject(path, None, exact)
    metric = first_metric(data.kind, data.examples)
    if metric in ("numeric", "rules"):
        return Subject(None, path, False, metric)
    return Subject(None, path, exact)


def _is_word_for_word(data: Dataset) -> bool:
    """Whether the data's texts are free, by their usual length, and ``exact_match`` decides over them."""
    if data.kind != "text" or data.task.primary_metric != "exact_match":
        return False
    words = [len(text.split()) for text in data.written if text.strip()]
    least = packaged("advice/data/signals.yaml")["free_text"]["words"]
    return bool(words) and float(np.median(words)) >= least


def _judgeable(data: Dataset) -> Iterator[DataAnswer]:
    answered = [i for i, text in enumerate(data.written) if text.strip()]
    rows = data.rows_of(answered[:_SHOWN])
    if answered:
        what = (
            f"the right answer is beside {len(answered):,} of {counted(len(data.examples), 'row')}"
        )
        yield DataAnswer("can_judge", True, what, rows)
    elif data.task.rules:
        rules = counted(len(data.task.rules), "rule")
        yield DataAnswer("can_judge", True, f"task.yaml has {rules} that a reply must keep")
    else:
        yield DataAnswer("can_judge", None, "no row has a right answer, and there are no rules")
    labels = f"{counted(len(data.labels), 'label')}, " if data.labels else ""
    stated = "guessed from the rows" if data.task.is_bare else "as task.yaml states"
    yield DataAnswer("kind", data.kind, labels + stated, rows)
    if data.labels:
        yield DataAnswer("labels", len(data.labels), "different ones in the rows or in task.yaml")


def _facts(data: Dataset) -> DataAnswer:
    if KINDS[data.kind].is_labelled:
        return DataAnswer(
            "need",
            None,
            "labels are no facts; whether tone, skill or cost is missing is not in rows",
        )
    signs = fact_signs(data)
    if signs.are_facts:
        return DataAnswer("need", "facts", signs.grounds, signs.rows)
    aside = "" if signs.are_facts is None else "; so facts are not what is missing"
    return DataAnswer("need", None, signs.grounds + aside, signs.rows)


def _examples(data: Dataset) -> DataAnswer:
    distinct = [i for i in first_indices(data) if data.written[i].strip()]
    answered = sum(bool(text.strip()) for text in data.written)
    repeats = (
        f", {counted(answered - len(distinct), 'repeat')} not counted"
        if answered > len(distinct)
        else ""
    )
    unread = f", {counted(len(data.bad), 'row')} that cannot be used" if data.bad else ""
    return DataAnswer(
        "examples",
        len(distinct),
        f"distinct rows with a right answer{repeats}{unread}",
        data.rows_of(distinct[:_SHOWN]),
    )


def _prompt(data: Dataset) -> DataAnswer:
    has_prompt = bool(data.task.instruction) or any(example.context for example in data.examples)
    if not has_prompt:
        return DataAnswer(
            "prompt_tokens", None, "there is no instruction, so today's prompt is not in the rows"
        )
    counts = count_tokens(data)
    prompt = counts.prompt
    middle = int(np.percentile(prompt, 50, method="nearest"))
    nearest = np.argsort(np.abs(prompt - middle), kind="stable")[:1]
    text = f"the median, {counts.method}, by {counts.how}"
    return DataAnswer("prompt_tokens", middle, text, data.rows_of(nearest.tolist()))


def _private(data: Dataset) -> DataAnswer:
    audit = check(data, only=["private_data"])
    findings = [finding for finding in audit.findings if finding.severity != "note"]
    if not findings:
        return DataAnswer(
            "private_data",
            False,
            f"none in {counted(len(data.examples), 'row')} (names are not looked for)",
        )
    rows = tuple(sorted({row for finding in findings for row in finding.rows}))
    facts = audit.results["private_data"].facts
    weighty = [kind for kind in facts["kinds"] if kind in facts["kinds_counted"]]
    kinds = [rule_book().kinds[kind].many for kind in weighty]
    if not rows:
        return DataAnswer("private_data", True, "in the instruction, and so in every request")
    what = f"{listed(kinds)} in {len(rows):,} of {counted(len(data.examples), 'row')}"
    if len(rows) < packaged("advice/data/signals.yaml")["private_rows"] * len(data.examples):
        what += ", too few to speak for the requests: look at them, and say yes or no"
        return DataAnswer("private_data", None, what, rows[:_SHOWN])
    return DataAnswer("private_data", True, what, rows[:_SHOWN])


def _stated(task: Task) -> Iterator[DataAnswer]:
    if task.is_bare:
        return
    if not task.traffic_is_assumed:
        volume = task.traffic.requests_per_day
        yield DataAnswer("requests_per_day", volume, "traffic.requests_per_day of task.yaml")
    limit = task.constraints.max_latency_p95_ms
    if limit is not None:
        yield DataAnswer(
            "max_latency_ms", max(1, round(limit)), "constraints.max_latency_p95_ms of task.yaml"
        )
