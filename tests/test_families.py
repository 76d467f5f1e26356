"""A member is one file and one registry line or entry point: nothing else has to know of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import steelyard
from steelyard.families import CHECKS, METRICS, PROVIDERS, STRATEGIES
from steelyard.strategy import Brief, TaskFacts, auto
from tests.strategy.samples import SPEC
from tests.toy_strategy import Spotter

LABELS = ("RED", "BLUE")
ROOT = Path(__file__).parents[1]


def named_colours(folder: Path, strategies: object, more: str = "model: fake:smart") -> Path:
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
        f"strategies: {json.dumps(strategies)}\nconsistency: false\n{more}\n"
    )
    return folder


def assert_recommended(run: Path) -> None:
    """The toy strategy is in a run's result and report, by its name and its family."""
    result = json.loads((run / "result.json").read_text())
    [arm] = [arm for arm in result["arms"] if arm["strategy"] == "spotter"]
    assert (arm["family"], arm["about"]) == ("hybrid", "the label that the input names")
    assert arm["quality"]["value"] == 1
    assert arm["generalisation_gap"]["reason"] == "it learns nothing"
    verdict = result["verdict"]
    assert (verdict["arm"], verdict["recommendation"]) == ("spotter", "hybrid")
    report = (run / "report.html").read_text()
    assert "Combine approaches: use spotter." in report
    assert "Hybrid" in report


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

    steelyard.run(folder, tmp_path / "run")
    assert_recommended(tmp_path / "run")
    assert steelyard.load(tmp_path / "run").answer("something BLUE") == "BLUE"


@pytest.fixture
def package(tmp_path: Path) -> dict[str, str]:
    """Install a package with a member of every family; return the environment that has it."""
    info = tmp_path / "site" / "toys-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[steelyard.strategies]\nspotter = tests.toy_strategy:Spotter\n"
        "[steelyard.metrics]\nfirst_letter = tests.toy_members:FirstLetter\n"
        "[steelyard.checks]\nshouting = tests.toy_members:find_shouting\n"
        "[steelyard.providers]\nparrot = tests.toy_members:PROVIDER\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path}


def test_a_package_ships_members_of_every_family_by_entry_points(
    package: dict[str, str], tmp_path: Path
) -> None:
    def command(*arguments: str) -> str:
        code = "import sys; from steelyard.cli import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=package,
            check=True,
        )
        return done.stdout

    folder = named_colours(tmp_path / "task", "auto", "model: parrot:grey\nmetric: first_letter")
    planned = json.loads(command("plan", str(folder), "--json"))
    assert "spotter" in [line["strategy"] for line in planned["strategies"]]
    assert [(model["provider"], model["name"]) for model in planned["models"]] == [
        ("parrot", "grey")
    ]
    out = tmp_path / "run"
    command("run", str(folder), "--strategies", "majority,zero_shot,spotter", "--out", str(out))
    assert_recommended(out)
    result = json.loads((out / "result.json").read_text())
    assert {arm["quality"]["metric"] for arm in result["arms"]} == {"first_letter"}
    assert "grey" in [arm["model"] for arm in result["arms"] if arm["strategy"] == "zero_shot"]
    assert result["audit"]["checks"]["shouting"]["facts"] == {"rows": 0}
    assert "RED" in command("ask", str(out), "a RED one")
    checked = json.loads(command("data", "check", str(folder), "--json"))
    assert checked["checks"]["shouting"]["facts"] == {"rows": 0}
    traffic = checked["checks"]["private_data"]["facts"]["traffic"]
    assert traffic["strategies"]["spotter"]["requests"] == 0
    assert "parrot:grey" in command("models")


def test_every_target_can_be_imported() -> None:
    for family in (STRATEGIES, METRICS, CHECKS):
        assert all(callable(family.get(name)) for name in family)
    assert all(callable(PROVIDERS.get(name).load) for name in PROVIDERS)
