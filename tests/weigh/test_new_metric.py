"""A metric from outside is one class: plan, run, result and report take it without another change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from steelyard.config.options import Options
from steelyard.core import Completion, Example, OutputKind
from steelyard.errors import ConfigError
from steelyard.families import METRICS
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.score import Metric
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.reading import canonical, read_completion
from steelyard.strategy.reasoning import reasoning_refusal, votes_refusal
from steelyard.task import load_task
from steelyard.weigh import run


class BrevityOptions(Options):
    """A reply may be so many characters long."""

    most: int = Field(default=40, ge=1)


class Brevity(Metric):
    """Whether a reply is short."""

    name = "brevity"
    title = "Short enough"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("text",)
    binary = True
    options_type = BrevityOptions
    config: BrevityOptions

    def score_answer(self, output: str, reference: str) -> float:
        """1 when it is short enough."""
        return float(len(output) <= self.config.most)


class LastNumber(Metric):
    """Whether a reply ends with the reference's number."""

    name = "last_number"
    title = "Last number"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("text",)
    binary = True
    compares_final_answers = True
    reads_reasoned_references = True
    compares_numbers = True
    section = "judge"
    parts_about = "What each number is worth."

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the last words are the same number."""
        return float(float(output.split()[-1]) == float(reference.split()[-1]))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    METRICS.register("brevity", f"{__name__}:Brevity")
    METRICS.register("last_number", f"{__name__}:LastNumber")
    yield
    METRICS.remove("brevity")
    METRICS.remove("last_number")


def task_of(folder: Path, metric: str, kind: str = "text") -> Path:
    rows = [{"input": f"Say {n} in words.", "output": "x" * n} for n in range(20, 60)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    (folder / "task.yaml").write_text(
        "instruction: Say it.\n"
        f"output: {{kind: {kind}}}\n"
        "examples: rows.jsonl\n"
        "model: fake:smart\n"
        "strategies: [majority, zero_shot]\n"
        f"metric: {metric}\n",
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize(
    ("metric", "kind", "message"),
    [
        (
            "\n  name: brevity\n  options:\n    mots: 3",
            "text",
            "task.yaml line 9: metric brevity: unknown option 'mots' (did you mean 'most'?); "
            "known: most",
        ),
        (
            "{name: brevity, options: {most: long}}",
            "text",
            "task.yaml line 6: metric brevity: most must be a whole number, not 'long'",
        ),
        (
            "[exact_match, {name: brevity, options: {most: 0}}]",
            "text",
            "task.yaml line 6: metric brevity: most must be at least 1, not 0",
        ),
        ("brevty", "text", "task.yaml line 6: unknown metric 'brevty' (did you mean 'brevity'?)"),
        ("brevity", "label", "task.yaml line 6: metric brevity is for output.kind: text, and"),
    ],
)
def test_mistakes_are_found_when_the_task_is_loaded(
    tmp_path: Path, metric: str, kind: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task(task_of(tmp_path, metric, kind))
    assert str(caught.value).startswith(message)


def test_a_new_metric_is_planned_run_and_reported(tmp_path: Path) -> None:
    metric = "[{name: brevity, options: {most: 30}}, brevity]"
    plan = make_plan(task_of(tmp_path, metric), RunOptions())
    assert [metric.name for metric in plan.metrics] == ["brevity", "brevity-2"]
    assert plan.detectable is not None  # it scores 0 or 1
    run(plan.task, out=tmp_path / "out")
    written = json.loads((tmp_path / "out/result.json").read_text(encoding="utf-8"))
    assert written["task"]["metrics"] == ["brevity", "brevity-2"]
    assert {arm["quality"]["metric"] for arm in written["arms"]} == {"brevity"}
    assert written["task"]["parts_about"]["brevity"].startswith("The mean of each part")
    assert all(arm["other_qualities"][0]["metric"] == "brevity-2" for arm in written["arms"])
    report = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Short enough" in report


def test_its_class_says_whether_a_model_may_reason_and_vote() -> None:
    train = (Example("1", "One and one?", "2"), Example("2", "One and two?", "3"))
    reasoned = tuple(Example(row.id, row.input, f"I add. #### {row.output}") for row in train)
    number, brevity = (Brief("Say.", "text", metric=name) for name in ("last_number", "brevity"))
    assert votes_refusal(number) is None
    for rows in (train, reasoned):
        assert reasoning_refusal(TaskFacts(number, rows)) is None
    refusals = (votes_refusal(brevity), reasoning_refusal(TaskFacts(brevity, train)))
    for refusal in refusals:
        assert refusal is not None
        assert "exact_match, last_number, normalised_match, numeric, token_f1" in refusal


def test_its_class_says_whether_answers_are_numbers() -> None:
    number, text = (
        Brief("Say.", "text", metric="last_number"),
        Brief("Say.", "text", metric="brevity"),
    )
    assert canonical(number, "2.0") == canonical(number, "It is 2.")
    assert canonical(text, "2.0") != canonical(text, "It is 2.")
    completion = Completion("I add.\nAnswer:\nIt is\n4 pens", 5, 9)
    assert read_completion(number, completion, reasoned=True) == ("4 pens", None)
    assert read_completion(text, completion, reasoned=True) == ("It is", None)


def test_an_arm_answers_where_its_metric_is_not_installed() -> None:
    missing = Brief("Say.", "text", metric="of_another_machine")
    assert canonical(missing, "It is  2.") == "it is 2."


def test_reasoning_is_weighed_with_a_new_metric(tmp_path: Path) -> None:
    plan = make_plan(task_of(tmp_path, "last_number"), RunOptions(strategies=("chain_of_thought",)))
    assert "chain_of_thought" in [spec.name for spec in plan.specs]
    with pytest.raises(ConfigError, match="brevity scores the whole text"):
        make_plan(task_of(tmp_path, "brevity"), RunOptions(strategies=("chain_of_thought",)))


def test_its_class_says_which_section_it_reads(tmp_path: Path) -> None:
    for metric, count in (("last_number", 0), ("brevity", 1)):
        task = load_task(task_of(tmp_path, metric)).updated(judge={"model": "fake:echo"})
        notes = make_plan(task, RunOptions()).notes
        assert sum("judge is not one of the metrics" in note for note in notes) == count
