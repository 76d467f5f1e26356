"""``run`` in CI: exit codes, one line on stderr, and the files that CI shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

import steelyard
from steelyard.cli import main
from steelyard.result import read_result

GATES = ["--junit", "ci/junit.xml", "--markdown", "ci/summary.md"]


def write_echo_task(
    folder: Path, *, instruction: str = "Repeat the line.", rows: int = 120
) -> Path:
    """A task whose output is its input: an echo gets all right, and nothing classical does."""
    folder.mkdir(exist_ok=True)
    lines = [f"line {at} of {at * 7919 % 1000}" for at in range(rows)]
    (folder / "examples.jsonl").write_text(
        "".join(
            json.dumps({"id": f"e{i}", "input": x, "output": x}) + "\n" for i, x in enumerate(lines)
        )
    )
    (folder / "task.yaml").write_text(
        f"name: echoes\ninstruction: {instruction}\noutput: {{kind: text}}\nmetric: exact_match\n"
        "examples: examples.jsonl\nmodel: fake:echo\nstrategies: [zero_shot]\n"
    )
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run ``main`` of the task ``task``."""
    home = tmp_path_factory.mktemp("finished")
    steelyard.run(write_echo_task(home / "task"), home / "main")
    return home


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a copy of them."""
    home = tmp_path / "home"
    shutil.copytree(finished, home)
    monkeypatch.chdir(home)
    return home


def gates(*argv: str) -> int:
    return main(["run", "task", "--out", "new", *argv, *GATES])


def outcomes() -> dict[str, list[str]]:
    """The names of the JUnit cases by how they ended."""
    suite = ElementTree.parse("ci/junit.xml").getroot()[0]
    ends: dict[str, list[str]] = {}
    for case in suite.findall("testcase"):
        end = next(
            (part.tag for part in case if part.tag in ("failure", "error", "skipped")), "passed"
        )
        ends.setdefault(end, []).append(str(case.get("name")))
    for end, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(ends.get(end, []))
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    return ends


def test_a_run_that_keeps_its_gates_exits_with_0(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--fail-below", "0.9", "--fail-if-worse-than", "main", "--fail-on", "undecided"]
    assert gates(*argv) == 0
    out = capsys.readouterr().out
    assert out.count("gate: --fail-") == 3
    assert set(outcomes()) == {"passed"}
    arms = [arm.name for arm in read_result("new").arms]
    expected = ["echoes", "--fail-below 0.9", "--fail-if-worse-than main", "--fail-on undecided"]
    assert outcomes()["passed"] == [*expected, *arms]
    page = Path("ci/summary.md").read_text(encoding="utf-8")
    assert "**Keep prompting: use zero\\_shot.**" in page
    assert "same answers" in page


def test_a_worse_run_exits_with_1_and_is_complete(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    model = "fake:echo?fail_every=3"
    assert gates("--model", model, "--fail-if-worse-than", "main", "--fail-below", "0.9") == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("steelyard: ")]
    assert [line.split(":")[1].strip() for line in lines] == ["gate", "gate"]
    assert "zero_shot is" in lines[1] and "points below zero_shot of main" in lines[1]
    for name in ("result.json", "report.html", "winner"):
        assert (here / "new" / name).exists()
    assert outcomes()["failure"] == ["--fail-below 0.9", "--fail-if-worse-than main"]
    page = Path("ci/summary.md").read_text(encoding="utf-8")
    assert page.count("❌") == 2
    assert lines[1].partition("failed: ")[2].partition(" (")[0].replace("_", "\\_") in page


def test_json_stays_alone_on_stdout(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    model = "fake:echo?fail_every=3"
    assert gates("--json", "--model", model, "--fail-below", "0.99") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == read_result("new").to_dict()
    assert captured.err.startswith("steelyard: gate: --fail-below 0.99 failed: ")
    assert captured.err.count("\n") == 1


def test_no_recommendation_fails_its_gate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = here / "task" / "task.yaml"
    task.write_text(task.read_text() + "constraints: {min_quality: 0.99}\n")
    argv = ["--model", "fake:echo?fail_every=3", "--fail-on", "undecided", "--fail-below", "0.9"]
    assert gates(*argv) == 1
    below, undecided = capsys.readouterr().err.splitlines()[-2:]
    assert "zero_shot (leading, not recommended) has exact_match" in below
    assert undecided.endswith("failed: the verdict is undecided: no arm is recommended")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--fail-if-worse-than", "nowhere"], ("no nowhere/result.json", "finished run")),
        (["--fail-if-worse-than", "task"], ("no task/result.json",)),
        (["--fail-if-worse-than", "new"], ("no new/result.json",)),
        (["--seed", "4", "--fail-if-worse-than", "main"], ("test examples are the same", "--seed")),
    ],
)
def test_a_baseline_that_cannot_be_compared_is_an_error_before_anything_is_asked(
    here: Path, argv: Sequence[str], words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert gates(*argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("steelyard: error: ") and error.count("\n") == 1
    for text in words:
        assert text in error
    assert not (here / "new").exists()
    assert len(outcomes()["error"]) == 1 and "passed" not in outcomes()
    assert "⚠️" in Path("ci/summary.md").read_text(encoding="utf-8")


def test_another_metric_is_an_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = here / "task" / "task.yaml"
    task.write_text(task.read_text().replace("metric: exact_match", "metric: rouge_l"))
    capsys.readouterr()
    assert gates("--fail-if-worse-than", "main") == 2
    assert "the metric of one is exact_match, that of the other rouge_l" in capsys.readouterr().err


def test_a_run_is_no_baseline_of_its_own(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "task", "--out", "main", "--fail-if-worse-than", "./main"]) == 2
    assert "is the folder of this run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--fail-below", "85"], "'85' is not a share above 0 and up to 1"),
        (["--fail-below", "nan"], "'nan' is not a share"),
        (["--fail-on", "undecidd"], "did you mean 'undecided'?"),
        (["--junit", "task/task.yaml"], "name a file that ends in .xml"),
        (["--markdown", "main/result.json"], "name a file that ends in .md"),
        (["--junit", "task/examples.jsonl/x.xml"], "cannot write task/examples.jsonl/x.xml"),
    ],
)
def test_a_wrong_option_is_one_line(
    here: Path, argv: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["run", "task", "--out", "new", *argv]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (here / "new").exists()


def test_a_run_that_does_not_finish_leaves_no_older_summary(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gates("--fail-below", "0.9") == 0
    monkeypatch.setattr("steelyard.gates.gated.run_plan", _interrupted)
    assert gates("--fail-below", "0.9") == 130
    assert set(outcomes()) == {"error"}
    assert "the run did not finish" in Path("ci/summary.md").read_text(encoding="utf-8")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
