"""A metric from outside is one class: plan, run, result and report take it without another change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from steelyard.config.options import Options
from steelyard.core import OutputKind
from steelyard.errors import ConfigError
from steelyard.families import METRICS
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.score import Metric
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


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    METRICS.register("brevity", f"{__name__}:Brevity")
    yield
    METRICS.remove("brevity")


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
    assert all(arm["other_qualities"][0]["metric"] == "brevity-2" for arm in written["arms"])
    assert "brevity" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
