"""A strategy is one file and one registry line: nothing else has to know of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard
from steelyard.families import CHECKS, METRICS, STRATEGIES
from steelyard.strategy import Brief, TaskFacts, auto
from tests.strategy.samples import SPEC
from tests.toy_strategy import Spotter

LABELS = ("RED", "BLUE")
ROOT = Path(__file__).parents[1]


def named_colours(folder: Path, strategies: object) -> Path:
    """Write a task whose inputs name their label, among words that say nothing."""
    folder.mkdir(parents=True)
    rows = [
        {"input": f"{number:x} {number**3} {LABELS[number % 3 % 2]} {number**2:x}"}
        for number in range(400)
    ]
    rows = [row | {"output": next(x for x in LABELS if x in row["input"])} for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (folder / "task.yaml").write_text(
        "name: colours\ninstruction: Name the colour.\nexamples: rows.jsonl\n"
        f"output: {{kind: label, labels: [{', '.join(LABELS)}]}}\n"
        f"model: fake:smart\nstrategies: {json.dumps(strategies)}\nconsistency: false\n"
    )
    return folder


@pytest.fixture
def spotter() -> Iterator[None]:
    STRATEGIES.register("spotter", Spotter)
    yield
    STRATEGIES.remove("spotter")


def test_a_registered_strategy_goes_all_the_way(spotter: None, tmp_path: Path) -> None:
    task = TaskFacts(Brief("Say.", "label", LABELS), ())
    assert "spotter" in [spec.name for spec in auto(task, SPEC).specs]
    text = TaskFacts(Brief("Say.", "text"), ())
    assert ("spotter", "it spots labels only") in auto(text, SPEC).left_out

    folder = named_colours(tmp_path / "task", ["majority", "spotter"])
    [line] = [line for line in steelyard.plan(folder).lines if line.strategy == "spotter"]
    assert line.requests == {} and line.note == "asks no language model"

    run = steelyard.run(folder, tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    arm = next(arm for arm in result["arms"] if arm["strategy"] == "spotter")
    assert (
        arm["quality"]["value"] == 1 and arm["generalisation_gap"]["reason"] == "it learns nothing"
    )
    assert result["verdict"]["arm"] == "spotter"
    assert result["verdict"]["recommendation"] == "hybrid"
    assert "spotter" in run.report.read_text()
    assert steelyard.load(tmp_path / "run").answer("something BLUE") == "BLUE"


def test_a_package_ships_a_strategy_by_an_entry_point(tmp_path: Path) -> None:
    info = tmp_path / "site" / "spotting-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spotting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[steelyard.strategies]\nspotter = tests.toy_strategy:Spotter\n"
    )
    folder = named_colours(tmp_path / "task", "auto")
    path = os.pathsep.join([str(tmp_path / "site"), str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}

    def command(*arguments: str) -> str:
        code = "import sys; from steelyard.cli import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return done.stdout

    planned = json.loads(command("plan", str(folder), "--json"))
    assert "spotter" in [line["strategy"] for line in planned["strategies"]]
    out = str(tmp_path / "run")
    command("run", str(folder), "--strategies", "majority,spotter", "--out", out)
    assert "RED" in command("ask", out, "a RED one")
    checked = json.loads(command("data", "check", str(folder), "--json"))
    traffic = checked["checks"]["private_data"]["facts"]["traffic"]
    assert traffic["strategies"]["spotter"]["requests"] == 0


def test_every_target_can_be_imported() -> None:
    for family in (STRATEGIES, METRICS, CHECKS):
        assert all(callable(family.get(name)) for name in family)
