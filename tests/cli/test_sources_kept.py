"""No verb writes over what it read, nor over a task: every verb that writes, every way to name a file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.cli import main
from tests.tickets import write_task

Say = Callable[[Path, Path], list[str]]
"""The command line that reads the first path and would write to the second."""

INTO_A_FILE: dict[str, Say] = {
    "check --html": lambda read, out: ["data", "check", str(read), "--html", str(out)],
    "check --redact": lambda read, out: ["data", "check", str(read), "--redact", str(out)],
    "convert": lambda read, out: [
        *("data", "convert", str(read), str(out)),
        *("--to", "openai", "--yes", "--force"),
    ],
    "fix": lambda read, out: ["data", "fix", str(read), str(out), "--force"],
    "label": lambda read, out: ["data", "label", str(read), "--answers", str(out)],
}


def same(source: Path) -> Path:
    return source


def dotted(source: Path) -> Path:
    return source.parent / ".." / source.parent.name / source.name


def symbolic(source: Path) -> Path:
    link = source.with_name("link.jsonl")
    link.symlink_to(source)
    return link


def hard(source: Path) -> Path:
    link = source.with_name("hard.jsonl")
    os.link(source, link)
    return link


def through_a_folder(source: Path) -> Path:
    folder = source.parent.with_name("elsewhere")
    folder.symlink_to(source.parent, target_is_directory=True)
    return folder / source.name


def state_of(folder: Path) -> dict[str, str]:
    """The hash of every file below ``folder``."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail with one line; return the line."""
    assert main(argv) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("steelyard: error: ") and "Traceback" not in error
    return error


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = write_task(tmp_path / "rows") / "examples.jsonl"
    (tmp_path / "rows" / "task.yaml").unlink()
    return path


@pytest.mark.parametrize("spell", [same, dotted, symbolic, hard, through_a_folder])
@pytest.mark.parametrize("verb", INTO_A_FILE)
def test_a_source_is_never_written_over(
    verb: str, spell: Callable[[Path], Path], source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = spell(source)
    before = state_of(source.parent)
    refused(INTO_A_FILE[verb](source, out), capsys)
    assert state_of(source.parent) == before


@pytest.mark.parametrize("spell", [same, hard, through_a_folder])
@pytest.mark.parametrize("name", ["task.yaml", "examples.jsonl"])
@pytest.mark.parametrize("verb", INTO_A_FILE)
def test_a_task_is_never_written_over_by_a_verb_that_reads_it(
    verb: str,
    name: str,
    spell: Callable[[Path], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = write_task(tmp_path / "task")
    out = spell(task / name)
    before = state_of(task)
    read = task / "examples.jsonl" if verb == "convert" else task
    refused(INTO_A_FILE[verb](read, out), capsys)
    assert state_of(task) == before


@pytest.mark.parametrize("name", ["task.yaml", "examples.jsonl"])
@pytest.mark.parametrize("verb", ["check --html", "convert", "fix", "label"])
def test_another_task_is_never_written_over(
    verb: str, name: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "other")
    before = state_of(task)
    refused(INTO_A_FILE[verb](source, task / name), capsys)
    assert state_of(task) == before


def test_what_a_task_names_below_its_folder_is_its_own(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "other")
    (task / "data").mkdir()
    (task / "examples.jsonl").rename(task / "data" / "rows.jsonl")
    text = (task / "task.yaml").read_text().replace("examples.jsonl", "./data/rows.jsonl")
    (task / "task.yaml").write_text(text)
    (task / "data" / "more-rows.jsonl").write_text("{}\n")
    argv = INTO_A_FILE["convert"](source, task / "data" / "rows.jsonl")
    assert "belongs to the task" in refused(argv, capsys)
    assert main(INTO_A_FILE["convert"](source, task / "data" / "more-rows.jsonl")) == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["data", "split", "TASK", "--out", "TASK", "--force"],
        ["data", "fix", "TASK", "TASK", "--force"],
        ["init", "TASK", "--from", "TASK/examples.jsonl"],
        ["run", "TASK", "--out", "TASK"],
        ["run", "TASK", "--out", "TASK", "--no-cache"],
    ],
    ids=" ".join,
)
def test_a_task_folder_is_no_place_for_outputs(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task")
    before = state_of(task)
    refused([word.replace("TASK", str(task)) for word in argv], capsys)
    assert state_of(task) == before


@pytest.mark.parametrize(
    "place", ["arms/a/x.jsonl", "work/x.jsonl", "report.html", "train.html", "run.log"]
)
@pytest.mark.parametrize("more", [[], ["--no-cache"]])
def test_examples_in_a_run_folder_are_kept(
    place: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, out = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"]), tmp_path / "out"
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    (task / "examples.jsonl").rename(out / place)
    text = (task / "task.yaml").read_text().replace("examples.jsonl", f"../out/{place}")
    if not place.endswith(".jsonl"):  # rows under a name that says nothing of them
        text = text.replace(f"../out/{place}", "examples.jsonl")
        os.link(out / place, task / "examples.jsonl")
    (task / "task.yaml").write_text(text)
    capsys.readouterr()
    before = (out / place).read_bytes()
    error = refused(["run", str(task), "--out", str(out), *more], capsys)
    assert "choose another" in error
    assert (out / place).read_bytes() == before


def test_the_run_of_another_task_is_not_discarded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = write_task(tmp_path / "mine", rows=60, strategies=["majority"])
    other = write_task(tmp_path / "other", rows=60, strategies=["majority"])
    text = (other / "task.yaml").read_text().replace("tiny-tickets", "other-tickets")
    (other / "task.yaml").write_text(text)
    out = tmp_path / "out"
    assert main(["run", str(mine), "--out", str(out), "--json"]) == 0
    capsys.readouterr()
    before = (out / "result.json").read_bytes()
    argv = ["run", str(other), "--out", str(out), "--no-cache"]
    assert "run of another task, 'tiny-tickets'" in refused(argv, capsys)
    assert (out / "result.json").read_bytes() == before
    assert main(["run", str(mine), "--out", str(out), "--no-cache", "--json"]) == 0


def test_a_foreign_run_db_is_not_discarded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["majority"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.db").write_text("the log of a runner\n" * 200)
    refused(["run", str(task), "--out", str(tmp_path / "out"), "--no-cache"], capsys)
    assert (tmp_path / "out" / "run.db").read_text().startswith("the log of a runner")


def test_a_file_next_to_the_output_is_no_exception(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that were left out, or are to review, are read to be put back where they came from."""
    for verb, end in (("convert", "left-out"), ("fix", "review"), ("fix", "changes")):
        out = source.with_name("out.jsonl")
        aside = source.with_name(f"out.jsonl.{end}.jsonl")
        aside.write_bytes(source.read_bytes())
        refused(INTO_A_FILE[verb](aside, out), capsys)
        assert aside.read_bytes() == source.read_bytes()
        aside.unlink()


def test_answers_are_not_written_over(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = json.loads(source.read_text().splitlines()[0])
    answer = {
        **dict.fromkeys(("key", "source", "check", "pressed", "old", "time"), "x"),
        "row": 1,
        "action": "keep",
        "new": row["output"],
    }
    answers = source.with_name("answers.jsonl")
    answers.write_text(json.dumps(answer) + "\n")
    argv = [*INTO_A_FILE["fix"](source, answers), "--answers", str(answers)]
    refused(argv, capsys)
    assert json.loads(answers.read_text()) == answer


def test_a_folder_that_holds_a_source_is_not_replaced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    folder = tmp_path / "set"
    argv = ["data", "convert", str(source), str(folder), "--to", "hf", "--yes"]
    assert main(argv) == 0
    source.rename(folder / "rows.jsonl")
    before = state_of(folder)
    argv[2] = str(folder / "rows.jsonl")
    refused([*argv, "--force"], capsys)
    assert state_of(folder) == before


def test_a_page_replaces_only_pages(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, notes = source.with_name("page.html"), source.with_name("notes.md")
    notes.write_text("mine")
    assert "is not a page" in refused(INTO_A_FILE["check --html"](source, notes), capsys)
    assert main(INTO_A_FILE["check --html"](source, page)) == 0
    assert main(INTO_A_FILE["check --html"](source, page)) == 0


def test_a_command_may_read_what_an_earlier_one_wrote(source: Path) -> None:
    out = source.with_name("out.jsonl")
    assert main(INTO_A_FILE["fix"](source, out)) == 0
    assert main(["data", "check", str(out)]) == 0
    assert main(INTO_A_FILE["fix"](source, out)) == 0


@pytest.mark.parametrize("name", ["examples.jsonl", "notes.txt"])
def test_the_log_of_a_fake_model_spoils_no_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "task" / name
    task = write_task(
        tmp_path / "task", rows=60, model=f"fake:smart?log={log}", strategies=["zero_shot"]
    )
    (task / "notes.txt").write_text("mine\n")
    before = log.read_bytes()
    refused(["run", str(task), "--out", str(tmp_path / "out")], capsys)
    assert log.read_bytes() == before


def test_a_data_set_of_a_task_is_not_replaced_but_another_folder_is(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    task = write_task(tmp_path / "task")
    for name in ("rows", "split"):
        argv = ["data", "convert", str(source), str(task / name), "--to", "hf", "--yes"]
        assert main(argv) == 0
    text = (task / "task.yaml").read_text().replace("examples.jsonl", "rows")
    (task / "task.yaml").write_text(f"{text}split: {{test: 0.3}}\n")
    before = state_of(task)
    argv = ["data", "convert", str(source), str(task / "rows"), "--to", "hf", "--yes", "--force"]
    assert "belongs to the task" in refused(argv, capsys)
    assert state_of(task) == before
    argv[3] = str(task / "split")
    assert main(argv) == 0


def test_a_pipe_named_task_yaml_is_not_waited_for(source: Path) -> None:
    os.mkfifo(source.with_name("task.yaml"))
    out = source.with_name("out.jsonl")
    out.write_text("old")
    assert main(INTO_A_FILE["convert"](source, out)) == 0
