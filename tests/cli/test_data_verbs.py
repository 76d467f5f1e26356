"""``data split``, ``data fix`` and ``data label``: exit codes, stdout and stderr."""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.data.dataset import open_dataset
from steelyard.task import load_task
from tests.tickets import write_task


def rows_in(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_task_is_split_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    argv = ["data", "split", str(task), "--out", str(out), "--test", "0.2", "--subsets", "10,20"]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert said.startswith("90 rows, by label, seed 0\n")
    assert "nested training subsets: 10, 20" in said
    assert f"next: steelyard run {out}" in said
    assert rows_in(out / "test.jsonl") == 18
    assert rows_in(out / "train-20.jsonl") == 20
    assert load_task(out).examples.dev == "dev.jsonl"

    assert main(["data", "split", "--verify", str(out)]) == 0
    assert "every file matches the manifest" in capsys.readouterr().out
    (out / "dev.jsonl").write_text("")
    assert main(["data", "split", "--verify", str(out)]) == 1
    assert "dev.jsonl has changed" in capsys.readouterr().out


def test_the_manifest_is_printed_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    columns = ["--columns", "group=slice,id=id", "--columns", "weight=none"]
    assert main(["data", "split", str(task), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "manifest.json").read_text())
    argv = ["data", "split", str(task), "--out", str(out), "--by", "group", *columns]
    assert main(argv) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_file_is_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_task(tmp_path / "task") / "examples.jsonl"
    first = json.loads(source.read_text().splitlines()[0])
    first |= {"id": "again", "input": f" {first['input']}\n"}
    source.write_text(f"{source.read_text()}{json.dumps(first)}\n")
    out = tmp_path / "out.jsonl"
    assert main(["data", "fix", str(source), str(out), "--dry-run"]) == 0
    assert "dry run: nothing was written" in capsys.readouterr().out
    assert main(["data", "fix", str(source), str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("91 rows read, 90 kept, 1 left out\n")
    assert "1  duplicate       dropped" in said
    assert f"wrote {out}\n" in said
    assert main(["data", "fix", str(source), str(out), "--force", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["counts"] == {"trim": 1, "duplicate": 1}
    assert (printed["rows"], printed["kept"], printed["left_out"]) == (91, 90, 1)
    assert main(["data", "fix", str(out), str(tmp_path / "again.jsonl")]) == 0
    assert "nothing to repair" in capsys.readouterr().out


def next_command(said: str, mark: str = "next: ") -> list[str]:
    """The command that a verb ends with, as a shell reads it, without the program's name."""
    (line,) = [line.partition(mark)[2] for line in said.splitlines() if mark in line]
    program, *words = shlex.split(line)
    assert program == "steelyard"
    return words


@pytest.mark.parametrize("name", ["rows.csv", "my rows.csv", "it's $HOME.csv"])
def test_what_a_verb_says_comes_next_works(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"a {w} text {n} of words,{w},{'xyz'[n % 3]}" for n in range(30) for w in ("up", "down")
    ]
    rows.append("A UP text 0 of words!,up,x")
    Path(name).write_text("words,way,kind\n" + "\n".join(rows) + "\n")
    columns = ["--columns", "input=words,output=way"]

    assert main(["data", "fix", name, f"fixed {name}", *columns]) == 0
    words = next_command(capsys.readouterr().out)
    assert words[:2] == ["init", "DIR"]
    assert main(words) == 0
    assert load_task("DIR").output.labels == ("up", "down")
    assert load_task("DIR").columns.by_role() == {"input": "words", "output": "way"}

    capsys.readouterr()
    assert main(["data", "split", name, "--out", "the parts", "--subsets", "8,16", *columns]) == 0
    words = next_command(capsys.readouterr().out)
    assert main(["init", "OTHER", *words[2:]]) == 0
    parts = open_dataset("OTHER").members_as_read
    assert sorted(parts) == ["dev", "test", "train"] and sum(map(len, parts.values())) == 61

    capsys.readouterr()
    assert main(["data", "fix", "DIR", "fixed dir"]) == 0
    assert next_command(capsys.readouterr().out) == ["run", "fixed dir"]
    assert main(["data", "fix", "DIR", "rows.fixed.csv"]) == 0
    assert "name rows.fixed.csv under examples" in capsys.readouterr().out

    monkeypatch.setattr(sys, "stdin", io.StringIO("k\n"))
    assert main(["data", "label", name, "--only", "near_duplicates", *columns]) == 0
    words = next_command(capsys.readouterr().out, "apply:  ")
    assert main([word if word != "OUT" else "applied.csv" for word in words]) == 0
    assert "61 kept" in capsys.readouterr().out

    assert main(["data", "check", name, "--only", "near_duplicates", *columns]) == 0
    assert next_command(capsys.readouterr().out, "review: ")[:3] == ["data", "label", name]


def test_rows_are_labelled_from_lines_and_the_answers_applied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "rows.jsonl"
    rows = [{"input": f"the {word} is here", "output": word} for word in ("apple", "pear") * 3]
    rows += [{"input": "THE APPLE is here", "output": "pear"}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(sys, "stdin", io.StringIO("s\n"))
    assert main(["data", "label", str(source), "--only", "contradictions"]) == 0
    said = capsys.readouterr().out
    assert "1 of 4 doubtful rows answered (1 label)" in said
    answers = tmp_path / "rows.jsonl.answers.jsonl"
    assert f"apply:  steelyard data fix {source} OUT --answers {answers}" in said
    assert (
        main(["data", "fix", str(source), str(tmp_path / "o.jsonl"), "--answers", str(answers)])
        == 0
    )
    assert "1  answer " in capsys.readouterr().out
    last = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[-1])
    assert last == {"input": "THE APPLE is here", "output": "apple"}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["split"], ("needs a source and a folder", "--out DIR")),
        (["split", "absent.csv", "--out", "o"], ("no file absent.csv",)),
        (["split", "row.jsonl", "--out", "o"], ("did you mean 'rows.jsonl'",)),
        (["split", "rows.jsonl", "--out", "o", "--by", "labels"], ("--by", "did you mean 'label'")),
        (["split", "rows.jsonl", "--out", "o", "--by", "group"], ("--columns group=NAME",)),
        (["split", "rows.jsonl", "--out", "o", "--by", "time"], ("--columns timestamp=NAME",)),
        (["split", "rows.jsonl", "--out", "o", "--columns", "group"], ("ROLE=NAME",)),
        (["split", "rows.jsonl", "--out", "o", "--columns", "grop=x"], ("did you mean 'group'",)),
        (["split", "rows.jsonl", "--out", "o", "--subsets", "many"], ("got 'many'",)),
        (["split", "rows.jsonl", "--out", "o", "--subsets", "999"], ("from 1 to 44, or auto",)),
        (["split", "rows.jsonl", "--out", "o", "--test", "2"], ("fractions", "test")),
        (["split", "rows.jsonl", "--out", "rows.jsonl"], ("is a file",)),
        (["split", "rows.jsonl", "--out", "rows.jsonl/o"], ("cannot write",)),
        (["split", ".", "--out", "o"], ("has no task.yaml",)),
        (["split", "--verify", "."], ("no manifest.json",)),
        (["fix", "rows.jsonl"], ("OUT",)),
        (["fix", "rows.jsonl", "rows.jsonl"], ("is the source itself",)),
        (["fix", "rows.jsonl", "out"], ("must end in .jsonl",)),
        (["fix", "rows.jsonl", "o.csv"], ("must end in .jsonl", "data convert")),
        (["fix", "rows.jsonl", "o.jsonl", "--answers", "absent"], ("no answers at absent",)),
        (["fix", ".", "o"], ("has no task.yaml",)),
        (["label", "absent.csv"], ("no file absent.csv",)),
        (["label", "rows.jsonl", "--only", "near"], ("does not review 'near'", "near_duplicates")),
        (["label", "rows.jsonl", "--limit", "0"], ("limit must be 1 or more",)),
        (["label", "rows.jsonl", "--answers", "rows.jsonl"], ("a file that this command reads",)),
        (["label", "rows.jsonl", "--answers", "rows.jsonl/a"], ("cannot write", "--answers")),
        (["lable", "rows.jsonl"], ("lable", "did you mean 'label'")),
    ],
)
def test_a_mistake_is_one_line(
    argv: list[str],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (write_task(tmp_path / "task") / "examples.jsonl").rename(folder / "rows.jsonl")
    monkeypatch.chdir(folder)
    assert main(["data", *argv]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("steelyard: error: ")
    for word in words:
        assert word in line
    assert [path.name for path in folder.iterdir()] == ["rows.jsonl"]
