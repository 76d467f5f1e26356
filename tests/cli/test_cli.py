"""The front door: exit codes, stdout and stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steelyard import __version__
from steelyard.cli import main
from steelyard.result import read_result
from tests.tickets import write_task


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"steelyard {__version__}\n"


def test_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for verb in ("run", "train", "ask", "init", "advise", "report", "models"):
        assert f"\n    {verb} " in out
    assert "\n    serve " not in out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ("VERB",)),
        (["rum", "task"], ("rum", "did you mean 'run'")),
        (["run"], ("TASK",)),
        (["run", "task", "--sed", "1"], ("--sed",)),
        (["run", "task", "--max-cost", "much"], ("'much' is not an amount of money",)),
        (["run", "task", "--max-cost", "nan"], ("'nan' is not an amount of money",)),
        (["run", "task", "--strategies", ","], ("at least one name",)),
        (["run", "absent"], ("no task at absent", "steelyard init")),
        (["ask", "absent", "hello"], ("no folder absent",)),
        (["ask", "absent", " \n"], ("the input to answer is empty",)),
        (["report", "absent"], ("absent", "finished run")),
        (["init", "somewhere"], ("--example", "--from")),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("steelyard: error: ") and captured.err.count("\n") == 1
    assert captured.out == ""
    for text in words:
        assert text in captured.err


def test_run_ask_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_task(tmp_path / "task", rows=60)
    assert main(["run", "task"]) == 0
    captured = capsys.readouterr()
    out = Path("runs/tiny-tickets")
    result = read_result(out)
    assert str(result.verdict.arm) in captured.out
    assert f"report: {out / 'report.html'}" in captured.out
    assert "smallest detectable difference: " in captured.err
    assert captured.err.index("smallest detectable difference") < captured.err.index(
        "majority: test"
    )

    assert main(["ask", str(out), "refund the overcharged invoice please"]) == 0
    assert capsys.readouterr().out.strip() in result.task.labels

    before = (out / "report.html").read_text(encoding="utf-8")
    (out / "report.html").unlink()
    assert main(["report", str(out)]) == 0
    assert (out / "report.html").read_text(encoding="utf-8") == before
    assert f"report: {out / 'report.html'}" in capsys.readouterr().out


def test_json_prints_the_result_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, out = write_task(tmp_path / "task", rows=60), tmp_path / "out"
    argv = ["run", str(task), "--out", str(out), "--strategies", "zero_shot", "--seed", "3"]
    assert main([*argv, "--model", "fake:echo", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    result = json.loads(captured.out)
    assert result == read_result(out).to_dict()
    assert result["seed"] == 3
    assert result["task"]["model"] == "echo"
    assert {arm["strategy"] for arm in result["arms"]} == {
        "majority",
        "tfidf_linear",
        "nearest_neighbour",
        "zero_shot",
    }


def test_skipped_rows_are_in_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, out = write_task(tmp_path / "task", rows=60), tmp_path / "out"
    with (task / "examples.jsonl").open("a") as file:
        file.write('{"input": "no output"}\n')
    argv = ["run", str(task), "--out", str(out), "--strategies", "zero_shot", "--json"]
    assert main(argv) == 2
    assert "--skip-bad-rows" in capsys.readouterr().err
    assert main([*argv, "--skip-bad-rows"]) == 0
    [row] = read_result(out).skipped_rows
    assert row.line == 61 and "no output" in row.reason


def test_init_from_a_file_gives_a_task_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_task(tmp_path / "source", rows=60) / "examples.jsonl"
    assert main(["init", str(tmp_path / "mine"), "--from", str(source)]) == 0
    assert "steelyard run" in capsys.readouterr().out
    argv = ["run", str(tmp_path / "mine"), "--out", str(tmp_path / "out"), "--model", "fake:smart"]
    assert main([*argv, "--strategies", "zero_shot", "--json"]) == 0


def _latin(folder: Path, good: int, bad: int) -> Path:
    rows = [f"message {i},{'AB'[i % 2]}" for i in range(good)] + ["caf\xe9,A"] * bad
    path = folder / "lat.csv"
    path.write_bytes(("text,label\n" + "\n".join(rows) + "\n").encode("latin-1"))
    return path


def test_init_names_the_rows_it_could_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _latin(tmp_path, good=20, bad=1)
    assert main(["init", str(tmp_path / "mine"), "--from", str(source)]) == 0
    captured = capsys.readouterr()
    assert "\nwrote " in captured.out and "input from 'text'" in captured.out
    assert captured.err.count("\n") == 1
    for words in ("warning", "1 bad row", "line 22", "not UTF-8", "iconv", "--skip-bad-rows"):
        assert words in captured.err


@pytest.mark.parametrize(("good", "bad"), [(1, 1), (3, 1), (10, 10)])
def test_init_refuses_a_file_that_leaves_too_little_to_guess_from(
    good: int, bad: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _latin(tmp_path, good, bad)
    assert main(["init", str(tmp_path / "mine"), "--from", str(source)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    for words in ("not UTF-8", "iconv", f"only {good} row", "fix the file first"):
        assert words in captured.err
    assert not (tmp_path / "mine").exists(), "nothing is written"


def test_init_of_an_unknown_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "mine"), "--example", "support-tickts"]) == 2
    assert "unknown example 'support-tickts'" in capsys.readouterr().err


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for form in ("smollm2-135m", "hf:NAME-OR-PATH", "openai:NAME", "fake:smart"):
        assert form in out


def _hosted(capsys: pytest.CaptureFixture[str]) -> str:
    """What ``steelyard models`` says of the state of ``openai:NAME``."""
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [place] = [i for i, line in enumerate(lines) if line.startswith("openai:NAME")]
    return lines[place + 1].strip()


def test_models_say_which_key_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert _hosted(capsys) == "needs OPENAI_API_KEY in the environment"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    assert _hosted(capsys) == "ready"
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert _hosted(capsys) == "ready", "an endpoint of one's own may ask for no key"


def test_plan_breaks_long_names_between_their_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    task = write_task(tmp_path / "task", strategies=["optimized_prompt"])
    path, one = task / "task.yaml", 'model: "fake:smart"\n'
    text = path.read_text(encoding="utf-8")
    assert one in text
    tags = {"sentinel-3b-instruct": "smart", "other-7b-instruct": "echo"}
    models = ", ".join(f"{{provider: fake, name: {tags[tag]}, tag: {tag}}}" for tag in tags)
    path.write_text(text.replace(one, f"model: [{models}]\n"), encoding="utf-8")
    assert main(["plan", str(task)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for tag in tags:
        [place] = [i for i, line in enumerate(lines) if line.rstrip() == f"@{tag}"]
        assert lines[place - 1].startswith("optimized_prompt ")


def test_interrupted_by_hand(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, model="fake:smart?sleep=0.02")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "steelyard", "run", str(task), "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    log = out / "run.log"
    for _ in range(3000):
        if log.exists() and "zero_shot: fit: started" in log.read_text(encoding="utf-8"):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # Python itself ends by the signal when it struck inside an exec(); a shell sees 130 either way.
    assert process.returncode in (130, -signal.SIGINT), err
    assert err.strip().splitlines()[-1] == "steelyard: interrupted; run again to resume"
    assert "Traceback" not in err


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    """What is no mistake of the user's is not hidden behind one line."""
    broken = "import sys; sys.modules['steelyard.weigh'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(broken)
    done = subprocess.run(
        [sys.executable, "-m", "steelyard", "report", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "steelyard.weigh" in done.stderr
